"""GET /analytics/struggle-reduction."""

from typing import Any

import pytest

from americano_assets.api.reduction import RATES
from americano_assets_tests.api.rows import CUTOFF, LEARNER, OTHER, Rows
from americano_assets_tests.api.serving import Service


def counts(answer: dict[str, Any]) -> tuple[int, int, int]:
    """Predictions, interventions applied, feedbacks."""
    return answer["total_predictions"], answer["total_interventions_applied"], answer["user_feedback_count"]


@pytest.mark.parametrize("path", ["/analytics/struggle-reduction", "/struggle-reduction"])
def test_before_and_after_is_labelled_as_observation(rows: Rows, service: Service, path: str) -> None:
    rows.reduction("month")
    rows.reduction("week", current_rate=0.9)
    answer = service.get(path)
    assert answer["kind"] == "observational"
    assert "regression to the mean" in answer["warning"]
    assert [answer[rate] for rate in RATES] == [0.4, 0.3, 25.0]
    assert answer["baseline_period_start"] == "2026-08-15T23:00:00.000Z"
    assert answer["baseline_period_end"] == "2026-09-26T23:00:00.000Z"
    assert answer["current_period_start"] == "2026-10-24T23:00:00.000Z"
    assert answer["current_period_end"] == "2026-11-23T23:00:00.000Z"
    assert (answer["baseline_studied"], answer["current_studied"]) == (50, 30)
    assert answer["replayed"] is True
    assert answer["timeline"] == [
        {"date": "2026-11-22", "struggle_rate": 0.3, "struggles_count": 9, "topics_studied": 30}
    ]
    assert (answer["period"], answer["reason"]) == ("month", None)


def test_no_effect_is_claimed_without_an_experiment(service: Service) -> None:
    answer = service.get("/struggle-reduction")
    reason = answer["effect"].pop("reason")
    assert "holdout experiment" in reason
    assert set(answer["effect"].values()) == {None}
    assert answer["intervention_effectiveness"] == []
    assert "holdout experiment" in answer["intervention_effectiveness_reason"]


def test_period_and_learner_choose_the_row(rows: Rows, service: Service) -> None:
    rows.reduction("week", current_rate=0.1)
    rows.reduction("all", current_rate=0.2)
    rows.reduction("all", scope=("learner", LEARNER), current_rate=0.35)
    assert service.get("/struggle-reduction", period="week")["current_rate"] == 0.1
    assert service.get("/struggle-reduction", period="all")["current_rate"] == 0.2
    assert service.get("/struggle-reduction", period="all", userId=LEARNER)["current_rate"] == 0.35
    missing = service.get("/struggle-reduction", userId=LEARNER)
    assert ([missing[rate] for rate in RATES], missing["period"]) == ([None] * 3, "month")
    assert "this learner" in missing["reason"]
    assert service.ask("/struggle-reduction", {"period": "year"}).status_code == 422


def test_null_rates_carry_the_reason(rows: Rows, service: Service) -> None:
    rows.reduction("month", baseline_rate=None, reduction_percentage=None, reason="Too few graded sessions before.")
    answer = service.get("/struggle-reduction")
    assert [answer[rate] for rate in RATES] == [None, 0.3, None]
    assert answer["reason"] == "Too few graded sessions before."
    rows.execute("UPDATE ml.struggle_reduction SET reason = NULL")
    assert service.get("/struggle-reduction")["reason"], "a null figure always has a reason"


def test_counts_are_live_and_of_the_scope_asked_for(rows: Rows, service: Service) -> None:
    assert counts(service.get("/struggle-reduction")) == (0, 0, 0)
    rows.prediction("p1")
    rows.prediction("p2", userId=OTHER)
    rows.prediction("p3", userId=OTHER)
    rows.intervention("i1", appliedAt=CUTOFF)
    rows.intervention("i2")
    rows.intervention("i3", userId=OTHER, appliedAt=CUTOFF)
    rows.feedback("p2", OTHER)
    assert counts(service.get("/struggle-reduction")) == (3, 2, 1)
    assert counts(service.get("/struggle-reduction", user_id=LEARNER)) == (1, 1, 0)
    assert counts(service.get("/struggle-reduction", user_id=OTHER)) == (2, 1, 1)


def test_who_opted_out_is_in_no_count_over_all(rows: Rows, service: Service) -> None:
    rows.prediction("p1")
    for switch in ("behavioralAnalysisEnabled", "includeInAnalytics", "performanceTrackingEnabled"):
        rows.learner(switch, **{switch: False})
        rows.prediction(f"p-{switch}", userId=switch)
        rows.intervention(f"i-{switch}", userId=switch, appliedAt=CUTOFF)
        rows.feedback("p1", switch)
    assert counts(service.get("/struggle-reduction")) == (1, 0, 0)
