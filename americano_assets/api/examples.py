"""One example of each answer, for the documentation. Learners and objectives in it are made up."""

from typing import Any

from americano_assets.core.effects.caution import caution

PREDICTION = "cq3k1v0x8m2n5b7c9d1f4g6h8"
INTERVENTION = "cs5m3x2z0p4q7d9e1f3h6j8k0"
LEARNER = "cl9ebqhxk00003b600tymydho"
OBJECTIVE = "cm1aq7z2k0005x8w3v6u9t2r1"

ROOT: dict[str, Any] = {
    "name": "americano",
    "version": "0.2.0",
    "health": "/health",
    "ready": "/health/ready",
    "docs": "/docs",
}

PREDICTIONS: dict[str, Any] = {
    "predictions": [
        {
            "id": PREDICTION,
            "user_id": LEARNER,
            "learning_objective_id": OBJECTIVE,
            "topic_id": "cm0bp6y1j0001w7v2u5t8s1q0",
            "prediction_date": "2026-11-26T12:00:00.000Z",
            "predicted_struggle_probability": 0.742381,
            "prediction_confidence": 0.8,
            "prediction_status": "PENDING",
            "risk_level": "HIGH",
            "reasoning": "Your recent answers on this topic were weak or missing; "
            "several topics that this builds on are not secure yet.",
            "feature_vector": {"validation_score": 0.31, "prerequisite_gap_count": 0.67},
            "objective_name": "Interpret an arterial blood gas",
            "course_name": "Physiology",
            "indicators": [
                {
                    "id": "cr4l2w1y9n3p6c8d0e2g5h7j9",
                    "indicator_type": "PREREQUISITE_GAP",
                    "severity": "MEDIUM",
                    "context": {"value": 0.67, "threshold": 0.5},
                    "detected_at": "2026-11-23T23:00:00.000Z",
                }
            ],
            "beyond_horizon": False,
        }
    ],
    "total_count": 1,
    "high_risk_count": 1,
    "medium_risk_count": 0,
    "low_risk_count": 0,
    "generated_at": "2026-11-24T07:30:00.000Z",
    "next_cursor": None,
}

GENERATED: dict[str, Any] = {
    "predictions": PREDICTIONS["predictions"],
    "alerts": [
        {
            "id": "cv8q6a5c3s7t0g2h4i6j9m1n3",
            "type": "REAL_TIME_ALERT",
            "title": "«Interpret an arterial blood gas» may be hard for you",
            "message": "It is planned for Thursday, 26 November. Your recent answers on this topic were weak or "
            "missing. Review acid-base balance one or two days before.",
            "severity": "HIGH",
            "priority": 71.5,
            "prediction_id": PREDICTION,
            "intervention_id": INTERVENTION,
            "created_at": "2026-11-24T07:30:00.000Z",
        }
    ],
    "total_count": 1,
    "high_risk_count": 1,
    "medium_risk_count": 0,
    "low_risk_count": 0,
    "generated_at": "2026-11-24T07:30:00.000Z",
}

INTERVENTIONS: dict[str, Any] = {
    "interventions": [
        {
            "id": INTERVENTION,
            "prediction_id": PREDICTION,
            "user_id": LEARNER,
            "intervention_type": "PREREQUISITE_REVIEW",
            "description": "Review acid-base balance one or two days before.",
            "reasoning": "Two of the three topics that this builds on are not secure yet.",
            "priority": 9,
            "status": "PENDING",
            "applied_at": None,
            "applied_to_mission_id": None,
            "effectiveness": 0.08,
            "effectiveness_reason": None,
            "created_at": "2026-11-23T23:00:00.000Z",
        }
    ]
}

FEEDBACK: dict[str, Any] = {
    "feedback_recorded": True,
    "prediction_id": PREDICTION,
    "feedback_id": "ct6n4y3a1q5r8e0f2g4h7k9l1",
    "submitted_at": "2026-11-24T07:30:00.000Z",
    "counts_from": "2026-11-24T07:30:00.000Z",
    "message": "Thank you: this is what counts from now on.",
    "model_accuracy_update": {"accuracy": 0.78, "data_points": 52},
    "model_accuracy_update_reason": None,
}

