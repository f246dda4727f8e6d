"""Before and after are judged by weeks, back to back: a longer window holds more answers, and so more struggles."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from americano_assets.core.effects.before_after import Reduction
from americano_assets.core.study_days.cutoff import naive
from americano_assets.core.study_days.study_day import cutoff
from americano_assets.stages.s2_features.feature_engine import FeatureEngine
from americano_assets.stages.s8_reduction import before_after as module
from americano_assets.stages.s8_reduction.before_after import measure_reduction
from americano_assets_tests.stages.conftest import Lived
from americano_assets_tests.stages.s3_training.test_trained_model import JUDGED
from americano_assets_tests.world import ClockedDeployment, World, read_world, study_day, world_settings

ZONE = ZoneInfo("Europe/Berlin")
# Clocks go forward between the first prediction and the newest night; four days come before the first whole week.
FIRST, NEWEST = study_day("2026-03-22"), study_day("2026-04-09")
OBJECTIVES, WELL, BADLY = [f"anatomy-{number}" for number in range(10)], "AGGG", "AAAG"


def studied(world: World, day: date, badly: int) -> None:
    """All objectives a few minutes before a day closes, the first of them badly."""
    when = naive(cutoff(day, ZONE)) - timedelta(minutes=10)
    for place, objective in enumerate(OBJECTIVES):
        world.reviews("learner", objective, when, BADLY if place < badly else WELL)


@pytest.fixture(scope="module")
def deployment(world: World, module_database: str, home: Path) -> ClockedDeployment:
    """Of a learner who struggles with all in one of six weeks before, and with half of it in one of two since."""
    world.learner("learner")
    world.course("anatomy", "learner")
    for objective in OBJECTIVES:
        world.objective(objective, "anatomy")
    for weeks in range(6):
        studied(world, FIRST - timedelta(weeks=weeks), badly=10 if weeks == 3 else 0)
    studied(world, FIRST - timedelta(weeks=6), badly=10)  # before the six weeks
    studied(world, FIRST + timedelta(days=1), badly=10)  # in the days that are no whole week
    studied(world, NEWEST - timedelta(weeks=1), badly=0)
    studied(world, NEWEST, badly=5)
    for number, day in enumerate((FIRST, NEWEST)):
        world.execute(
            """INSERT INTO ml.episodes (prediction_id, user_id, learning_objective_id, planned_day, first_flagged_at,
              refreshed_at, probability, threshold, model_version, live, window_end)
            VALUES (%s, 'learner', 'anatomy-0', %s, %s, %s, 0.6, 0.5, 'one', true, %s)""",
            f"episode-{number}",
            day,
            *(naive(cutoff(day + timedelta(days=days), ZONE)) for days in (0, 0, 7)),
        )
    settings = world_settings(module_database, home, americano_timezone=ZONE.key)
    made = ClockedDeployment(settings, cutoff(NEWEST, ZONE) + timedelta(minutes=10))
    read_world(made, (FIRST - timedelta(weeks=7)).isoformat(), NEWEST.isoformat())
    return made


def figures(deployment: ClockedDeployment, day: date) -> dict[str, Reduction]:
    """Those over everybody, by period."""
    return {one.period: one for one in measure_reduction(deployment, day) if one.scope == "all"}


def test_both_sides_are_judged_by_windows_of_equal_length(deployment: ClockedDeployment) -> None:
    found = figures(deployment, NEWEST)
    for one in found.values():
        assert one.baseline_rate == pytest.approx(10 / 60)
        assert one.baseline_studied == 60
    assert {period: (one.current_rate, one.current_studied, one.current_weeks) for period, one in found.items()} == {
        "week": (0.5, 10, 1),
        "month": (0.25, 20, 2),
        "all": (0.25, 20, 2),
    }
    assert found["all"].reduction_percentage == pytest.approx(-50)
    assert found["week"].reduction_percentage == pytest.approx(-200)
    newest, before = found["all"].timeline[-1], found["all"].timeline[-2]
    assert (newest["date"], newest["struggle_rate"], before["struggle_rate"]) == (NEWEST.isoformat(), 0.5, 0.0)


def test_the_time_since_begins_with_its_first_whole_week(deployment: ClockedDeployment, world: World) -> None:
    figures(deployment, NEWEST)
    rows = world.rows("SELECT period, current_start, current_end FROM ml.struggle_reduction WHERE scope = 'all'")
    weeks = {"week": 1, "month": 2, "all": 2}
    end = naive(cutoff(NEWEST, ZONE))
    assert {period: (start, until) for period, start, until in rows} == {
        period: (naive(cutoff(NEWEST - timedelta(weeks=n), ZONE)), end) for period, n in weeks.items()
    }


def test_before_a_whole_week_has_passed_nothing_is_compared(deployment: ClockedDeployment, world: World) -> None:
    found = figures(deployment, FIRST + timedelta(days=6))
    for one in found.values():
        assert (one.current_rate, one.reduction_percentage, one.current_weeks) == (None, None, 0)
        assert one.reason == "no whole week has passed since the first prediction"
    assert world.rows(
        "SELECT DISTINCT current_start, current_end FROM ml.struggle_reduction WHERE study_day = %s",
        FIRST + timedelta(days=6),
    ) == [(None, None)]
    assert figures(deployment, FIRST + timedelta(days=7))["week"].current_weeks == 1


def test_a_few_learners_at_a_time_say_what_all_together_do(relived: Lived, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = "SELECT to_jsonb(r)::text FROM ml.struggle_reduction r ORDER BY 1"
    together = measure_reduction(relived.deployment, study_day(JUDGED)), relived.world.rows(rows)
    portions: list[pa.Table] = []
    run = FeatureEngine.run

    def noted(self: FeatureEngine, text: str, parameters: Any = None) -> pa.Table:
        found = run(self, text, parameters)
        portions.append(found)
        return found

    monkeypatch.setattr(FeatureEngine, "run", noted)
    monkeypatch.setattr(module, "ANSWERS_AT_ONCE", 300)
    assert (measure_reduction(relived.deployment, study_day(JUDGED)), relived.world.rows(rows)) == together
    assert len(portions) > 3
