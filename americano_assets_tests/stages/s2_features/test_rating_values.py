"""What the ratings say of a night, where there is one answer in the whole log: every number worked out by hand.

T is 2026-03-10 23:00 UTC, the cut-off of study day 2026-03-09; the answer was given 90 study days before.
"""

import math
from collections.abc import Mapping
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from americano_assets.core.features import skill_ratings, skill_update
from americano_assets.stages.s2_features.day_tables import latest_tables
from americano_assets.stages.s2_features.skill_ratings import RATINGS_SCHEMA, state_of
from americano_assets.stages.s2_features.sql import query
from americano_assets_tests.stages.s2_features.feature_school import DAY, T, ann_and_bob
from americano_assets_tests.world import ClockedDeployment, World, at, read_world, study_day, world_settings

Rows = Mapping[tuple[str, str], Mapping[str, Any]]
# Half of it was expected, so the surprise is a half; p (1 - p) is a quarter, and the variances of learner, topic, pair,
# objective and item add up to 9.15: a term of variance v moves by v / STEP, and v becomes v - v² / SHRINK.
STEP, SHRINK = 2 * (1 + 9.15 / 4), 4 * (1 + 9.15 / 4)
LEARNER, TOPIC, PAIR, OBJECTIVE = 8 / STEP, 0.5 / STEP, 0.05 / STEP, -0.5 / STEP
# Everyone had the precision 1, to which the answer added 1 / SHRINK.
EVERYONE = 1 / STEP / (1 + 1 / SHRINK)
# In 90 days 0.018 of the learner's certainty is lost; of the pair that is more than was won.
LEARNER_VARIANCE, TOPIC_VARIANCE = 8 - 64 / SHRINK + 0.018, 0.5 - 0.25 / SHRINK + 0.018
PAIR_VARIANCE, FORGETTING_VARIANCE, OBJECTIVE_VARIANCE = 0.05, 0.06, 0.5 - 0.25 / SHRINK
SINCE = math.log(1 + 90 / 7) - 0.7


@pytest.fixture(scope="module")
def rows(world: World, module_database: str, home: Path) -> Rows:
    ann_and_bob(world)
    world.answer("ann", "heart", at("2025-12-11 10:00"), 1.0)
    settings = world_settings(module_database, home)
    deployment = ClockedDeployment(settings, (T + timedelta(minutes=10)).replace(tzinfo=UTC))
    read_world(deployment, "2025-12-09", DAY)
    version = latest_tables(deployment, study_day(DAY)).features([study_day(DAY)])[study_day(DAY)]
    found = deployment.store.read_whole("features_at", version.content).to_pylist()
    return {(row["learner_id"], row["objective_id"]): row for row in found}


def share(x: float) -> float:
    """A rating from -6 to 6 as 0-1."""
    return 0.5 + x / 12


def chance(x: float, variance: float) -> float:
    """A logistic curve, flattened by what is not known of x."""
    return 1 / (1 + math.exp(-x / math.sqrt(1 + math.pi / 8 * variance)))


EXPECTED = {
    ("ann", "heart", "elo_learner"): share(EVERYONE + LEARNER),
    ("ann", "lung", "elo_learner"): share(EVERYONE + LEARNER),
    ("bob", "heart", "elo_learner"): share(EVERYONE),
    ("ann", "heart", "elo_topic"): share(TOPIC),
    ("ann", "lung", "elo_topic"): share(TOPIC),
    ("bob", "heart", "elo_topic"): 0.5,
    ("ann", "heart", "elo_pair"): share(PAIR),
    ("ann", "lung", "elo_pair"): 0.5,
    ("bob", "heart", "elo_pair"): 0.5,
    # Nobody has answered twice: what practice leaves is not known yet.
    ("ann", "heart", "elo_practice"): 0.5,
    ("bob", "lung", "elo_practice"): 0.5,
    ("ann", "heart", "elo_difficulty"): share(OBJECTIVE),
    ("bob", "heart", "elo_difficulty"): share(OBJECTIVE),
    ("bob", "lung", "elo_difficulty"): 0.5,
    ("ann", "heart", "elo_chance"): chance(
        EVERYONE + LEARNER + TOPIC + PAIR - OBJECTIVE,
        LEARNER_VARIANCE + TOPIC_VARIANCE + PAIR_VARIANCE + FORGETTING_VARIANCE * SINCE**2 + OBJECTIVE_VARIANCE,
    ),
    ("ann", "lung", "elo_chance"): chance(EVERYONE + LEARNER + TOPIC, LEARNER_VARIANCE + TOPIC_VARIANCE + 0.05 + 0.5),
    ("bob", "heart", "elo_chance"): chance(EVERYONE - OBJECTIVE, 8 + 0.5 + 0.05 + OBJECTIVE_VARIANCE),
    ("bob", "lung", "elo_chance"): chance(EVERYONE, 8 + 0.5 + 0.05 + 0.5),
}


