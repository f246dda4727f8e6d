"""POST /predictions/{id}/feedback."""

from datetime import date, timedelta

import pytest

from americano_assets_tests.api.rows import LEARNER, NOW, Rows
from americano_assets_tests.api.serving import Service

_STATE = 'SELECT "predictionStatus"::text, "actualOutcome", "actualOutcomeRecordedAt" FROM struggle_predictions'


@pytest.mark.parametrize(
    ("before", "struggled", "after"),
    [
        ("PENDING", True, "CONFIRMED"),
        ("PENDING", False, "FALSE_POSITIVE"),
        ("CONFIRMED", False, "FALSE_POSITIVE"),
        ("DISMISSED", True, "CONFIRMED"),
        ("MISSED", True, "MISSED"),
        ("MISSED", False, "RESOLVED"),
    ],
)
def test_the_learners_word_sets_status_and_outcome(
    rows: Rows, service: Service, before: str, struggled: bool, after: str
) -> None:
    rows.prediction("p1", predictionStatus=before)
    answer = service.post("/predictions/p1/feedback", actualStruggle=struggled, feedbackType="HELPFUL")
    assert (answer["feedback_recorded"], answer["prediction_id"]) == (True, "p1")
    assert answer["submitted_at"] == "2026-11-24T12:00:00.000Z"
    assert rows.one(_STATE) == (after, struggled, NOW)


def test_saying_it_again_changes_nothing_and_something_else_replaces_it(rows: Rows, service: Service) -> None:
    rows.prediction("p1")
    first = service.post("/predictions/p1/feedback", actual_struggle=True, feedback_type="HELPFUL", comments="hard")
    service.now = NOW.replace(hour=13)
    again = service.post("/predictions/p1/feedback", actual_struggle=True, feedback_type="HELPFUL", comments="hard")
    assert {**again, "message": ""} == {**first, "message": ""}
    assert "before" in again["message"]
    other = service.post("/predictions/p1/feedback", actual_struggle=False, feedback_type="INACCURATE")
    assert (other["feedback_id"], other["submitted_at"]) == (first["feedback_id"], "2026-11-24T13:00:00.000Z")
    stored = rows.one("SELECT user_id, actual_struggle, feedback_type, comments FROM ml.prediction_feedback")
    assert stored == (LEARNER, False, "INACCURATE", None)
    assert rows.one(_STATE)[:2] == ("FALSE_POSITIVE", False)


def test_a_changed_mind_ends_where_it_began_and_a_dismissal_since_stays(rows: Rows, service: Service) -> None:
    rows.prediction("p1", predictionStatus="MISSED")
    rows.episode("p1", flagged=False)
    seen = []
    for struggled in (True, False, True):
        service.post("/predictions/p1/feedback", actual_struggle=struggled, feedback_type="HELPFUL")
        seen.append(rows.one(_STATE)[:2])
    assert seen == [("MISSED", True), ("RESOLVED", False), ("MISSED", True)]
    rows.execute("""UPDATE struggle_predictions SET "predictionStatus" = 'DISMISSED'""")
    service.post("/predictions/p1/feedback", actual_struggle=True, feedback_type="HELPFUL")
    assert rows.one(_STATE)[:2] == ("DISMISSED", True)


