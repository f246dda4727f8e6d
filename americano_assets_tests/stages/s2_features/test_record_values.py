"""What others' record and the learner's own say of an objective at the end of a night: every number worked out by hand.

T is 2026-03-10 23:00 UTC, the cut-off of study day 2026-03-09.
"""

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from americano_assets.stages.s2_features.day_tables import latest_tables
from americano_assets_tests.stages.s2_features.feature_school import DAY, SOON, T
from americano_assets_tests.world import ClockedDeployment, World, at, read_world, study_day, world_settings

Rows = Mapping[tuple[str, str], Mapping[str, Any]]
MONTH_AGO, HALF_A_YEAR_AGO = at("2026-02-08 23:00"), at("2025-09-11 23:00")  # the first instant of the day 30, 180 ago
JUST_BEFORE = timedelta(milliseconds=1)
BEGIN = study_day("2025-09-01")
OF_OTHERS = ("month", "half-a-year", "tries", "skipped", "shared", "nobody")
OWN = ("mass", "force", "unseen")


def others(world: World) -> None:
    """An objective for each rule; the looker has answered nothing, so everybody is another."""
    world.course("anatomy", "owner")
    for objective in OF_OTHERS:
        world.objective(objective, "anatomy")
    for learner, planned in (
        ("looker", OF_OTHERS),
        ("ann", ["shared"]),
        ("private", ["shared"]),
        ("cat", []),
        ("dan", []),
    ):
        world.learner(learner)
        world.mission(learner, SOON, planned)
    world.execute("""UPDATE users SET "includeInAnalytics" = false WHERE "id" = 'private'""")
    world.review("cat", "month", MONTH_AGO - JUST_BEFORE, "GOOD")
    world.review("cat", "month", MONTH_AGO, "AGAIN")
    world.answer("cat", "half-a-year", HALF_A_YEAR_AGO, 0.9)
    world.answer("dan", "half-a-year", HALF_A_YEAR_AGO - JUST_BEFORE, 0.1)
    world.answer("cat", "tries", at("2026-03-05 10:00"), 0.2)
    world.answer("cat", "tries", at("2026-03-05 11:00"), 0.8)
    world.answer("cat", "tries", at("2026-03-08 10:00"), 1.0)
    world.answer("cat", "tries", T, 0.0)  # the future
    world.answer("cat", "skipped", at("2026-03-05 10:00"), None)
    world.answer("cat", "skipped", at("2026-03-06 10:00"), 1.0)
    world.answer("ann", "shared", at("2026-03-05 10:00"), 1.0)
    world.answer("cat", "shared", at("2026-03-05 10:00"), 0.4)
    world.answer("private", "shared", at("2026-03-05 10:00"), 0.0)


def own(world: World) -> None:
    """Two objectives of a topic, studied in turn, and one that was not."""
    world.course("physics", "owner")
    for objective in OWN:
        world.objective(objective, "physics")
    world.learner("eve")
    world.mission("eve", SOON, OWN)
    world.review("eve", "mass", at("2026-02-27 10:00"), "AGAIN")
    world.reviews("eve", "mass", at("2026-03-01 10:00"), "GAGGG")
    world.answer("eve", "force", HALF_A_YEAR_AGO - JUST_BEFORE, 0.1)
    world.answer("eve", "force", HALF_A_YEAR_AGO, 0.9)
    world.answer("eve", "force", at("2026-03-04 10:00"), 0.5)


@pytest.fixture(scope="module")
def rows(world: World, module_database: str, home: Path) -> Rows:
    world.learner("owner")
    others(world)
    own(world)
    settings = world_settings(module_database, home, americano_start_day=BEGIN)
    return read(ClockedDeployment(settings, (T + timedelta(minutes=10)).replace(tzinfo=UTC)))


@pytest.fixture(scope="module")
def rows_at_noon(rows: Rows, world: World, module_database: str, tmp_path_factory: pytest.TempPathFactory) -> Rows:
    """In the middle of the study day, with what eve and cat have done since it opened, and what they do after it."""
    for hour, score in ((11, 0.5), (13, 1.0)):
        world.answer("eve", "unseen", at(f"2026-03-10 {hour}:00"), score)
        world.answer("cat", "nobody", at(f"2026-03-10 {hour}:00"), score)
    settings = world_settings(module_database, tmp_path_factory.mktemp("noon"), americano_start_day=BEGIN)
    return read(ClockedDeployment(settings, datetime(2026, 3, 10, 12, tzinfo=UTC)))


def read(deployment: ClockedDeployment) -> Rows:
    read_world(deployment, "2025-09-09", "2025-09-12", plans=False)
    read_world(deployment, "2026-02-06", "2026-03-11")
    version = latest_tables(deployment, study_day(DAY)).features([study_day(DAY)])[study_day(DAY)]
    found = deployment.store.read_whole("features_at", version.content).to_pylist()
    return {(row["learner_id"], row["objective_id"]): row for row in found}


