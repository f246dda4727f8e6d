"""A simulated cohort through the pipeline: its labels are the generator's outcomes, its nights succeed."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import numpy as np
import pandas as pd
import psycopg
import pyarrow as pa
import pytest

from americano_assets.core.study_days.study_day import cutoff, days_between, study_day_of
from americano_assets.loading.demo.scenarios import cohort_demo
from americano_assets.loading.demo.scenarios.cohort_demo import is_simulated, yardstick
from americano_assets.loading.demo.simulator import Cohort, load_simulated, load_since
from americano_assets.loading.demo.simulator.draw.timing import ZONE
from americano_assets.stages.s2_features.day_tables import latest_tables
from americano_assets.stages.s2_features.point_in_time import PairSource
from americano_assets_tests.loading.demo.simulator.conftest import END
from americano_assets_tests.world import ClockedDeployment, Nights, read_world, world_settings

LONG_AFTER = datetime(2026, 3, 20, tzinfo=UTC)  # all that was sent late is there


@pytest.fixture(scope="module")
def school(module_database: str, class_of_30: Cohort) -> str:
    """URL of a database that holds the cohort."""
    with psycopg.connect(module_database, autocommit=True) as connection:
        load_simulated(connection, class_of_30, now=LONG_AFTER)
    return module_database


def test_the_labels_of_the_pipeline_are_the_outcomes_of_the_cohort(
    school: str, class_of_30: Cohort, tmp_path: Path
) -> None:
    deployment = ClockedDeployment(world_settings(school, tmp_path / "home"), LONG_AFTER)
    first = class_of_30.arguments.first
    read_world(deployment, first.isoformat(), END.isoformat())
    tables = latest_tables(deployment, END)
    expected = class_of_30.outcomes
    opted_out = class_of_30.learners.opted_out
    hidden = {name for name, flag in zip(class_of_30.learner_ids, opted_out, strict=True) if flag in (1, 3)}
    expected = expected[~expected["learner_id"].isin(hidden) & (expected["day"] > first)]
    sources, wanted = {}, {}
    for day, rows in expected.groupby("day"):
        # The window of a planned day opens with the cut-off of the study day before it.
        pairs = tables.store.put_whole("pairs", pa.Table.from_pandas(rows[["learner_id", "objective_id"]]))
        before = pd.Timestamp(str(day)).date() - timedelta(days=1)
        sources[before] = PairSource(pairs.content, tables.store.whole_path("pairs", pairs.content))
        wanted[before] = rows
    found = tables.labels(sources)
    assert len(wanted) > 40
    for day, rows in wanted.items():
        labels = tables.store.read_whole("labels_at", found[day].content).to_pandas()
        both = rows.merge(labels, on=["learner_id", "objective_id"], suffixes=("_expected", ""))
        assert len(both) == len(rows)
        wrong = both[both["struggled"] != both["struggled_expected"]]
        assert wrong.empty, f"{day}: {len(wrong)} of {len(both)}\n{wrong.to_string()}"


def test_a_whole_night_runs(school: str, class_of_30: Cohort, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = class_of_30.arguments.first
    with dg.DagsterInstance.ephemeral() as instance:
        nights = Nights(world_settings(school, tmp_path / "home", americano_start_day=first), instance)
        nights.deployment.clock = LONG_AFTER
        assert nights.history(first.isoformat(), (END - timedelta(days=1)).isoformat()).success
        assert nights.night(END.isoformat()).success
        store = nights.deployment.store
        interactions = sum(
            rows.num_rows for day in days_between(first, END) if (rows := store.read_day("interactions", day))
        )
        scored = store.read_day("scored_predictions", END)
        assert is_simulated(nights.deployment)
        too_few = yardstick(nights.deployment, END)
        monkeypatch.setattr(cohort_demo, "LEAST_ROWS", 5)
        found = yardstick(nights.deployment, END)
        elsewhere = ClockedDeployment(world_settings(school, tmp_path / "home", americano_horizon_days=8), LONG_AFTER)
        told = "the simulator knows it for 7 days, 0.65 and study days in UTC alone"
        assert yardstick(elsewhere, END) == told
    assert scored is not None
    # Of held-out rows alone: those planned for the day after one of the weekly cut-offs, and studied.
    assert not isinstance(found, str), found
    assert isinstance(too_few, str)
    assert f"{found.rows} are planned for the day after their cut-off, and 30 are needed" in too_few
    assert found.rows > 5
    assert 0.6 < found.best < 1
    assert set(found.reached) >= {"rule_based"}
    assert scored.num_rows > 100
    flags = zip(class_of_30.learner_ids, class_of_30.learners.opted_out, strict=True)
    hidden = {name for name, flag in flags if flag in (1, 3)}
    assert not hidden & set(scored.column("learner_id").to_pylist())
    # Each answer counts once, however often it was recorded.
    owner = class_of_30.learners.opted_out[class_of_30.plan.learner[class_of_30.answers.row]]
    assert interactions == int(((owner == 0) | (owner == 2)).sum())


@pytest.mark.long
def test_what_was_sent_late_changes_its_day_and_the_night_says_so(
    database: str, class_of_30: Cohort, tmp_path: Path
) -> None:
    timing, learners = class_of_30.timing, class_of_30.learners
    # A session of the last weeks, of someone who may be analysed, that the app knew of only days after its end.
    late = (timing.known - timing.ended > 0) & (timing.day > 35) & (learners.opted_out[timing.learner] == 0)
    session = int(np.flatnonzero(late)[0])
    ended, known = (datetime.fromtimestamp(ms[session] / 1000, UTC) for ms in (timing.ended, timing.known))
    day, before, after = (study_day_of(moment, ZONE) for moment in (ended, ended, known))
    first = before - timedelta(days=10)
    with dg.DagsterInstance.ephemeral() as instance, psycopg.connect(database, autocommit=True) as connection:
        load_simulated(connection, class_of_30, now=cutoff(before, ZONE))
        nights = Nights(
            world_settings(database, tmp_path, americano_start_day=first, model_type="rule_based"), instance
        )
        nights.deployment.clock = cutoff(before, ZONE) - timedelta(hours=2)
        assert nights.history(first.isoformat(), (before - timedelta(days=1)).isoformat()).success
        assert nights.night(before.isoformat()).success
        store = nights.deployment.store
        days = days_between(first, before)
        versions = {table: store.current_days(table, days) for table in ("reviews", "interactions")}
        features = store.current("features", before)
        load_since(connection, class_of_30, now=cutoff(after, ZONE))
        told = nights.night(after.isoformat())
        assert told.success
        tables = [
            str(one.metadata["tables"].value)
            for one in told.asset_materializations_for_node("night_log")
            if "tables" in one.metadata
        ]
        assert any(str(day) in text for text in tables)
        for table, known_before in versions.items():
            now = store.current_days(table, days)
            assert now[day] != known_before[day], table
            assert now[day].rows > known_before[day].rows, table
            assert now[first] == known_before[first], table
        # A day that is published keeps what it was computed from.
        assert nights.night(before.isoformat(), on_time=False).success
        assert store.current("features", before) == features
