"""Fixtures of the tests that run the chain on a real database."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import psycopg
import pytest

from americano_assets_tests.world import Nights, World, world_settings


@pytest.fixture(scope="module")
def world(module_database: str) -> Iterator[World]:
    """An empty school, for the module to fill."""
    with psycopg.connect(module_database, autocommit=True) as connection:
        yield World(connection)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The module's own home."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def nights(module_database: str, home: Path) -> Iterator[Nights]:
    """Jobs over the module's school."""
    with dg.DagsterInstance.ephemeral() as instance:
        yield Nights(world_settings(module_database, home), instance)
