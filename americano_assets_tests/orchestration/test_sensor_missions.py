"""Finished missions bring outcomes before the night: real ticks, the run that they ask for, and the night after it."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from americano_assets.core.study_days.study_day import last_closed
from americano_assets.orchestration.sensors.finished_missions import EARLY_OUTCOMES_JOB
from americano_assets.stages.common.resources import resources_of
from americano_assets.stages.s6_publication.transaction import PREDICTIONS
from americano_assets.stages.s7_outcomes import early_outcomes
from americano_assets.stages.s7_outcomes.label_episodes import record_outcomes
from americano_assets_tests.stages.s6_publication.night import FIRST, FORGETTING, SECOND, Night
from americano_assets_tests.world import Nights, at, published_rows, read_world, world_settings

UTC = ZoneInfo("UTC")
# The first night's windows close with the study day 2026-03-14, at 23:00 on the 15th.
CLOSED = at("2026-03-15 23:00")
MORNING = at("2026-03-16 08:00")
TOLD = f'SELECT "userId", "predictionStatus"::text, "actualOutcome" FROM {PREDICTIONS} ORDER BY 1'
OPEN = ("PENDING", None)


class Day:
    """The sensor of one deployment, ticked as the daemon does; what it asks for is run."""

    def __init__(self, night: Night, home: Path, instance: dg.DagsterInstance) -> None:
        self.world = night.world
        self.nights = Nights(world_settings(night.url, home), instance)
        self.deployment = self.nights.deployment
        self.instance = instance
        self.cursor: str | None = None

    def tick(self, now: datetime) -> tuple[int, str | None]:
        """How many runs were asked for and run, and why none."""
        self.deployment.clock = now.replace(tzinfo=UTC)
        sensor = self.nights.definitions.resolve_sensor_def("finished_missions_sensor")
        with dg.build_sensor_context(
            instance=self.instance,
            cursor=self.cursor,
            resources=resources_of(self.deployment),
            definitions=self.nights.definitions,
        ) as context:
            found = sensor.evaluate_tick(context)
        self.cursor = found.cursor
        for request in found.run_requests or []:
            job = self.nights.definitions.resolve_job_def(EARLY_OUTCOMES_JOB)
            config = {**request.run_config, "loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
            assert job.execute_in_process(instance=self.instance, run_config=config).success
        return len(found.run_requests or []), found.skip_message

    def finish(self, learner: str, when: datetime) -> None:
        self.world.mission(learner, when, ["objective-1"], status="COMPLETED", completedAt=when)

    def told(self) -> dict[str, tuple[str, bool | None]]:
        return {learner: (status, outcome) for learner, status, outcome in self.world.rows(TOLD)}


@pytest.fixture
def day(night: Night, tmp_path: Path) -> Iterator[Day]:
    """Three learners of the first night, all of whom slip in the window; nobody was judged yet."""
    night.publish(FIRST, FORGETTING, FORGETTING, FORGETTING)
    for number in range(1, 4):
        night.world.reviews(f"learner-{number}", f"objective-{number}", at("2026-03-12 10:00"), "AAA")
    with dg.instance_for_test() as instance:
        day = Day(night, tmp_path, instance)
        assert day.tick(MORNING - timedelta(hours=1)) == (0, "missions finished from now on are looked at")
        yield day


def test_who_finished_a_mission_is_judged_at_once_and_the_night_finds_nothing_to_change(day: Day) -> None:
    assert day.tick(MORNING) == (0, "no mission was finished since the last look")
    day.finish("learner-1", MORNING)
    assert day.tick(MORNING + timedelta(minutes=1)) == (1, None)
    assert day.told() == {"learner-1": ("CONFIRMED", True), "learner-2": OPEN, "learner-3": OPEN}
    recorded = f"""SELECT "actualOutcomeRecordedAt" FROM {PREDICTIONS} WHERE "userId" = 'learner-1'"""
    assert day.world.rows(recorded) == [(CLOSED,)]
    assert day.world.rows("SELECT user_id, outcome FROM ml.first_flag_outcomes") == [("learner-1", "struggled")]
    (event,) = day.instance.fetch_observations(dg.AssetKey(["ml", "episodes"]), limit=5).records
    observed = event.asset_observation
    assert observed is not None
    assert observed.metadata["changed"].value == 1
    # What Dagster keeps of it names nobody.
    assert "learner-1" not in str(event)
    early = published_rows(day.world)[PREDICTIONS]

    day.deployment.clock = at("2026-03-16 23:10").replace(tzinfo=UTC)
    read_world(day.deployment, "2026-03-06", "2026-03-15")
    written, _ = record_outcomes(day.deployment, last_closed(day.deployment.now(), UTC))
    assert (written.judged, written.changed, written.corrected) == (3, 2, 0)
    assert set(early) - set(published_rows(day.world)[PREDICTIONS]) == {
        row for row in early if '"learner-1"' not in row[0]
    }
    assert set(day.told().values()) == {("CONFIRMED", True)}


def test_a_window_that_is_open_is_judged_by_nobody(day: Day) -> None:
    early = CLOSED - timedelta(seconds=2)
    day.cursor = (early - timedelta(hours=1)).isoformat()
    day.finish("learner-1", early)
    assert day.tick(early) == (0, "no window of those who finished a mission has closed")
    assert set(day.told().values()) == {OPEN}
    # Nor by a run that somebody starts by hand.
    early_outcomes.record_outcomes_of(day.deployment, ["learner-1"])
    assert set(day.told().values()) == {OPEN}


def test_a_mission_that_was_committed_late_is_found_by_the_next_look(day: Day) -> None:
    day.finish("learner-1", MORNING)
    assert day.tick(MORNING)[0] == 1
    day.finish("learner-2", MORNING - timedelta(minutes=1))
    assert day.tick(MORNING + timedelta(minutes=2)) == (0, "no mission was finished since the last look")
    day.finish("learner-1", MORNING + timedelta(minutes=3))
    assert day.tick(MORNING + timedelta(minutes=5))[0] == 1
    assert day.told()["learner-2"] == ("CONFIRMED", True)


def test_who_opted_out_since_is_not_looked_at(day: Day) -> None:
    day.world.execute("""UPDATE users SET "performanceTrackingEnabled" = false WHERE "id" = 'learner-1'""")
    for number in (1, 2):
        day.finish(f"learner-{number}", MORNING)
    assert day.tick(MORNING)[0] == 1
    assert day.told() == {"learner-1": OPEN, "learner-2": ("CONFIRMED", True), "learner-3": OPEN}


def test_so_many_at_a_time_and_the_rest_is_left_to_the_night(day: Day, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("americano_assets.orchestration.sensors.finished_missions.MOST_LEARNERS", 1)
    for number in (2, 1):
        day.finish(f"learner-{number}", MORNING + timedelta(seconds=number))
    assert day.tick(MORNING + timedelta(minutes=1))[0] == 1
    assert day.told() == {"learner-1": ("CONFIRMED", True), "learner-2": OPEN, "learner-3": OPEN}


def test_what_a_person_wrote_stays(day: Day) -> None:
    day.world.execute(f"""UPDATE {PREDICTIONS} SET "predictionStatus" = 'DISMISSED' WHERE "userId" = 'learner-1'""")
    day.finish("learner-1", MORNING)
    day.tick(MORNING)
    assert day.told()["learner-1"] == ("DISMISSED", True)


def test_a_window_that_closes_later_is_judged_later(night: Night, day: Day) -> None:
    night.publish(SECOND, FORGETTING)  # the same episode, refreshed: its window closes a day later
    day.finish("learner-1", MORNING)
    day.tick(MORNING)
    assert day.told()["learner-1"] == OPEN
    assert day.world.rows("SELECT user_id FROM ml.first_flag_outcomes") == [("learner-1",)]
