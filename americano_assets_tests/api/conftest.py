"""Fixtures of the API's tests: rows by SQL, and the application over the same database."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from americano_assets_tests.api.rows import Rows
from americano_assets_tests.api.serving import Service, serving, settings_for


@pytest.fixture
def rows(database: str) -> Iterator[Rows]:
    """A writer of rows into a fresh database that holds a curriculum."""
    with psycopg.connect(database, autocommit=True) as connection:
        writer = Rows(connection)
        writer.curriculum()
        yield writer


@pytest.fixture
def service(database: str, rows: Rows, tmp_path: Path) -> Iterator[Service]:
    """The application over that database."""
    with serving(settings_for(database, tmp_path)) as running:
        yield running
