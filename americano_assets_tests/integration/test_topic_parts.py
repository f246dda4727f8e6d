"""What a topic says of a learner, where not every answer of it belongs to an objective that has always been in it.

T is 2026-03-10 23:00 UTC, the cut-off of study day 2026-03-09.
"""

from collections.abc import Mapping
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import pytest

from americano_assets_tests.integration.feature_school import DAY, SOON, T
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
    for course, objectives in {"heart": ["valve", "wall"], "lung": ["tube"], "skin": ["layer"]}.items():
        world.course(course, "owner")
        for objective in objectives:
            world.objective(objective, course)
    world.insert("cards", id="loose-card", courseId="skin", objectiveId=None, createdAt=LONG_AGO)
    world.mission("ann", SOON, ["wall", "tube", "layer"])

    settings = world_settings(module_database, home, americano_start_day=FIRST)
    deployment = ClockedDeployment(settings, (T + timedelta(minutes=10)).replace(tzinfo=UTC))
    world.answer("ann", "valve", at("2026-02-20 23:00"), 0.2)
    world.review("ann", "loose", at("2026-03-04 23:00"))
    read_world(deployment, FIRST.isoformat(), "2026-02-28", plans=False)
    world.execute("""UPDATE learning_objectives SET "lectureId" = 'lung-lecture' WHERE "id" = 'valve'""")
    world.answer("ann", "valve", at("2026-03-01 23:00"), 0.9)
    world.answer("ann", "valve", at("2026-03-07 23:00"), 1.0)
    read_world(deployment, "2026-03-01", DAY)
    tables = deployment.latest_tables(study_day(DAY))
    found = tables.store.read_whole("features_at", tables.features([study_day(DAY)])[study_day(DAY)].content)
    return {row["objective_id"]: row for row in found.to_pylist() if row["planned"]}


def test_an_answer_counts_for_the_topic_that_its_objective_was_in(rows: Mapping[str, Mapping[str, Any]]) -> None:
    assert rows["wall"]["validation_mean_180"] == pytest.approx((0.2 + 1.2) / 3)
    assert rows["wall"]["days_since_last_study"] == pytest.approx(18 / 30)
    assert rows["tube"]["validation_mean_180"] == pytest.approx((0.9 + 1.0 + 1.2) / 4)
    assert rows["tube"]["days_since_last_study"] == pytest.approx(3 / 30)


def test_a_card_of_no_objective_counts_for_its_topic(rows: Mapping[str, Mapping[str, Any]]) -> None:
    assert rows["layer"]["days_since_last_study"] == pytest.approx(6 / 30)
    assert rows["layer"]["retention_score"] == 1
