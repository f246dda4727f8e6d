"""A request is under way: PostgreSQL is stopped in the middle of it, or the service is told to end."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from americano_assets.api.database import APPLICATION_NAME, Change, Row
from americano_assets.installation import PROJECT_ROOT
from americano_assets.resources.postgres.connection import bootstrap
from americano_assets.resources.postgres.embedded.server import EmbeddedServer
from americano_assets.resources.postgres.migrate import migrate
from americano_assets_tests.api.rows import LEARNER, Rows
from americano_assets_tests.api.serving import serving, settings_for

PREDICTION, INTERVENTION, MISSION = "prediction-1", "intervention-1", "mission-1"
WORD: dict[str, Any] = {"user_id": LEARNER, "actual_struggle": True, "feedback_type": "HELPFUL"}
# Path, body, and the query of the request before which the server is stopped: others have written before it.
WRITES = {
    "feedback": (f"/predictions/{PREDICTION}/feedback", WORD, "write_outcome"),
    "apply": (f"/interventions/{INTERVENTION}/apply", {}, "mark_applied"),
}


def written(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """What the two requests write."""
    with psycopg.connect(url) as connection:
        return {
            table: connection.execute(f"SELECT to_jsonb(t)::text FROM {table} t ORDER BY 1".encode()).fetchall()
            for table in ("ml.prediction_feedback", "struggle_predictions", "intervention_recommendations", "missions")
        }


@pytest.fixture
def url(fragile: EmbeddedServer) -> Iterator[str]:
    """A database on the server that may be stopped, with a prediction, its recommendation and a mission."""
    with psycopg.connect(fragile.url("postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE asked")
    found = fragile.url("asked")
    with psycopg.connect(found, autocommit=True) as connection:
        bootstrap(connection)
        migrate(connection)
        rows = Rows(connection)
        rows.curriculum()
        rows.prediction(PREDICTION)
        rows.intervention(INTERVENTION, predictionId=PREDICTION)
        rows.mission(MISSION, [])
    yield found
    fragile.ensure()
    with psycopg.connect(fragile.url("postgres"), autocommit=True) as connection:
        connection.execute("DROP DATABASE asked WITH (FORCE)")


@pytest.mark.parametrize("write", WRITES)
def test_a_server_stopped_between_two_statements_leaves_nothing_half_written(
    write: str, url: str, fragile: EmbeddedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, body, last = WRITES[write]
    before, real, stopped = written(url), Change.row, list[str]()

    async def row(change: Change, name: str, **parameters: Any) -> Row | None:
        if name == last and not stopped:
            stopped.append(name)
            assert fragile.stop()
        return await real(change, name, **parameters)

    monkeypatch.setattr(Change, "row", row)
    with serving(settings_for(url, tmp_path)) as service:
        answer = service.ask(path, method="POST", json=body)
        assert stopped == [last]
        assert (answer.status_code, answer.json()["code"]) == (503, "database_unreachable")
        fragile.ensure()
        assert written(url) == before
        service.post(path, **body)
        once = written(url)
        assert once != before
        service.post(path, **body)
        assert written(url) == once


def test_a_service_told_to_end_answers_what_is_under_way_takes_no_more_and_ends(url: str, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {"DATABASE_URL": url, "AMERICANO_HOME": str(tmp_path), "PORT": str(port)}
    process = subprocess.Popen(
        [sys.executable, "-m", "americano_assets", "api"], cwd=PROJECT_ROOT, env=environment, stderr=subprocess.PIPE
    )
    try:
        base = f"http://127.0.0.1:{port}"
        while not answers(base):
            assert process.poll() is None
        path, body, _ = WRITES["feedback"]
        with psycopg.connect(url) as other, ThreadPoolExecutor(1) as asking:
            other.execute("SELECT FROM struggle_predictions FOR UPDATE")
            under_way = asking.submit(httpx.post, base + path, json=body, timeout=30)
            with psycopg.connect(url, autocommit=True) as watching:
                while not waits(watching):
                    assert not under_way.done(), under_way.result().text
            process.send_signal(signal.SIGTERM)
            while answers(base):
                assert process.poll() is None
            assert not under_way.done()
            other.rollback()
            assert under_way.result().status_code == 200
        _, log = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode in (0, -signal.SIGTERM)  # in good order; by the signal, where it inherited its default
    assert len(written(url)["ml.prediction_feedback"]) == 1
    lines = [json.loads(line) for line in log.decode().splitlines()]
    assert {line["message"] for line in lines if "message" in line} >= {
        "Shutting down",
        "Application shutdown complete.",
    }
    assert [line["status"] for line in lines if line.get("route", "").endswith("/feedback")] == [200]


def answers(base: str) -> bool:
    try:
        return httpx.get(base + "/health").status_code == 200
    except httpx.TransportError:
        return False


def waits(watching: psycopg.Connection[Any]) -> bool:
    """Whether a request of the service waits for a row that somebody else has locked."""
    found = watching.execute(
        "SELECT 1 FROM pg_stat_activity WHERE application_name = %s AND wait_event_type = 'Lock'", [APPLICATION_NAME]
    )
    return found.fetchone() is not None
