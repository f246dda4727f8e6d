"""Runs Dagster jobs in this process, on the deployment's own instance, for the command line.

Belongs here: starting a run, following it, and turning its failure into one sentence. Does not: what a run does.
"""

import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import Any, Self

import dagster as dg
from psycopg import sql

from americano_assets.assets.common import KIND_TAG, LATEST_INPUTS_TAG
from americano_assets.automation import HISTORY_JOB, NIGHTLY_JOB
from americano_assets.definitions import build_defs
from americano_assets.errors import AmericanoError
from americano_assets.partitions import add_nights, published_nights
from americano_assets.resources.dagster_home import prepare_dagster_home
from americano_assets.resources.database import app_url, connect, prepare, require_contract
from americano_assets.resources.deployment import Deployment
from americano_assets.schemas import LOG_TABLES
from americano_assets.settings import Settings

Follower = Callable[[str], None]
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
_STATEMENT_MILLISECONDS, _POOL_RECYCLE_SECONDS = 120_000, 3600
_PLANS = "missions"
_INTERRUPTS = {KeyboardInterrupt.__name__, dg.DagsterExecutionInterruptedError.__name__}
_RANGE_START, _RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"


class RunFailedError(AmericanoError):
    """A run ended in failure; the message names the study day, the step and the reason."""


def make_ready(settings: Settings) -> str:
    """Have the app's database and the home ready for runs, and return the database's URL.

    A database of the app's and the home are both proven usable before anything is written to either.

    Raises:
        AmericanoError: One of them cannot be used.
    """
    if settings.database_url is not None:
        with connect(app_url(settings), autocommit=True) as connection:
            require_contract(connection)
    prepare_dagster_home(settings)
    return prepare(settings)


class Runner:
    """Runs of one deployment, recorded where Dagster's UI shows them. Close it when done."""

    def __init__(self, settings: Settings) -> None:
        make_ready(settings)
        self.deployment = Deployment(settings)
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

    def require_rows(self) -> None:
        """Refuse a database in which nobody has studied or planned anything yet.

        Raises:
            AmericanoError: All tables that a night could learn from are empty.
        """
        tables = (*LOG_TABLES, _PLANS)
        filled = sql.SQL(" OR ").join(sql.SQL("EXISTS (SELECT FROM {})").format(sql.Identifier(t)) for t in tables)
        with self.deployment.connect() as connection:
            row = connection.execute(sql.SQL("SELECT {}").format(filled)).fetchone()
            database = connection.info.dbname
        if row is None or not row[0]:
            raise AmericanoError(
                f'Database "{database}" has no rows to work on: {", ".join(tables)} are empty. Let the app write some,'
                " or load real students with `americano demo`."
            )

    def history(self, days: Sequence[date], follow: Follower) -> None:
        """Snapshots and interactions of consecutive study days, in one ranged run."""
        self._run(
            HISTORY_JOB,
            f"{days[0]} to {days[-1]}",
            follow,
            tags={_RANGE_START: str(days[0]), _RANGE_END: str(days[-1])},
        )

    def night(self, day: date, kind: str, follow: Follower, *, latest_inputs: bool = False) -> None:
        """One closed study day, from the app's tables to reduction metrics."""
        tags = {KIND_TAG: kind} | ({LATEST_INPUTS_TAG: "true"} if latest_inputs else {})
        add_nights(self.instance, [day])
        self._run(NIGHTLY_JOB, str(day), follow, partition_key=str(day), tags=tags)

    def _run(self, job: str, what: str, follow: Follower, **options: Any) -> None:
        run_id = str(uuid.uuid4())

        def on_event(entry: dg.EventLogEntry) -> None:
            event = entry.dagster_event
            if event is not None and event.is_step_start and event.step_key:
                follow(event.step_key)

        # A run that the database did not let begin has nothing to listen to.
        self.instance.add_event_listener(run_id, on_event)
        try:
            result = self._definitions.resolve_job_def(job).execute_in_process(
                instance=self.instance, run_id=run_id, run_config=_QUIET, raise_on_error=False, **options
            )
        except dg.DagsterUnknownPartitionError as error:
            raise AmericanoError(f"Study day {what} is not one of this deployment's study days.") from error
        if _was_interrupted(result):
            raise KeyboardInterrupt
        if not result.success:
            raise RunFailedError(f"Study day {what}: {_failure(result)}")


def _was_interrupted(result: dg.ExecuteInProcessResult) -> bool:
    """Whether Ctrl-C ended the run: Dagster makes a failure of it, as if something were wrong with the step."""
    failures = [event.step_failure_data.error for event in result.all_events if event.is_step_failure]
    failures += [event.job_failure_data.error for event in result.all_events if event.is_job_failure]
    return any(link.cls_name in _INTERRUPTS for error in failures for link in _chain(error))


def _failure(result: dg.ExecuteInProcessResult) -> str:
    for event in result.all_events:
        if event.is_step_failure and event.step_failure_data.error is not None:
            return f"step {event.step_key} failed: {_reason(event.step_failure_data.error)}"
    failed = [check for check in result.get_asset_check_evaluations() if not check.passed]
    if failed:
        problems = failed[0].metadata.get("problems")
        why = f" ({problems.value})" if problems is not None else ""
        return f"the check {failed[0].check_name} failed{why}, so nothing was published"
    return "the run failed before its first step; Dagster's UI shows why"


def _reason(error: Any) -> str:  # Dagster exports no name for it
    """The sentence of the outermost error that is meant to be read; else the innermost error with its class."""
    expected = {dg.Failure.__name__, *_family(AmericanoError)}
    message = ""
    for link in _chain(error):
        message = " ".join(link.message.split())
        if link.cls_name in expected:
            return message.partition(": ")[2]
    return f"{message}. This was not foreseen: `americano dev` shows the run with its traceback."


def _chain(error: Any) -> Iterator[Any]:
    while error is not None:
        yield error
        error = error.cause


def _family(error: type[Exception]) -> set[str]:
    return {error.__name__}.union(*(_family(heir) for heir in error.__subclasses__()))
