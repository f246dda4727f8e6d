"""Fixtures of the tests of what is stored: a school on a database of its own."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from americano_assets.settings import Settings
from americano_assets_tests.world import ClockedDeployment, World, world_settings


@pytest.fixture
def school(database: str) -> Iterator[World]:
    """A course with two objectives, and nobody who studied them yet."""
    with psycopg.connect(database, autocommit=True) as connection:
        world = World(connection)
        world.learner("owner")
        world.course("anatomy", "owner")
        world.objective("heart", "anatomy")
        world.objective("lung", "anatomy")
        yield world


@pytest.fixture
def own_settings(database: str, tmp_path: Path) -> Settings:
    """Settings of a deployment on that database with a home of its own."""
    return world_settings(database, tmp_path / "home", americano_on_invalid="quarantine")


@pytest.fixture
def deployment(own_settings: Settings) -> ClockedDeployment:
    """That deployment, on the evening of 2026-03-10."""
    return ClockedDeployment(own_settings, datetime(2026, 3, 10, 23, 10, tzinfo=UTC))
