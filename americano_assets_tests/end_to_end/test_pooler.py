"""A night, the API and the comparison through a transaction pooler, on a schema that the URL names."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import psycopg
import pytest

from americano_assets.api.database import PoolLimits
from americano_assets.contract.compare import check
from americano_assets.resources.postgres.connection import bootstrap, connect
from americano_assets.resources.postgres.embedded.server import EmbeddedServer
from americano_assets.resources.postgres.urls import libpq_url
from americano_assets.stages.maintenance.archive import archive, restore
from americano_assets_tests.api.serving import serving
from americano_assets_tests.end_to_end.pooler import needs_pooler, of_sessions, pooler
from americano_assets_tests.end_to_end.story import FIRST, school
from americano_assets_tests.world import Nights, World, at, published_rows, world_settings

pytestmark = [needs_pooler, pytest.mark.long]  # Where the quick tests run it may not be installed yet.

SESSIONS = 4
# Whatever a transaction of ours left behind in the session that it was given.
_LEFT = """
SELECT (SELECT array_agg(name || '=' || setting ORDER BY name) FROM pg_settings
        WHERE source = 'session' AND name NOT IN ('application_name', 'client_encoding')),
       (SELECT count(*) FROM pg_prepared_statements), current_setting('TimeZone'), current_setting('search_path'),
       (SELECT count(*) FROM pg_class WHERE relpersistence = 't' AND pg_table_is_visible(oid))
"""


@pytest.fixture
def pooled(server: EmbeddedServer, empty_database: str) -> Iterator[str]:
    """A URL as an app behind a pooler has it, of a database that prefers another zone and has the tables in `app`."""
    settings = {"pool_mode": "transaction", "default_pool_size": SESSIONS, "server_round_robin": 1}
    with psycopg.connect(empty_database, autocommit=True) as connection:
        name = connection.info.dbname
        connection.execute(f"ALTER DATABASE \"{name}\" SET timezone = 'Asia/Tokyo'".encode())
        connection.execute("CREATE SCHEMA app")
    with pooler(server, settings, {}) as port:
        yield f"postgresql://u:p@127.0.0.1:{port}/{name}?schema=app&pgbouncer=true&connection_limit=1"


def test_nothing_of_ours_depends_on_a_session_and_nothing_is_left_in_one(
    empty_database: str, pooled: str, tmp_path: Path
) -> None:
    url = libpq_url(pooled)
    with connect(url, autocommit=True) as connection:
        assert bootstrap(connection)
        assert check(connection) == []
    with psycopg.connect(empty_database, options="-c search_path=app", autocommit=True) as direct:
        world = World(direct)
        school(world)
        settings = world_settings(pooled, tmp_path / "home", model_type="rule_based")
        with dg.DagsterInstance.ephemeral() as instance:
            nights = Nights(settings, instance)
            nights.deployment.clock = datetime(2026, 3, 9, 20, tzinfo=UTC)
            assert nights.history("2026-02-20", FIRST).success
            assert nights.night(FIRST).success
        assert all(published_rows(world).values())

        with serving(settings, PoolLimits(acquire_seconds=30, statement_seconds=30)) as service:
            service.now = at("2026-03-10 09:00")

            def ask(number: int) -> list[int]:
                paths = ("/predictions", "/interventions", "/analytics/model-performance", "/health/ready")
                generated = service.ask("/predictions/generate", method="POST", json={"user_id": f"learner-{number}"})
                return [service.ask(path, {"user_id": "stuck"}).status_code for path in paths * 6] + [
                    generated.status_code
                ]

            with ThreadPoolExecutor(8) as pool:
                answers = [status for statuses in pool.map(ask, range(8)) for status in statuses]
            assert set(answers) == {200, 201}
            service.post("/predictions/generate", 201, user_id="idle")

        with connect(url, autocommit=True) as connection:
            before = published_rows(world)
            direct.execute('UPDATE struggle_predictions SET "actualOutcomeRecordedAt" = now()')
            assert archive(connection, at("2030-01-01 00:00"), at("2030-01-01 00:00")).predictions
            restore(connection)
            assert len(published_rows(world)) == len(before)
    plain = pooled.partition("?")[0]
    clean = (None, 0, "Asia/Tokyo", '"$user", public', 0)
    assert of_sessions(plain, SESSIONS, _LEFT) == [clean] * SESSIONS
