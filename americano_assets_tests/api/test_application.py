"""What holds for every request: problems, headers, logs, documentation, imports."""

import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from americano_assets.api import examples
from americano_assets.api.app import create_app
from americano_assets.api.middleware.access_log import LOGGER
from americano_assets.api.routes.apply import Applied
from americano_assets.api.routes.feedback import FeedbackRecorded
from americano_assets.api.routes.generate import GeneratedPredictions
from americano_assets.api.routes.health import Ready
from americano_assets.api.routes.interventions import Interventions
from americano_assets.api.routes.model_performance import ModelPerformance
from americano_assets.api.routes.predictions import Predictions
from americano_assets.api.routes.struggle_reduction import StruggleReduction
from americano_assets.api.schemas import Answer
from americano_assets.api.tokens import create_token
from americano_assets.installation import PROJECT_ROOT
from americano_assets_tests.api.rows import LEARNER, Rows
from americano_assets_tests.api.serving import Service, serving, settings_for

HEAVY = ("dagster", "sklearn", "mlflow", "pandas", "scipy", "matplotlib")
NOWHERE = "postgresql://localhost/none"


class Lines(logging.Handler):
    """Collects what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one line as it would be written."""
        self.lines.append(self.format(record))


@pytest.fixture
def log() -> Iterator[Lines]:
    """Lines that the API logs during the test."""
    handler = Lines()
    LOGGER.addHandler(handler)
    yield handler
    LOGGER.removeHandler(handler)


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("GET", "/predictions", 422, "invalid_request"),
        ("DELETE", "/predictions", 405, "method_not_allowed"),
    ],
)
def test_errors_are_problem_documents(
    rows: Rows, service: Service, method: str, path: str, status: int, code: str
) -> None:
    answer = service.ask(path, method=method)
    problem = answer.json()
    assert answer.status_code == problem["status"] == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert (problem["code"], problem["type"]) == (code, "about:blank")
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert problem["title"]
    assert problem["detail"]


def test_log_has_one_line_a_request_without_learners(rows: Rows, service: Service, log: Lines) -> None:
    rows.prediction("p1")
    service.get("/predictions", user_id=LEARNER)
    service.ask("/predictions", {"user_id": LEARNER, "limit": LEARNER})
    service.ask(f"/predictions/{LEARNER}")
    service.get("/struggle-reduction")
    found = [json.loads(line) for line in log.lines]
    assert [(line["method"], line["route"], line["status"]) for line in found] == [
        ("GET", "/predictions", 200),
        ("GET", "/predictions", 422),
        ("GET", "(no such route)", 404),
        ("GET", "/struggle-reduction", 200),
    ]
    assert all(line["request_id"] and line["duration_ms"] >= 0 for line in found)
    assert LEARNER not in "".join(log.lines)


def test_unforeseen_error_is_logged_by_place_and_answered_without_it(rows: Rows, service: Service, log: Lines) -> None:
    rows.performance()
    rows.execute("""UPDATE ml.model_performance SET calibration = '{"prob_true": "a-learners-words"}'""")
    answer = service.ask(
        "/model-performance", headers={"X-Request-ID": "caller-0001", "Origin": "http://localhost:3000"}
    )
    assert answer.json() == {
        "type": "about:blank",
        "title": "Internal Server Error",
        "status": 500,
        "detail": "The server met an error that it did not foresee. It is logged under the request id.",
        "code": "internal_error",
        "request_id": "caller-0001",
    }
    assert answer.headers["access-control-allow-origin"] == "http://localhost:3000", "or a browser could not read it"
    error, access = [json.loads(line) for line in log.lines]
    assert (error["request_id"], error["error"]) == ("caller-0001", "ValidationError")
    assert any("performance.py" in place for place in error["raised_at"])
    assert access["status"] == 500
    assert "a-learners-words" not in "".join(log.lines)


def test_answers_carry_id_timing_and_are_not_cached(service: Service) -> None:
    answer = service.ask("/struggle-reduction", headers={"X-Request-ID": "not an id\t"})
    assert len(answer.headers["x-request-id"]) == 32
    assert answer.headers["server-timing"].startswith("db;dur=")
    assert ", total;dur=" in answer.headers["server-timing"]
    assert answer.headers["cache-control"] == "no-store"


