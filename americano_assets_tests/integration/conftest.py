"""Fixtures of the tests that run the chain on a real database."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from americano_assets.resources import publication
from americano_assets.resources.staging import Staging, StagingOfFew
from americano_assets_tests.integration.night import Night
from americano_assets_tests.world import World


@pytest.fixture(params=[Staging, StagingOfFew])
def night(request: pytest.FixtureRequest, database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Night]:
    """Three learners, each with an objective of the same number; nothing is published yet.

    All that a night does it does both ways: with its rows in tables, and in statements, as one learner's are.
    """
    monkeypatch.setattr(publication, "Staging", request.param)
    with psycopg.connect(database, autocommit=True) as connection:
        world = World(connection)
        world.learner("owner")
        world.course("anatomy", "owner")
        for number in range(1, 4):
            world.learner(f"learner-{number}")
            world.objective(f"objective-{number}", "anatomy")
        yield Night(database, world)


@pytest.fixture(scope="module")
def world(module_database: str) -> Iterator[World]:
    """An empty school, for the module to fill."""
    with psycopg.connect(module_database, autocommit=True) as connection:
        yield World(connection)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The module's own home."""
    return tmp_path_factory.mktemp("home")
