"""Fixtures of the API's tests: rows by SQL, and the application over the same database.

Most tests share one database, emptied before each: making one costs more than any of them. A test that changes
tables, and not only rows, takes the fixtures that end in `_apart`.
"""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from americano_assets.api.database import PoolLimits
from americano_assets.resources.postgres.embedded.server import EmbeddedServer
from americano_assets_tests.api.rows import Rows
from americano_assets_tests.api.serving import Service, serving, settings_for

_DATABASE = "api_tests"


@pytest.fixture(scope="session")
def shared_database(server: EmbeddedServer, prepared_template: str) -> str:
    """URL of the database that the API's tests share."""
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{_DATABASE}" TEMPLATE "{prepared_template}"'.encode())
    return server.url(_DATABASE)


@pytest.fixture
def rows(shared_database: str) -> Iterator[Rows]:
    """A writer of rows; the database holds a curriculum and no more."""
    with psycopg.connect(shared_database, autocommit=True) as connection:
        writer = Rows(connection)
        writer.empty()
        writer.curriculum()
        yield writer


@pytest.fixture
def service(rows: Rows, shared_database: str, tmp_path: Path) -> Iterator[Service]:
    """The application over the database of `rows`."""
    assert not rows.connection.closed
    with serving(settings_for(shared_database, tmp_path)) as running:
        yield running


@pytest.fixture
def rows_apart(database: str) -> Iterator[Rows]:
    """As `rows`, in a database of the test's own."""
    with psycopg.connect(database, autocommit=True) as connection:
        writer = Rows(connection)
        writer.curriculum()
        yield writer


@pytest.fixture
def service_apart(database: str, tmp_path: Path) -> Iterator[Service]:
    """The application over the database of `rows_apart`."""
    with serving(settings_for(database, tmp_path)) as running:
        yield running


@pytest.fixture
def cut_off(tmp_path: Path) -> Iterator[Service]:
    """The application, whose database is a socket that nobody listens on."""
    url = f"postgresql://someone:a-password@localhost/americano?host={tmp_path}"
    with serving(settings_for(url, tmp_path), PoolLimits(acquire_seconds=0.2)) as running:
        yield running
