"""A school whose log has been read, to be copied by each test, what an undisturbed night leaves of it, and a server
that may be stopped.
"""

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import psycopg
import pytest

from americano_assets.resources.embedded import EmbeddedServer
from americano_assets_tests.conftest import without_durability
from americano_assets_tests.faults.driver import FIRST, nights, start
from americano_assets_tests.world import World, published_rows

OURS = ("study_days", "episodes", "assignments", "published", "model_versions", "alerts")
Left = dict[str, list[tuple[object, ...]]]


@dataclass
class School:
    """A school before its first night."""

    url: str
    home: Path
    world: World

    def night(self, *, day: str = FIRST, raise_on_error: bool = True) -> dg.ExecuteInProcessResult:
        """The night, or another, in this process."""
        with dg.DagsterInstance.ephemeral() as instance:
            return nights(self.url, self.home, instance).night(day, raise_on_error=raise_on_error)

    def left(self) -> Left:
        """All that a night writes, but for when it was written."""
        ours = {
            table: self.world.rows(
                f"SELECT (to_jsonb(t) - 'published_at' - 'created_at')::text FROM ml.{table} t ORDER BY 1"
            )
            for table in OURS
        }
        return {**published_rows(self.world), **ours}


@pytest.fixture(scope="module")
def fragile() -> Iterator[EmbeddedServer]:
    """A server of this module's own, which its tests may stop."""
    with tempfile.TemporaryDirectory(prefix="fragile-", dir="/tmp") as home:  # A socket's path must be short.
        server = EmbeddedServer(Path(home))
        server.ensure()
        without_durability(server)
        yield server
        server.stop()


@pytest.fixture(scope="session")
def read_school(session_database: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """URL and home of the school that is copied."""
    home = tmp_path_factory.mktemp("school")
    with psycopg.connect(session_database, autocommit=True) as connection:
        start(session_database, World(connection), home)
    return session_database, home


@pytest.fixture(scope="session")
def undisturbed(
    read_school: tuple[str, Path], server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory
) -> Left:
    """What a night leaves that nothing happened to."""
    for school in _copy(read_school, server, "undisturbed", tmp_path_factory.mktemp("undisturbed") / "home"):
        school.night()
        left = school.left()
    assert all(left[table] for table in ("struggle_predictions", "episodes", "study_days"))
    return left


@pytest.fixture
def school(read_school: tuple[str, Path], server: EmbeddedServer, tmp_path: Path) -> Iterator[School]:
    """A copy of the school, for one test to disturb."""
    yield from _copy(read_school, server, "disturbed", tmp_path / "home")


def _copy(original: tuple[str, Path], server: EmbeddedServer, name: str, home: Path) -> Iterator[School]:
    url, folder = original
    shutil.copytree(folder, home)
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        source = psycopg.conninfo.conninfo_to_dict(url)["dbname"]
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{source}"'.encode())
        try:
            with psycopg.connect(server.url(name), autocommit=True) as own:
                yield School(server.url(name), home, World(own))
        finally:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())
