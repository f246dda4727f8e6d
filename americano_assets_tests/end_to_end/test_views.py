"""The same rows through views and through the app's own tables give the same predictions, to the byte."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg
import pytest

from americano_assets.contract import READ
from americano_assets.contract.compare import check
from americano_assets.contract.declaration import SqlType
from americano_assets.contract.printed.ddl import ddl
from americano_assets.contract.views import look_into
from americano_assets.resources.postgres.connection import bootstrap, connect
from americano_assets.resources.postgres.embedded.server import EmbeddedServer
from americano_assets.resources.postgres.urls import libpq_url
from americano_assets_tests.conftest import temporary
from americano_assets_tests.end_to_end.story import FIRST, SECOND, school, what_people_do_with_predictions
from americano_assets_tests.world import Nights, World, at, published_rows, world_settings

pytestmark = pytest.mark.long

_THEIRS, _OURS = "theirs", "americano"


def _richer(world: World) -> None:
    """The school of the chain with rows in every table that is read."""
    school(world)
    world.objective("lung", "anatomy", complexity="ADVANCED")
    world.prerequisite("lung", "heart")
    for learner in ("stuck", "eager"):
        world.answer(learner, "lung", at("2026-03-06 10:00"), 0.4)
        world.session(learner, at("2026-03-06 09:50"), 25)
        world.event(learner, "CARD_REVIEWED", at("2026-03-06 11:00"), {"cardId": "lung-card", "rating": "AGAIN"})
        world.old_mission(learner, at("2026-03-13 00:00"), ["lung"])
        world.exam(learner, "anatomy", at("2026-03-14 00:00"))
        world.profile(learner, visual=0.6)


@contextmanager
def _app(server: EmbeddedServer) -> Iterator[tuple[World, str]]:
    with (
        contextmanager(temporary)(server, "template0") as url,
        psycopg.connect(url, autocommit=True) as connection,
    ):
        bootstrap(connection)
        world = World(connection)
        _richer(world)
        yield world, url


def _behind_views(world: World) -> None:
    """The app's tables under other names in a schema of their own, and over them views, with enums as text."""
    world.execute(f"ALTER SCHEMA public RENAME TO {_THEIRS}; CREATE SCHEMA {_OURS}; SET search_path = {_OURS}")
    for table in READ:
        columns = ", ".join(
            f'"{column.name}"' if isinstance(column.type, SqlType) else f'"{column.name}"::text AS "{column.name}"'
            for column in table.extracted
        )
        world.execute(f"ALTER TABLE {_THEIRS}.{table.name} RENAME TO own_{table.name}")
        world.execute(f"CREATE VIEW {table.name} AS SELECT {columns} FROM {_THEIRS}.own_{table.name}")
    world.execute(ddl(written=True))


def _nights(world: World, url: str, home: Path) -> dict[str, Any]:
    told: dict[str, Any] = {}
    with dg.DagsterInstance.ephemeral() as instance:
        nights = Nights(world_settings(url, home, model_type="rule_based"), instance)
        nights.deployment.clock = datetime(2026, 3, 9, 20, tzinfo=UTC)
        assert nights.history("2026-02-20", FIRST).success
        assert nights.night(FIRST).success
        told[FIRST] = published_rows(world)
        what_people_do_with_predictions(world)
        assert nights.night(SECOND).success
        told[SECOND] = published_rows(world)
        assert nights.night(FIRST).success
        told["again"] = published_rows(world)
        told["ours"] = world.rows("SELECT (to_jsonb(e) - 'created_at')::text FROM ml.episodes e ORDER BY 1")
    return told


def test_the_same_rows_give_the_same_predictions(server: EmbeddedServer, tmp_path: Path) -> None:
    with _app(server) as (world, url):
        through_tables = _nights(world, url, tmp_path / "tables")
    with _app(server) as (world, url):
        _behind_views(world)
        url = f"{url}&schema={_OURS}"
        with connect(libpq_url(url), autocommit=True) as connection, connection.transaction():
            assert check(connection) == []
            assert look_into(connection) == []
        through_views = _nights(world, url, tmp_path / "views")
    assert all(through_tables[FIRST].values())
    assert through_tables[SECOND] != through_tables[FIRST]
    assert through_views == through_tables