@pytest.mark.parametrize(("learner", "objective", "feature"), EXPECTED)
def test_one_answer_tells_of_who_gave_it_of_the_objective_and_of_everyone(
    rows: Rows, learner: str, objective: str, feature: str
) -> None:
    assert rows[learner, objective][feature] == pytest.approx(EXPECTED[learner, objective, feature], abs=2e-9)


TODAY = 20_000
# (key, other, mean, variance, study day, right, wrong); learner 1 studied objective 7 of topic 5 three weeks ago.
STATE: dict[int, list[tuple[float, ...]]] = {
    skill_update.LEARNER: [(1, 0, 0.9, 0.3, TODAY - 10, 0, 0), (2, 0, -5, 0.3, TODAY, 0, 0)],
    skill_update.FORGETTING: [(1, 0, -0.2, 0.04, TODAY - 10, 0, 0), (2, 0, -5, 0.01, TODAY, 0, 0)],
    skill_update.TOPIC: [(1, 5, 0.4, 0.2, TODAY - 20, 0, 0), (1, 6, -5, 0.2, TODAY, 0, 0)],
    skill_update.PAIR: [(1, 7, 0.1, 0.03, TODAY - 21, 4, 2), (1, 8, -5, 0.01, TODAY, 90, 90)],
    skill_update.OBJECTIVE: [(7, 0, 0.6, 0.02, TODAY, 0, 0), (8, 0, -5, 0.02, TODAY, 0, 0)],
    skill_update.COEFFICIENT: [
        (j, m, mean if j == m else 0.0, 9.0 if j == m else 1.0, 0, 0, 0)
        for j, mean in enumerate((0.5, -0.3, -0.15, 0.8, 0.35))
        for m in range(5)
    ],
}


def stored() -> pa.Table:
    """STATE as it is kept (RATINGS_SCHEMA)."""
    rows = [
        (level, key, other, mean, variance, day, key == 1, right, wrong)
        for level, listed in STATE.items()
        for key, other, mean, variance, day, right, wrong in listed
    ]
    columns = zip(*rows, strict=True)
    return pa.table([pa.array(column) for column in columns], names=RATINGS_SCHEMA.names).cast(RATINGS_SCHEMA)


def terms() -> dict[str, float]:
    """What stages/s2_features/sql/inputs/rating_terms.sql says of learner 1 on objective 7."""
    with duckdb.connect() as connection:
        connection.execute(query("macros"))
        connection.register("ratings", stored())
        connection.register("spine", pa.table({"learner_key": [1], "objective_key": [7]}))
        connection.register("objectives_known", pa.table({"objective_key": [7, 8], "course_key": [5, 6]}))
        parameters = {**skill_ratings.parameters(), "cutoff_day": TODAY}
        cursor = connection.execute(query("rating_terms"), parameters)
        names = [column[0] for column in cursor.description]
        (row,) = cursor.fetchall()
    return dict(zip(names, row, strict=True))


def test_practice_is_what_was_answered_and_how_long_ago_with_the_learners_own_forgetting() -> None:
    found = terms()
    since = math.log(1 + 3) - 0.7
    practice = -0.15 + 0.8 * math.log(1 + 4 / 3) + 0.35 * math.log(1 + 2 / 3) + (-0.3 - 0.2) * since
    assert found["practice"] == pytest.approx(practice)
    assert (found["everyone"], found["learner"], found["topic"], found["pair"]) == (0.5, 0.9, 0.4, 0.1)
    variance = (0.3 + 10 * 0.0002) + (0.2 + 20 * 0.0002) + (0.03 + 21 * 0.0002) + (0.04 + 10 * 0.0002) * since**2 + 0.02
    assert found["variance"] == pytest.approx(variance)
    assert found["chance"] == pytest.approx(chance(0.5 + 0.9 + 0.4 + 0.1 + practice - 0.6, variance))


def test_what_the_query_foresees_is_what_the_pass_expects() -> None:
    found = terms()
    x = sum(found[name] for name in ("everyone", "learner", "topic", "pair", "practice")) - found["objective"]
    learner, topic, objective, item = (np.array([key], np.uint64) for key in (1, 5, 7, 0))
    expected = np.array([1 / (1 + math.exp(-x))])
    answered = skill_ratings.Answers(np.array([TODAY]), learner, topic, objective, item, expected)
    after = skill_ratings.advance(state_of(stored()), answered, np.array([1], np.uint64))
    assert after[skill_update.LEARNER].mean[0] == pytest.approx(0.9, abs=1e-12)
    assert after[skill_update.PAIR].mean[0] == pytest.approx(0.1, abs=1e-12)
