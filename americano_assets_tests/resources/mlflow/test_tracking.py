"""MLflow is asked, not waited for: what a server that refuses costs, and who decides it."""

import os
from collections.abc import Iterator
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from pydantic import SecretStr

from americano_assets.core.models.scorer import Scorer
from americano_assets.resources.mlflow.tracking import MADE_FROM, Tracking
from americano_assets.resources.mlflow.training_run import DAGSTER_RUN
from americano_assets.settings import Settings
from americano_assets_tests.frames import feature_rows

RETRIES = "MLFLOW_HTTP_REQUEST_MAX_RETRIES"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Paths for which a server that is always busy was asked; its address stands in the environment."""
    paths: list[str] = []

    class Busy(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            self.send_response(503)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's own signature
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Busy)
    thread = Thread(target=server.serve_forever)
    thread.start()
    # Undone after the test, what the code sets by itself included.
    for name in (RETRIES, "MLFLOW_HTTP_REQUEST_TIMEOUT", "MLFLOW_DISABLE_TELEMETRY"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", "0")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_BACKOFF_JITTER", "0")
    monkeypatch.setenv("BUSY", f"http://127.0.0.1:{server.server_port}")
    yield paths
    server.shutdown()
    thread.join()
    server.server_close()


def train(settings: Settings) -> str:
    """Log a training to the busy server: what went wrong with it."""
    rows = feature_rows({"retention_score": 0.2})
    day = date(2026, 3, 9)
    tracking = Tracking(settings.model_copy(update={"mlflow_tracking_uri": SecretStr(os.environ["BUSY"])}))
    with tracking.training("a night", {MADE_FROM: "rows", DAGSTER_RUN: "d1"}, day) as run:
        scorers = {"rule_based": Scorer(None, 0.3, 0.4)}
        run.log(params={}, metrics={}, tags={}, figures={}, scorers=scorers, chosen=None, study_day=day, example=rows)
    return run.notice


def test_a_server_that_is_always_busy_is_asked_twice(settings: Settings, asked: list[str]) -> None:
    assert "MLflow could not be used" in train(settings)
    assert len(asked) == 2


def test_whoever_wants_more_patience_gets_it(
    settings: Settings, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(RETRIES, "3")
    assert "MLflow could not be used" in train(settings)
    assert len(asked) == 4
