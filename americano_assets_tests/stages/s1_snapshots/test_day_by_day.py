"""Days of a ranged run leave the query one after another: each is what it is alone, however many rows come at once."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from americano_assets.core.study_days.study_day import days_between
from americano_assets.stages.s1_snapshots import interactions
from americano_assets.stages.s1_snapshots.interactions import build_interactions
from americano_assets_tests.stages.s3_training.weekly_school import FIRST_MONDAY, MONDAYS, fill, learners
from americano_assets_tests.world import ClockedDeployment, World, read_world, world_settings

FIRST, LAST = FIRST_MONDAY - timedelta(days=2), FIRST_MONDAY + timedelta(days=24)


@pytest.mark.parametrize("rows", [1, 7, 100_000])
def test_a_day_is_what_it_is_alone(
    world: World, module_database: str, home: Path, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    deployment = ClockedDeployment(
        world_settings(module_database, home, americano_start_day=FIRST), datetime(2026, 3, 9, 23, 10, tzinfo=UTC)
    )
    if not deployment.store.current("interactions", FIRST):
        fill(world, learners(6), MONDAYS[:4])
        read_world(deployment, FIRST.isoformat(), LAST.isoformat())
    days = days_between(FIRST, LAST)
    alone = {day: build_interactions(deployment, [day])[0]["interactions"][day] for day in days}
    assert sorted({version.rows for version in alone.values()}) == [0, 12]
    monkeypatch.setattr(interactions, "batch_rows", lambda: rows)
    together, found = build_interactions(deployment, days)
    assert together["interactions"] == alone
    assert (found.rows, found.bad) == (4 * 12, 0)
