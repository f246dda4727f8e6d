"""A training is told to a real MLflow tracking server over HTTP, and to PostgreSQL without one, and read back."""

import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import httpx
import psycopg
import pytest
from pydantic import SecretStr

from americano_assets.cli.services import mlflow_service
from americano_assets.core.models.scorer import Scorer
from americano_assets.resources.mlflow.tracking import MADE_FROM, Tracking
from americano_assets.resources.mlflow.training_run import CHALLENGER, CHAMPION, DAGSTER_RUN, REGISTERED_MODEL
from americano_assets.resources.postgres.embedded.server import EmbeddedServer
from americano_assets.settings import Settings
from americano_assets_tests.frames import feature_rows
from americano_assets_tests.world import world_settings

pytestmark = pytest.mark.long
_PATIENCE_SECONDS = 120


@pytest.fixture(scope="module")
def mlflow_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the one that `dev` starts; it keeps artefacts itself."""
    folder = tmp_path_factory.mktemp("mlflow")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = Settings(
        _env_file=None,  # type: ignore[call-arg]
        americano_home=folder,
        americano_mlflow_port=port,
        americano_mlflow_address="https://models.example/ui",
    )
    service = mlflow_service(settings, f"sqlite:///{folder}/store.db")
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            service.command,
            stdout=log,
            stderr=log,
            env=os.environ | dict(service.environment),
            start_new_session=True,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        until = time.monotonic() + _PATIENCE_SECONDS
        while not answers(f"{url}/health"):
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < until, (folder / "log").read_text()
            time.sleep(0.5)
        yield url
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(_PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@pytest.fixture(scope="module", params=["tracking server", "PostgreSQL"])
def uri(request: pytest.FixtureRequest) -> str:
    """A place for MLflow's records; only what is asked for is started."""
    if request.param == "PostgreSQL":
        server: EmbeddedServer = request.getfixturevalue("server")
        with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
            connection.execute("CREATE DATABASE trainings")
        return server.url("trainings")
    address: str = request.getfixturevalue("mlflow_server")
    return address


@pytest.fixture
def tracking(uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tracking:
    for name in ("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "MLFLOW_HTTP_REQUEST_TIMEOUT", "MLFLOW_DISABLE_TELEMETRY"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    settings = world_settings("postgresql://nowhere/none", tmp_path / "home", mlflow_tracking_uri=SecretStr(uri))
    return Tracking(settings)


def test_a_training_and_a_report_are_kept(tracking: Tracking, uri: str, tmp_path: Path) -> None:
    import mlflow

    rows = feature_rows({"retention_score": 0.2}, {"retention_score": 0.9})
    scorers = {"rule_based": Scorer(None, 0.3, 0.4), "logistic_regression": Scorer(None, 0.2, 0.5)}
    day = date(2026, 3, 8)
    with tracking.training("a night", {MADE_FROM: "rows", DAGSTER_RUN: "d1"}, day) as run:
        run.log(
            params={"study_day": "2026-03-08"},
            metrics={"auc": 0.8},
            tags={"model_version": "m1"},
            figures={"calibration.png": b"\x89PNG"},
            tables={"confusion.json": {"rule_based": {"hits": 1}}},
            scorers=scorers,
            chosen="rule_based",
            challenger="logistic_regression",
            study_day=day,
            example=rows,
        )
    assert run.notice == ""
    assert run.tracked is not None
    logged = run.tracked
    (tmp_path / "2026-03-08.html").write_text("<p>night</p>")
    tracking.log_report(logged.run_id, tmp_path / "2026-03-08.html")
    mlflow.set_tracking_uri(uri)
    client = mlflow.MlflowClient()
    found = client.get_run(logged.run_id)
    assert (found.info.status, found.info.run_name) == ("FINISHED", "a night")
    assert found.data.metrics["auc"] == 0.8
    assert (found.data.tags["dagster_run_id"], found.data.tags["model_version"]) == ("d1", "m1")
    kept = {
        one.path for folder in ("plots", "tables", "reports") for one in client.list_artifacts(logged.run_id, folder)
    }
    assert kept == {"plots/calibration.png", "tables/confusion.json", "reports/2026-03-08.html"}
    aliases = client.get_registered_model(REGISTERED_MODEL).aliases
    assert str(aliases[CHAMPION]) == logged.registry_versions["rule_based"]
    assert str(aliases[CHALLENGER]) == logged.registry_versions["logistic_regression"]
    loaded = mlflow.sklearn.load_model(f"models:/{REGISTERED_MODEL}@{CHAMPION}")
    assert loaded.predict_proba(rows)[:, 1].tolist() == scorers["rule_based"].probability(rows).tolist()
    tracking.set_champion(logged.registry_versions["logistic_regression"], date(2026, 3, 9))
    aliases = client.get_registered_model(REGISTERED_MODEL).aliases
    assert str(aliases[CHAMPION]) == logged.registry_versions["logistic_regression"]


def test_a_training_that_breaks_leaves_no_run_open(tracking: Tracking, uri: str) -> None:
    import mlflow

    with tracking.training("broken", {MADE_FROM: "x", DAGSTER_RUN: "d2"}, date(2026, 3, 8)) as run:
        run.log(
            params={},
            metrics={"auc": float("nan"), "not a number": "x"},  # type: ignore[dict-item]
            tags={},
            figures={},
            scorers={},
            chosen=None,
            study_day=date(2026, 3, 8),
            example=feature_rows({"retention_score": 0.2}),
        )
    assert "MLflow could not be used" in run.notice
    assert run.tracked is None
    mlflow.set_tracking_uri(uri)
    assert mlflow.active_run() is None
    experiment = mlflow.get_experiment_by_name(tracking.settings.mlflow_experiment_name)
    assert experiment is not None
    runs = mlflow.MlflowClient().search_runs([experiment.experiment_id], "attributes.run_name = 'broken'")
    assert [run.info.status for run in runs] == ["FAILED"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "evil.test"}, 403),
        ({"Host": "192.168.0.7:5000"}, 403),
        ({"Host": "models.example", "Origin": "https://models.example"}, 200),
        ({"Origin": "https://evil.test"}, 403),
    ],
)
def test_no_foreign_page_reaches_the_server_that_dev_starts(
    mlflow_server: str, headers: dict[str, str], status: int
) -> None:
    search = f"{mlflow_server}/ajax-api/2.0/mlflow/experiments/search"
    answer = httpx.post(search, json={"max_results": 1}, headers=headers, timeout=60)
    assert answer.status_code == status, answer.text
