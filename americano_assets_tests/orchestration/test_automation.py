"""The nightly schedule and the events sensor, evaluated as the daemon does, on an instance of their own."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import psycopg
import pytest

from americano_assets.core.study_days.study_day import cutoff, opening
from americano_assets.definitions import build_defs
from americano_assets.orchestration.jobs import HISTORY_JOB, NIGHTLY_JOB, OPEN_DAY_JOB
from americano_assets.settings import Settings
from americano_assets.stages.common.metadata import KIND_TAG, NIGHTLY, app_key
from americano_assets.stages.common.partitions import study_days
from americano_assets.stages.common.resources import resources_of
from americano_assets.stages.s6_publication.transaction import PREDICTIONS
from americano_assets_tests.world import ClockedDeployment, World, at, study_day, world_settings

BERLIN = ZoneInfo("Europe/Berlin")


class Daemon:
    """Evaluates ticks of one deployment."""

    def __init__(self, settings: Settings, instance: dg.DagsterInstance) -> None:
        self.instance = instance
        self.deployment = ClockedDeployment(settings, datetime(2026, 3, 10, 12, tzinfo=UTC))
        self.definitions = build_defs(settings, deployment=self.deployment)
        self.cursor: str | None = None

    def tick(self, when: datetime) -> tuple[list[str | None], str | None]:
        """Partition keys that the nightly tick asks for, and why it asks for none."""
        with dg.build_schedule_context(
            instance=self.instance,
            scheduled_execution_time=when,
            resources=resources_of(self.deployment),
            repository_def=self.definitions.get_repository_def(),
        ) as context:
            found = self.definitions.resolve_schedule_def("nightly_schedule").evaluate_tick(context)
        requests = found.run_requests or []
        assert {request.partition_key for request in requests} <= set(self.instance.get_dynamic_partitions("nights"))
        assert all(request.tags[KIND_TAG] == NIGHTLY for request in requests)
        assert len({request.run_key for request in requests}) == len(requests)
        return [request.partition_key for request in requests], found.skip_message

    def published(self, day: str) -> None:
        """A study day's publication, as its run records it."""
        self.instance.report_runless_asset_event(dg.AssetMaterialization(app_key(PREDICTIONS), partition=day))

    def sense(self, now: datetime) -> tuple[list[str | None], str | None]:
        """Partition keys that the sensor asks for, and why it asks for none; the cursor is kept."""
        self.deployment.clock = now
        sensor = self.definitions.resolve_sensor_def("new_events_sensor")
        with dg.build_sensor_context(
            instance_ref=self.instance.get_ref(),
            cursor=self.cursor,
            resources=resources_of(self.deployment),
            definitions=self.definitions,
        ) as context:
            found = sensor.evaluate_tick(context)
        self.cursor = found.cursor
        added = [key for request in found.dynamic_partitions_requests or [] for key in request.partition_keys]
        assert added == [request.partition_key for request in found.run_requests or []], "the open day is a night too"
        return [request.partition_key for request in found.run_requests or []], found.skip_message


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as temporary:  # A tick opens the instance anew: it must be on disk.
        yield temporary


@pytest.fixture
def daemon(database: str, tmp_path: Path, instance: dg.DagsterInstance) -> Daemon:
    return Daemon(world_settings(database, tmp_path), instance)


@pytest.fixture
def berlin(database: str, tmp_path: Path, instance: dg.DagsterInstance) -> Daemon:
    return Daemon(world_settings(database, tmp_path, americano_timezone="Europe/Berlin"), instance)


@pytest.fixture
def world(database: str) -> Iterator[World]:
    with psycopg.connect(database, autocommit=True) as connection:
        yield World(connection)


