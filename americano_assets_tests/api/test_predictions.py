"""GET /predictions: what is shown, in which order, counted how, page by page."""

import json
from datetime import date, timedelta
from typing import Any

import pytest
from fastapi import Request

from americano_assets.api.middleware.problems import InvalidField, _invalid
from americano_assets.api.pagination import Cursor
from americano_assets_tests.api.rows import COURSE, CUTOFF, LEARNER, NOW, OBJECTIVE, OTHER, Rows
from americano_assets_tests.api.serving import Service

DAY = timedelta(days=1)
# Well-formed, but around an id that PostgreSQL's text cannot hold.
UNSTORABLE = Cursor.model_construct(anchor=NOW, after_date=NOW, after_id="a\x00b", threshold=None)


def ids(answer: dict[str, Any]) -> list[str]:
    """Ids of a page, in order."""
    return [prediction["id"] for prediction in answer["predictions"]]


def walk(service: Service, limit: int, **parameters: Any) -> list[str]:
    """Ids of all pages, in order."""
    found: list[str] = []
    answer = service.get("/predictions", user_id=LEARNER, limit=limit, **parameters)
    while True:
        assert len(answer["predictions"]) <= limit
        assert not set(ids(answer)) & set(found), "a walk that shows a row twice may never end"
        found += ids(answer)
        if answer["next_cursor"] is None:
            return found
        answer = service.get("/predictions", user_id=LEARNER, limit=limit, cursor=answer["next_cursor"], **parameters)


def check_one_prediction_in_full(rows: Rows, service: Service) -> None:
    """The answer about a learner with one prediction, field by field."""
    rows.prediction("p1", due=NOW + DAY, p=0.712345)
    rows.prediction("p2", userId=OTHER)
    rows.indicator("i1", "p1")
    rows.indicator("i2", "p2")
    assert service.get("/predictions", user_id=LEARNER) == {
        "predictions": [
            {
                "id": "p1",
                "user_id": LEARNER,
                "learning_objective_id": OBJECTIVE,
                "topic_id": COURSE,
                "prediction_date": "2026-11-25T12:00:00.000Z",
                "predicted_struggle_probability": 0.712345,
                "prediction_confidence": 0.9,
                "prediction_status": "PENDING",
                "risk_level": "HIGH",
                "reasoning": "Answers were weak.",
                "feature_vector": {"validation_score": 0.2},
                "objective_name": "Interpret a blood gas",
                "beyond_horizon": False,
                "course_name": "Physiology",
                "indicators": [
                    {
                        "id": "i1",
                        "indicator_type": "LOW_RETENTION",
                        "severity": "HIGH",
                        "context": {"value": 0.2},
                        "detected_at": "2026-11-23T23:00:00.000Z",
                    }
                ],
            }
        ],
        "total_count": 1,
        "high_risk_count": 1,
        "medium_risk_count": 0,
        "low_risk_count": 0,
        "generated_at": "2026-11-24T12:00:00.000Z",
        "next_cursor": None,
    }


def test_a_prediction_is_shown_with_names_reason_and_its_own_indicators(rows: Rows, service: Service) -> None:
    check_one_prediction_in_full(rows, service)


def test_text_columns_in_place_of_enums_give_the_same_answers(rows_apart: Rows, service_apart: Service) -> None:
    rows_apart.enums_as_text()
    check_one_prediction_in_full(rows_apart, service_apart)
    assert ids(service_apart.get("/predictions", user_id=LEARNER, status="PENDING,MISSED")) == ["p1"]
    assert ids(service_apart.get("/predictions", user_id=LEARNER, status="DISMISSED")) == []


def test_course_is_that_of_the_lecture_where_a_row_has_no_topic(rows: Rows, service: Service) -> None:
    rows.prediction("p1", topicId=None)
    assert service.get("/predictions", user_id=LEARNER)["predictions"][0]["course_name"] == "Physiology"


def test_an_objective_without_words_is_called_by_its_id(rows: Rows, service: Service) -> None:
    rows.prediction("p1")
    rows.execute(f"UPDATE learning_objectives SET objective = ' ' || chr(9) WHERE id = '{OBJECTIVE}'")
    try:
        assert service.get("/predictions", user_id=LEARNER)["predictions"][0]["objective_name"] == OBJECTIVE
    finally:
        rows.execute(f"UPDATE learning_objectives SET objective = 'Interpret a blood gas' WHERE id = '{OBJECTIVE}'")


def test_a_course_without_a_name_is_called_by_its_code_or_its_id(rows: Rows, service: Service) -> None:
    rows.prediction("p1")
    before = rows.connection.execute("SELECT id, name, code FROM courses").fetchall()
    try:
        for code, called in (("PHY 1", "PHY 1"), (" ", COURSE)):
            rows.execute(f"UPDATE courses SET name = ' ', code = '{code}'")
            assert service.get("/predictions", user_id=LEARNER)["predictions"][0]["course_name"] == called
    finally:
        for one, name, code in before:
            rows.connection.execute("UPDATE courses SET name = %s, code = %s WHERE id = %s", [name, code, one])


