"""A trained model that passed the gate scores; a person replaces it, and the nights after do as they were told."""

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
import psycopg
import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from americano_assets.cli import app
from americano_assets.core.models.calibration import Calibrator
from americano_assets.core.training.fit import TRAINED_TYPES
from americano_assets.core.training.splits import learner_split
from americano_assets.errors import AmericanoError
from americano_assets.resources.mlflow.run_links import git_commit
from americano_assets.resources.mlflow.tracking import Tracking
from americano_assets.resources.mlflow.training_run import REGISTERED_MODEL
from americano_assets.stages.common.model_files import model_of_day
from americano_assets.stages.s3_training import promotion
from americano_assets.stages.s3_training.champion import standing
from americano_assets.stages.s3_training.train_models import train_day
from americano_assets.stages.s6_publication.transaction import PREDICTIONS
from americano_assets_tests.stages.s3_training.weekly_school import MONDAYS, fill
from americano_assets_tests.world import Nights, World, read_world, study_day, world_settings

# Enough to test on, that the gate can tell a sound calibration from luck.
_SPLIT = {"train": 50, "calibration": 30, "test": 30}
START, FIRST, SECOND, THIRD, FOURTH = "2026-01-25", "2026-03-08", "2026-03-09", "2026-03-10", "2026-03-11"


class School:
    run: dg.ExecuteInProcessResult

    def __init__(self, nights: Nights, world: World) -> None:
        self.nights, self.world = nights, world

    def night(self, day: str, **tags: str) -> dict[str, Any]:
        self.run = self.nights.night(day, tags={f"americano/{name}": value for name, value in tags.items()})
        return self.told("struggle_model")

    def told(self, asset: str) -> dict[str, Any]:
        (found,) = self.run.asset_materializations_for_node(asset)
        return {name: value.value for name, value in found.metadata.items()}

    def check(self, name: str) -> dg.AssetCheckEvaluation:
        (found,) = [one for one in self.run.get_asset_check_evaluations() if one.check_name == name]
        return found

    @property
    def client(self) -> Any:
        import mlflow

        uri = self.nights.deployment.settings.mlflow_tracking_uri
        assert uri is not None
        mlflow.set_tracking_uri(uri.get_secret_value())
        return mlflow.MlflowClient()

    def row(self, version: str) -> dict[str, Any]:
        statement = "SELECT to_jsonb(t) FROM ml.model_versions t WHERE model_version = %s"
        ((row,),) = self.world.rows(statement, version)
        return dict(row)

    def events(self) -> list[dict[str, Any]]:
        return [row[0] for row in self.world.rows("SELECT to_jsonb(t) FROM ml.model_events t ORDER BY id")]

    def alias(self, name: str) -> str | None:
        found = self.client.get_registered_model(REGISTERED_MODEL).aliases.get(name)
        return None if found is None else str(found)

    def version(self, day: str) -> str:
        deployment = self.nights.deployment
        return model_of_day(deployment.store, deployment.models, study_day(day)).version


def names() -> list[str]:
    """Learners of every split, weak and strong alike."""
    found: list[str] = []
    for split, wanted in _SPLIT.items():
        fitting = (name for number in count() if learner_split(name := f"learner-{number:03}") == split)
        found += [next(fitting) for _ in range(wanted)]
    return found


@pytest.fixture(scope="module")
def school(world: World, module_database: str, home: Path) -> Iterator[School]:
    with world.connection.transaction():
        fill(world, names(), MONDAYS[3:], one_in=25)
    settings = world_settings(module_database, home, americano_start_day=study_day(START))
    with dg.DagsterInstance.ephemeral() as instance:
        nights = Nights(settings, instance)
        read_world(nights.deployment, START, FIRST)
        yield School(nights, world)


def bad_model(school: School) -> str:
    """A model that says the opposite of the champion; kept, but never put before the gate."""
    models, row = school.nights.deployment.models, school.row(school.version(FIRST))
    good = models.load(school.version(FIRST))
    assert good.scorer.model is not None
    scorer = replace(good.scorer, calibrator=Calibrator(-1.0, 0.0))
    bad = models.save(good.model_type, good.study_day, good.dataset_version, good.target, scorer).version
    school.world.execute(
        """INSERT INTO ml.model_versions SELECT (jsonb_populate_record(t, jsonb_build_object('model_version', %s::text,
        'registry_version', null, 'mlflow_run_id', null))).* FROM ml.model_versions t WHERE model_version = %s
        ON CONFLICT DO NOTHING""",
        bad,
        row["model_version"],
    )
    return bad


