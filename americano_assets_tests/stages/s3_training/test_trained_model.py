"""A school large enough to learn from: what is planted in its answers is found again in every figure."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from americano_assets.core.models.scorer import Scorer
from americano_assets.core.models.sklearn_estimator import StruggleEstimator
from americano_assets.core.training.fit import MODEL_TYPES, RULES
from americano_assets.resources.mlflow.tracking import MADE_FROM
from americano_assets.resources.mlflow.training_run import CHAMPION, DAGSTER_RUN, REGISTERED_MODEL
from americano_assets.stages.common.model_files import model_of_day
from americano_assets.stages.s6_publication.transaction import PREDICTIONS
from americano_assets_tests.stages.s3_training.weekly_school import FIRST_MONDAY, OBJECTIVES, fill, learners, struggles
from americano_assets_tests.world import Nights, World, at, study_day, world_settings

LEARNERS = 40
SCORED, JUDGED = "2026-03-08", "2026-03-15"
SCORED_CUTOFF, JUDGED_CUTOFF = at("2026-03-09 23:00"), at("2026-03-16 23:00")
Outcomes = dict[tuple[str, str], bool]


def truth(week: int) -> Outcomes:
    """Who struggled with what in a week."""
    return {
        (learner, objective): struggles(number, place, week)
        for number, learner in enumerate(learners(LEARNERS))
        for place, objective in enumerate(OBJECTIVES)
    }


@dataclass
class School:
    nights: Nights
    world: World
    trained: dg.ExecuteInProcessResult


@pytest.fixture(scope="module")
def school(world: World, module_database: str, home: Path) -> Iterator[School]:
    with world.connection.transaction():
        fill(world, learners(LEARNERS))
    settings = world_settings(module_database, home, americano_start_day=FIRST_MONDAY - timedelta(days=2))
    (home / "dvc.lock").write_text("schema: '2.0'\n")
    with dg.DagsterInstance.ephemeral() as instance:
        nights = Nights(settings, instance)
        assert nights.history(settings.americano_start_day.isoformat(), SCORED).success
        trained = nights.night(SCORED)
        assert nights.night(JUDGED).success
        yield School(nights, world, trained)


def scored(school: School) -> dict[tuple[str, str], dict[str, Any]]:
    stored = school.nights.deployment.store.read_day("scored_predictions", study_day(SCORED))
    assert stored is not None
    return {(row["learner_id"], row["objective_id"]): row for row in stored.to_pylist()}


def test_so_few_learners_are_measured_on_but_the_gate_keeps_the_rules(school: School) -> None:
    (materialization,) = school.trained.asset_materializations_for_node("struggle_model")
    assert materialization.metadata["model_type"].value == RULES
    assert "fewer than 10 held-out learners" in str(materialization.metadata["why"].value)
    statement = "SELECT to_jsonb(t) FROM ml.model_versions t WHERE study_day = %s AND model_type = %s"
    ((model,),) = school.world.rows(statement, study_day(SCORED), RULES)
    assert model["horizon_days"] == 7
    figures = model["metrics"]["figures"]["logistic_regression"]
    assert figures["auc_roc"] > 0.7
    assert figures["n"] == model["metrics"]["rows"]["test_rows"] > 0


def test_the_weak_are_flagged(school: School) -> None:
    rows = scored(school)
    assert set(rows) == set(truth(10))
    weak = {pair for pair in rows if int(pair[0][-2:]) % 2 == 0}
    flagged = {pair for pair, row in rows.items() if row["flagged"]}
    assert len(flagged & weak) >= 0.75 * len(weak)
    assert len(flagged - weak) <= 0.25 * len(weak)


def test_every_outcome_is_what_was_planted(school: School) -> None:
    happened, rows = truth(10), scored(school)
    statement = f"""SELECT "userId", "learningObjectiveId", "predictionStatus"::text, "actualOutcome" FROM {PREDICTIONS}
        WHERE "predictedAt" = %s"""
    found = {(learner, objective): told for learner, objective, *told in school.world.rows(statement, SCORED_CUTOFF)}
    expected = {}
    for pair, row in rows.items():
        if row["flagged"]:
            expected[pair] = ["CONFIRMED", True] if happened[pair] else ["FALSE_POSITIVE", False]
        elif happened[pair]:
            expected[pair] = ["MISSED", True]
    assert found == expected
    # A model good enough gives no false alarm here; what becomes of one is told in test_outcome_writing.py.
    assert {"CONFIRMED", "MISSED"} <= {status for status, _ in found.values()}


def test_performance_counts_what_was_missed_too(school: School) -> None:
    happened, rows = truth(10), scored(school)
    ((told,),) = school.world.rows(
        "SELECT to_jsonb(t) FROM ml.model_performance t WHERE scope = 'all' AND study_day = %s", study_day(JUDGED)
    )
    hits = sum(happened[pair] and row["flagged"] for pair, row in rows.items())
    assert told["n"] == len(rows) == 80
    assert told["recall"] == pytest.approx(hits / sum(happened.values()))
    assert told["precision"] == pytest.approx(hits / sum(row["flagged"] for row in rows.values()))
    assert told["accuracy"] == pytest.approx(
        sum(happened[pair] == row["flagged"] for pair, row in rows.items()) / len(rows)
    )
    assert told["always_no_accuracy"] == pytest.approx(1 - sum(happened.values()) / 80)
    assert sum(told["calibration"]["count"]) == 80
    assert told["reason"] is None


def test_reduction_compares_the_weeks_before_with_those_since(school: School) -> None:
    flagged = {learner for (learner, _), row in scored(school).items() if row["flagged"]}
    # The six weeks before the first night hold the Mondays of weeks 4 to 9, each of which is judged by itself.
    before = [
        truth(week)[learner, objective] for week in range(4, 10) for learner in flagged for objective in OBJECTIVES
    ]
    since = [truth(10)[learner, objective] for learner in flagged for objective in OBJECTIVES]
    rows = school.world.rows(
        """SELECT kind, baseline_rate, current_rate, reduction_percentage, baseline_studied, current_studied, replayed
        FROM ml.struggle_reduction WHERE scope = 'all' AND period = 'all' AND study_day = %s""",
        study_day(JUDGED),
    )
    baseline, current = sum(before) / len(before), sum(since) / len(since)
    assert rows == [
        (
            "observational",
            pytest.approx(baseline),
            pytest.approx(current),
            pytest.approx(100 * (baseline - current) / baseline),
            len(before),
            len(since),
            False,
        )
    ]


def test_mlflow_keeps_the_run_and_a_champion_that_scores_alike(school: School) -> None:
    import mlflow

    deployment = school.nights.deployment
    model = model_of_day(deployment.store, deployment.models, study_day(SCORED))
    uri = deployment.settings.mlflow_tracking_uri
    assert uri is not None
    mlflow.set_tracking_uri(uri.get_secret_value())
    client = mlflow.MlflowClient()
    statement = "SELECT mlflow_run_id FROM ml.model_versions WHERE model_version = %s"
    ((run_id,),) = school.world.rows(statement, model.version)
    run = client.get_run(run_id)
    assert run.info.status == "FINISHED"
    assert run.data.tags["dataset_version"] == model.dataset_version
    assert run.data.tags["dvc_lock"] == hashlib.sha256(b"schema: '2.0'\n").hexdigest()
    assert run.data.tags["dagster_run_id"] == school.trained.run_id
    assert run.data.tags["partition"] == SCORED
    assert run.data.metrics["logistic_regression.auc_roc"] > 0.7
    assert mlflow.active_run() is None
    name = f"{StruggleEstimator.__module__}.{StruggleEstimator.__qualname__}"
    assert client.get_model_version_by_alias(REGISTERED_MODEL, CHAMPION).tags["model_type"]
    logged = client.search_model_versions(f"name = '{REGISTERED_MODEL}' and run_id = '{run_id}'")
    assert {version.tags["model_type"] for version in logged} == set(MODEL_TYPES)
    (trained,) = [version for version in logged if version.tags["model_type"] == model.model_type]
    loaded = mlflow.sklearn.load_model(f"models:/{REGISTERED_MODEL}/{trained.version}")
    assert f"{type(loaded).__module__}.{type(loaded).__qualname__}" == name
    assert loaded.scorer is not None
    rows = deployment.store.read_day("features", study_day(SCORED))
    assert rows is not None
    features = rows.to_pandas()
    expected = model.scorer.probability(features)
    assert loaded.predict_proba(features)[:, 1].tolist() == expected.tolist()
    assert loaded.scorer["threshold"] == model.scorer.threshold


def test_an_old_day_that_is_trained_again_does_not_move_the_champion_back(school: School) -> None:
    import mlflow

    deployment = school.nights.deployment
    rows = deployment.store.read_day("features", study_day(SCORED))
    assert rows is not None

    def champion_after(day: date) -> tuple[str, str]:
        with deployment.tracking.training("again", {MADE_FROM: str(day), DAGSTER_RUN: str(day)}, day) as run:
            run.log(
                params={},
                metrics={},
                tags={},
                figures={},
                scorers={"rule_based": Scorer(None, 0.3, 0.4)},
                chosen="rule_based",
                study_day=day,
                example=rows.to_pandas().head(5),
            )
        assert run.tracked is not None
        champion = mlflow.MlflowClient().get_model_version_by_alias(REGISTERED_MODEL, CHAMPION)
        return str(champion.version), run.tracked.registry_versions["rule_based"]

    before, newest = champion_after(study_day("2026-03-30"))
    assert before == newest
    after, old = champion_after(study_day(SCORED))
    assert after == before != old


def test_a_rerun_trains_nothing_anew(school: School) -> None:
    before = school.world.rows("SELECT model_version, mlflow_run_id FROM ml.model_versions ORDER BY 1")
    again = school.nights.night(JUDGED)
    (materialization,) = again.asset_materializations_for_node("struggle_model")
    assert materialization.metadata["trained_now"].value is False
    assert school.world.rows("SELECT model_version, mlflow_run_id FROM ml.model_versions ORDER BY 1") == before
