"""GET /health and /health/ready, with and without a database."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil
import pytest

from americano_assets.api.database import APPLICATION_NAME, PoolLimits
from americano_assets.installation import HOME_SETTINGS_FILE
from americano_assets.resources.home.folder import write_demo_values
from americano_assets.resources.postgres.embedded.server import EmbeddedServer
from americano_assets_tests.api.rows import LAST_CLOSED, LEARNER, MODEL, NOW, Rows
from americano_assets_tests.api.serving import Service, serving, settings_for


def test_ready_names_the_days_and_the_model(rows: Rows, service: Service) -> None:
    rows.published()
    assert service.get("/health/ready") == {
        "status": "ready",
        "database": "up",
        "last_closed_study_day": "2026-11-22",
        "last_published_study_day": "2026-11-22",
        "model_version": MODEL,
        "predictions_as_of": "2026-11-23T23:00:00.000Z",
        "age_hours": 13.0,
        "demo_settings": {},
        "stale": False,
        "checked_at": "2026-11-24T12:00:00.000Z",
    }


def test_ready_tells_what_a_demo_decides(rows: Rows, service: Service) -> None:
    rows.published()
    home: Path = service.app.state.settings.americano_home
    home.mkdir(exist_ok=True)
    try:
        write_demo_values(home, {"AMERICANO_HOLDOUT_SHARE": "0.1"})
        assert service.get("/health/ready")["demo_settings"] == {"AMERICANO_HOLDOUT_SHARE": "0.1"}
    finally:
        (home / HOME_SETTINGS_FILE).unlink()


def test_ready_is_stale_from_the_cut_off_until_the_day_is_published(rows: Rows, service: Service) -> None:
    rows.published()
    service.now = NOW.replace(hour=22, minute=59)
    assert service.get("/health/ready")["stale"] is False
    service.now = NOW.replace(hour=23)
    assert service.get("/health/ready")["stale"] is True
    rows.published(LAST_CLOSED + timedelta(days=1), model="next")
    assert service.get("/health/ready")["stale"] is False


def test_database_that_was_never_published_to_is_not_ready(service: Service) -> None:
    answer = service.ask("/health/ready")
    assert (answer.status_code, answer.json()["code"]) == (503, "nothing_published")
    assert "2026-11-22" in answer.json()["detail"]


def test_process_is_alive_without_a_database(cut_off: Service) -> None:
    assert cut_off.get("/health") == {"status": "ok"}


@pytest.mark.parametrize(
    "path", ["/health/ready", "/predictions", "/interventions", "/model-performance", "/struggle-reduction"]
)
def test_unreachable_database_is_a_problem_that_keeps_secrets(cut_off: Service, path: str) -> None:
    answer = cut_off.ask(path, {"user_id": LEARNER})
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "database_unreachable"
    assert int(answer.headers["retry-after"]) > 0
    assert "DATABASE_URL" in answer.json()["detail"]
    assert "a-password" not in answer.text
    assert "someone" not in answer.text


def test_database_that_comes_up_later_is_used(
    rows: Rows, shared_database: str, server: EmbeddedServer, tmp_path: Path
) -> None:
    rows.published()
    door = tmp_path / "socket"
    url = shared_database.replace(quote(str(server.folder), safe=""), quote(str(door), safe=""))
    with serving(settings_for(url, tmp_path), PoolLimits(acquire_seconds=0.2)) as service:
        assert service.ask("/health/ready").status_code == 503
        door.symlink_to(server.folder)
        answers = (service.ask("/health/ready").status_code for _ in range(50))
        assert 200 in answers


def test_request_after_lost_connections_is_answered(rows: Rows, service: Service) -> None:
    rows.published()
    service.get("/health/ready")
    ended = rows.connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s", [APPLICATION_NAME]
    )
    assert ended.rowcount == 1
    assert service.get("/health/ready")["database"] == "up"


def test_after_a_restart_of_the_server_the_first_request_is_answered(
    rows: Rows, shared_database: str, tmp_path: Path
) -> None:
    rows.published()
    limits = PoolLimits(connections=8, acquire_seconds=3, statement_seconds=60)
    with serving(settings_for(shared_database, tmp_path), limits) as service, ThreadPoolExecutor(8) as threads:
        with rows.connection.transaction():
            rows.execute("LOCK TABLE struggle_predictions IN ACCESS EXCLUSIVE MODE")
            asked = [threads.submit(service.ask, "/predictions", {"user_id": LEARNER}) for _ in range(8)]
            while rows.one("SELECT count(*) FROM pg_locks WHERE NOT granted")[0] < 8:
                assert not any(one.done() for one in asked)
        assert {one.result().status_code for one in asked} == {200}
        ended = rows.connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s", [APPLICATION_NAME]
        )
        assert ended.rowcount == 8
        assert service.ask("/predictions", {"user_id": LEARNER}).status_code == 200


def test_changes_that_wait_for_rows_keep_no_reader_waiting(rows: Rows, shared_database: str, tmp_path: Path) -> None:
    rows.published()
    rows.prediction("p1")
    word: dict[str, Any] = {"actual_struggle": True, "feedback_type": "HELPFUL"}
    limits = PoolLimits(connections=2, changes=1, acquire_seconds=30, statement_seconds=60, lock_seconds=50)
    lock = """SELECT FROM struggle_predictions WHERE "id" = 'p1' FOR UPDATE"""
    with serving(settings_for(shared_database, tmp_path), limits) as service, ThreadPoolExecutor(4) as threads:
        with rows.connection.transaction():
            rows.execute(lock)
            asked = [
                threads.submit(service.ask, "/predictions/p1/feedback", method="POST", json=word) for _ in range(4)
            ]
            while not rows.one("SELECT count(*) FROM pg_locks WHERE NOT granted")[0]:
                assert not any(one.done() for one in asked)
            assert service.ask("/predictions", {"user_id": LEARNER}).status_code == 200
        assert {one.result().status_code for one in asked} == {200}
    limits = PoolLimits(statement_seconds=60, lock_seconds=0.05)
    with serving(settings_for(shared_database, tmp_path), limits) as service, rows.connection.transaction():
        rows.execute(lock)
        answer = service.ask("/predictions/p1/feedback", method="POST", json=word)
        assert (answer.status_code, answer.json()["code"]) == (503, "database_busy")
        assert int(answer.headers["retry-after"]) > 0


def test_database_without_our_tables_is_named_as_such(rows_apart: Rows, service_apart: Service) -> None:
    rows_apart.execute("DROP SCHEMA ml CASCADE")
    answer = service_apart.ask("/health/ready")
    assert (answer.status_code, answer.json()["code"]) == (503, "database_not_prepared")
    assert "check-db" in answer.json()["detail"]


def test_slow_database_is_given_up(rows: Rows, shared_database: str, tmp_path: Path) -> None:
    limits = PoolLimits(connections=1, statement_seconds=0.1)
    with serving(settings_for(shared_database, tmp_path), limits) as service, rows.connection.transaction():
        rows.execute("LOCK TABLE ml.study_days IN ACCESS EXCLUSIVE MODE")
        answer = service.ask("/health/ready")
        assert (answer.status_code, answer.json()["code"]) == (503, "database_slow")


def test_requests_cannot_write(rows_apart: Rows, service_apart: Service) -> None:
    rows_apart.published()
    rows_apart.execute("ALTER TABLE ml.study_days RENAME TO kept; CREATE SEQUENCE written")
    rows_apart.execute("CREATE VIEW ml.study_days AS SELECT * FROM ml.kept WHERE nextval('public.written') > 0")
    assert service_apart.ask("/health/ready").status_code == 500
    assert rows_apart.connection.execute("SELECT is_called FROM written").fetchone() == (False,)


@contextmanager
def _held(rows: Rows, service: Service) -> Iterator[None]:
    """A request that holds a connection, until this ends."""
    with ThreadPoolExecutor(1) as thread:
        with rows.connection.transaction():
            rows.execute("LOCK TABLE struggle_predictions IN ACCESS EXCLUSIVE MODE")
            asked = thread.submit(service.ask, "/predictions", {"user_id": LEARNER})
            while not rows.one("SELECT count(*) FROM pg_locks WHERE NOT granted")[0]:
                assert not asked.done()
            yield
        assert asked.result().status_code == 200


def test_a_busy_service_says_so_and_stays_ready(rows: Rows, shared_database: str, tmp_path: Path) -> None:
    rows.published()
    limits = PoolLimits(connections=1, acquire_seconds=1, statement_seconds=60)
    with serving(settings_for(shared_database, tmp_path), limits) as service, _held(rows, service):
        refused = service.ask("/predictions", {"user_id": LEARNER})
        assert (refused.status_code, refused.json()["code"]) == (503, "overloaded")
        assert int(refused.headers["retry-after"]) > 0
        assert service.get("/health/ready")["database"] == "up"
        assert service.get("/health") == {"status": "ok"}


def test_whoever_asks_for_readiness_at_once_shares_one_connection(
    rows: Rows, shared_database: str, tmp_path: Path
) -> None:
    rows.published()
    with serving(settings_for(shared_database, tmp_path)) as service, ThreadPoolExecutor(40) as threads:
        answers = list(threads.map(lambda _: service.ask("/health/ready").status_code, range(400)))
        used = rows.one("SELECT count(*) FROM pg_stat_activity WHERE application_name = %s", APPLICATION_NAME)
    assert set(answers) == {200}
    assert used == (1,)


@pytest.mark.parametrize("frozen", [False, True])
def test_a_change_that_takes_too_long_is_given_up_whole(
    rows: Rows, shared_database: str, tmp_path: Path, frozen: bool
) -> None:
    rows.published()
    rows.prediction("p1")
    limits = PoolLimits(connections=1, acquire_seconds=10, statement_seconds=60, lock_seconds=50, request_seconds=2)
    word: dict[str, Any] = {"actual_struggle": True, "feedback_type": "HELPFUL"}
    waiting = "SELECT DISTINCT pid FROM pg_locks WHERE NOT granted"
    with serving(settings_for(shared_database, tmp_path), limits) as service, ThreadPoolExecutor(1) as thread:
        with rows.connection.transaction():
            rows.execute("LOCK TABLE struggle_predictions IN ACCESS EXCLUSIVE MODE")
            asked = thread.submit(service.ask, "/predictions/p1/feedback", method="POST", json=word)
            while not (found := rows.connection.execute(waiting.encode()).fetchall()):
                assert not asked.done()
            backend = psutil.Process(found[0][0])
            if frozen:
                backend.suspend()
            try:
                assert asked.result().json()["code"] == "database_slow"
            finally:
                backend.resume()
        assert rows.one("SELECT count(*) FROM ml.prediction_feedback") == (0,)
        assert service.post("/predictions/p1/feedback", **word)["feedback_recorded"] is True


def test_a_frozen_database_is_told_as_such(rows: Rows, shared_database: str, tmp_path: Path) -> None:
    rows.published()
    limits = PoolLimits(acquire_seconds=5, statement_seconds=60, request_seconds=2)
    with serving(settings_for(shared_database, tmp_path), limits) as service, ThreadPoolExecutor(2) as threads:
        service.get("/predictions", user_id=LEARNER)
        service.get("/health/ready")
        found = rows.connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE application_name = %s", [APPLICATION_NAME]
        )
        backends = [psutil.Process(pid) for (pid,) in found]
        assert len(backends) == 2
        for backend in backends:
            backend.suspend()
        try:
            asked = threads.submit(service.ask, "/predictions", {"user_id": LEARNER})
            ready = threads.submit(service.ask, "/health/ready").result()
            assert (ready.status_code, ready.json()["code"]) == (503, "database_unreachable")
            assert asked.result().json()["code"] == "database_slow"
        finally:
            for backend in backends:
                backend.resume()
        assert service.ask("/predictions", {"user_id": LEARNER}).status_code == 200
        assert service.get("/health/ready")["database"] == "up"