def shrunk(successes: float, n: int) -> float:
    return (successes + 1.2) / (n + 2)


def counted(n: float, most: int) -> float:
    return math.log(1 + n) / math.log(1 + most)


# Of the others: their first tries, what came in the last month, how many they are.
EXPECTED = {
    ("looker", "month"): (shrunk(1, 1), shrunk(0, 1), 1),
    ("looker", "half-a-year"): (shrunk(0.9, 1), 0.6, 1),
    ("looker", "tries"): (shrunk(0.2, 1), shrunk(0.2 + 0.8 + 1, 3), 1),
    ("looker", "skipped"): (shrunk(0, 1), shrunk(1, 2), 1),
    ("looker", "shared"): (shrunk(1.4, 2), shrunk(1.4, 2), 2),
    ("ann", "shared"): (shrunk(0.4, 1), shrunk(0.4, 1), 1),
    ("private", "shared"): (shrunk(1.4, 2), shrunk(1.4, 2), 2),
    ("looker", "nobody"): (0.6, 0.6, 0),
}


@pytest.mark.parametrize(("learner", "objective"), EXPECTED)
def test_others_record_is_of_180_days_of_a_month_and_never_ones_own(rows: Rows, learner: str, objective: str) -> None:
    row = rows[learner, objective]
    first_try, recent, before = EXPECTED[learner, objective]
    assert row["cohort_first_try"] == pytest.approx(first_try, abs=2e-9)
    assert row["cohort_recent"] == pytest.approx(recent, abs=2e-9)
    assert row["cohort_before"] == pytest.approx(counted(before, 1000), abs=2e-9)


# Eve's last score, and the sums of her scores and of what they lack of 1.
OWN_RECORD = {"mass": (1, 4, 2), "force": (0.5, 1.4, 0.6), "unseen": (0.6, 0, 0)}


@pytest.mark.parametrize("objective", OWN_RECORD)
def test_ones_own_record_is_of_180_days(rows: Rows, objective: str) -> None:
    row = rows["eve", objective]
    last, successes, failures = OWN_RECORD[objective]
    assert row["last_score"] == pytest.approx(last, abs=2e-9)
    assert row["objective_success"] == pytest.approx(shrunk(successes, round(successes + failures)), abs=2e-9)
    assert row["log_successes"] == pytest.approx(counted(successes, 100), abs=2e-9)
    assert row["log_failures"] == pytest.approx(counted(failures, 100), abs=2e-9)


@pytest.mark.parametrize("objective", OWN)
def test_a_topic_is_all_its_objectives_in_the_order_in_which_they_were_answered(rows: Rows, objective: str) -> None:
    row = rows["eve", objective]
    assert row["topic_last_score"] == pytest.approx(0.5, abs=2e-9)
    assert row["topic_success"] == pytest.approx(shrunk(5.4, 8), abs=2e-9)
    assert row["topic_log_successes"] == pytest.approx(counted(5.4, 1000), abs=2e-9)
    assert row["topic_log_failures"] == pytest.approx(counted(2.6, 1000), abs=2e-9)


def test_of_several_lapses_the_last_counts_and_of_none_the_neutral_value(rows: Rows) -> None:
    days = (T - at("2026-03-01 10:01")) / timedelta(days=1)
    assert rows["eve", "mass"]["days_since_lapse"] == pytest.approx(days / 30, abs=2e-9)
    assert rows["eve", "force"]["days_since_lapse"] == 1


def test_within_a_day_ones_own_record_is_of_now_and_others_of_the_last_closed_cutoff(rows_at_noon: Rows) -> None:
    row = rows_at_noon["eve", "unseen"]
    assert row["last_score"] == row["topic_last_score"] == 0.5
    assert row["objective_success"] == pytest.approx(shrunk(0.5, 1), abs=2e-9)
    # Counted back from noon, the answer of a tenth half a year ago is within the look-back.
    assert row["topic_log_successes"] == pytest.approx(counted(5.4 + 0.5 + 0.1, 1000), abs=2e-9)
    assert rows_at_noon["looker", "nobody"]["cohort_first_try"] == 0.6
    assert rows_at_noon["looker", "nobody"]["cohort_before"] == 0
    assert rows_at_noon["looker", "shared"]["cohort_first_try"] == pytest.approx(shrunk(1.4, 2), abs=2e-9)
    # Theirs is counted back from that cut-off in whole days: the day before is within them.
    assert rows_at_noon["looker", "month"]["cohort_recent"] == pytest.approx(shrunk(1, 2), abs=2e-9)
    assert rows_at_noon["looker", "half-a-year"]["cohort_first_try"] == pytest.approx(shrunk(1.0, 2), abs=2e-9)
