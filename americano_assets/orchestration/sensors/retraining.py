"""Learners' words, a recall that fell, a drift: challengers are trained without waiting for the night."""

from datetime import timedelta

import dagster as dg

from americano_assets.core.study_days.study_day import study_day_of
from americano_assets.orchestration.run_processes import marked_executor
from americano_assets.stages.common.metadata import NIGHT_LOG
from americano_assets.stages.common.partitions import NIGHTS
from americano_assets.stages.common.resources import AppDatabase, Models, Store, joined
from americano_assets.stages.s3_training.retraining import due

RETRAINING_JOB = "retraining"
# Run tag: what called for the training, in words.
BECAUSE_TAG = "americano/retrained_because"
_SECONDS = 300

RETRAINING = dg.define_asset_job(
    RETRAINING_JOB,
    dg.AssetSelection.assets(
        *(NIGHT_LOG, "state_snapshots", "features", "labels", "training_set", "struggle_model", "scored_predictions")
    ),
    executor_def=marked_executor,
    description="Challengers of the study day that is still open, before the gate, and its scores; nothing is"
    " published. Its night trains once more on the whole day and has the last word.",
)


@dg.sensor(
    name="retraining_sensor",
    job_name=RETRAINING_JOB,
    minimum_interval_seconds=_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="50 new words of learners, a recall below target, a new drift: train challengers now, at most once"
    " a study day.",
)
def retraining_sensor(
    context: dg.SensorEvaluationContext, app_database: AppDatabase, store: Store, models: Models
) -> dg.SensorResult | dg.SkipReason:
    """What calls for a training sooner than the calendar does, asked for once an open day."""
    deployment = joined(app_database, store, models)
    day = study_day_of(deployment.now(), deployment.zone)
    last = day - timedelta(days=1)
    # What a night that is still to come, or under way, will look at itself.
    if deployment.store.manifest(last, "model") is None:
        return dg.SkipReason(f"the night of study day {last} has no model yet")
    if deployment.store.manifest(day, "model") is not None:
        return dg.SkipReason(f"challengers were trained for {day} already")
    found = due(deployment, day)
    if found.waiting is None:
        return dg.SkipReason("the coming night trains challengers anyway")
    if not found.sooner:
        return dg.SkipReason(f"{found.waiting}, and nothing new calls for them sooner")
    why = " and ".join(found.sooner)
    context.log.info(f"trained before it is due, since {why}")
    return dg.SensorResult(
        run_requests=[
            dg.RunRequest(run_key=f"retraining@{day}", partition_key=day.isoformat(), tags={BECAUSE_TAG: why})
        ],
        dynamic_partitions_requests=[NIGHTS.build_add_request([day.isoformat()])],
    )
