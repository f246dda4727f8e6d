"""GET /health and /health/ready, with and without a database."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from americano_assets.api.database import PoolLimits
from americano_assets_tests.api.rows import LAST_CLOSED, LEARNER, MODEL, NOW, Rows
from americano_assets_tests.api.serving import Service, serving, settings_for


@pytest.fixture
def cut_off(tmp_path: Path) -> Iterator[Service]:
    """The application, whose database is a socket that nobody listens on."""
    url = f"postgresql://someone:a-password@localhost/americano?host={tmp_path}"
    with serving(settings_for(url, tmp_path), PoolLimits(acquire_seconds=0.2)) as running:
        yield running


def test_ready_names_the_days_and_the_model(rows: Rows, service: Service) -> None:
    rows.published()
    assert service.get("/health/ready") == {
        "status": "ready",
        "database": "up",
        "last_closed_study_day": "2026-11-22",
        "last_published_study_day": "2026-11-22",
        "model_version": MODEL,
        "stale": False,
        "checked_at": "2026-11-24T12:00:00.000Z",
    }


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
    assert "DATABASE_URL" in answer.json()["detail"]
    assert "a-password" not in answer.text
    assert "someone" not in answer.text


def test_request_after_lost_connections_is_answered(rows: Rows, service: Service) -> None:
    rows.published()
    service.get("/health/ready")
    rows.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'americano-api'")
    assert service.get("/health/ready")["database"] == "up"


def test_database_without_our_tables_is_named_as_such(rows: Rows, service: Service) -> None:
    rows.execute("DROP SCHEMA ml CASCADE")
    answer = service.ask("/health/ready")
    assert (answer.status_code, answer.json()["code"]) == (503, "database_not_prepared")
    assert "check-db" in answer.json()["detail"]


def test_slow_database_is_given_up(rows: Rows, database: str, tmp_path: Path) -> None:
    limits = PoolLimits(connections=1, statement_seconds=0.1)
    with serving(settings_for(database, tmp_path), limits) as service, rows.connection.transaction():
        rows.execute("LOCK TABLE ml.study_days IN ACCESS EXCLUSIVE MODE")
        answer = service.ask("/health/ready")
        assert (answer.status_code, answer.json()["code"]) == (503, "database_slow")


def test_requests_cannot_write(rows: Rows, service: Service) -> None:
    rows.published()
    rows.execute("ALTER TABLE ml.study_days RENAME TO kept; CREATE SEQUENCE written")
    rows.execute("CREATE VIEW ml.study_days AS SELECT * FROM ml.kept WHERE nextval('public.written') > 0")
    assert service.ask("/health/ready").status_code == 500
    assert rows.connection.execute("SELECT is_called FROM written").fetchone() == (False,)
