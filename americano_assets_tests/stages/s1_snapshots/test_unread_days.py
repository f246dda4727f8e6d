"""Which study days of the log nobody has read yet."""

from datetime import UTC, date, datetime
from pathlib import Path

import psycopg
import pytest

from americano_assets.stages.s1_snapshots.snapshots import unread_days
from americano_assets_tests.world import ClockedDeployment, World, at, read_world, study_day, world_settings

NIGHT = study_day("2026-03-31")


@pytest.fixture
def deployment(database: str, tmp_path: Path) -> ClockedDeployment:
    with psycopg.connect(database, autocommit=True) as connection:
        world = World(connection)
        world.learner("one")
        world.objective("heart", world.course("anatomy", "one"))
        world.review("one", "heart", at("2026-03-10 09:00"))
        # What no calendar has and what is yet to come must not make a night read a thousand years.
        world.review("one", "heart", at("2026-03-12 09:00"))
        world.execute("UPDATE reviews SET \"reviewedAt\" = '-infinity' WHERE \"reviewedAt\" = '2026-03-12 09:00'")
        world.session("one", at("2026-12-24 09:00"), 30)
    return ClockedDeployment(world_settings(database, tmp_path / "home"), datetime(2026, 4, 1, 23, 10, tzinfo=UTC))


def _unread(deployment: ClockedDeployment, night: date) -> list[date]:
    with deployment.connect() as connection:
        return unread_days(connection, deployment.store, deployment.zone, deployment.first_day, night)


def test_the_log_before_the_nights_own_days_is_unread_until_it_is_read(deployment: ClockedDeployment) -> None:
    found = _unread(deployment, NIGHT)
    assert (found[0], found[-1], len(found)) == (study_day("2026-03-09"), study_day("2026-03-17"), 9)
    read_world(deployment, "2026-03-09", "2026-03-12")
    assert _unread(deployment, NIGHT)[0] == study_day("2026-03-13")
    read_world(deployment, "2026-03-14", "2026-03-17")
    assert _unread(deployment, NIGHT) == [study_day("2026-03-13")]


def test_nothing_is_unread_where_all_of_the_log_is_the_nights_own(deployment: ClockedDeployment) -> None:
    assert _unread(deployment, study_day("2026-03-22")) == []
    assert _unread(deployment, study_day("2026-03-05")) == []
