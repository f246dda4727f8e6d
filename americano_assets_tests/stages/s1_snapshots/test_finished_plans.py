"""Plans that are over for every cut-off to come are read once: the first snapshot speaks for the past."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg
import pytest

from americano_assets.core.study_days.cutoff import naive
from americano_assets.core.study_days.study_day import cutoff
from americano_assets.stages.s1_snapshots.snapshots import snapshot_state
from americano_assets_tests.world import ClockedDeployment, World, study_day, world_settings

ZONE = ZoneInfo("UTC")
MINUTE = timedelta(minutes=1)


@pytest.fixture
def world(database: str) -> Iterator[World]:
    with psycopg.connect(database, autocommit=True) as connection:
        yield World(connection)


@pytest.mark.parametrize("after_cutoff", [10, 50])
def test_a_later_snapshot_has_the_plans_that_may_be_open_at_its_cut_off(
    world: World, database: str, tmp_path: Path, after_cutoff: int
) -> None:
    deployment = ClockedDeployment(world_settings(database, tmp_path), cutoff(study_day("2026-03-10"), ZONE))
    closed = naive(deployment.clock)
    world.learner("ann")
    missions = {
        "over": ("COMPLETED", closed - 65 * MINUTE),
        "skipped": ("SKIPPED", None),
        "not told when": ("COMPLETED", None),
        "over in the last hour": ("COMPLETED", closed - 5 * MINUTE),
        "over since": ("COMPLETED", closed + 5 * MINUTE),
        "begun": ("IN_PROGRESS", None),
        "long due": ("PENDING", None),
    }
    for name, (status, done) in missions.items():
        world.mission("ann", closed - timedelta(days=30), [name], status=status, completedAt=done)
    deployment.clock += after_cutoff * MINUTE

    def read() -> set[str]:
        snapshot, _, _ = snapshot_state(deployment)
        rows = deployment.store.read_whole("planned_objectives", snapshot.tables["planned_objectives"])
        return set(rows["objective_id"].to_pylist())

    assert read() == set(missions)
    assert read() == set(missions), "taken again at the same moment, it takes the first one's place"
    deployment.clock += MINUTE
    open_at_the_cut_off = {"over since", "begun", "long due"}
    assert open_at_the_cut_off <= read() <= open_at_the_cut_off | {"over in the last hour"}
    # One that is earlier by its clock, if taken later, speaks for the past instead.
    deployment.clock = cutoff(study_day("2026-03-09"), ZONE)
    assert read() == set(missions)
