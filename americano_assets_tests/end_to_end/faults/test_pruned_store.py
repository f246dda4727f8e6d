"""A store from which everything that may go has gone: old nights are run again to the same bytes."""

import os
from datetime import UTC, datetime

import pytest

from americano_assets.stages.maintenance.prune import prune
from americano_assets_tests.end_to_end.faults.conftest import School
from americano_assets_tests.end_to_end.faults.driver import FIRST
from americano_assets_tests.end_to_end.story import SECOND
from americano_assets_tests.world import ClockedDeployment, at, study_day, world_settings


def age(school: School) -> None:
    long_ago = datetime(2025, 1, 1, tzinfo=UTC).timestamp()
    for path in (school.home / "data").rglob("*.*"):
        os.utime(path, (long_ago, long_ago))


@pytest.mark.long
def test_reruns_of_old_nights_give_the_same_after_pruning(school: School) -> None:
    assert school.night().success
    school.world.reviews("eager", "heart", at("2026-03-06 10:00"), "AAAA")  # told late: the day has a new content
    assert school.night(day=SECOND).success
    before = school.left()
    deployment = ClockedDeployment(world_settings(school.url, school.home), datetime(2026, 9, 1, tzinfo=UTC))
    graded = deployment.store.root / "interactions" / "day=2026-03-05"
    assert len([*graded.glob("*.parquet")]) == 2
    age(school)
    done = prune(deployment, 60)
    assert done.contents > 0
    assert done.log_days > 0
    # The first night was computed from the older of the two.
    assert len([*graded.glob("*.parquet")]) == 2
    assert deployment.store.current("reviews", study_day("2026-03-05")) is None
    for day in (FIRST, SECOND):
        assert school.night(day=day).success
        assert school.left() == before