def test_a_word_before_the_planned_day_is_kept_and_counts_when_that_opens(rows: Rows, service: Service) -> None:
    due = NOW + timedelta(days=3)  # in the study day that opens on 26 November at 23:00
    rows.prediction("p1", due=due)
    for number in range(29):
        rows.prediction(f"counted-{number}")
        rows.episode(f"counted-{number}")
        rows.feedback(f"counted-{number}")
    rows.episode("p1", planned_day=date(2026, 11, 26))
    early = service.post("/predictions/p1/feedback", actual_struggle=True, feedback_type="HELPFUL")
    assert (early["submitted_at"], early["counts_from"]) == ("2026-11-24T12:00:00.000Z", "2026-11-26T23:00:00.000Z")
    assert early["message"] == "Thank you: this will count from the day on for which the objective is planned."
    assert early["model_accuracy_update"] is None, "twenty-nine count"
    assert rows.one(_STATE + " WHERE id = 'p1'") == ("PENDING", None, None)
    assert rows.one("SELECT actual_struggle FROM ml.prediction_feedback WHERE prediction_id = 'p1'") == (True,)

    service.now = NOW.replace(day=26, hour=23)
    again = service.post("/predictions/p1/feedback", actual_struggle=True, feedback_type="HELPFUL")
    assert (again["message"], again["counts_from"]) == ("This was recorded before.", "2026-11-26T23:00:00.000Z")
    assert again["model_accuracy_update"]["data_points"] == 30
    assert rows.one(_STATE + " WHERE id = 'p1'") == ("CONFIRMED", True, NOW)
    other = service.post("/predictions/p1/feedback", actual_struggle=False, feedback_type="HELPFUL")
    assert other["counts_from"] == other["submitted_at"] == "2026-11-26T23:00:00.000Z"
    assert rows.one(_STATE + " WHERE id = 'p1'")[:2] == ("FALSE_POSITIVE", False)


def test_the_ledger_says_when_the_planned_day_opens_of_what_has_no_plan(rows: Rows, service: Service) -> None:
    """What is not planned is due by the end of its horizon, and its day has begun."""
    rows.prediction("p1", due=NOW + timedelta(days=6))
    rows.episode("p1", planned_day=date(2026, 11, 20))
    service.post("/predictions/p1/feedback", actual_struggle=True, feedback_type="HELPFUL")
    assert rows.one(_STATE)[:2] == ("CONFIRMED", True)


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"feedback_type": "HELPFUL"}, "actual_struggle"),
        ({"actual_struggle": "yes", "feedback_type": "HELPFUL"}, "actual_struggle"),
        ({"actual_struggle": True, "feedback_type": "GREAT"}, "feedback_type"),
        ({"actual_struggle": True, "feedback_type": "HELPFUL", "comments": "x" * 1001}, "comments"),
        ({"actual_struggle": True, "feedback_type": "HELPFUL", "comments": "a\x00b"}, "comments"),
    ],
)
def test_a_wrong_body_is_told_and_changes_nothing(
    rows: Rows, service: Service, body: dict[str, object], named: str
) -> None:
    rows.prediction("p1")
    answer = service.ask("/predictions/p1/feedback", method="POST", json=body)
    assert answer.status_code == 422
    assert named in answer.json()["detail"] or named in str(answer.json()["errors"])
    assert rows.one(_STATE) == ("PENDING", None, None)
    assert rows.one("SELECT count(*) FROM ml.prediction_feedback") == (0,)


def test_an_unknown_prediction_is_none(rows: Rows, service: Service) -> None:
    assert service.post("/predictions/p0/feedback", 404, actual_struggle=True, feedback_type="HELPFUL")["code"] == (
        "unknown_prediction"
    )
    assert rows.one("SELECT count(*) FROM ml.prediction_feedback") == (0,)


def test_accuracy_by_the_learners_words_is_told_where_there_are_enough(rows: Rows, service: Service) -> None:
    for number in range(30):
        rows.prediction(f"p{number}")
        rows.episode(f"p{number}", flagged=number < 20)
    for number in range(29):
        rows.feedback(f"p{number}")
    rows.execute("UPDATE ml.prediction_feedback SET actual_struggle = false WHERE prediction_id IN ('p0', 'p1')")
    answer = service.post("/predictions/p29/feedback", actual_struggle=False, feedback_type="HELPFUL")
    # Right: 18 flagged that struggled, and the last one, neither flagged nor hard.
    assert answer["model_accuracy_update"] == {"accuracy": 19 / 30, "data_points": 30}


def test_text_columns_take_it_too(rows_apart: Rows, service_apart: Service) -> None:
    rows_apart.enums_as_text()
    rows_apart.prediction("p1")
    service_apart.post("/predictions/p1/feedback", actual_struggle=True, feedback_type="HELPFUL")
    assert rows_apart.one(_STATE) == ("CONFIRMED", True, NOW)
