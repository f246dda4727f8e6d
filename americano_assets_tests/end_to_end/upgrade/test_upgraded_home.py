"""Today's code on a home that an earlier commit left: what was begun goes on, what people said and did stays."""

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from americano_assets.api.tokens import create_token
from americano_assets.core.study_days.cutoff import naive
from americano_assets.core.training.fit import TRAINED_TYPES
from americano_assets.resources.mlflow.training_run import CHAMPION, REGISTERED_MODEL
from americano_assets.resources.parquet_store.store import hash_values
from americano_assets.stages.common.model_files import model_of_day
from americano_assets.stages.maintenance.archive import archive
from americano_assets.stages.maintenance.archive import restore as bring_back
from americano_assets.stages.maintenance.erasure.forgetting import forget
from americano_assets.stages.s3_training.champion import standing
from americano_assets.stages.s3_training.dataset_versions import datasets
from americano_assets.stages.s3_training.dataset_versions import restore as restore_dataset
from americano_assets.stages.s6_publication.transaction import PREDICTIONS
from americano_assets_tests.api.serving import serving
from americano_assets_tests.end_to_end.story import DAY_FILES
from americano_assets_tests.end_to_end.upgrade.restoring import LAST_NIGHT, Upgraded, without_reasons
from americano_assets_tests.world import at, published_rows

NEXT_NIGHT = LAST_NIGHT + timedelta(days=1)
SAID = {
    "outcomes": """SELECT "id", "predictionStatus"::text, "actualOutcome", "acknowledgedAt", "interventionApplied",
      "interventionId" FROM struggle_predictions
      WHERE "acknowledgedAt" IS NOT NULL OR "interventionApplied" OR "id" IN (SELECT prediction_id FROM
      ml.prediction_feedback) ORDER BY 1""",
    "applied": """SELECT to_jsonb(t)::text FROM intervention_recommendations t
      WHERE "appliedToMissionId" IS NOT NULL ORDER BY 1""",
    "feedback": "SELECT to_jsonb(t)::text FROM ml.prediction_feedback t ORDER BY 1",
    "missions": """SELECT "objectives"::text FROM missions WHERE "objectives"::text LIKE '%%recommendations%%'
      ORDER BY 1""",
}
EPISODES = "SELECT prediction_id, planned_day FROM ml.episodes WHERE outcome IS NULL ORDER BY 1"
ARMS = "SELECT prediction_id, arm, unit, planned_day FROM ml.assignments ORDER BY 1"


@dataclass
class Told:
    """What stood where before any run of today's code, after a rerun of the last night, and after the next night."""

    home: Upgraded
    rows: dict[str, dict[str, list[Any]]] = field(default_factory=dict)
    files: dict[str, dict[str, str]] = field(default_factory=dict)

    def tell(self, step: str) -> None:
        world, store = self.home.world, self.home.deployment.store
        statements = SAID | {"episodes": EPISODES, "arms": ARMS}
        self.rows[step] = {name: world.rows(text) for name, text in statements.items()} | without_reasons(
            published_rows(world)
        )
        self.files[step] = {
            table: version.content
            for table in (*DAY_FILES, "training_set", "interactions")
            if (version := store.current(table, LAST_NIGHT))
        }
        scored = store.read_day("scored_predictions", LAST_NIGHT)
        assert scored is not None
        self.files[step]["scored_predictions"] = hash_values(scored.drop_columns(["factors"]).to_pylist())


@pytest.fixture(scope="module")
def told(upgraded: Upgraded) -> Told:
    told = Told(upgraded)
    told.tell("before")
    upgraded.night(LAST_NIGHT)
    told.tell("again")
    upgraded.answers(at("2026-03-16 10:00"))
    upgraded.night(NEXT_NIGHT)
    told.tell("next")
    return told


def test_the_home_holds_all_that_an_upgrade_must_keep(told: Told) -> None:
    before = told.rows["before"]
    assert {arm for _, arm, *_ in before["arms"]} == {"treated", "holdout"}
    assert len(before["episodes"]) > 50
    assert len(before[PREDICTIONS]) > len(before["episodes"])
    assert all(before[what] for what in SAID)
    assert len(told.files["before"]) == len(DAY_FILES) + 2
    ((alerts, tokens, forgettings),) = told.home.world.rows(
        "SELECT (SELECT count(*) FROM ml.alerts), (SELECT count(*) FROM ml.api_tokens), count(*) FROM ml.forgettings"
    )
    assert (alerts > 0, tokens, forgettings) == (True, 2, 1)


def test_a_night_that_was_run_before_gives_the_same_bytes(told: Told) -> None:
    assert told.files["again"] == told.files["before"]
    assert told.rows["again"] == told.rows["before"]


