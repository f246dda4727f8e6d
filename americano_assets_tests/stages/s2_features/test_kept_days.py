"""What is kept of whole days and of label windows: later nights find it, a late row makes its own anew."""

import shutil
from datetime import UTC, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from americano_assets.resources.parquet_store.store import ParquetStore
from americano_assets.stages.maintenance.erasure.forgetting import forget
from americano_assets.stages.s2_features import point_in_time
from americano_assets.stages.s2_features.day_tables import latest_tables
from americano_assets.stages.s2_features.feature_engine import open_feature_engine
from americano_assets.stages.s2_features.query_plan import DERIVED_TABLES, KEPT_WINDOWS, WINDOWS
from americano_assets.stages.s2_features.sql import query
from americano_assets_tests.stages.s2_features.feature_school import DAY, T, fill_school
from americano_assets_tests.world import ClockedDeployment, World, at, read_world, study_day, world_settings

FIRST, NIGHT = "2025-09-01", study_day(DAY)
KEPT = (WINDOWS, *DERIVED_TABLES)


@pytest.fixture
def deployment(world: World, module_database: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> ClockedDeployment:
    fill_school(world)
    made = ClockedDeployment(world_settings(module_database, home), (T + timedelta(minutes=10)).replace(tzinfo=UTC))
    read_world(made, FIRST, DAY)
    monkeypatch.setattr(point_in_time, "KEEP_FROM", 1)
    return made


def files(store: ParquetStore) -> dict[str, set[str]]:
    return {table: {path.name for path in (store.root / table).glob("*.parquet")} for table in KEPT}


def features(deployment: ClockedDeployment, store: ParquetStore) -> pa.Table:
    tables = latest_tables(deployment, NIGHT)
    tables.store = store
    return store.read_whole("features_at", tables.features([NIGHT])[NIGHT].content)


def test_a_night_finds_what_was_kept_and_after_a_late_row_makes_that_alone_anew(
    world: World, deployment: ClockedDeployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def from_the_log(name: str) -> pa.Table:
        shutil.copytree(
            deployment.store.root, tmp_path / name, ignore=shutil.ignore_patterns("features_at", "elo_at", *KEPT)
        )
        with monkeypatch.context() as patched:
            patched.setattr(point_in_time, "KEEP_FROM", 10**9)
            found = features(deployment, ParquetStore(tmp_path / name))
        assert not (tmp_path / name / WINDOWS).exists()
        return found

    store = deployment.store
    first = features(deployment, store)
    made = files(store)
    assert len(first) > 20
    assert min(len(names) for names in made.values()) > 2
    assert first.equals(from_the_log("first"))

    world.reviews("history", "kidney", at("2026-01-15 10:00"), "AAAA")
    read_world(deployment, "2026-01-14", "2026-01-16")
    late = features(deployment, store)
    assert not late.equals(first)
    assert late.equals(from_the_log("late"))
    new = {table: len(names - made[table]) for table, names in files(store).items()}
    assert new == {WINDOWS: 1, "day_totals": 1, "day_validations": 0}

    # Whatever is kept of days is kept by learner: nothing of who is forgotten stays in it.
    ((key,),) = duckdb.execute("SELECT md5_number_lower('history')").fetchall()

    def named() -> dict[str, int]:
        return {
            table: sum(
                key in pq.read_table(path, columns=["learner_key"])["learner_key"].to_pylist()
                for path in (store.root / table).glob("*.parquet")
            )
            for table in KEPT
        }

    assert all(named().values())
    forget(deployment, "history")
    assert not any(named().values())
    left = features(deployment, deployment.store)
    assert left.equals(late.filter(pc.not_equal(late["learner_id"], "history")))


def test_of_the_windows_that_are_kept_a_cutoff_takes_the_25_that_end_with_it() -> None:
    kept = range(500, 1100)  # a window that closes on each day
    with open_feature_engine() as engine:
        engine.register("topic_windows_kept", pa.table({"closes_day": pa.array(kept, pa.int32())}))
        found = engine.run(query(KEPT_WINDOWS), {"cutoff_day": 1000, "horizon_days": 7})
    assert sorted(found["closes_day"].to_pylist(), reverse=True) == [1000 - 7 * back for back in range(25)]