APPLIED: dict[str, Any] = {
    "success": True,
    "intervention_id": INTERVENTION,
    "mission_id": "cu7p5z4b2r6s9f1g3h5i8l0m2",
    "applied_at": "2026-11-24T07:30:00.000Z",
    "message": "It is in the mission now.",
}

MODEL_PERFORMANCE: dict[str, Any] = {
    "accuracy": 0.775,
    "precision": 0.66,
    "recall": 0.73,
    "f1_score": 0.69,
    "auc_roc": 0.83,
    "brier": 0.16,
    "log_loss": 0.49,
    "ece": 0.03,
    "calibration": {"prob_true": [0.08, 0.71], "prob_pred": [0.1, 0.69], "count": [950, 950]},
    "base_rate": 0.36,
    "always_no_accuracy": 0.64,
    "model_type": "logistic_regression",
    "model_version": "5f1c0a9be27d",
    "model_versions": 3,
    "made_by": {"logistic_regression": 1900},
    "scored_from": "2026-09-02",
    "scored_to": "2026-11-15",
    "last_updated": "2026-11-23T23:00:00.000Z",
    "data_points": 1900,
    "feature_importance": {"validation_score": 0.6, "days_since_last_study": 0.4},
    "accuracy_trend": [
        {"date": "2026-11-21", "accuracy": None, "n": 0, "reason": "No outcome is known yet."},
        {"date": "2026-11-22", "accuracy": 0.775, "n": 1900, "reason": None},
    ],
    "by_model_type": [
        {
            "model_type": "logistic_regression",
            "model_versions": 3,
            "scored_from": "2026-09-02",
            "scored_to": "2026-11-15",
            "data_points": 1900,
            "base_rate": 0.36,
            "accuracy": 0.775,
            "precision": 0.66,
            "recall": 0.73,
            "auc_roc": 0.83,
            "brier": 0.16,
            "log_loss": 0.49,
            "ece": 0.03,
            "reason": None,
        }
    ],
    "reason": None,
}

STRUGGLE_REDUCTION: dict[str, Any] = {
    "kind": "observational",
    "warning": caution(25.0),
    "baseline_rate": 0.4,
    "current_rate": 0.3,
    "reduction_percentage": 25.0,
    "baseline_period_start": "2026-09-01T23:00:00.000Z",
    "baseline_period_end": "2026-10-13T23:00:00.000Z",
    "current_period_start": "2026-10-26T23:00:00.000Z",
    "current_period_end": "2026-11-23T23:00:00.000Z",
    "baseline_studied": 1200,
    "current_studied": 800,
    "replayed": True,
    "reason": None,
    "timeline": [{"date": "2026-11-22", "struggle_rate": 0.3, "struggles_count": 9, "topics_studied": 30}],
    "intervention_effectiveness": [
        {
            "intervention_type": "PREREQUISITE_REVIEW",
            "applications": 140,
            "success_rate": 0.71,
            "effect": -0.08,
            "interval": [-0.14, -0.02],
            "n": 900,
            "reason": None,
        }
    ],
    "intervention_effectiveness_reason": None,
    "effect": {
        "estimate": -0.06,
        "interval": [-0.1, -0.02],
        "evidence": "experiment",
        "method": "holdout by chance; least squares on arm, p and their product (Lin 2013)",
        "rate_treated": 0.3,
        "rate_holdout": 0.36,
        "n_treated": 2100,
        "n_holdout": 240,
        "reason": None,
    },
    "total_predictions": 4210,
    "total_interventions_applied": 370,
    "user_feedback_count": 52,
    "period": "month",
}

READY: dict[str, Any] = {
    "status": "ready",
    "database": "up",
    "last_closed_study_day": "2026-11-22",
    "last_published_study_day": "2026-11-22",
    "model_version": "5f1c0a9be27d",
    "predictions_as_of": "2026-11-23T23:00:00.000Z",
    "age_hours": 8.5,
    "demo_settings": {},
    "stale": False,
    "checked_at": "2026-11-24T07:30:00.000Z",
}

# What a caller sends, by the name of its schema.
REQUESTS: dict[str, dict[str, Any]] = {
    "GenerateRequest": {"user_id": LEARNER, "days_ahead": 7},
    "FeedbackRequest": {
        "actual_struggle": True,
        "feedback_type": "HELPFUL",
        "comments": "I had forgotten the formula.",
    },
    "ApplyRequest": {"mission_id": APPLIED["mission_id"]},
}