def test_foreign_shapes_of_factors_and_vectors_break_nothing(rows: Rows, service: Service) -> None:
    for n, factors in enumerate(["null", "{}", "[]", "[1, null]", '"words"', '{"retention_score": 0.2}']):
        rows.prediction(f"p{n}", strugglingFactors=factors, featureVector=None if n else "[0.5]")
    shown = service.get("/predictions", user_id=LEARNER)["predictions"]
    assert [row["feature_vector"] for row in shown] == [[0.5], None, None, None, None, None]
    nothing = "No single factor stands out."
    assert [row["reasoning"] for row in shown] == [nothing] * 4 + ["words.", "retention score."]


def test_upcoming_come_first_soonest_first_then_the_past_latest_first(rows: Rows, service: Service) -> None:
    rows.prediction("in-3-days", due=NOW + 3 * DAY)
    rows.prediction("long-ago", due=NOW - 30 * DAY)
    rows.prediction("tomorrow", due=NOW + DAY)
    rows.prediction("yesterday", due=NOW - DAY)
    rows.prediction("two-days-ago", due=NOW - 2 * DAY)
    rows.prediction("this-morning", due=NOW - timedelta(hours=6))
    rows.prediction("as-the-day-opened", due=CUTOFF)
    expected = ["as-the-day-opened", "this-morning", "tomorrow", "in-3-days", "yesterday", "two-days-ago", "long-ago"]
    assert ids(service.get("/predictions", user_id=LEARNER)) == expected
    assert walk(service, limit=1) == expected
    assert walk(service, limit=4) == expected


def test_pages_of_one_instant_neither_overlap_nor_leave_out(rows: Rows, service: Service) -> None:
    names = [f"p{n:02}" for n in range(11)]
    for name in reversed(names):
        rows.prediction(name, due=NOW)
    assert walk(service, limit=3) == names
    assert walk(service, limit=11) == names


def test_walk_sees_every_row_once_while_others_are_added(rows: Rows, service: Service) -> None:
    before = [f"p{n}" for n in range(6)]
    for n, name in enumerate(before):
        rows.prediction(name, due=NOW + n * DAY)
    first = service.get("/predictions", user_id=LEARNER, limit=3)
    rows.prediction("a-earlier", due=NOW)
    rows.prediction("p2b", due=NOW + 2 * DAY)
    rows.execute("DELETE FROM struggle_predictions WHERE id = 'p2'")
    second = service.get("/predictions", user_id=LEARNER, limit=3, cursor=first["next_cursor"])
    third = service.get("/predictions", user_id=LEARNER, limit=3, cursor=second["next_cursor"])
    assert ids(first) + ids(second) + ids(third) == ["p0", "p1", "p2", "p2b", "p3", "p4", "p5"]
    assert third["next_cursor"] is None


def test_walk_keeps_its_view_across_a_study_day_and_a_publication(rows: Rows, service: Service) -> None:
    rows.published(threshold=0.5)
    for n in range(4):
        rows.prediction(f"p{n}", due=NOW + n * DAY, p=0.6)
    first = service.get("/predictions", user_id=LEARNER, limit=2)
    service.now = NOW + 2 * DAY
    rows.published(date(2026, 11, 24), threshold=0.9, model="stricter")
    second = service.get("/predictions", user_id=LEARNER, limit=2, cursor=first["next_cursor"])
    assert ids(first) + ids(second) == ["p0", "p1", "p2", "p3"]
    assert service.get("/predictions", user_id=LEARNER)["total_count"] == 0


def test_counts_are_over_the_filtered_set_and_not_over_the_page(rows: Rows, service: Service) -> None:
    for n, p in enumerate([0.7, 0.699999, 0.4, 0.399999, 0.99]):
        rows.prediction(f"p{n}", due=NOW + n * DAY, p=p)
    answer = service.get("/predictions", user_id=LEARNER, limit=1)
    counts = {name: answer[name] for name in answer if name.endswith("_count")}
    assert counts == {"total_count": 5, "high_risk_count": 2, "medium_risk_count": 2, "low_risk_count": 1}
    assert [p["risk_level"] for p in service.get("/predictions", user_id=LEARNER)["predictions"]] == [
        "HIGH",
        "MEDIUM",
        "MEDIUM",
        "LOW",
        "HIGH",
    ]
    second = service.get("/predictions", user_id=LEARNER, limit=1, cursor=answer["next_cursor"])
    assert {name: second[name] for name in counts} == counts
    beyond = service.get("/predictions", user_id=LEARNER, min_probability=0.5)
    assert beyond["total_count"] == 3