@pytest.mark.parametrize(("since", "hours"), [("2026-03-27", [24, 23, 24]), ("2026-10-23", [24, 25, 24])])
def test_berlin_asks_at_eleven_for_the_day_that_has_just_closed_also_where_clocks_change(
    berlin: Daemon, since: str, hours: list[int]
) -> None:
    schedule = berlin.definitions.resolve_schedule_def("nightly_schedule")
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("0 23 * * *", "Europe/Berlin")
    times = [opening(study_day(since) + timedelta(days=n), BERLIN) for n in range(4)]
    assert [(later - earlier) / timedelta(hours=1) for earlier, later in pairwise(times)] == hours
    for when in times:
        keys, _ = berlin.tick(when.astimezone(BERLIN))
        assert keys == [(when.astimezone(BERLIN).date() - timedelta(days=1)).isoformat()]
        berlin.published(str(keys[0]))


def test_a_tick_says_that_the_past_was_never_read(
    berlin: Daemon, world: World, capfd: pytest.CaptureFixture[str]
) -> None:
    world.learner("one")
    world.objective("heart", world.course("anatomy", "one"))
    world.review("one", "heart", at("2026-01-05 09:00"))
    tick = cutoff(study_day("2026-01-31"), BERLIN)
    berlin.deployment.clock = tick
    assert berlin.tick(tick)[0] == ["2026-01-31"]
    assert (
        "14 study days of the log, 2026-01-04 to 2026-01-17, were never read: `americano nightly`"
        in capfd.readouterr().err
    )


@pytest.mark.parametrize("day", ["2026-03-28", "2026-03-29", "2026-10-24", "2026-10-25"])
def test_dagsters_partition_is_the_study_day_also_where_clocks_change(tmp_path: Path, day: str) -> None:
    partitions = study_days(world_settings("postgresql://h/none", tmp_path, americano_timezone="Europe/Berlin"))
    window = partitions.time_window_for_partition_key(day)
    assert (window.start, window.end) == (opening(study_day(day), BERLIN), cutoff(study_day(day), BERLIN))
    closing = cutoff(study_day(day), BERLIN)
    with dg.partition_loading_context(effective_dt=closing - timedelta(seconds=1)):
        assert partitions.get_last_partition_key() == (study_day(day) - timedelta(days=1)).isoformat()
    with dg.partition_loading_context(effective_dt=closing):
        assert partitions.get_last_partition_key() == day


def test_a_deployment_begins_with_its_first_tick_and_makes_up_for_missed_nights(daemon: Daemon) -> None:
    assert daemon.tick(datetime(2026, 3, 10, 23, tzinfo=UTC))[0] == ["2026-03-09"]
    # Nothing ran, or it failed: the next tick asks again, oldest first.
    later = datetime(2026, 3, 13, 23, tzinfo=UTC)
    assert daemon.tick(later)[0] == ["2026-03-09", "2026-03-10", "2026-03-11", "2026-03-12"]
    daemon.published("2026-03-11")
    assert daemon.tick(later)[0] == ["2026-03-09", "2026-03-10", "2026-03-12"]
    for day in ("2026-03-09", "2026-03-10", "2026-03-12"):
        daemon.published(day)
    assert daemon.tick(later) == ([], "every study day up to 2026-03-12 is published")


def test_after_a_long_absence_a_fortnight_is_made_up_for(daemon: Daemon) -> None:
    daemon.tick(datetime(2026, 3, 1, 23, tzinfo=UTC))
    keys, _ = daemon.tick(datetime(2026, 4, 20, 23, tzinfo=UTC))
    assert keys == [f"2026-04-{day:02}" for day in range(6, 20)]


def test_nights_of_another_instance_are_shown_and_none_that_nobody_wanted(daemon: Daemon, world: World) -> None:
    daemon.tick(datetime(2026, 3, 10, 23, tzinfo=UTC))
    world.execute(
        "INSERT INTO ml.study_days (study_day, cutoff_at, kind, live, model_version, manifest_hash, candidates,"
        " published, published_at) VALUES ('2026-02-01', '2026-02-02 23:00', 'nightly', true, 'm', 'h', 0, 0, now())"
    )
    daemon.tick(datetime(2026, 3, 10, 23, tzinfo=UTC))
    assert daemon.instance.get_dynamic_partitions("nights") == ["2026-03-09", "2026-02-01"]


