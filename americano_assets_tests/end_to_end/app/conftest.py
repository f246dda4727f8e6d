"""A school after its first night, and the example's folder with its packages installed.

`npm ci --prefix examples/nextjs` installs them (`.ci/run` does); these tests say so where they are missing.
"""

import os
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import psycopg
import pytest

from americano_assets.installation import PROJECT_ROOT
from americano_assets_tests.end_to_end.story import FIRST, school
from americano_assets_tests.world import Nights, World, world_settings

EXAMPLE = PROJECT_ROOT / "examples" / "nextjs"
# Only `generate` is asked of Prisma's command line: any executable does for the engine that it would download.
ENVIRONMENT = {**os.environ, "PRISMA_SCHEMA_ENGINE_BINARY": "/bin/true", "NEXT_TELEMETRY_DISABLED": "1"}


def for_node(url: str) -> str:
    """The URL as node's drivers take it: a host must stand in it, also where a socket is meant."""
    return url.replace("postgres:@/", "postgres:@localhost/", 1)


def npx(*words: str, **environment: str) -> None:
    """Run a command of the example's packages."""
    done = subprocess.run(
        ["npx", "--no-install", *words],
        cwd=EXAMPLE,
        env={**ENVIRONMENT, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, (
        f"npx {' '.join(words)} (run `npm ci` in examples/nextjs first):\n{done.stdout}{done.stderr}"
    )


@pytest.fixture(scope="session")
def generated_client() -> Path:
    """The example's folder, with Prisma's client generated."""
    npx("prisma", "generate")
    return EXAMPLE


@pytest.fixture
def first_night(database: str, tmp_path: Path) -> Iterator[tuple[Nights, World, str]]:
    """Nights of a school of which the first is published, its writer, and the database's URL."""
    with psycopg.connect(database, autocommit=True) as connection, dg.DagsterInstance.ephemeral() as instance:
        world = World(connection)
        school(world)
        nights = Nights(world_settings(database, tmp_path / "home", model_type="rule_based"), instance)
        nights.deployment.clock = datetime(2026, 3, 9, 20, tzinfo=UTC)
        assert nights.history("2026-02-20", FIRST).success
        assert nights.night(FIRST).success
        yield nights, world, database
