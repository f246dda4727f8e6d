"""A school after its first night, to be copied by each test, and the API over the copy."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg
import pytest

from americano_assets.resources.postgres.embedded.server import EmbeddedServer
from americano_assets_tests.api.serving import Service, serving
from americano_assets_tests.conftest import temporary
from americano_assets_tests.world import Nights, World, at, world_settings

LEARNERS = ("asking", "early", "late", "quiet", "steep")
FIRST, SECOND = "2026-03-08", "2026-03-09"
FIRST_CUTOFF, SECOND_CUTOFF = at("2026-03-09 23:00"), at("2026-03-10 23:00")
# Within the study day that opened at FIRST_CUTOFF.
MORNING = at("2026-03-10 09:00")
MISSION = at("2026-03-12 09:00")
FAR = at("2026-03-19 09:00")


@dataclass
class School:
    """A school of its own for one test."""

    url: str
    home: Path
    world: World
    values: dict[str, Any]

    @contextmanager
    def serving(self, now: datetime = MORNING, **values: Any) -> Iterator[Service]:
        """The API over it, whose clock stands at `now`."""
        with serving(world_settings(self.url, self.home, **self.values, **values)) as service:
            service.now = now
            yield service

    def generate(self, learner: str, now: datetime = MORNING, days_ahead: int = 7) -> dict[str, Any]:
        """The answer for a learner, of an API that is started for it."""
        with self.serving(now) as service:
            return service.post("/predictions/generate", 201, user_id=learner, days_ahead=days_ahead)

    def night(self, day: str, **values: Any) -> None:
        """A night, on time."""
        with dg.DagsterInstance.ephemeral() as instance:
            assert Nights(world_settings(self.url, self.home, **self.values, **values), instance).night(day).success

    def of_learner(self, table: str, learner: str) -> list[tuple[Any, ...]]:
        """A learner's rows of one of the app's tables, as text."""
        return self.world.rows(f'SELECT to_jsonb(t)::text FROM {table} t WHERE "userId" = %s ORDER BY "id"', learner)


def _begin(world: World) -> None:
    world.learner("owner")
    world.course("anatomy", "owner")
    for objective, complexity in (
        ("heart", "INTERMEDIATE"),
        ("hard", "ADVANCED"),
        ("basic", "BASIC"),  # nobody ever looks at it, and no mission names it
        ("later", "INTERMEDIATE"),
    ):
        world.objective(objective, "anatomy", complexity, f"Know the {objective}")
    world.prerequisite("hard", "basic")
    for learner in LEARNERS:
        world.learner(learner)
        world.mission(learner, MISSION, ["hard"] if learner == "steep" else ["heart"])
        world.mission(learner, FAR, ["later"])
        world.reviews(learner, "heart", at("2026-03-05 10:00"), "AAAG")
    # One who meets a topic of two hard things and an easy one that neither builds on.
    world.course("statistics", "owner")
    for objective, complexity in (("tall", "ADVANCED"), ("steady", "ADVANCED"), ("small", "BASIC")):
        world.objective(objective, "statistics", complexity, f"Know the {objective}")
    world.mission("steep", MISSION, ["tall"])
    world.reviews("steep", "steady", at("2026-03-05 11:00"), "AAAG")
    world.profile("asking", minutes=40, visual=0.2, reading=0.7, kinesthetic=0.1)
    world.learner("fine")
    world.mission("fine", MISSION, ["heart"])
    world.reviews("fine", "heart", at("2026-03-05 10:00"), "GGGG")


@pytest.fixture(scope="session")
def after_a_night(
    server: EmbeddedServer, prepared_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Path]]:
    """URL and home of the school that is copied; the rules score in it."""
    home = tmp_path_factory.mktemp("school")
    for url in temporary(server, prepared_template):
        with psycopg.connect(url, autocommit=True) as connection:
            _begin(World(connection))
        with dg.DagsterInstance.ephemeral() as instance:
            nights = Nights(world_settings(url, home, model_type="rule_based"), instance)
            nights.deployment.clock = datetime(2026, 3, 9, 20, tzinfo=UTC)
            assert nights.history("2026-02-20", FIRST).success
            assert nights.night(FIRST).success
        yield url, home


@pytest.fixture
def school(after_a_night: tuple[str, Path], server: EmbeddedServer, tmp_path: Path) -> Iterator[School]:
    """A copy of the school, for one test."""
    yield from copied(after_a_night, server, tmp_path)


def copied(original: tuple[str, Path], server: EmbeddedServer, folder: Path) -> Iterator[School]:
    """A copy of a school, gone behind it."""
    template, home = original
    shutil.copytree(home, folder / "home")
    for url in temporary(server, str(psycopg.conninfo.conninfo_to_dict(template)["dbname"])):
        with psycopg.connect(url, autocommit=True) as connection:
            yield School(url, folder / "home", World(connection, first=1000), {"model_type": "rule_based"})