def test_default_filter_is_the_threshold_of_the_last_published_day(rows: Rows, service: Service) -> None:
    rows.prediction("at", p=0.55)
    rows.prediction("below", p=0.549999)
    assert service.get("/predictions", user_id=LEARNER)["total_count"] == 2, "nothing published: no filter"
    rows.published(threshold=0.55)
    rows.published(date(2026, 1, 1), threshold=0.1, model="older")
    assert ids(service.get("/predictions", user_id=LEARNER)) == ["at"]
    assert ids(service.get("/predictions", user_id=LEARNER, min_probability=0)) == ["at", "below"]


def test_missed_predictions_are_shown_to_who_asks_for_them(rows: Rows, service: Service) -> None:
    rows.published(threshold=0.5)
    rows.prediction("missed", p=0.2, predictionStatus="MISSED")
    rows.prediction("faded", p=0.2)
    assert ids(service.get("/predictions", user_id=LEARNER)) == []
    assert ids(service.get("/predictions", user_id=LEARNER, status="MISSED,PENDING")) == ["missed"]
    assert ids(service.get("/predictions", user_id=LEARNER, status="MISSED", min_probability=0.5)) == []


def test_status_takes_one_several_or_repeated_labels(rows: Rows, service: Service) -> None:
    for label in ("PENDING", "DISMISSED", "RESOLVED"):
        rows.prediction(label, predictionStatus=label)
    assert ids(service.get("/predictions", user_id=LEARNER)) == ["DISMISSED", "PENDING", "RESOLVED"]
    assert ids(service.get("/predictions", user_id=LEARNER, status="DISMISSED")) == ["DISMISSED"]
    assert ids(service.get("/predictions", user_id=LEARNER, status="PENDING, RESOLVED")) == ["PENDING", "RESOLVED"]
    assert ids(service.get("/predictions", user_id=LEARNER, status=["PENDING", "RESOLVED"])) == ["PENDING", "RESOLVED"]
    assert ids(service.get("/predictions", user_id=LEARNER, status="")) == ["DISMISSED", "PENDING", "RESOLVED"]


def test_camel_case_parameters_mean_the_same(rows: Rows, service: Service) -> None:
    rows.prediction("p1", p=0.9)
    rows.prediction("p2", p=0.3)
    camel = service.get("/predictions", userId=LEARNER, minProbability=0.5, limit=1)
    assert ids(camel) == ["p1"]
    assert camel == service.get("/predictions", user_id=LEARNER, min_probability=0.5, limit=1)
    refused = service.ask("/predictions", {"userId": LEARNER, "minProbability": 2})
    assert refused.status_code == 422


def test_unknown_learner_gets_an_empty_answer(rows: Rows, service: Service) -> None:
    rows.prediction("p1")
    answer = service.get("/predictions", user_id="nobody")
    assert answer["predictions"] == []
    assert answer["total_count"] == 0
    assert answer["next_cursor"] is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("user_id", ""),
        ("user_id", "x" * 129),
        ("user_id", "a\x00b"),
        ("status", "OPEN"),
        ("status", "PENDING,OPEN"),
        ("min_probability", "-0.1"),
        ("min_probability", "1.1"),
        ("min_probability", "nan"),
        ("limit", "0"),
        ("limit", "201"),
        ("cursor", "no cursor"),
        ("cursor", "é"),
        ("cursor", "e30"),
        ("cursor", "W10"),
        ("cursor", "x" * 5000),
        ("cursor", UNSTORABLE.encode()),
    ],
)
def test_bad_parameters_are_refused_by_name(service: Service, name: str, value: str) -> None:
    answer = service.ask("/predictions", {"user_id": LEARNER, name: value})
    assert answer.status_code == 422
    assert {error["name"].split(".")[0] for error in answer.json()["errors"]} == {name}


def test_learner_is_required(service: Service) -> None:
    answer = service.ask("/predictions")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["name"] == "user_id"


def test_a_short_request_earns_no_long_answer(rows: Rows, service: Service) -> None:
    asked = {"user_id": LEARNER, "status": ",".join(f"S{number}" for number in range(1000))}
    answer = service.ask("/predictions", asked)
    assert answer.status_code == 422
    assert len(answer.content) < 4000
    repeated = service.ask("/predictions", {"user_id": LEARNER, "status": ",".join(["PENDING"] * 800)})
    assert repeated.status_code == 200, "the same said again asks for nothing more"


def test_many_faults_are_told_by_a_few(rows: Rows, service: Service) -> None:
    fault = InvalidField(name="name", detail="a rule")
    document = json.loads(bytes(_invalid(Request({"type": "http"}), [fault] * 50).body))
    assert len(document["errors"]) == 10
    assert document["detail"].endswith("; and 40 more")
