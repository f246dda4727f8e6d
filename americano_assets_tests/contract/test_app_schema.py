"""An app's database as its own migrations make it: `check-db` has nothing to complain of, and a night runs on it."""

from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import psycopg
import pytest

from americano_assets.contract.compare import check
from americano_assets.errors import AmericanoError
from americano_assets.loading.demo.flow import load_cohort, load_students
from americano_assets.stages.s6_publication.transaction import PREDICTIONS
from americano_assets_tests.end_to_end.story import FIRST, school
from americano_assets_tests.world import Nights, World, at, published_rows, world_settings

SCHEMA = (Path(__file__).parent / "app_schema.sql").read_text()
# Types that an app may as well have chosen for what is read.
AS_GOOD = {
    "TEXT[]": "VARCHAR(191)[]",
    "TEXT": "VARCHAR(191)",
    "INTEGER": "BIGINT",
    "DOUBLE PRECISION": "REAL",
    "TIMESTAMP(3)": "TIMESTAMP(6)",
    '"ReviewRating"': '"Rating"',
}


def _with_other_types() -> str:
    read, made_by_hand, written = SCHEMA.partition('CREATE TABLE "struggle_predictions"')
    for type_, other in AS_GOOD.items():
        read = read.replace(f"{type_} ", f"{other} ").replace(f"{type_},", f"{other},")
    return read + made_by_hand + written


def test_a_demo_is_not_loaded_where_columns_that_it_writes_are_not(empty_database: str, tmp_path: Path) -> None:
    settings = world_settings(empty_database, tmp_path / "home")
    with psycopg.connect(empty_database, autocommit=True) as connection:
        connection.execute(SCHEMA.encode())
        with pytest.raises(AmericanoError, match=r"\d+ are not in database .*, first .*: without --into-this-database"):
            load_cohort(settings, 6, 60, 2, None, lambda table, rows: None)
        with pytest.raises(AmericanoError, match=r"\d+ are not in database"):
            load_students(settings, 6, lambda table, rows: None)
        assert connection.execute("SELECT to_regnamespace('ml')").fetchone() == (None,)


@pytest.mark.parametrize("schema", ["prisma", pytest.param("other types", marks=pytest.mark.long)])
def test_a_night_runs_on_the_apps_own_schema_and_each_warning_can_be_acted_on(
    empty_database: str, tmp_path: Path, schema: str
) -> None:
    with psycopg.connect(empty_database, autocommit=True) as connection:
        connection.execute((SCHEMA if schema == "prisma" else _with_other_types()).encode())
        found = [(one.severity, one.kind, one.where) for one in check(connection)]
        assert found == [("warning", "foreign key", f"{PREDICTIONS}.learningObjectiveId")]
        world = World(connection)
        school(world)
        world.profile("stuck", visual=0.5)
        world.objective("blood", "anatomy")
        world.prerequisite("heart", "blood", 0.5)
        world.answer("stuck", "heart", at("2026-03-09 09:30"), 0.3)
        world.event("stuck", "SESSION_ENDED", at("2026-03-09 10:00"), {"sessionId": "one"}, experimentPhase="A1")
        settings = world_settings(empty_database, tmp_path / "home", model_type="rule_based")
        with dg.DagsterInstance.ephemeral() as instance:
            nights = Nights(settings, instance)
            nights.deployment.clock = datetime(2026, 3, 9, 20, tzinfo=UTC)
            assert nights.history("2026-02-20", FIRST).success
            assert nights.night(FIRST).success
        assert all(published_rows(world).values())
