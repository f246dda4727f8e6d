"""Fixtures of the stages: a school on a database of its own, one night of it, and one that has lived through two."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path

import dagster as dg
import psycopg
import pytest
from pydantic import SecretStr

from americano_assets.resources.postgres.embedded.server import EmbeddedServer
from americano_assets.settings import Settings
from americano_assets_tests.stages.s3_training.test_trained_model import JUDGED, LEARNERS, SCORED
from americano_assets_tests.stages.s3_training.weekly_school import FIRST_MONDAY, fill, learners
from americano_assets_tests.stages.s6_publication.night import Night
from americano_assets_tests.world import ClockedDeployment, Nights, World, at, world_settings

_numbers = count(1)
OUT = "learner-07"  # left analytics


@pytest.fixture
def night(database: str) -> Iterator[Night]:
    """Three learners, each with an objective of the same number; nothing is published yet."""
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
def own_settings(database: str, tmp_path: Path, request: pytest.FixtureRequest) -> Settings:
    """Settings of a deployment on that database with a home of its own; bad rows go to quarantine unless asked for."""
    return world_settings(database, tmp_path / "home", americano_on_invalid=getattr(request, "param", "quarantine"))


@pytest.fixture
def deployment(own_settings: Settings) -> ClockedDeployment:
    """That deployment, on the evening of 2026-03-10."""
    return ClockedDeployment(own_settings, datetime(2026, 3, 10, 23, 10, tzinfo=UTC))


@dataclass
class Lived:
    """A school after two nights a week apart: its world, its settings, and its runs."""

    world: World
    settings: Settings
    nights: Nights

    @property
    def deployment(self) -> ClockedDeployment:
        return self.nights.deployment


@pytest.fixture(scope="session")
def lived(server: EmbeddedServer, prepared_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lived]:
    """Forty learners, eleven weeks, two nights; nobody may change it: `relived` is a copy to change."""
    name = _copy(server, prepared_template)
    with psycopg.connect(server.url(name), autocommit=True) as connection:
        world = World(connection)
        with connection.transaction():
            fill(world, learners(LEARNERS))
            world.execute('UPDATE users SET "includeInAnalytics" = false WHERE "id" = %s', OUT)
            for learner in ("learner-01", "learner-02", "learner-03"):
                for when in ("2026-03-09 08:00", "2026-03-09 12:00"):
                    world.event(learner, "SESSION_STARTED", at(when), {}, experimentPhase="baseline")
        yield from _lived(server.url(name), tmp_path_factory.mktemp("lived"), world)
    _drop(server, name)


def _lived(url: str, home: Path, world: World) -> Iterator[Lived]:
    settings = world_settings(
        url,
        home,
        americano_start_day=_first(),
        mlflow_tracking_uri=SecretStr("nowhere://at-all"),
        americano_on_invalid="quarantine",
        compare_with_postgres=True,
    )
    with dg.DagsterInstance.ephemeral() as instance:
        nights = Nights(settings, instance)
        assert nights.history(_first().isoformat(), SCORED).success
        assert nights.night(SCORED).success
        assert nights.night(JUDGED).success
        yield Lived(world, settings, nights)


def _first() -> date:
    return FIRST_MONDAY - timedelta(days=2)


@pytest.fixture
def relived(server: EmbeddedServer, lived: Lived, tmp_path: Path) -> Iterator[Lived]:
    """The same school, a copy of database and home that a test may change."""
    url = lived.settings.database_url
    assert url is not None
    lived.world.connection.close()  # A database that somebody is connected to is not copied.
    name = _copy(server, str(psycopg.conninfo.conninfo_to_dict(url.get_secret_value())["dbname"]))
    lived.world.connection = psycopg.connect(url.get_secret_value(), autocommit=True)
    home = tmp_path / "home"
    shutil.copytree(lived.settings.americano_home, home)
    settings = lived.settings.model_copy(update={"database_url": SecretStr(server.url(name)), "americano_home": home})
    with (
        psycopg.connect(server.url(name), autocommit=True) as connection,
        dg.DagsterInstance.ephemeral() as instance,
    ):
        nights = Nights(settings, instance)
        nights.deployment.clock = lived.deployment.clock
        yield Lived(World(connection), settings, nights)
    _drop(server, name)


def _copy(server: EmbeddedServer, template: str) -> str:
    name = f"store_{next(_numbers)}"
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'.encode())
    return name


def _drop(server: EmbeddedServer, name: str) -> None:
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())
