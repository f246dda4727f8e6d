"""Advice from stored rows: the easier objective of a topic, profiles, and what a rerun remembers having learned."""

from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from americano_assets.core.interventions.type_priorities import TypeEffect
from americano_assets.resources.parquet_store import content_files
from americano_assets.resources.parquet_store.content_files import batches_of
from americano_assets.stages.common.dictionary.listed_tables import INDICATORS, INTERVENTIONS
from americano_assets.stages.s2_features.day_tables import day_tables
from americano_assets.stages.s2_features.feature_engine import open_feature_engine
from americano_assets.stages.s5_interventions.recommendations import (
    PRIORITIES,
    easier_objectives,
    indicators_of_day,
    interventions_of_day,
    learned,
)
from americano_assets_tests.frames import scored_rows
from americano_assets_tests.world import ClockedDeployment, World, at, read_world, study_day, world_settings

DAY = "2026-03-08"


@pytest.fixture(scope="module")
def deployment(world: World, module_database: str, home: Path) -> ClockedDeployment:
    world.learner("owner")
    for course in ("anatomy", "statistics"):
        world.course(course, "owner")
    for objective, complexity in (("hard", "ADVANCED"), ("middle", "INTERMEDIATE"), ("a-middle", "INTERMEDIATE")):
        world.objective(objective, "anatomy", complexity)
    world.objective("basic", "anatomy", "BASIC")
    world.objective("elsewhere", "statistics", "INTERMEDIATE")
    world.prerequisite("hard", "basic")
    for learner in ("new", "halfway", "ready", "late"):
        world.learner(learner)
    world.reviews("halfway", "basic", at("2026-03-05 10:00"), "GGGGG")
    world.reviews("halfway", "middle", at("2026-03-05 11:00"), "GAA")
    for objective in ("basic", "middle", "a-middle"):
        world.reviews("ready", objective, at("2026-03-05 10:00"), "GGGGG")
        world.reviews("late", objective, at("2026-03-09 23:00"), "GGGGG")  # at the cut-off: the future
    settings = world_settings(module_database, home)
    found = ClockedDeployment(settings, datetime(2026, 3, 9, 23, 10, tzinfo=UTC))
    read_world(found, "2026-03-01", DAY)
    return found


def test_the_easier_objective_is_not_mastered_of_the_same_topic_and_the_smallest_step(
    deployment: ClockedDeployment,
) -> None:
    tables, store = day_tables(deployment, study_day(DAY)), deployment.store
    state = tables.state(study_day(DAY))
    learners = ["new", "halfway", "ready", "late", "new"]
    objectives = ["hard"] * 4 + ["basic"]
    pairs = pa.table({"learner_id": learners, "objective_id": objectives})
    with open_feature_engine() as engine:
        engine.calendar(study_day(DAY), deployment.zone)
        engine.view("interactions", store.paths("interactions", tables.inputs.days["interactions"]))
        engine.load_state({name: store.whole_path(name, one) for name, one in state.snapshot.tables.items()})
        found = easier_objectives(engine, tables.moment(study_day(DAY)), pairs).to_pylist()
    assert {(one["learner_id"], one["objective_id"]): one["easier_id"] for one in found} == {
        ("new", "hard"): "basic",  # what it builds on goes first
        ("halfway", "hard"): "middle",  # basic is mastered; of two equal steps the one that is known better
        ("late", "hard"): "basic",
    }


def test_batches_of_any_size_give_the_same_rows(deployment: ClockedDeployment, monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = [
        (learner, objective) for learner in ("halfway", "late", "new", "ready") for objective in ("hard", "middle")
    ]
    signs = [{"complexity_mismatch": 0.8, "retention_score": 0.1}, {"prerequisite_gap_count": 1.0}, {}]
    scored = scored_rows([signs[number % 3] for number in range(len(pairs))], threshold=0.0).assign(
        learner_id=[learner for learner, _ in pairs],
        objective_id=[objective for _, objective in pairs],
        cohort_lapse_rate=0.1,
        flagged=[number != 3 for number in range(len(pairs))],
    )
    stored = pa.Table.from_pandas(scored, preserve_index=False)
    deployment.store.put_day("scored_predictions", study_day(DAY), stored.to_batches(), stored.schema)
    by_size = []
    for size in (100, 3, 1):
        monkeypatch.setattr(content_files, "batch_rows", lambda size=size: size)
        shown = list(indicators_of_day(deployment, study_day(DAY)))
        advised = list(interventions_of_day(deployment, study_day(DAY), {}))
        assert len(shown) == len(advised) == -(-len(pairs) // size)
        by_size.append([pd.concat(frames, ignore_index=True).to_csv() for frames in (shown, advised)])
    assert by_size[0] == by_size[1] == by_size[2]
    told = pd.concat(advised)
    assert set(told["prediction_id"]) == set(scored.loc[[0, 1, 4, 6, 7], "prediction_id"])
    related = told.drop_duplicates("prediction_id").set_index("prediction_id")["related_objective_id"]
    assert related[scored.loc[[0, 6], "prediction_id"]].tolist() == ["middle", "hard"]


def test_a_night_that_flags_nobody_has_no_advice(deployment: ClockedDeployment) -> None:
    stored = pa.Table.from_pandas(scored_rows([{}]).assign(flagged=False), preserve_index=False)
    deployment.store.put_day("scored_predictions", study_day(DAY), stored.to_batches(), stored.schema)
    for table, rows in (
        (INDICATORS, indicators_of_day(deployment, study_day(DAY))),
        (INTERVENTIONS, interventions_of_day(deployment, study_day(DAY), {})),
    ):
        schema = pa.schema([(name, pa.type_for_alias(of)) for name, of in table.types().items()])
        assert [batch.num_rows for frame in rows for batch in batches_of(frame, schema)] == []


def test_a_rerun_remembers_what_was_learned(deployment: ClockedDeployment) -> None:
    assert learned(deployment, study_day(DAY)) == {}
    kept = TypeEffect(0.06, 0.02, 0.1, 900, 100, 2)
    deployment.store.record_manifest(study_day(DAY), PRIORITIES, {"PREREQUISITE_REVIEW": vars(kept)})
    assert learned(deployment, study_day(DAY)) == {"PREREQUISITE_REVIEW": kept}
    assert learned(deployment, study_day(DAY), latest=True) == {}
