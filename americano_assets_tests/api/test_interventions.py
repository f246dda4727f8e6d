"""GET /interventions."""

from datetime import timedelta

from americano_assets_tests.api.rows import CUTOFF, LEARNER, OTHER, Rows
from americano_assets_tests.api.serving import Service


def test_interventions_are_listed_newest_first_with_no_effect_claimed(rows: Rows, service: Service) -> None:
    rows.prediction("p1")
    rows.intervention("older", predictionId="p1", createdAt=CUTOFF - timedelta(days=1), priority=10)
    rows.intervention("minor", priority=5, status="COMPLETED", appliedAt=CUTOFF, appliedToMissionId="m1")
    rows.intervention("major", priority=9)
    rows.intervention("foreign", userId=OTHER)
    found = service.get("/interventions", userId=LEARNER)["interventions"]
    assert [row["id"] for row in found] == ["major", "minor", "older"]
    reason = found[1].pop("effectiveness_reason")
    assert "holdout" in reason
    assert found[1] == {
        "id": "minor",
        "prediction_id": None,
        "user_id": LEARNER,
        "intervention_type": "PREREQUISITE_REVIEW",
        "description": "Review acids first.",
        "reasoning": "Acids are not secure yet.",
        "priority": 5,
        "status": "COMPLETED",
        "applied_at": "2026-11-23T23:00:00.000Z",
        "applied_to_mission_id": "m1",
        "effectiveness": None,
        "created_at": "2026-11-23T23:00:00.000Z",
    }


def test_text_columns_and_unknown_learners_are_answered(rows_apart: Rows, service_apart: Service) -> None:
    rows_apart.enums_as_text()
    rows_apart.intervention("i1")
    assert service_apart.get("/interventions", user_id=LEARNER)["interventions"][0]["status"] == "PENDING"
    assert service_apart.get("/interventions", user_id="nobody") == {"interventions": []}
