"""Jobs, the nightly schedule and the sensor. What a tick decides is computed in core/study_days/catch_up.py."""

from collections.abc import Iterator
from datetime import UTC, date, timedelta
from typing import Any

import dagster as dg

from americano_assets.core.study_days.catch_up import EventCursor, given_up, missing_days
from americano_assets.core.study_days.cutoff import naive
from americano_assets.core.study_days.study_day import CLOSING_HOUR, last_closed, opening, study_day_of
from americano_assets.orchestration.run_processes import marked_executor
from americano_assets.settings import Settings
from americano_assets.stages.common.metadata import GRADED, KIND_TAG, LOG, NIGHTLY, app_key
from americano_assets.stages.common.partitions import NIGHTS, add_nights, published_nights
from americano_assets.stages.common.resources import AppDatabase, Store, joined
from americano_assets.stages.s1_snapshots.snapshots import told_unread, unread_days
from americano_assets.stages.s6_publication.episode_ledger import record_deployment
from americano_assets.stages.s6_publication.transaction import PREDICTIONS

NIGHTLY_JOB = "nightly"
HISTORY_JOB = "history"
OPEN_DAY_JOB = "open_day"
_HISTORY = (LOG, GRADED)
_SENSOR_SECONDS = 300


def build_jobs(materializable: list[dg.AssetKey]) -> list[Any]:
    """All jobs; each runs its steps in one process, where DuckDB and scikit-learn use the cores anyway."""
    history, everything = dg.AssetSelection.assets(*_HISTORY), dg.AssetSelection.assets(*materializable)
    # What features are made from, by what assets declare; the newest night's model scores them.
    features = dg.AssetSelection.assets("features").upstream() & everything

    def job(name: str, selection: dg.AssetSelection, description: str) -> Any:  # Dagster exports no name for it
        return dg.define_asset_job(
            name,
            selection,
            executor_def=marked_executor,
            description=description,
        )

    return [
        job(
            NIGHTLY_JOB,
            everything - history,
            "One closed study day, from the app's tables to reduction metrics.",
        ),
        job(HISTORY_JOB, history, "The log of many study days, in one ranged run."),
        job(
            OPEN_DAY_JOB,
            (features - history) | dg.AssetSelection.assets("scored_predictions"),
            "The study day that is still open, as of now, up to scored predictions; nothing is published.",
        ),
    ]


def build_schedule(settings: Settings) -> dg.ScheduleDefinition:
    """At 23:00: every closed study day since the deployment began that was not published yet."""

    @dg.schedule(
        name="nightly_schedule",
        job_name=NIGHTLY_JOB,
        cron_schedule=f"0 {CLOSING_HOUR} * * *",
        execution_timezone=settings.americano_timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="At 23:00, every closed study day since the deployment began that was not published yet.",
    )
    def nightly_schedule(
        context: dg.ScheduleEvaluationContext, app_database: AppDatabase, store: Store
    ) -> Iterator[dg.RunRequest | dg.SkipReason]:
        deployment = joined(app_database, store)
        tick = context.scheduled_execution_time.astimezone(UTC)
        closed = last_closed(tick, deployment.zone)
        with deployment.connect() as connection:
            began = record_deployment(connection, closed)
        published = context.instance.get_materialized_partitions(app_key(PREDICTIONS))
        done = {date.fromisoformat(key) for key in published}
        wanted = missing_days(closed, began, done)
        if (skipped := given_up(closed, began, done)) is not None:
            context.log.warning(skipped)
        if wanted:
            with deployment.connect() as connection:
                unread = unread_days(
                    connection, deployment.store, deployment.zone, settings.americano_start_day, wanted[0]
                )
            if unread:
                context.log.warning(told_unread(unread))
        if not wanted:
            yield dg.SkipReason(f"every study day up to {closed} is published")
        # What was published before Dagster's storage was moved or made anew is shown again.
        add_nights(context.instance, [*published_nights(deployment), *wanted])
        for day in wanted:
            # The tick is part of the key: a night that failed is asked for again by the next tick, not by this one.
            yield dg.RunRequest(run_key=f"{day}@{closed}", partition_key=day.isoformat(), tags={KIND_TAG: NIGHTLY})

    return nightly_schedule


@dg.sensor(
    name="new_events_sensor",
    job_name=OPEN_DAY_JOB,
    minimum_interval_seconds=_SENSOR_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="New events in the open study day: score it again, at most every half hour; nothing is published.",
)
def new_events_sensor(
    context: dg.SensorEvaluationContext, app_database: AppDatabase, store: Store
) -> dg.SensorResult | dg.SkipReason:
    """New events: the open study day is computed up to predictions, at most every half hour."""
    deployment = joined(app_database, store)
    now = deployment.now()
    day = study_day_of(now, deployment.zone)
    if deployment.store.last_manifest_before(day + timedelta(days=1), "model") is None:
        return dg.SkipReason("no night has trained a model yet")
    with deployment.connect() as connection:
        row = connection.execute(
            'SELECT max("timestamp") FROM behavioral_events WHERE "timestamp" >= %s AND "timestamp" < %s',
            [naive(opening(day, deployment.zone)), naive(now)],
        ).fetchone()
    newest = row[0] if row else None
    cursor = EventCursor.parse(context.cursor)
    wait = cursor.wait(newest, now)
    if newest is None or wait is not None:
        return dg.SkipReason(wait)
    return dg.SensorResult(
        run_requests=[dg.RunRequest(run_key=f"open@{newest.isoformat()}", partition_key=day.isoformat())],
        dynamic_partitions_requests=[NIGHTS.build_add_request([day.isoformat()])],
        cursor=str(EventCursor(newest.isoformat(), now.isoformat())),
    )
