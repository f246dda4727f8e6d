"""Nights with nothing to read: a study day in which nobody did anything, and a database in which nobody is yet."""

from collections.abc import Iterable
from pathlib import Path

import dagster as dg
import duckdb
import psycopg

from americano_assets.resources.parquet_store.store import ParquetStore
from americano_assets.stages.common.schemas import LOG_TABLES
from americano_assets.stages.s1_snapshots.input_manifest import DAY_TABLES
from americano_assets.stages.s9_report.research_tables import SCHEMA, TABLES
from americano_assets_tests.end_to_end.faults.conftest import School
from americano_assets_tests.end_to_end.faults.driver import FIRST, nights
from americano_assets_tests.end_to_end.story import DAY_FILES, SECOND, SECOND_CUTOFF, SLIPPED
from americano_assets_tests.end_to_end.story import school as fill
from americano_assets_tests.world import World, published_rows, study_day

SHOWN = {
    "predictions": """SELECT "id", "userId", "predictionStatus"::text, "predictionDate", "acknowledgedAt",
        "actualOutcome" FROM struggle_predictions ORDER BY 1""",
    "indicators": 'SELECT "id", "userId", "indicatorType"::text FROM struggle_indicators ORDER BY 1',
    "interventions": """SELECT "id", "userId", "interventionType"::text, "status"::text
        FROM intervention_recommendations ORDER BY 1""",
    "alerts": "SELECT prediction_id FROM ml.alerts ORDER BY 1",
    "episodes": "SELECT prediction_id, planned_day, outcome FROM ml.episodes ORDER BY 1",
}


def stored_rows(home: Path, day: str, tables: Iterable[str]) -> dict[str, int]:
    store = ParquetStore(home / "data")
    found = {table: store.current(table, study_day(day)) for table in tables}
    return {table: version.rows for table, version in found.items() if version is not None}


def failed_checks(result: dg.ExecuteInProcessResult) -> list[str]:
    return [check.check_name for check in result.get_asset_check_evaluations() if not check.passed]


def test_a_study_day_without_any_event_is_green_and_leaves_standing_what_is_still_to_come(school: School) -> None:
    world = school.world
    assert school.night().success
    world.execute("""UPDATE struggle_predictions SET "acknowledgedAt" = '2026-03-10 07:00' WHERE "userId" = 'stuck'""")
    before = {name: world.rows(query) for name, query in SHOWN.items()}
    assert all(before.values())
    result = school.night(day=SECOND)
    assert result.success
    assert failed_checks(result) == []
    tables = (*LOG_TABLES, *DAY_TABLES)
    assert stored_rows(school.home, SECOND, tables) == dict.fromkeys(tables, 0)
    assert {name: world.rows(query) for name, query in SHOWN.items()} == before
    # What is still to come was seen by the night, which changes p and nothing else.
    assert world.rows('SELECT DISTINCT "predictedAt" FROM struggle_predictions') == [(SECOND_CUTOFF,)]
    assert world.rows("SELECT study_day::text, live FROM ml.study_days ORDER BY 1") == [(FIRST, True), (SECOND, True)]


def test_nights_on_an_empty_database_are_green_and_whoever_comes_then_is_served(database: str, tmp_path: Path) -> None:
    with psycopg.connect(database, autocommit=True) as connection, dg.DagsterInstance.ephemeral() as instance:
        world, run = World(connection), nights(database, tmp_path, instance)
        for day in (FIRST, SECOND):
            result = run.night(day)
            assert result.success
            assert failed_checks(result) == []
            tables = (*LOG_TABLES, *DAY_TABLES, *DAY_FILES, "training_set")
            assert stored_rows(tmp_path, day, tables) == dict.fromkeys(tables, 0)
            assert not any(published_rows(world).values())
            assert (tmp_path / "reports" / f"{day}.html").exists()
        assert world.rows("SELECT candidates, published FROM ml.study_days") == [(0, 0), (0, 0)]
        with duckdb.connect(str(tmp_path / "analytics.duckdb"), read_only=True) as research:
            counts = [research.execute(f"SELECT count(*) FROM {SCHEMA}.{table}").fetchall() for table in TABLES]
        assert counts == [[(0,)]] * len(TABLES)
        fill(world)
        assert run.night("2026-03-10").success
        assert {learner for (learner,) in world.rows('SELECT "userId" FROM struggle_predictions')} == set(SLIPPED)