def test_a_trained_model_passes_the_gate_and_its_scores_are_published(school: School) -> None:
    school.world.insert("analysis_runs", id="research-1")
    told = school.night(FIRST, analysis_run_id="research-1")
    assert told["model_type"] in TRAINED_TYPES
    assert "log loss on held-out learners beats the rules" in told["why"]
    assert {"calibration", "importance", "confusion"} <= set(told)
    version = school.version(FIRST)
    assert school.world.rows("SELECT model_version, published > 0 FROM ml.study_days") == [(version, True)]
    scored = school.nights.deployment.store.read_day("scored_predictions", study_day(FIRST))
    assert scored is not None
    flagged = {row["prediction_id"]: row["probability"] for row in scored.to_pylist() if row["flagged"]}
    published = school.world.rows(f'SELECT "id", "predictedStruggleProbability" FROM {PREDICTIONS}')
    assert flagged
    assert dict(published) == flagged
    (event,) = school.events()
    assert (event["event"], event["model_version"], event["decided_by"]) == ("promoted", version, "gate")
    assert school.alias("champion") == school.row(version)["registry_version"]
    assert school.alias("challenger") is None


def test_mlflow_the_night_and_the_apps_analysis_run_link_to_each_other(school: School) -> None:
    told, version = school.told("struggle_model"), school.version(FIRST)
    run_id = school.row(version)["mlflow_run_id"]
    assert told["mlflow_run_id"] == run_id
    assert str(told["mlflow_run"]).endswith(f"/runs/{run_id}")
    assert school.world.rows('SELECT "mlflowRunId" FROM analysis_runs') == [(run_id,)]
    run = school.client.get_run(run_id)
    assert run.data.tags["analysis_run_id"] == "research-1"
    assert run.data.tags["dagster_run_id"] == school.run.run_id
    assert school.run.run_id in run.data.tags["mlflow.note.content"]
    assert run.data.tags.get("git_commit") == git_commit()
    kept = {
        one.path for folder in ("plots", "tables", "reports") for one in school.client.list_artifacts(run_id, folder)
    }
    assert {"plots/confusion.png", "tables/confusion.json", f"reports/{FIRST}.html"} <= kept
    assert school.told("nightly_report")["mlflow"] == run_id
    assert school.check("logged_in_mlflow").passed


def test_an_analysis_run_that_the_app_does_not_have_is_an_error(school: School) -> None:
    deployment = school.nights.deployment
    with pytest.raises(AmericanoError, match="analysis_runs has no row with the id «research-2»"):
        train_day(deployment, study_day(FOURTH), pd.DataFrame(), "none", {}, "research-2")


def test_drift_is_looked_for_every_night(school: School) -> None:
    assert school.told("ml__drift")["dagster/row_count"] > 0
    assert school.world.rows("SELECT DISTINCT study_day FROM ml.drift") == [(study_day(FIRST),)]
    check = school.check("no_drift")
    assert check.severity is dg.AssetCheckSeverity.WARN


def test_what_a_person_may_not_do_changes_nothing(school: School) -> None:
    deployment, champion, bad = school.nights.deployment, school.version(FIRST), bad_model(school)
    with pytest.raises(AmericanoError, match="is the first that ever scored: there is none to return to"):
        promotion.rollback(deployment, "ada", "it looks odd")
    with pytest.raises(AmericanoError, match="is the champion already"):
        promotion.promote(deployment, champion, "ada", "again", force=False)
    with pytest.raises(AmericanoError, match=r"The gate refuses model .*ECE on .* held-out rows"):
        promotion.promote(deployment, bad, "ada", "a hunch", force=False)
    with pytest.raises(AmericanoError, match="The gate decides already"):
        promotion.release(deployment, "ada", "no need")
    with pytest.raises(AmericanoError, match="name them with --by and --reason"):
        promotion.promote(deployment, bad, "ada", " ", force=True)
    with pytest.raises(AmericanoError, match="names a learner by id"):
        promotion.promote(deployment, bad, "ada", f"{names()[0]} asked for it", force=True)
    with pytest.raises(AmericanoError, match="No model version begins with"):
        promotion.find_model(deployment, "0123no")
    assert len(school.events()) == 1
    assert promotion.find_model(deployment, bad).state == "unused"


def test_a_model_that_the_gate_refuses_scores_by_force_and_stays(school: School) -> None:
    deployment, good, bad = school.nights.deployment, school.version(FIRST), bad_model(school)
    choice = promotion.promote(deployment, bad, "ada", "to see the gate overruled", force=True)
    assert choice.event.forced
    assert choice.event.study_day == study_day(SECOND)
    assert "MLflow does not know this model" in choice.notice
    told = school.night(SECOND)
    assert school.version(SECOND) == told["model_version"] == bad
    assert "ada set this champion from 2026-03-09 on (to see the gate overruled)" in told["why"]
    # It was set since the last training, so it is measured at once, and what the gate would have done is kept.
    assert told["trained_now"] is True
    assert [(event["event"], event["by_hand"]) for event in school.events()] == [
        ("promoted", False),
        ("promoted", True),
        ("passed_over", False),
    ]
    assert school.world.rows("SELECT model_version FROM ml.study_days ORDER BY study_day") == [(good,), (bad,)]
    assert school.alias("challenger") is not None
    states = {one.kept["model_version"]: one.state for one in promotion.models(deployment)}
    assert states[bad] == "champion"
    assert states[good] == "former"
    assert states[school.events()[-1]["model_version"]] == "passed over", "it trained last, and challenges nobody now"


