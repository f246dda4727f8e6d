"""What is done once a month, so that neither the app's tables nor the store grow for ever: the job and its schedule."""

from datetime import timedelta

import dagster as dg

from americano_assets.core.study_days.cutoff import naive
from americano_assets.orchestration.run_processes import blocking, close_dead, marked_executor
from americano_assets.settings import Settings
from americano_assets.stages.common.metadata import LOG, app_key, retried
from americano_assets.stages.common.resources import AppDatabase, Store, joined
from americano_assets.stages.maintenance.archive import archive
from americano_assets.stages.maintenance.prune import prune
from americano_assets.stages.s6_publication.transaction import PREDICTIONS

HOUSEKEEPING_JOB = "housekeeping"
# On the first of a month, well after the night.
_MONTHLY = "30 4 1 * *"


@dg.op(
    description="Moves predictions that are long over out of the app's tables; `americano archive restore` undoes it."
)
def archived_predictions(context: dg.OpExecutionContext, app_database: AppDatabase) -> None:
    """Those with an outcome, older than the settings say."""
    deployment = joined(app_database)
    now = deployment.now()
    before = now - timedelta(days=deployment.settings.americano_archive_days)
    with retried(context, deployment), deployment.connect() as connection:
        connection.autocommit = True
        moved = archive(connection, naive(before), naive(now))
    context.log_event(
        dg.AssetObservation(
            app_key(PREDICTIONS),
            metadata={
                "archived_before": before.isoformat(timespec="seconds"),
                "archived_predictions": moved.predictions,
                "archived_indicators": moved.indicators,
                "archived_recommendations": moved.recommendations,
                "in_use_and_left": moved.left,
            },
        )
    )


@dg.op(
    ins={"after": dg.In(dg.Nothing)},
    description="Removes files of the store that nothing names, and the log as it was read, where the settings say so.",
)
def pruned_store(context: dg.OpExecutionContext, store: Store) -> None:
    """Nothing while AMERICANO_SNAPSHOT_DAYS is not set."""
    deployment = joined(store)
    keep_days = deployment.settings.americano_snapshot_days
    if keep_days is None:
        context.log.info("AMERICANO_SNAPSHOT_DAYS is not set: nothing is removed from the store.")
        return
    close_dead(context.instance)
    if any(one.run.run_id != context.run_id for one in blocking(context.instance)):
        context.log.warning("Another run is in progress and may be about to name a file: the next month prunes.")
        return
    done = prune(deployment, keep_days)
    context.log_event(
        dg.AssetObservation(
            dg.AssetKey(LOG),
            metadata={
                "kept_days": keep_days,
                "removed_contents": done.contents,
                "removed_days_of_the_log": done.log_days,
                "removed_leftovers": done.leftovers,
                "freed_bytes": done.bytes,
            },
        )
    )


@dg.job(
    name=HOUSEKEEPING_JOB,
    executor_def=marked_executor,
    description="Once a month: predictions that are long over go to the archive, files that nothing names go.",
)
def HOUSEKEEPING() -> None:  # noqa: N802, D103 - a definition, not a function
    pruned_store(after=archived_predictions())


def build_housekeeping_schedule(settings: Settings) -> dg.ScheduleDefinition:
    """On the first of each month at half past four."""
    return dg.ScheduleDefinition(
        name="housekeeping_schedule",
        job_name=HOUSEKEEPING_JOB,
        cron_schedule=_MONTHLY,
        execution_timezone=settings.americano_timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Once a month: predictions that are long over go to the archive, files that nothing names go.",
    )
