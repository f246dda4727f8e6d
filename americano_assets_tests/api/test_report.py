"""GET /report."""

from datetime import UTC, date
from pathlib import Path

import pytest

from americano_assets.api.tokens import create_token
from americano_assets.stages.s9_report.page.files import write_report
from americano_assets_tests.api.rows import LEARNER, NOW, Rows
from americano_assets_tests.api.serving import Service


@pytest.fixture
def written(service: Service) -> Path:
    settings = service.app.state.settings
    write_report(settings, date(2026, 11, 21), "<p>older</p>")
    return write_report(settings, date(2026, 11, 22), "<p>newest</p>")


def test_the_newest_report_and_that_of_a_day(service: Service, written: Path) -> None:
    newest = service.ask("/report")
    assert (newest.status_code, newest.text) == (200, "<p>newest</p>")
    assert newest.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in newest.headers["content-security-policy"]
    assert service.ask("/report", {"day": "2026-11-21"}).text == "<p>older</p>"


def test_a_missing_report_and_a_wrong_day_are_told(service: Service) -> None:
    missing = service.ask("/report")
    assert (missing.status_code, missing.json()["code"]) == (404, "no_report")
    assert "2026-11-20" in service.ask("/report", {"day": "2026-11-20"}).json()["detail"]
    assert service.ask("/report", {"day": "../../etc/passwd"}).status_code == 422


def test_it_opens_to_the_app_and_to_no_learner(rows: Rows, service: Service, written: Path) -> None:
    clock = NOW.replace(tzinfo=UTC)
    app = create_token(rows.connection, "app", clock)
    learner = create_token(rows.connection, "theirs", clock, learner_id=LEARNER)
    statuses = [
        service.ask("/report", headers={"Authorization": f"Bearer {token}"}).status_code for token in (app, learner)
    ]
    assert statuses == [200, 403]
    assert service.ask("/report").status_code == 401
