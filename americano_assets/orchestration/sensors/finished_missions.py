"""Finished missions: what became of those learners' predictions is recorded without waiting for the night."""

from datetime import datetime

import dagster as dg

from americano_assets.core.study_days.cutoff import naive
from americano_assets.orchestration.run_processes import marked_executor
from americano_assets.stages.common.metadata import ml_key, retried
from americano_assets.stages.common.resources import AppDatabase, Store, joined
from americano_assets.stages.s7_outcomes.early_outcomes import (
    MOST_LEARNERS,
    OVERLAP,
    finished_missions,
    record_outcomes_of,
)

EARLY_OUTCOMES_JOB = "early_outcomes"
_SECONDS = 300


class MissionSpan(dg.Config):
    """Whose outcomes: of those who finished a mission in (after, until], naive and in UTC, ISO 8601.

    A span and no ids: Dagster keeps a run's config, and `forget` does not reach it.
    """

    after: str
    until: str


@dg.op(description="Judges the closed windows of everybody who finished a mission in a span of time.")
def learners_outcomes(
    context: dg.OpExecutionContext, config: MissionSpan, app_database: AppDatabase, store: Store
) -> None:
    """The verdicts go where the night's go, under the same rules."""
    deployment = joined(app_database, store)
    after, until = datetime.fromisoformat(config.after), datetime.fromisoformat(config.until)
    with retried(context, deployment):
        with deployment.connect() as connection:
            learners = finished_missions(connection, after, until).learners
        written = record_outcomes_of(deployment, learners[:MOST_LEARNERS])
    context.log_event(
        dg.AssetObservation(
            ml_key("episodes"),
            metadata={
                "finished_after": config.after,
                "finished_until": config.until,
                "learners": len(learners[:MOST_LEARNERS]),
                "left_to_the_night": len(learners[MOST_LEARNERS:]),
                "windows_judged": written.judged,
                "changed": written.changed,
                "first_flags_judged": written.first_flags,
                "corrected_by_late_events": written.corrected,
            },
        )
    )


@dg.job(
    name=EARLY_OUTCOMES_JOB,
    executor_def=marked_executor,
    description="Outcomes of learners who finished a mission, from the app's rows as they are now.",
)
def EARLY_OUTCOMES() -> None:  # noqa: N802, D103 - a definition, not a function
    learners_outcomes()


@dg.sensor(
    name="finished_missions_sensor",
    job_name=EARLY_OUTCOMES_JOB,
    minimum_interval_seconds=_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Finished missions: record what became of those learners' predictions whose window has closed.",
)
def finished_missions_sensor(context: dg.SensorEvaluationContext, app_database: AppDatabase) -> dg.SensorResult:
    """Missions finished since the last look, where a window of one of those learners has closed."""
    deployment = joined(app_database)
    until = naive(deployment.now())
    if context.cursor is None:
        return _none("missions finished from now on are looked at", until)
    seen = datetime.fromisoformat(context.cursor)
    with deployment.connect() as connection:
        found = finished_missions(connection, seen, until)
        if found.newest is None:
            return _none("no mission was finished since the last look", seen)
        # Of the overlap too: a mission may have been committed after the last look with an earlier stamp.
        learners = finished_missions(connection, seen - OVERLAP, until).learners
    if not learners:
        return _none("no window of those who finished a mission has closed", found.newest)
    span = MissionSpan(after=(seen - OVERLAP).isoformat(), until=found.newest.isoformat())
    return dg.SensorResult(
        run_requests=[
            dg.RunRequest(
                run_key=f"finished@{found.newest.isoformat()}",
                run_config=dg.RunConfig(ops={learners_outcomes.name: span}),
            )
        ],
        cursor=found.newest.isoformat(),
    )


def _none(why: str, cursor: datetime) -> dg.SensorResult:
    return dg.SensorResult(skip_reason=why, cursor=cursor.isoformat())
