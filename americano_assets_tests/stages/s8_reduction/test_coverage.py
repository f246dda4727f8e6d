"""Struggles that no night had scored are counted, once, by course, and of those alone who count in aggregates."""

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from americano_assets.stages.s4_predictions.scored_predictions import TABLE
from americano_assets.stages.s8_reduction.coverage import Coverage, coverage, nights_that_reach
from americano_assets_tests.world import ClockedDeployment, World, at, read_world, study_day, world_settings

OPENED, DAY = "2026-03-08", "2026-03-15"  # the window is [2026-03-09 23:00, 2026-03-16 23:00)


def test_struggles_that_no_night_had_scored_are_counted(world: World, module_database: str, home: Path) -> None:
    world.learner("owner")
    for course in ("anatomy", "statistics"):
        world.course(course, "owner")
        world.objective(f"{course}-1", course)
    for learner in ("scored", "later", "never", "well", "before", "after"):
        world.learner(learner)
    world.learner("private", includeInAnalytics=False)
    world.learner("gone", behavioralAnalysisEnabled=False)
    for learner in ("scored", "later", "never", "private", "gone"):
        world.reviews(learner, "anatomy-1", at("2026-03-12 10:00"), "AAAG")
    world.reviews("never", "statistics-1", at("2026-03-12 10:00"), "AAA")
    world.reviews("well", "anatomy-1", at("2026-03-12 10:00"), "GGGG")
    world.reviews("before", "anatomy-1", at("2026-03-09 10:00"), "AAAA")
    world.reviews("after", "anatomy-1", at("2026-03-16 23:00"), "AAAA")
    deployment = ClockedDeployment(world_settings(module_database, home), datetime(2026, 3, 17, 23, 10, tzinfo=UTC))
    read_world(deployment, "2026-03-01", "2026-03-16")

    def score(day: str, learner: str) -> None:
        rows = pa.table({"learner_id": [learner], "objective_id": ["anatomy-1"]})
        deployment.store.put_day(TABLE, study_day(day), rows.to_batches(), rows.schema)

    nothing = {"anatomy": Coverage(3, 0), "statistics": Coverage(1, 0)}
    assert coverage(deployment, study_day(DAY)) == nothing
    score("2026-03-01", "never")  # its own window ended as this one began
    score(DAY, "never")  # when all was over
    assert coverage(deployment, study_day(DAY)) == nothing
    score(OPENED, "scored")
    score("2026-03-12", "later")
    assert coverage(deployment, study_day(DAY)) == {"anatomy": Coverage(3, 2), "statistics": Coverage(1, 0)}
    score("2026-03-02", "never")  # before the window's night, with days of the window in its own
    assert coverage(deployment, study_day(DAY)) == {"anatomy": Coverage(3, 3), "statistics": Coverage(1, 0)}
    nights = nights_that_reach(study_day(DAY), deployment.target.horizon_days)
    assert (str(nights[0]), str(nights[-1])) == ("2026-03-02", "2026-03-14")
    assert coverage(deployment, study_day("2026-03-01")) == {}
