"""Runs and the processes that they run in: marked as they begin, and closed where the process is gone.

A run whose process was killed stays in progress for Dagster, and so keeps the queue, `prune` and `forget` waiting.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import dagster as dg
from dagster._core.execution.retries import RetryMode
from dagster._core.executor.in_process import InProcessExecutor

from americano_assets.orchestration.dagster_home import prepare_dagster_home
from americano_assets.orchestration.process_identity import is_dead, own_mark, told
from americano_assets.settings import Settings

PROCESS_TAG = "americano/process"
_WAITING = (dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING)
_BLOCKING = (dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING)


@contextmanager
def opened_instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    """The deployment's Dagster instance, let go of at the end."""
    prepare_dagster_home(settings)
    with dg.DagsterInstance.get() as instance:
        yield instance


def process_tags() -> dict[str, str]:
    """Tags of a run that runs in this process."""
    return {PROCESS_TAG: own_mark()}


@dataclass(frozen=True)
class Unfinished:
    """A run that has not ended as far as Dagster knows.

    Attributes:
        dead: Its process has ended; None where that cannot be told from here.
        blocks: Others wait for its end.
    """

    run: dg.DagsterRun
    dead: bool | None
    blocks: bool

    @property
    def name(self) -> str:
        """The run, for people."""
        partition = self.run.tags.get("dagster/partition")
        return " ".join([self.run.job_name, *([partition] if partition else []), f"({self.run.run_id})"])

    @property
    def where(self) -> str:
        """What runs it, for people."""
        mark = self.run.tags.get(PROCESS_TAG)
        return told(mark) if mark else "a process that was not recorded"


def unfinished(instance: dg.DagsterInstance) -> list[Unfinished]:
    """All runs that a process works on or will in a moment; those that wait in the queue are not among them."""
    found = instance.get_runs(dg.RunsFilter(statuses=list({*_WAITING, *_BLOCKING})))
    return [Unfinished(run, _is_dead(instance, run), run.status in _BLOCKING) for run in found]


def close_dead(instance: dg.DagsterInstance) -> list[Unfinished]:
    """Close the runs whose process has ended, and return them; those of live processes and other machines stay."""
    dead = [one for one in unfinished(instance) if one.dead]
    return [one for one in dead if close(instance, one)]


def close(instance: dg.DagsterInstance, one: Unfinished) -> bool:
    """Let a run end as failed, or as cancelled where that was asked for; False if it has ended meanwhile."""
    run = instance.get_run_by_id(one.run.run_id)
    if run is None or run.is_finished:
        return False
    message = f"Its process ended without a word: {one.where} was killed, or the machine went down."
    if run.status is dg.DagsterRunStatus.CANCELING:
        instance.report_run_canceled(run, message)
    else:
        instance.report_run_failed(run, message)
    if instance.event_log_storage.supports_global_concurrency_limits:
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
    return True


def blocking(instance: dg.DagsterInstance) -> list[Unfinished]:
    """Runs in progress."""
    return [one for one in unfinished(instance) if one.blocks]


def _is_dead(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool | None:
    mark = run.tags.get(PROCESS_TAG)
    if mark is not None:
        return is_dead(mark)
    if run.status not in _WAITING:
        return None
    # It is marked as it begins to run. Dagster's own daemon waits no longer either, where there is one.
    record = instance.get_run_record_by_id(run.run_id)
    waited = time.time() - record.update_timestamp.timestamp() if record else 0.0
    return waited > instance.run_monitoring_start_timeout_seconds or None


class _MarkingExecutor(InProcessExecutor):
    """Runs steps in this process, after it has marked the run with it."""

    def execute(self, plan_context: Any, execution_plan: Any) -> Iterator[dg.DagsterEvent]:
        """As Dagster's own."""
        plan_context.instance.add_run_tags(plan_context.run_id, process_tags())
        yield from super().execute(plan_context, execution_plan)


@dg.executor(name="in_process")
def marked_executor(_: dg.InitExecutorContext) -> dg.Executor:
    """All steps in one process, whose mark the run carries."""
    return _MarkingExecutor(RetryMode.ENABLED)


@dg.sensor(
    name="killed_runs_sensor",
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Closes runs whose process was killed, which would hold the only place in the queue.",
)
def killed_runs_sensor(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Asks for no run. It is evaluated where runs are processes, so it sees theirs, in a container of their own too."""
    closed = close_dead(context.instance)
    return dg.SkipReason(f"closed {', '.join(one.name for one in closed)}" if closed else "no run's process was killed")
