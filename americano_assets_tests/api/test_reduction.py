"""GET /analytics/struggle-reduction."""

from datetime import timedelta
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from americano_assets.api.routes.struggle_reduction import RATES
from americano_assets_tests.api.rows import CUTOFF, LAST_CLOSED, LEARNER, OTHER, Rows
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


def test_the_warning_is_about_what_the_figures_show(rows: Rows, service: Service) -> None:
    rows.reduction("month", reduction_percentage=-14.7)
    rows.reduction("week", reduction_percentage=0.0)
    worse, same, unknown = (
        service.get("/struggle-reduction", period=one)["warning"] for one in ("month", "week", "all")
    )
    assert "no proof that it harms" in worse
    assert "No change is no proof" in same
    assert "never the effect" in unknown
    assert not any("better" in one for one in (worse, same, unknown))


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


def test_figures_of_unlike_windows_by_a_version_before_are_not_shown(rows: Rows, service: Service) -> None:
    rows.reduction("month", current_rate=0.1)
    rows.execute("UPDATE ml.struggle_reduction SET by_weeks = false")
    answer = service.get("/struggle-reduction")
    assert [answer[rate] for rate in RATES] == [None] * 3
    assert answer["reason"] == "No before/after figure has been computed yet."


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


NOTHING: dict[str, Any] = {"estimate": None, "low": None, "high": None, "standard_error": None}


def test_the_effect_is_that_of_the_newest_night_and_of_the_period(rows: Rows, service: Service) -> None:
    rows.effect(study_day=LAST_CLOSED - timedelta(days=1), estimate=-0.5)
    rows.effect()
    rows.effect(period="all", estimate=-0.04, low=-0.08, high=0.0)
    rows.effect(estimand="studied_only", estimate=-0.2)
    rows.effect(evidence="rehearsal", estimate=0.3)
    effect = service.get("/struggle-reduction")["effect"]
    assert (effect["estimate"], effect["interval"], effect["evidence"]) == (-0.06, [-0.1, -0.02], "experiment")
    assert (effect["rate_treated"], effect["rate_holdout"]) == (0.3, 0.36)
    assert (effect["n_treated"], effect["n_holdout"], effect["reason"]) == (900, 100, None)
    assert service.get("/struggle-reduction", period="all")["effect"]["estimate"] == -0.04


def test_without_a_holdout_the_observational_estimate_is_labelled(rows: Rows, service: Service) -> None:
    rows.effect(**NOTHING, reason="Insufficient data: nobody was held out.")
    assert service.get("/struggle-reduction")["effect"]["reason"] == "Insufficient data: nobody was held out."
    rows.effect(evidence="observational", period="all", estimate=-0.02, low=-0.05, high=0.01)
    effect = service.get("/struggle-reduction")["effect"]
    assert (effect["estimate"], effect["evidence"], effect["reason"]) == (-0.02, "observational", None)


def test_a_replay_is_never_told_as_an_effect(rows: Rows, service: Service) -> None:
    rows.effect(evidence="rehearsal", period="month")
    assert service.get("/struggle-reduction")["effect"]["estimate"] is None


def test_one_learner_is_told_why_there_is_no_effect(rows: Rows, service: Service) -> None:
    rows.effect()
    effect = service.get("/struggle-reduction", user_id=LEARNER)["effect"]
    assert effect["estimate"] is None
    assert "20 objectives" in effect["reason"]
    rows.effect(scope=("learner", LEARNER), estimate=-0.3, low=-0.6, high=0.0)
    assert service.get("/struggle-reduction", user_id=LEARNER)["effect"]["estimate"] == -0.3


def test_types_have_their_effects_or_a_reason(rows: Rows, service: Service) -> None:
    details = Jsonb({"applications": 7, "success_rate": 0.5})
    rows.effect(scope=("type", "PREREQUISITE_REVIEW"), details=details)
    rows.effect(scope=("type", "CONTENT_FORMAT_ADAPT"), **NOTHING, reason="Insufficient data: few.")
    answer = service.get("/struggle-reduction")
    assert answer["intervention_effectiveness_reason"] is None
    assert answer["intervention_effectiveness"] == [
        {
            "intervention_type": "CONTENT_FORMAT_ADAPT",
            "applications": 0,
            "success_rate": None,
            "effect": None,
            "interval": None,
            "n": 1000,
            "reason": "Insufficient data: few.",
        },
        {
            "intervention_type": "PREREQUISITE_REVIEW",
            "applications": 7,
            "success_rate": 0.5,
            "effect": -0.06,
            "interval": [-0.1, -0.02],
            "n": 1000,
            "reason": None,
        },
    ]


def test_an_intervention_says_what_its_type_was_seen_to_do(rows: Rows, service: Service) -> None:
    rows.intervention("i1")
    rows.intervention("i2", interventionType="CONTENT_FORMAT_ADAPT")
    rows.intervention("i3", interventionType="COGNITIVE_LOAD_REDUCE")
    rows.effect(scope=("type", "PREREQUISITE_REVIEW"), period="all")
    rows.effect(scope=("type", "CONTENT_FORMAT_ADAPT"), period="all", **NOTHING, reason="Insufficient data: few.")
    told = {
        one["intervention_type"]: (one["effectiveness"], one["effectiveness_reason"])
        for one in service.get("/interventions", user_id=LEARNER)["interventions"]
    }
    assert told["PREREQUISITE_REVIEW"] == (0.06, None)
    assert told["CONTENT_FORMAT_ADAPT"] == (None, "Insufficient data: few.")
    assert "holdout experiment" in told["COGNITIVE_LOAD_REDUCE"][1]