def test_the_next_night_goes_on_with_what_was_begun(told: Told) -> None:
    before, after = told.rows["before"], told.rows["next"]
    assert set(before["episodes"]) <= set(after["episodes"])
    assert set(before["arms"]) < set(after["arms"])
    # What people said and did.
    assert {what: after[what] for what in SAID} == {what: before[what] for what in SAID}
    statement = "SELECT study_day, kind, live, published > 0 FROM ml.study_days ORDER BY 1 DESC LIMIT 1"
    assert told.home.world.rows(statement) == [(NEXT_NIGHT, "nightly", True, True)]


def test_the_champion_is_found_and_scores_as_it_did(told: Told) -> None:
    deployment = told.home.deployment
    model = model_of_day(deployment.store, deployment.models, LAST_NIGHT)
    assert model.model_type in TRAINED_TYPES
    before = standing(deployment, NEXT_NIGHT).before
    assert before is not None
    assert before.model.version == model.version
    ((next_model,),) = told.home.world.rows("SELECT model_version FROM ml.study_days WHERE study_day = %s", NEXT_NIGHT)
    assert next_model == model.version
    features, scored = (deployment.store.read_day(table, LAST_NIGHT) for table in ("features", "scored_predictions"))
    assert features is not None
    assert scored is not None
    p = model.scorer.probability(features.to_pandas())
    assert scored["probability"].to_pylist() == pytest.approx(p.tolist())


def test_the_registry_serves_the_champion(told: Told) -> None:
    import mlflow

    from americano_assets.resources.postgres.connection import mlflow_uri

    deployment = told.home.deployment
    mlflow.set_tracking_uri(mlflow_uri(deployment.settings))
    version = mlflow.MlflowClient().get_model_version_by_alias(REGISTERED_MODEL, CHAMPION)
    model = model_of_day(deployment.store, deployment.models, LAST_NIGHT)
    assert version.tags["model_type"] == model.model_type
    features = deployment.store.read_day("features", LAST_NIGHT)
    assert features is not None
    frame = features.to_pandas()
    served = mlflow.sklearn.load_model(f"models:/{REGISTERED_MODEL}@{CHAMPION}")
    assert served.predict_proba(frame)[:, 1] == pytest.approx(model.scorer.probability(frame))


def test_every_dataset_version_comes_back(told: Told, tmp_path: Path) -> None:
    store = told.home.deployment.store
    for number, dataset in enumerate(datasets(store)):
        assert restore_dataset(store, dataset, tmp_path / str(number)).training_set.exists()


def test_the_api_reads_all_of_it(told: Told) -> None:
    ((first, learner),) = told.home.world.rows(f'SELECT "id", "userId" FROM {PREDICTIONS} ORDER BY 1 LIMIT 1')
    token = create_token(told.home.world.connection, "upgraded", told.home.deployment.now())
    headers = {"Authorization": f"Bearer {token}"}
    with serving(told.home.settings) as service:
        service.now = naive(told.home.deployment.now())
        for path in ("health", "health/ready", "struggle-reduction", "report"):
            assert service.ask(f"/{path}", headers=headers).status_code == 200, path
        for path in ("predictions", "interventions", "model-performance"):
            assert service.ask(f"/{path}", {"user_id": learner}, headers=headers).status_code == 200, path
        said = {"actual_struggle": True, "feedback_type": "HELPFUL"}
        answer = service.ask(f"/predictions/{first}/feedback", method="POST", headers=headers, json=said)
        assert answer.status_code == 200, answer.text


def test_what_is_archived_comes_back_as_it_was(told: Told) -> None:
    before, late = published_rows(told.home.world), at("2026-07-01 00:00")
    moved = archive(told.home.world.connection, late, late)
    assert moved.predictions > 50
    assert bring_back(told.home.world.connection, None).predictions == moved.predictions
    assert published_rows(told.home.world) == before


def test_somebody_else_can_be_forgotten(told: Told) -> None:
    who = """SELECT "userId" FROM struggle_predictions GROUP BY 1 HAVING count(*) > 3 ORDER BY 1 LIMIT 1"""
    ((learner,),) = told.home.world.rows(who)
    others = f"SELECT to_jsonb(t)::text FROM {PREDICTIONS} t WHERE \"userId\" <> '{learner}' ORDER BY 1"
    before = told.home.world.rows(others)
    done = forget(told.home.deployment, learner)
    assert done.rows[PREDICTIONS] > 3
    assert told.home.world.rows(others) == before
    home = told.home.settings.americano_home
    mine = [path for folder in ("data", "models", "mlflow", "exports") for path in (home / folder).rglob("*")]
    assert mine
    assert [path for path in mine if path.is_file() and learner.encode() in path.read_bytes()] == []
    model = model_of_day(told.home.deployment.store, told.home.deployment.models, LAST_NIGHT)
    assert model.model_type in TRAINED_TYPES