def test_snapshots_alone_do_not_make_a_night(daemon: Daemon) -> None:
    for asset in ("log_snapshots", "night_log", "scored_predictions"):
        daemon.instance.report_runless_asset_event(dg.AssetMaterialization(asset, partition="2026-03-09"))
    assert daemon.tick(datetime(2026, 3, 10, 23, tzinfo=UTC))[0] == ["2026-03-09"]


def test_a_tick_that_comes_late_asks_for_the_same_day(daemon: Daemon) -> None:
    daemon.deployment.clock = datetime(2026, 3, 11, 2, tzinfo=UTC)
    assert daemon.tick(datetime(2026, 3, 10, 23, tzinfo=UTC))[0] == ["2026-03-09"]


def test_new_events_refresh_the_open_day_at_most_every_half_hour(daemon: Daemon, world: World) -> None:
    noon = datetime(2026, 3, 10, 12, tzinfo=UTC)
    world.event("ann", "SEARCH_PERFORMED", at("2026-03-10 11:00"), {})
    assert daemon.sense(noon) == ([], "no night has trained a model yet")
    daemon.deployment.store.record_manifest(study_day("2026-03-08"), "model", {"model_version": "m"})
    assert daemon.sense(noon)[0] == ["2026-03-09"]
    assert daemon.sense(noon + timedelta(hours=1)) == ([], "no new events since the last refresh")
    world.event("ann", "SEARCH_PERFORMED", at("2026-03-10 13:10"), {})
    assert daemon.sense(noon + timedelta(minutes=71))[0] == ["2026-03-09"]
    world.event("ann", "SEARCH_PERFORMED", at("2026-03-10 13:12"), {})
    keys, why = daemon.sense(noon + timedelta(minutes=75))
    assert (keys, why) == ([], "refreshed less than 0:30:00 ago")
    assert daemon.sense(noon + timedelta(minutes=101))[0] == ["2026-03-09"]


def test_yesterdays_and_tomorrows_events_do_not_refresh_today(daemon: Daemon, world: World) -> None:
    daemon.deployment.store.record_manifest(study_day("2026-03-08"), "model", {"model_version": "m"})
    world.event("ann", "SEARCH_PERFORMED", at("2026-03-09 22:59:59.999"), {})
    world.event("ann", "SEARCH_PERFORMED", at("2026-03-10 12:00"), {})
    assert daemon.sense(datetime(2026, 3, 10, 12, tzinfo=UTC))[0] == []
    assert daemon.sense(datetime(2026, 3, 10, 12, 1, tzinfo=UTC))[0] == ["2026-03-09"]


def test_jobs_do_what_they_are_named_for(daemon: Daemon) -> None:
    def assets_of(job: str) -> set[str]:
        return {key.to_user_string() for key in daemon.definitions.resolve_job_def(job).asset_layer.selected_asset_keys}

    assert assets_of(HISTORY_JOB) == {"log_snapshots", "interactions"}
    everything = assets_of(NIGHTLY_JOB)
    assert {"app/struggle_predictions", "ml/episodes", "ml/model_performance", "ml/struggle_reduction"} <= everything
    # The open day goes up to scores; publication and training, and the ratings after it, wait for its end.
    assert everything - assets_of(OPEN_DAY_JOB) == {
        "labels",
        "training_set",
        "struggle_model",
        "indicators",
        "interventions",
        "app/struggle_predictions",
        "app/struggle_indicators",
        "app/intervention_recommendations",
        "ml/alerts",
        "ml/episodes",
        "ml/model_performance",
        "ml/struggle_reduction",
        "ml/effects",
        "ml/drift",
        "ml/list_outcomes",
        "nightly_report",
        "analytics_database",
    }
