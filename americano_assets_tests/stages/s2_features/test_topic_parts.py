"""What a topic says of a learner, where not every answer of it belongs to an objective that has always been in it,
and still is.

T is 2026-03-10 23:00 UTC, the cut-off of study day 2026-03-09.
"""

from collections.abc import Mapping
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import pytest

from americano_assets.stages.s2_features.day_tables import latest_tables
from americano_assets_tests.stages.s2_features.feature_school import DAY, SOON, T
from americano_assets_tests.world import (
    LONG_AGO,
    ClockedDeployment,
    World,
    at,
    read_world,
    study_day,
    world_settings,
)

FIRST = study_day("2026-02-01")


@pytest.fixture(scope="module")
def rows(world: World, module_database: str, home: Path) -> Mapping[str, Mapping[str, Any]]:
    """Of each topic an objective that was never studied: it shows the topic's own numbers."""
    world.learner("owner")
    world.learner("ann")
    for course, objectives in {
        "heart": ["valve", "wall"],
        "lung": ["tube"],
        "skin": ["layer"],
        "kidney": ["cortex", "stone"],
        "eye": ["lens"],
        "ear": ["drum", "canal"],
        "nose": ["tip"],
    }.items():
        world.course(course, "owner")
        for objective in objectives:
            world.objective(objective, course)
    world.insert("cards", id="loose-card", courseId="skin", objectiveId=None, createdAt=LONG_AGO)
    world.mission("ann", SOON, ["wall", "tube", "layer", "cortex", "lens", "drum", "tip"])

    settings = world_settings(module_database, home, americano_start_day=FIRST)
    deployment = ClockedDeployment(settings, (T + timedelta(minutes=10)).replace(tzinfo=UTC))
    world.answer("ann", "valve", at("2026-02-20 23:00"), 0.2)
    world.reviews("ann", "valve", at("2026-02-25 10:00"), "AAAG")
    world.answer("ann", "stone", at("2026-02-22 23:00"), 0.1)
    world.reviews("ann", "stone", at("2026-02-22 10:00"), "AA")
    world.review("ann", "loose", at("2026-03-04 23:00"))
    world.answer("ann", "canal", at("2026-02-23 23:00"), 0.4)
    read_world(deployment, FIRST.isoformat(), "2026-02-28", plans=False)
    world.execute("""UPDATE learning_objectives SET "lectureId" = 'lung-lecture' WHERE "id" = 'valve'""")
    world.execute("""UPDATE learning_objectives SET "lectureId" = 'nose-lecture' WHERE "id" = 'canal'""")
    world.execute("""DELETE FROM learning_objectives WHERE "id" = 'stone'""")
    world.answer("ann", "valve", at("2026-03-01 23:00"), 0.9)
    world.answer("ann", "valve", at("2026-03-07 23:00"), 1.0)
    for score in (None, 0.8):
        world.answer("ann", "lens", at("2026-03-05 10:00"), score)
    read_world(deployment, "2026-03-01", DAY)
    tables = latest_tables(deployment, study_day(DAY))
    found = tables.store.read_whole("features_at", tables.features([study_day(DAY)])[study_day(DAY)].content)
    return {row["objective_id"]: row for row in found.to_pylist() if row["planned"]}


def test_an_objective_that_moved_takes_its_past_along(rows: Mapping[str, Mapping[str, Any]]) -> None:
    assert rows["wall"]["validation_mean_180"] is None
    assert rows["wall"]["days_since_last_study"] == 1  # never
    assert rows["tube"]["validation_mean_180"] == pytest.approx((0.2 + 0.9 + 1.0 + 1.2) / 5)
    assert rows["tube"]["validation_score"] == pytest.approx((0.2 + 0.9 + 1.0) / 3)
    assert rows["tube"]["days_since_last_study"] == pytest.approx(3 / 30)
    assert rows["wall"]["retention_score"] == 0.5
    assert rows["tube"]["retention_score"] == 1 / 4
    # Of three windows two were struggles, both read when it was in the old course.
    assert rows["wall"]["historical_struggle_score"] == 0.5
    assert rows["tube"]["historical_struggle_score"] == pytest.approx((2 + 1) / (3 + 2))


def test_it_does_so_before_anybody_answers_it_there(rows: Mapping[str, Mapping[str, Any]]) -> None:
    assert rows["drum"]["validation_mean_180"] is None
    assert rows["tip"]["validation_mean_180"] == pytest.approx((0.4 + 1.2) / 3)


def test_the_past_of_an_objective_that_is_gone_stays_with_its_last_course(
    rows: Mapping[str, Mapping[str, Any]],
) -> None:
    assert rows["cortex"]["validation_mean_180"] == pytest.approx((0.1 + 1.2) / 3)
    assert rows["cortex"]["historical_struggle_score"] == pytest.approx((1 + 1) / (1 + 2))
    assert rows["cortex"]["days_since_last_study"] == pytest.approx(16 / 30)
    assert rows["cortex"]["retention_score"] == 0


def test_an_answer_at_the_very_instant_of_a_skip_replaces_it(rows: Mapping[str, Mapping[str, Any]]) -> None:
    assert rows["lens"]["validation_score"] == pytest.approx(0.8)


def test_a_card_of_no_objective_counts_for_its_topic(rows: Mapping[str, Mapping[str, Any]]) -> None:
    assert rows["layer"]["days_since_last_study"] == pytest.approx(6 / 30)
    assert rows["layer"]["retention_score"] == 1
