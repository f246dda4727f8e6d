"""POST /predictions/generate where there is nothing to compute, or nobody may ask for it."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from americano_assets.api.tokens import create_token
from americano_assets_tests.api.rows import LEARNER, OTHER, Rows
from americano_assets_tests.api.serving import Service, serving, settings_for

PATH = "/predictions/generate"
NOTHING = {
    "predictions": [],
    "alerts": [],
    "total_count": 0,
    "high_risk_count": 0,
    "medium_risk_count": 0,
    "low_risk_count": 0,
    "generated_at": "2026-11-24T12:00:00.000Z",
}


def test_without_any_model_it_says_what_to_do(rows: Rows, service: Service) -> None:
    answer = service.ask(PATH, method="POST", json={"user_id": LEARNER})
    assert (answer.status_code, answer.json()["code"]) == (503, "no_model")
    assert "americano nightly" in answer.json()["detail"]


def test_who_is_unknown_gets_empty_lists_and_leaves_no_trace(rows: Rows, service: Service) -> None:
    assert service.post(PATH, 201, user_id="nobody") == NOTHING
    assert rows.one("SELECT count(*) FROM ml.generate_budget") == (0,)


@pytest.mark.parametrize("consent", ["behavioralAnalysisEnabled", "performanceTrackingEnabled"])
def test_who_opted_out_gets_empty_lists_and_nothing_is_written(rows: Rows, service: Service, consent: str) -> None:
    rows.learner("silent", **{consent: False})
    assert service.post(PATH, 201, user_id="silent") == NOTHING
    assert rows.one("SELECT count(*) FROM ml.generate_budget") == (0,)


def test_the_budget_is_spent_before_anything_is_computed(rows: Rows, shared_database: str, tmp_path: Path) -> None:
    with serving(settings_for(shared_database, tmp_path, americano_generate_per_minute=1)) as service:
        assert service.ask(PATH, method="POST", json={"user_id": LEARNER}).status_code == 503  # no model
        answer = service.ask(PATH, method="POST", json={"user_id": LEARNER})
        assert (answer.status_code, answer.json()["code"]) == (429, "too_many_requests")
        assert answer.headers["retry-after"] == "60"
        assert service.ask(PATH, method="POST", json={"user_id": OTHER}).status_code == 503, "each their own budget"


def test_a_learners_token_generates_for_that_learner_alone(rows: Rows, service: Service) -> None:
    token = create_token(rows.connection, "phone", datetime.now(UTC), learner_id=LEARNER)
    headers = {"Authorization": f"Bearer {token}"}
    codes = [
        service.ask(PATH, method="POST", headers=headers, json={"user_id": user}).json()["code"]
        for user in (LEARNER, OTHER)
    ]
    assert codes == ["no_model", "another_learner"]
    assert service.ask(PATH, method="POST", json={"user_id": LEARNER}).status_code == 401
    assert rows.one("SELECT array_agg(user_id) FROM ml.generate_budget") == ([LEARNER],)


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({}, "user_id"),
        ({"user_id": ""}, "user_id"),
        ({"user_id": "a\u0000b"}, "user_id"),
        ({"user_id": LEARNER, "days_ahead": 0}, "days_ahead"),
        ({"userId": LEARNER, "daysAhead": 31}, "days_ahead"),
        ({"user_id": LEARNER, "days_ahead": "7"}, "days_ahead"),
        ({"user_id": LEARNER, "days_ahead": 1.5}, "days_ahead"),
        ({"user_id": LEARNER, "days_ahead": True}, "days_ahead"),
    ],
)
def test_what_cannot_be_asked_for_is_named(service: Service, body: dict[str, object], name: str) -> None:
    answer = service.ask(PATH, method="POST", json=body)
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert name.replace("_", "") in error["name"].replace("_", "").lower()


def test_a_body_beyond_the_limit_is_refused(service: Service) -> None:
    answer = service.ask(PATH, method="POST", json={"user_id": LEARNER, "padding": "x" * 65_536})
    assert answer.status_code == 413


def test_a_database_that_is_away_is_told(cut_off: Service) -> None:
    answer = cut_off.ask(PATH, method="POST", json={"user_id": LEARNER})
    assert (answer.status_code, answer.json()["code"]) == (503, "database_unreachable")
    assert "a-password" not in answer.text