def test_only_the_configured_origins_may_read(tmp_path: Path) -> None:
    with serving(settings_for(NOWHERE, tmp_path, cors_origins=["https://app.test"])) as service:
        allowed = service.ask("/health", headers={"Origin": "https://app.test"})
        other = service.ask("/health", headers={"Origin": "https://other.test"})
    assert allowed.headers["access-control-allow-origin"] == "https://app.test"
    assert "access-control-allow-origin" not in other.headers


def test_the_servers_own_access_log_is_silenced(tmp_path: Path) -> None:
    theirs = logging.getLogger("uvicorn.access")
    theirs.addHandler(logging.StreamHandler())
    create_app(settings_for(NOWHERE, tmp_path))
    assert not theirs.hasHandlers(), "it would write query strings"


def test_the_servers_other_lines_are_json_without_the_text_of_errors(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    create_app(settings_for(NOWHERE, tmp_path))
    refused = ValueError("the password of a-learner")
    logging.getLogger("uvicorn.error").error("Exception in ASGI application\n", exc_info=refused)
    logging.getLogger("psycopg.pool").warning("error connecting in %r: %s", "a-pool", refused)
    raised, connecting = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert (raised["message"], raised["error"], raised["level"]) == (
        "Exception in ASGI application",
        "ValueError",
        "ERROR",
    )
    assert connecting["message"] == "error connecting in 'a-pool': ValueError"
    assert "a-learner" not in str([raised, connecting])


@pytest.mark.parametrize(("environment", "status"), [("development", 200), ("staging", 200), ("production", 404)])
def test_documentation_is_not_served_in_production(
    rows: Rows, shared_database: str, tmp_path: Path, environment: str, status: int
) -> None:
    create_token(rows.connection, "app", datetime.now(UTC))
    with serving(settings_for(shared_database, tmp_path, environment=environment)) as service:
        found = [service.ask(path).status_code for path in ("/docs", "/redoc", "/openapi.json")]
    assert found == [status] * 3


def test_openapi_describes_every_route_parameter_and_problem(tmp_path: Path) -> None:
    document = create_app(settings_for(NOWHERE, tmp_path)).openapi()
    assert set(document["paths"]) == {
        "/",
        "/health",
        "/health/ready",
        "/predictions",
        "/predictions/generate",
        "/predictions/{prediction_id}/feedback",
        "/interventions",
        "/interventions/{intervention_id}/apply",
        "/analytics/model-performance",
        "/analytics/struggle-reduction",
        "/report",
    }
    assert "Problem" in document["components"]["schemas"]
    assert "HTTPValidationError" not in document["components"]["schemas"]
    for path, item in document["paths"].items():
        (route,) = item.values()
        assert route["summary"]
        assert route["description"]
        assert all(parameter.get("description") for parameter in route.get("parameters", [])), path
        for status, answer in route["responses"].items():
            shown = "text/html" if path == "/report" else "application/json"
            media = shown if status.startswith("2") else "application/problem+json"
            assert list(answer["content"]) == [media], (path, status)
            assert path in ("/health", "/report") or not status.startswith("2") or answer["content"][media]["example"]


@pytest.mark.parametrize(
    ("answer", "example"),
    [
        (Predictions, examples.PREDICTIONS),
        (GeneratedPredictions, examples.GENERATED),
        (Interventions, examples.INTERVENTIONS),
        (ModelPerformance, examples.MODEL_PERFORMANCE),
        (StruggleReduction, examples.STRUGGLE_REDUCTION),
        (Ready, examples.READY),
        (FeedbackRecorded, examples.FEEDBACK),
        (Applied, examples.APPLIED),
    ],
)
def test_documented_examples_are_possible_answers(answer: type[Answer], example: dict[str, object]) -> None:
    assert answer.model_validate(example).model_dump(mode="json") == example


def test_start_up_imports_nothing_heavy(tmp_path: Path) -> None:
    script = (
        f"import sys, americano_assets.api.app as a; a.create_app();print([m for m in {HEAVY} if m in sys.modules])"
    )
    environment = {"DATABASE_URL": NOWHERE, "AMERICANO_HOME": str(tmp_path)}
    root = PROJECT_ROOT
    run = subprocess.run(
        [sys.executable, "-c", script], env=environment, cwd=root, capture_output=True, text=True, check=False
    )
    assert run.stdout.strip() == "[]", run.stderr
