"""What the ratings say of a night, where there is one answer in the whole log: every number worked out by hand.

T is 2026-03-10 23:00 UTC, the cut-off of study day 2026-03-09; the answer was given 90 study days before.
"""

import math
from collections.abc import Mapping
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import pytest

from americano_assets_tests.integration.feature_school import DAY, SOON, T
from americano_assets_tests.world import ClockedDeployment, World, at, read_world, study_day, world_settings

Rows = Mapping[tuple[str, str], Mapping[str, Any]]
# Half of it was expected, so the surprise is a half; p (1 - p) is a quarter, and the variances 4, 1, 1, 1/4 and 1 add
# up to 7.25: a term of variance v moves by v / STEP, and v becomes v - v² / 4 / (1 + 7.25 / 4).
STEP = 2 * (1 + 7.25 / 4)
LEARNER, PAIR, EVERYONE, OBJECTIVE = 4 / STEP, 1 / STEP, 1 / STEP, -1 / STEP
LEARNER_SPREAD, PAIR_SPREAD = 4**2 / 4 / (1 + 7.25 / 4), 1 / 4 / (1 + 7.25 / 4)
OBJECTIVE_VARIANCE = 1 - 1 / 4 / (1 + 7.25 / 4)
# 90 days are half of a learner's half-life and one and a half of a pair's; what was learned fades with the square.
LEARNER_KEPT, PAIR_KEPT = 0.5**0.5, 0.5**1.5
LEARNER_VARIANCE, PAIR_VARIANCE = 4 - LEARNER_SPREAD * LEARNER_KEPT**2, 1 - PAIR_SPREAD * PAIR_KEPT**2


@pytest.fixture(scope="module")
def rows(world: World, module_database: str, home: Path) -> Rows:
    world.learner("owner")
    world.course("anatomy", "owner")
    for objective in ("heart", "lung"):
        world.objective(objective, "anatomy")
    for learner in ("ann", "bob"):
        world.learner(learner)
        world.mission(learner, SOON, ["heart", "lung"])
    world.answer("ann", "heart", at("2025-12-11 10:00"), 1.0)
    settings = world_settings(module_database, home)
    deployment = ClockedDeployment(settings, (T + timedelta(minutes=10)).replace(tzinfo=UTC))
    read_world(deployment, "2025-12-09", DAY)
    version = deployment.latest_tables(study_day(DAY)).features([study_day(DAY)])[study_day(DAY)]
    found = deployment.store.read_whole("features_at", version.content).to_pylist()
    return {(row["learner_id"], row["objective_id"]): row for row in found}


def share(x: float) -> float:
    """A rating from -6 to 6 as 0-1."""
    return 0.5 + x / 12


def chance(x: float, variance: float) -> float:
    """A logistic curve, flattened by what is not known of x."""
    return 1 / (1 + math.exp(-x / math.sqrt(1 + math.pi / 8 * variance)))


EXPECTED = {
    ("ann", "heart", "elo_learner"): share(EVERYONE + LEARNER * LEARNER_KEPT),
    ("ann", "lung", "elo_learner"): share(EVERYONE + LEARNER * LEARNER_KEPT),
    ("bob", "heart", "elo_learner"): share(EVERYONE),
    ("ann", "heart", "elo_pair"): share(PAIR * PAIR_KEPT),
    ("ann", "lung", "elo_pair"): 0.5,
    ("bob", "heart", "elo_pair"): 0.5,
    ("ann", "heart", "elo_difficulty"): share(OBJECTIVE),
    ("bob", "heart", "elo_difficulty"): share(OBJECTIVE),
    ("bob", "lung", "elo_difficulty"): 0.5,
    ("ann", "heart", "elo_chance"): chance(
        EVERYONE + LEARNER * LEARNER_KEPT + PAIR * PAIR_KEPT - OBJECTIVE,
        LEARNER_VARIANCE + PAIR_VARIANCE + OBJECTIVE_VARIANCE,
    ),
    ("ann", "lung", "elo_chance"): chance(EVERYONE + LEARNER * LEARNER_KEPT, LEARNER_VARIANCE + 1 + 1),
    ("bob", "heart", "elo_chance"): chance(EVERYONE - OBJECTIVE, 4 + 1 + OBJECTIVE_VARIANCE),
    ("bob", "lung", "elo_chance"): chance(EVERYONE, 4 + 1 + 1),
}


@pytest.mark.parametrize(("learner", "objective", "feature"), EXPECTED)
def test_one_answer_tells_of_who_gave_it_of_the_objective_and_of_everyone(
    rows: Rows, learner: str, objective: str, feature: str
) -> None:
    assert rows[learner, objective][feature] == pytest.approx(EXPECTED[learner, objective, feature], abs=2e-9)
