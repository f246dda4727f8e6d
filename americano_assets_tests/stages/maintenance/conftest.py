"""Fixtures of what changes stored rows: a database for each test."""

from collections.abc import Iterator

import psycopg
import pytest

from americano_assets_tests.world import World


@pytest.fixture
def world(database: str) -> Iterator[World]:
    """The database of `deployment`, with nothing in it yet."""
    with psycopg.connect(database, autocommit=True) as connection:
        yield World(connection)