def test_a_rollback_returns_the_former_champion_from_the_next_night_on(school: School) -> None:
    deployment, good, bad = school.nights.deployment, school.version(FIRST), school.version(SECOND)
    choice = promotion.rollback(deployment, "ada", "warnings stand on their head")
    assert (choice.event.model_version, choice.event.instead_of) == (good, bad)
    assert choice.notice == ""
    assert school.alias("champion") == school.row(good)["registry_version"]
    # MLflow does not answer that night: what scores is kept here, so the night goes on, and a check says so.
    nowhere = deployment.settings.model_copy(update={"mlflow_tracking_uri": SecretStr("http://127.0.0.1:1")})
    reached, deployment.tracking = deployment.tracking, Tracking(nowhere)
    assert school.night(THIRD)["trained_now"] is True
    deployment.tracking = reached
    assert school.run.success
    assert not school.check("logged_in_mlflow").passed
    assert school.check("logged_in_mlflow").severity is dg.AssetCheckSeverity.WARN
    # MLflow is back, but the training is not made again: it is still not there, and still said.
    assert school.night(THIRD)["trained_now"] is False
    assert not school.check("logged_in_mlflow").passed
    assert "MLflow could not be used" in school.told("struggle_model")["mlflow"]
    assert school.version(THIRD) == good
    newest = "SELECT study_day, model_version FROM ml.study_days ORDER BY study_day DESC LIMIT 1"
    assert school.world.rows(newest) == [(study_day(THIRD), good)]
    # What was rolled back from is nothing to return to, and an old night that runs again scores as it did.
    with pytest.raises(AmericanoError, match="there is none to return to"):
        promotion.rollback(deployment, "ada", "once more")
    hold = standing(deployment, study_day(SECOND)).hold
    assert hold is not None
    assert hold.model_version == bad


def test_a_release_hands_the_choice_back_to_the_gate(school: School) -> None:
    deployment, good = school.nights.deployment, school.version(THIRD)
    promotion.release(deployment, "ada", "the gate may judge again")
    stands = standing(deployment, study_day(FOURTH))
    assert stands.hold is None
    assert stands.before is not None
    assert stands.before.model.version == good


def test_the_command_shows_models_and_who_decided_what(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    settings, good = school.nights.deployment.settings, school.version(THIRD)
    assert settings.database_url is not None
    assert settings.mlflow_tracking_uri is not None
    for name, value in (
        ("AMERICANO_HOME", str(settings.americano_home)),
        ("DATABASE_URL", settings.database_url.get_secret_value()),
        ("MLFLOW_TRACKING_URI", settings.mlflow_tracking_uri.get_secret_value()),
    ):
        monkeypatch.setenv(name, value)
    listed = CliRunner().invoke(app, ["model", "list"])
    assert listed.exit_code == 0
    (line,) = [line for line in listed.output.splitlines() if good[:8] in line]
    assert "champion" in line
    assert any("passed over" in line for line in listed.output.splitlines()), "of 80 columns too"
    assert line.split()[-1] == "2"
    shown = CliRunner().invoke(app, ["model", "show", good[:8]])
    rows = re.search(r"held-out rows +([1-9]\d*) of [1-9]\d* learners, never seen", shown.output)
    assert rows is not None, shown.output
    assert f" {rows[1]} " in line, "beside the figures"
    assert "scored 2 nights, 2026-03-08 to 2026-03-10" in " ".join(shown.output.split())
    assert "rolled back by ada, from study day 2026-03-10 on: warnings stand on their head" in " ".join(
        shown.output.split()
    )
    scores = CliRunner().invoke(app, ["model", "show"])
    assert scores.output == f"The model that scores the next night:\n\n{shown.output}"
    refused = CliRunner().invoke(app, ["model", "rollback", "--by", "ada", "--reason", "once more"])
    assert "there is none to return to" in str(refused.exception)


@pytest.mark.parametrize("statement", ["UPDATE ml.model_events SET reason = 'another'", "DELETE FROM ml.model_events"])
def test_what_was_decided_cannot_be_rewritten(school: School, statement: str) -> None:
    with pytest.raises(psycopg.errors.RaiseException, match="only ever added"):
        school.world.execute(statement)
