"""A school whose log has been read, to be copied by each test, what an undisturbed night leaves of it, and a server
that may be stopped.
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import psycopg
import pytest

from americano_assets.resources.postgres.embedded.server import EmbeddedServer
from americano_assets_tests.conftest import without_durability
from americano_assets_tests.end_to_end.faults.driver import FIRST, NOWHERE, nights, start
from americano_assets_tests.end_to_end.faults.points import COMMITTED, Point, watched
from americano_assets_tests.folders import SHORT
from americano_assets_tests.world import World, published_rows

OURS = (
    *("study_days", "episodes", "assignments", "published", "model_versions", "alerts"),
    *("model_performance", "struggle_reduction", "effects", "drift"),
)
Left = dict[str, list[tuple[object, ...]]]


@dataclass
class School:
    """A school before its first night."""

    url: str
    home: Path
    world: World

    def night(
        self, *, day: str = FIRST, raise_on_error: bool = True, mlflow: str = NOWHERE
    ) -> dg.ExecuteInProcessResult:
        """The night, or another, in this process."""
        with dg.DagsterInstance.ephemeral() as instance:
            return nights(self.url, self.home, instance, mlflow).night(day, raise_on_error=raise_on_error)

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
    with tempfile.TemporaryDirectory(prefix="fragile-", dir=SHORT) as home:  # A socket's path must be short.
        server = EmbeddedServer(Path(home))
        server.ensure()
        without_durability(server)
        yield server
        server.stop()


@dataclass(frozen=True)
class Recorded:
    """A night that nothing happened to: its points in order with what stood in the database then, and at its end."""

    points: dict[Point, Left]
    left: Left


@pytest.fixture(scope="session")
def read_school(session_database: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """URL and home of the school that is copied."""
    home = tmp_path_factory.mktemp("school")
    with psycopg.connect(session_database, autocommit=True) as connection:
        start(session_database, World(connection), home)
    return session_database, home


@pytest.fixture(scope="session")
def first_night(
    read_school: tuple[str, Path], server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory
) -> Recorded:
    """The first night, undisturbed."""
    with copied(read_school, server, "undisturbed", tmp_path_factory.mktemp("undisturbed") / "home") as school:
        recorded = record(school, FIRST)
    assert all(recorded.left[table] for table in ("struggle_predictions", "episodes", "study_days"))
    return recorded


@pytest.fixture(scope="session")
def undisturbed(first_night: Recorded) -> Left:
    """What a night leaves that nothing happened to."""
    return first_night.left


@pytest.fixture
def school(read_school: tuple[str, Path], server: EmbeddedServer, tmp_path: Path) -> Iterator[School]:
    """A copy of the school, for one test to disturb."""
    with copied(read_school, server, "disturbed", tmp_path / "home") as school:
        yield school


def record(school: School, day: str) -> Recorded:
    """A night in this process, and what stood in the database at each of its points."""
    points: dict[Point, Left] = {}
    stands = school.left()

    def reached(point: Point) -> None:
        nonlocal stands
        if point.kind == COMMITTED:
            stands = school.left()
        points.setdefault(point, stands)

    with watched(school.home, reached):
        assert school.night(day=day).success
    return Recorded(points, school.left())


@contextmanager
def copied(original: tuple[str, Path], server: EmbeddedServer, name: str, home: Path) -> Iterator[School]:
    """A school with the same database and home; nobody may be connected to the original."""
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
