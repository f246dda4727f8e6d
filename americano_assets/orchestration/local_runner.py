"""Runs Dagster jobs in this process, on the deployment's own instance, for the command line."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any, Self

import dagster as dg

from americano_assets.errors import AmericanoError
from americano_assets.orchestration.dagster_home import prepare_dagster_home
from americano_assets.orchestration.jobs import HISTORY_JOB, NIGHTLY_JOB
from americano_assets.orchestration.retrying_storage import lost_storage
from americano_assets.orchestration.run_failures import was_interrupted, why_failed
from americano_assets.orchestration.run_processes import process_tags
from americano_assets.resources.postgres.connection import prepare, require_usable
from americano_assets.settings import Settings
from americano_assets.stages.common.deployment import Deployment
from americano_assets.stages.common.metadata import ANALYSIS_RUN_TAG, KIND_TAG, LATEST_INPUTS_TAG
from americano_assets.stages.common.partitions import add_nights, published_nights

Follower = Callable[[str], None]
BuildDefs = Callable[..., dg.Definitions]
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
_STATEMENT_MILLISECONDS, _POOL_RECYCLE_SECONDS = 120_000, 3600
_RANGE_START, _RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"


class RunFailedError(AmericanoError):
    """A run ended in failure; the message names the study day, the step and the reason."""


def make_ready(settings: Settings) -> str:
    """Have the app's database and the home ready for runs, and return the database's URL.

    A database of the app's and the home are both proven usable before anything is written to either.

    Raises:
        AmericanoError: One of them cannot be used.
    """
    require_usable(settings)
    prepare_dagster_home(settings)
    return prepare(settings)


class Runner:
    """Runs of one deployment, recorded where Dagster's UI shows them. Close it when done."""

    def __init__(self, settings: Settings, build_defs: BuildDefs, deployment: Deployment | None = None) -> None:
        """Open it.

        Args:
            settings: The deployment's.
            build_defs: What makes its definitions of settings and resources.
            deployment: Another than the settings' own.
        """
        make_ready(settings)
        self.deployment = deployment or Deployment(settings)
        self.instance = dg.DagsterInstance.get()
        # Dagster opens a connection for every event it stores, which is most of the time of a run over many days,
        # unless it is told to hold some open as its webserver does.
        self.instance.optimize_for_webserver(
            statement_timeout=_STATEMENT_MILLISECONDS, pool_recycle=_POOL_RECYCLE_SECONDS, max_overflow=10
        )
        add_nights(self.instance, published_nights(self.deployment))
        self._definitions = build_defs(settings, deployment=self.deployment)

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let go of Dagster's storage."""
        self.instance.dispose()

    def steps(self) -> int:
        """Steps of a night, checks included."""
        return len(self._definitions.resolve_job_def(NIGHTLY_JOB).graph.nodes)

    def history(self, days: Sequence[date], follow: Follower) -> None:
        """Snapshots and interactions of consecutive study days, in one ranged run."""
        self._run(
            HISTORY_JOB,
            f"{days[0]} to {days[-1]}",
            follow,
            tags={_RANGE_START: str(days[0]), _RANGE_END: str(days[-1])},
        )

    def night(
        self, day: date, kind: str, follow: Follower, *, latest_inputs: bool = False, analysis_run: str | None = None
    ) -> None:
        """One closed study day, from the app's tables to reduction metrics."""
        tags = {KIND_TAG: kind} | ({LATEST_INPUTS_TAG: "true"} if latest_inputs else {})
        tags |= {ANALYSIS_RUN_TAG: analysis_run} if analysis_run else {}
        add_nights(self.instance, [day])
        self._run(NIGHTLY_JOB, str(day), follow, partition_key=str(day), tags=tags)

    def _run(self, job: str, what: str, follow: Follower, *, tags: Mapping[str, str], **options: Any) -> None:
        run_id = str(uuid.uuid4())

        def on_event(entry: dg.EventLogEntry) -> None:
            event = entry.dagster_event
            if event is not None and event.is_step_start and event.step_key:
                follow(event.step_key)

        # A run that the database did not let begin has nothing to listen to.
        self.instance.add_event_listener(run_id, on_event)
        try:
            result = self._definitions.resolve_job_def(job).execute_in_process(
                instance=self.instance,
                run_id=run_id,
                run_config=_QUIET,
                raise_on_error=False,
                tags={**tags, **process_tags()},
                **options,
            )
        except dg.DagsterUnknownPartitionError as error:
            raise AmericanoError(f"Study day {what} is not one of this deployment's study days.") from error
        except Exception as error:
            # Dagster could not record how the run ended, and wraps what kept it from that.
            if (lost := lost_storage(error)) is not None:
                raise lost from error
            raise
        if was_interrupted(result.all_events):
            raise KeyboardInterrupt
        if not result.success:
            raise RunFailedError(f"Study day {what}: {why_failed(result.all_events)}")
