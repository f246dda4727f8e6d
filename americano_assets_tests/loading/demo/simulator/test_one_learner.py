"""One definition, two speeds: the nightly table, the training spine and a single learner give equal values."""

import shutil
from datetime import datetime, timedelta
from pathlib import Path

import psycopg
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from americano_assets.core.study_days.study_day import cutoff
from americano_assets.loading.demo.simulator import Cohort, load_simulated
from americano_assets.resources.parquet_store.store import ParquetStore
from americano_assets.stages.s1_snapshots.snapshots import snapshot_state
from americano_assets.stages.s2_features import point_in_time
from americano_assets.stages.s2_features.day_tables import latest_tables
from americano_assets.stages.s2_features.feature_engine import open_feature_engine
from americano_assets.stages.s2_features.learner_features import LiveFeatures
from americano_assets_tests.loading.demo.simulator.conftest import END
from americano_assets_tests.world import ClockedDeployment, read_world, world_settings

YESTERDAY = END - timedelta(days=1)


@pytest.fixture(scope="module")
def deployment(
    module_database: str, class_of_30: Cohort, tmp_path_factory: pytest.TempPathFactory
) -> ClockedDeployment:
    home = tmp_path_factory.mktemp("home")
    made = ClockedDeployment(world_settings(module_database, home), cutoff(END, world_settings("", home).zone))
    with psycopg.connect(module_database, autocommit=True) as connection:
        load_simulated(connection, class_of_30, now=made.clock)
    read_world(made, class_of_30.arguments.first.isoformat(), END.isoformat())
    return made


def single(deployment: ClockedDeployment, cohort: Cohort, now: datetime) -> pa.Table:
    live = LiveFeatures(deployment.url, deployment.store, deployment.zone, deployment.target)
    return pa.concat_tables([live.of_learner(learner, now) for learner in sorted(cohort.learner_ids)])


def nightly(deployment: ClockedDeployment, store: ParquetStore) -> pa.Table:
    tables = latest_tables(deployment, END)
    tables.store = store
    version = tables.features([END])[END]
    return store.read_whole("features_at", version.content)


@pytest.mark.parametrize("before_the_end", [timedelta(0), timedelta(hours=9, minutes=17, milliseconds=1)])
def test_three_ways_to_the_same_values(
    deployment: ClockedDeployment,
    class_of_30: Cohort,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    before_the_end: timedelta,
) -> None:
    monkeypatch.setattr(
        point_in_time, "KEEP_FROM", 1
    )  # the night reads all that is ever kept of a log, the others the log
    deployment.clock = cutoff(END, deployment.zone) - before_the_end
    snapshot_state(deployment)  # plans of that moment: what a single learner reads too
    tables = latest_tables(deployment, END)
    tables.store_cohort(YESTERDAY if before_the_end else END)
    night = nightly(deployment, deployment.store)
    assert len(night) > 100
    assert len(pc.unique(night["learner_id"])) > 15
    one_by_one = single(deployment, class_of_30, deployment.clock)
    for name in night.column_names:  # names the column
        assert one_by_one[name].equals(night[name]), name
    assert one_by_one.schema.equals(night.schema)

    # The training spine: several cut-offs in one engine, and nothing remembered.
    shutil.copytree(deployment.store.root, tmp_path / "store", ignore=shutil.ignore_patterns("features_at"))
    again = latest_tables(deployment, END)
    again.store = ParquetStore(tmp_path / "store")
    version = again.features([END - timedelta(days=14), END - timedelta(days=7), END])[END]
    assert again.store.read_whole("features_at", version.content).equals(night)


def test_between_two_nights_the_others_are_as_the_last_night_had_them(
    deployment: ClockedDeployment, class_of_30: Cohort, tmp_path: Path
) -> None:
    last_night, now = END - timedelta(days=4), cutoff(END, deployment.zone) - timedelta(hours=9)
    shutil.copytree(
        deployment.store.root, tmp_path / "store", ignore=shutil.ignore_patterns(point_in_time.COHORT, "features_at")
    )
    tables = latest_tables(deployment, END)
    tables.store = ParquetStore(tmp_path / "store")
    tables.store_cohort(last_night)
    night = tables.store.read_whole("features_at", tables.features([last_night])[last_night].content)
    assert len(night) > 100
    live = LiveFeatures(deployment.url, tables.store, deployment.zone, deployment.target)
    fresh = pa.concat_tables(
        [
            live.of_learner(learner, now, pairs=night.filter(pc.equal(night["learner_id"], learner)))
            for learner in pc.unique(night["learner_id"]).to_pylist()
        ]
    )
    of_others = [name for name in fresh.column_names if name.startswith("cohort_")]
    assert len(of_others) == 4
    pair = ["learner_id", "objective_id"]
    assert fresh.select([*pair, *of_others]).equals(night.select([*pair, *of_others]))
    assert not fresh["last_score"].equals(night["last_score"]), "four days more of their own"


def test_rows_that_came_late_leave_no_less_than_nobody_and_no_more_than_all_right() -> None:
    with open_feature_engine() as engine:
        rows = engine.run(
            "SELECT own, shrunk_others(2000000000, own * 1000000000::BIGINT, 2, own) AS others, less(2, own) AS n "
            "FROM (VALUES (0), (1), (2), (3)) t(own) UNION ALL "
            "SELECT NULL, shrunk_others(NULL, 1000000000, NULL, 1), less(NULL, 1) UNION ALL "
            "SELECT -1, shrunk_others(2000000000, 0, 2, 1), less(2, 1)"
        ).to_pylist()
    assert [(row["own"], row["others"], row["n"]) for row in rows] == [
        (0, 3.2 / 4, 2),
        (1, 2.2 / 3, 1),
        (2, 0.6, 0),
        (3, 0.6, 0),
        (None, None, None),
        (-1, 2.2 / 3, 1),  # a failure went into the numbers that was taken out again
    ]


def test_nothing_of_who_opted_out_or_is_unknown(deployment: ClockedDeployment, class_of_30: Cohort) -> None:
    live = LiveFeatures(deployment.url, deployment.store, deployment.zone, deployment.target)
    flags = zip(class_of_30.learner_ids, class_of_30.learners.opted_out, strict=True)
    hidden = [name for name, flag in flags if flag in (1, 3)]
    assert hidden
    for learner in [*hidden, "nobody", "'; DROP TABLE users; --"]:
        assert live.of_learner(learner, deployment.clock).num_rows == 0
