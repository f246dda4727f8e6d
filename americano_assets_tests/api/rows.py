"""Rows for the API's tests, written by SQL as the nightly run and the app would."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

LEARNER = "cl9ebqhxk00003b600tymydho"
OTHER = "cl9ebqhxk00013b600tymydhp"
COURSE = "ccourse00000000000000001"
OBJECTIVE = "cobjective000000000000001"
MODEL = "0123456789abcdef"
# Noon of a day whose study day opened at 23:00 UTC the evening before.
NOW = datetime(2026, 11, 24, 12)
CUTOFF = datetime(2026, 11, 23, 23)
LAST_CLOSED = date(2026, 11, 22)
WRITTEN = {
    "struggle_predictions": ["predictionStatus"],
    "struggle_indicators": ["indicatorType", "severity"],
    "intervention_recommendations": ["interventionType", "status"],
}


class Rows:
    """Writes rows through one autocommit connection."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection

    def insert(self, table: str, **values: Any) -> None:
        """One row; `table` may be qualified."""
        statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
            sql.Identifier(*table.split(".")),
            sql.SQL(", ").join(map(sql.Identifier, values)),
            sql.SQL(", ").join([sql.Placeholder()] * len(values)),
        )
        self.connection.execute(statement, list(values.values()))

    def execute(self, statement: str) -> None:
        """Any statement."""
        self.connection.execute(statement.encode())

    def empty(self) -> None:
        """No rows in any table that these tests write."""
        written = ["intervention_recommendations", "struggle_indicators", "struggle_predictions", "missions", "users"]
        ours = ["study_days", "model_versions", "prediction_feedback", "model_performance", "struggle_reduction"]
        ours += ["adviser_sessions", "api_tokens", "generate_budget", "episodes", "effects", "list_actions"]
        self.forget_assignments()
        self.execute("; ".join(f"DELETE FROM {table}" for table in [*written, *(f"ml.{name}" for name in ours)]))

    def forget_assignments(self) -> None:
        """No row in ml.assignments, which lets none go but with its learner."""
        for (learner,) in self.connection.execute("SELECT DISTINCT user_id FROM ml.assignments").fetchall():
            with self.connection.transaction():
                self.connection.execute("SELECT set_config('ml.forgetting', %s, true)", [learner])
                self.connection.execute("DELETE FROM ml.assignments WHERE user_id = %s", [learner])

    def learner(self, learner: str, **values: Any) -> None:
        """A learner who opted into everything."""
        consent = dict.fromkeys(("behavioralAnalysisEnabled", "includeInAnalytics", "performanceTrackingEnabled"), True)
        self.insert("users", **{"id": learner, "createdAt": NOW, "updatedAt": NOW, **consent, **values})

    def curriculum(self) -> None:
        """LEARNER and OTHER, and one objective in one course."""
        self.learner(LEARNER)
        self.learner(OTHER)
        self.insert("courses", id=COURSE, userId=LEARNER, name="Physiology", updatedAt=NOW)
        self.insert(
            "lectures",
            id="clecture",
            userId=LEARNER,
            courseId=COURSE,
            title="Gases",
            topicTags=[],
            uploadedAt=NOW,
            fileName="",
            fileUrl="",
            fileSize=0,
        )
        self.insert(
            "learning_objectives",
            id=OBJECTIVE,
            lectureId="clecture",
            objective="Interpret a blood gas",
            isHighYield=True,
            complexity="ADVANCED",
            boardExamTags=[],
            createdAt=NOW,
            masteryLevel="BEGINNER",
            totalStudyTimeMs=0,
            weaknessScore=0.5,
        )

    def enums_as_text(self) -> None:
        """Lay the written tables out as hand-made deployments did: TEXT where the schema has an enum."""
        for table, columns in WRITTEN.items():
            for column in columns:
                self.execute(f'ALTER TABLE {table} ALTER "{column}" DROP DEFAULT')
                self.execute(f'ALTER TABLE {table} ALTER "{column}" TYPE text USING "{column}"::text')

    def prediction(self, row_id: str, due: datetime = NOW, p: float = 0.8, **values: Any) -> None:
        """A prediction of LEARNER for OBJECTIVE."""
        factors = [{"feature": "validation_score", "value": 0.2, "contribution": 1.0, "text": "Answers were weak"}]
        own = {
            "id": row_id,
            "userId": LEARNER,
            "learningObjectiveId": OBJECTIVE,
            "topicId": COURSE,
            "predictionDate": due,
            "predictedStruggleProbability": p,
            "predictionConfidence": 0.9,
            "predictionStatus": "PENDING",
            "featureVector": Jsonb({"validation_score": 0.2}),
            "strugglingFactors": Jsonb(factors),
            "predictedAt": CUTOFF,
            "interventionApplied": False,
        }
        self.insert("struggle_predictions", **{**own, **values})

    def indicator(self, row_id: str, prediction_id: str, **values: Any) -> None:
        """An indicator of a prediction."""
        own = {
            "id": row_id,
            "userId": LEARNER,
            "learningObjectiveId": OBJECTIVE,
            "predictionId": prediction_id,
            "indicatorType": "LOW_RETENTION",
            "severity": "HIGH",
            "context": Jsonb({"value": 0.2}),
            "detectedAt": CUTOFF,
        }
        self.insert("struggle_indicators", **{**own, **values})

    def intervention(self, row_id: str, **values: Any) -> None:
        """An intervention for LEARNER."""
        own = {
            "id": row_id,
            "userId": LEARNER,
            "interventionType": "PREREQUISITE_REVIEW",
            "description": "Review acids first.",
            "reasoning": "Acids are not secure yet.",
            "priority": 9,
            "status": "PENDING",
            "createdAt": CUTOFF,
        }
        self.insert("intervention_recommendations", **{**own, **values})

    def mission(self, row_id: str, objectives: list[Any], **values: Any) -> None:
        """An open mission of LEARNER, for today unless `date` says otherwise."""
        own = {"id": row_id, "userId": LEARNER, "date": NOW, "status": "PENDING", "estimatedMinutes": 30}
        self.insert("missions", **{**own, "objectives": Jsonb(objectives), **values})

    def one(self, statement: str, *parameters: Any) -> tuple[Any, ...]:
        """The only row of a query."""
        (row,) = self.connection.execute(statement.encode(), parameters).fetchall()
        return tuple(row)

    def published(self, day: date = LAST_CLOSED, threshold: float = 0.5, model: str = MODEL) -> None:
        """A published study day and the model that scored it."""
        self.insert(
            "ml.model_versions",
            model_version=model,
            model_type="logistic_regression",
            study_day=day,
            threshold=threshold,
            horizon_days=7,
            struggle_below=0.65,
            dataset_version="d",
            metrics=Jsonb({}),
            feature_importance=Jsonb({"validation_score": 0.75, "workload_level": 0.25}),
            created_at=NOW,
        )
        self.insert(
            "ml.study_days",
            study_day=day,
            cutoff_at=CUTOFF,
            kind="nightly",
            live=True,
            model_version=model,
            manifest_hash="m",
            candidates=1,
            published=1,
            published_at=NOW,
        )

    def performance(self, day: date = LAST_CLOSED, scope: Sequence[str] = ("all", ""), **values: Any) -> None:
        """A night's model performance."""
        own = {
            "study_day": day,
            "scope": scope[0],
            "scope_id": scope[1],
            "model_type": "logistic_regression",
            "model_version": MODEL,
            "n": 40,
            "base_rate": 0.36,
            "always_no_accuracy": 0.64,
            "accuracy": 0.775,
            "precision": 0.66,
            "recall": 0.73,
            "f1_score": 0.69,
            "auc_roc": 0.83,
            "brier": 0.16,
            "log_loss": 0.49,
            "ece": 0.03,
            "calibration": Jsonb({"prob_true": [0.1, 0.7], "prob_pred": [0.2, 0.6], "count": [20, 20]}),
            "made_by": Jsonb({"logistic_regression": 40}),
            "versions": 1,
            "scored_from": LAST_CLOSED - timedelta(days=60),
            "scored_to": LAST_CLOSED - timedelta(days=7),
            "computed_at": CUTOFF,
        }
        self.insert("ml.model_performance", **{**own, **values})

    def reduction(self, period: str, scope: Sequence[str] = ("all", ""), **values: Any) -> None:
        """A night's before/after figures."""
        own = {
            "study_day": LAST_CLOSED,
            "scope": scope[0],
            "scope_id": scope[1],
            "period": period,
            "kind": "observational",
            "baseline_rate": 0.4,
            "current_rate": 0.3,
            "reduction_percentage": 25.0,
            "baseline_start": CUTOFF - timedelta(days=100),
            "baseline_end": CUTOFF - timedelta(days=58),
            "current_start": CUTOFF - timedelta(days=30),
            "current_end": CUTOFF,
            "baseline_studied": 50,
            "current_studied": 30,
            "replayed": True,
            "timeline": Jsonb(
                [{"date": "2026-11-22", "struggle_rate": 0.3, "struggles_count": 9, "topics_studied": 30}]
            ),
            "computed_at": CUTOFF,
        }
        self.insert("ml.struggle_reduction", **{**own, **values})

    def episode(self, prediction_id: str, *, flagged: bool = True, planned_day: date = LAST_CLOSED) -> None:
        """A prediction's row in the ledger."""
        self.insert(
            "ml.episodes",
            prediction_id=prediction_id,
            user_id=LEARNER,
            learning_objective_id=OBJECTIVE,
            planned_day=planned_day,
            first_flagged_at=CUTOFF if flagged else None,
            refreshed_at=CUTOFF,
            probability=0.8,
            threshold=0.5,
            model_version=MODEL,
            live=True,
            window_end=NOW,
        )

    def feedback(self, prediction_id: str, learner: str = LEARNER) -> None:
        """A learner's feedback on a prediction."""
        self.insert(
            "ml.prediction_feedback",
            id=f"f-{prediction_id}-{learner}",
            prediction_id=prediction_id,
            user_id=learner,
            actual_struggle=True,
            feedback_type="HELPFUL",
            submitted_at=NOW,
        )

    def effect(self, scope: Sequence[str] = ("all", ""), **values: Any) -> None:
        """A night's effect."""
        own = {
            "study_day": LAST_CLOSED,
            "evidence": "experiment",
            "scope": scope[0],
            "scope_id": scope[1],
            "period": "month",
            "estimand": "intention_to_treat",
            "method": "holdout by chance",
            "estimate": -0.06,
            "low": -0.1,
            "high": -0.02,
            "standard_error": 0.012,
            "rate_treated": 0.3,
            "rate_holdout": 0.36,
            "n_treated": 900,
            "n_holdout": 100,
            "learners_treated": 200,
            "learners_holdout": 80,
            "details": Jsonb({}),
            "computed_at": CUTOFF,
        }
        self.insert("ml.effects", **{**own, **values})
