"""An objective that builds on more than there are bits for: numbers stay exact, and the list is of the strongest."""

from datetime import UTC, timedelta
from pathlib import Path

import pytest

from americano_assets.stages.s2_features.day_tables import latest_tables
from americano_assets_tests.stages.s2_features.feature_school import DAY, SOON, T
from americano_assets_tests.world import ClockedDeployment, World, at, read_world, study_day, world_settings

MANY = 70


def test_more_prerequisites_than_bits(world: World, module_database: str, home: Path) -> None:
    world.learner("owner")
    world.course("anatomy", "owner")
    world.objective("body", "anatomy")
    for number in range(MANY):
        world.prerequisite("body", world.objective(f"part-{number:02}", "anatomy"), 1 - number / 100)
    for learner in ("new", "nearly", "weak-ones"):
        world.learner(learner)
        world.mission(learner, SOON, ["body"])
    known = {"nearly": [one for one in range(MANY) if one not in {5, 61, 62, 69}], "weak-ones": [62, 69]}
    for learner, parts in known.items():
        for number in parts:
            world.answer(learner, f"part-{number:02}", at("2026-03-08 23:00"), 1.0)
    settings = world_settings(module_database, home, americano_start_day=study_day("2026-03-01"))
    deployment = ClockedDeployment(settings, (T + timedelta(minutes=10)).replace(tzinfo=UTC))
    read_world(deployment, "2026-03-01", DAY)
    night = study_day(DAY)
    tables = latest_tables(deployment, night)
    rows = tables.store.read_whole("features_at", tables.features([night])[night].content).to_pylist()
    found = {row["learner_id"]: row for row in rows if row["objective_id"] == "body"}

    weights = [1 - number / 100 for number in range(MANY)]
    gaps = {
        "new": range(MANY),
        "nearly": (5, 61, 62, 69),
        "weak-ones": [one for one in range(MANY) if one not in (62, 69)],
    }
    for learner, unmastered in gaps.items():
        share = sum(weights[one] for one in unmastered) / sum(weights)
        assert found[learner]["prerequisite_gap_count"] == pytest.approx(share, abs=1e-9), learner
    lists = {learner: row["unmastered_prerequisites"] for learner, row in found.items()}
    assert lists == {
        "new": ["part-00", "part-01", "part-02"],
        "nearly": ["part-05", "part-61"],
        "weak-ones": ["part-00", "part-01", "part-02"],
    }
