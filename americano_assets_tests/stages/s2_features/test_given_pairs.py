"""Features of pairs that a caller names, instead of the night's candidates."""

from datetime import UTC, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from americano_assets.stages.s2_features.day_tables import latest_tables
from americano_assets.stages.s2_features.point_in_time import PairSource, PointInTimeTables
from americano_assets_tests.stages.s2_features.feature_school import DAY, SOON, T, fill_school
from americano_assets_tests.world import ClockedDeployment, World, read_world, study_day, world_settings

NIGHT = study_day(DAY)


@pytest.fixture(scope="module")
def tables(world: World, module_database: str, home: Path) -> PointInTimeTables:
    fill_school(world)
    world.execute('UPDATE users SET "behavioralAnalysisEnabled" = false WHERE "id" = %s', "brisk")
    now = (T + timedelta(minutes=10)).replace(tzinfo=UTC)
    deployment = ClockedDeployment(world_settings(module_database, home), now)
    read_world(deployment, "2025-12-08", "2026-03-12")
    return latest_tables(deployment, NIGHT)


def features_of(tables: PointInTimeTables, pairs: pa.Table | None) -> pa.Table:
    given = None
    if pairs is not None:
        stored = tables.store.put_whole("pairs", pairs)
        given = {NIGHT: PairSource(stored.content, tables.store.whole_path("pairs", stored.content))}
    return tables.store.read_whole("features_at", tables.features([NIGHT], given)[NIGHT].content)


def test_the_nights_own_pairs_give_the_nights_table(tables: PointInTimeTables) -> None:
    night = features_of(tables, None)
    planned = pc.if_else(night["planned"], night["planned_at"], pa.scalar(None, night["planned_at"].type))
    given = night.select(["learner_id", "objective_id"]).append_column("planned_at", planned)
    assert len(given) > 20
    assert features_of(tables, given.take(list(reversed(range(len(given)))))).equals(night)


def test_whatever_is_asked_is_answered_but_for_who_opted_out_and_what_is_unknown(tables: PointInTimeTables) -> None:
    asked = [("gone-quiet", "bank-01"), ("gone-quiet", "heart"), ("retention", "heart"), ("retention", "xray")]
    rows = features_of(
        tables,
        pa.table(
            {
                "learner_id": [*(learner for learner, _ in asked), "brisk", "nobody", "retention"],
                "objective_id": [*(objective for _, objective in asked), "heart", "heart", "nothing"],
            }
        ),
    ).to_pylist()
    assert [(row["learner_id"], row["objective_id"]) for row in rows] == asked
    assert not any(row["planned"] for row in rows)
    by_pair = {(row["learner_id"], row["objective_id"]): row for row in rows}
    assert by_pair["retention", "heart"]["retention_score"] == pytest.approx(5 / 7)
    assert by_pair["retention", "xray"]["review_lapse_rate"] == 1
    assert by_pair["gone-quiet", "heart"]["data_quality"] == pytest.approx(4 / 15)


def test_of_a_pair_given_twice_the_earliest_plan_counts(tables: PointInTimeTables) -> None:
    later = SOON + timedelta(days=1)
    pair = {"learner_id": ["new"] * 3, "objective_id": ["heart"] * 3, "planned_at": [None, later, SOON]}
    (row,) = features_of(tables, pa.table(pair)).to_pylist()
    assert row["planned"]
    assert row["planned_at"] == SOON
    assert row["planned_day"] == (study_day("2026-03-11") - study_day("1970-01-01")).days
