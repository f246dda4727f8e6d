"""Publishes one study day into the app's tables, whole or not at all.

Belongs here: the transaction, the ledger of episodes. Does not: what is worth publishing (core), or ownership of
single values (ownership.py).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pandas as pd
import psycopg

from americano_assets.core.features import DATA_QUALITY, FEATURE_NAMES
from americano_assets.core.moment import Moment, naive
from americano_assets.core.study_day import EPOCH
from americano_assets.resources.model_store import StoredModel
from americano_assets.resources.ownership import OwnedTable, Row, lock_publication
from americano_assets.sql import query

PREDICTIONS = "struggle_predictions"
INDICATORS = "struggle_indicators"
RECOMMENDATIONS = "intervention_recommendations"

PREDICTION_COLUMNS = (
    "id",
    "userId",
    "learningObjectiveId",
    "topicId",
    "predictedStruggleProbability",
    "predictionConfidence",
    "predictionStatus",
    "featureVector",
    "strugglingFactors",
    "predictionDate",
    "predictedAt",
    "interventionApplied",
)
REFRESHED_PREDICTION_COLUMNS = (
    "topicId",
    "predictedStruggleProbability",
    "predictionConfidence",
    "featureVector",
    "strugglingFactors",
    "predictionDate",
    "predictedAt",
)
INDICATOR_COLUMNS = (
    "id",
    "userId",
    "learningObjectiveId",
    "predictionId",
    "indicatorType",
    "severity",
    "context",
    "detectedAt",
)
RECOMMENDATION_COLUMNS = (
    "id",
    "userId",
    "predictionId",
    "interventionType",
    "description",
    "reasoning",
    "priority",
    "status",
    "relatedObjectiveId",
    "createdAt",
)
_NOT_OLDER = 't."predictedAt" <= s."predictedAt"'
_OF_REFRESHED = (
    f'EXISTS (SELECT 1 FROM {PREDICTIONS} q JOIN staged_{PREDICTIONS} r USING ("id") '
    'WHERE q."id" = t."predictionId" AND q."predictedAt" = r."predictedAt")'
)


@dataclass(frozen=True)
class StudyDay:
    """A study day as it is published: its cut-off, what scored it, and whether learners could have seen it in time."""

    day: date
    moment: Moment
    model: StoredModel
    manifest_hash: str
    kind: str
    live: bool


@dataclass(frozen=True)
class Published:
    """What one publication did, in rows."""

    candidates: int
    inserted: int
    refreshed: int
    indicators: int
    interventions: int
    withdrawn: int

    @property
    def metadata(self) -> dict[str, int]:
        """For Dagster."""
        return dict(vars(self))


def publish_day(
    connection: psycopg.Connection[Any],
    study_day: StudyDay,
    scored: pd.DataFrame,
    indicators: pd.DataFrame,
    interventions: pd.DataFrame,
) -> Published:
    """Publish flagged episodes, and refresh those published before, in one transaction.

    A row whose `predictedAt` is later is left as it is: a rerun of an old day does not undo newer ones.

    Args:
        connection: On the app's database.
        study_day: The day.
        scored: As schemas.SCORED_PREDICTIONS, all candidates.
        indicators: Rows of core.interventions.Indicator for the flagged, as a frame.
        interventions: Rows of core.interventions.Intervention for the flagged, as a frame.
    """
    at = naive(study_day.moment.at)
    with connection.transaction():
        lock_publication(connection)
        withdrawn = _withdraw_opted_out(connection, study_day.day)
        rows = scored[scored["flagged"] | scored["prediction_id"].isin(_known_episodes(connection, scored))]
        owner = dict(
            zip(rows["prediction_id"], zip(rows["learner_id"], rows["objective_id"], strict=True), strict=True)
        )

        predictions = OwnedTable(connection, PREDICTIONS, study_day.day)
        predictions.stage(PREDICTION_COLUMNS, _prediction_rows(rows, at))
        inserted = predictions.insert_new(PREDICTION_COLUMNS)
        refreshed = predictions.refresh(REFRESHED_PREDICTION_COLUMNS, _NOT_OLDER)

        # Rows beside a prediction follow it: only where the prediction itself now stands at this cut-off.
        shown = OwnedTable(connection, INDICATORS, study_day.day)
        shown.stage(INDICATOR_COLUMNS, _indicator_rows(indicators, owner, at))
        n_indicators = _write_beside(shown, INDICATOR_COLUMNS, ("severity", "context"))
        advised = OwnedTable(connection, RECOMMENDATIONS, study_day.day)
        advised.stage(RECOMMENDATION_COLUMNS, _recommendation_rows(interventions, owner, at))
        n_interventions = _write_beside(
            advised, RECOMMENDATION_COLUMNS, ("description", "reasoning", "priority", "relatedObjectiveId")
        )
        _write_ledger(connection, study_day, rows)
        result = Published(len(scored), inserted, refreshed, n_indicators, n_interventions, withdrawn)
        _record_day(connection, study_day, len(scored), len(rows))
    return result


def _write_beside(table: OwnedTable, columns: Sequence[str], refreshed: Sequence[str]) -> int:
    table.withdraw(_OF_REFRESHED + f' AND NOT EXISTS (SELECT 1 FROM staged_{table.table} s WHERE s."id" = t."id")')
    table.connection.execute(
        f"DELETE FROM staged_{table.table} s USING {PREDICTIONS} q, staged_{PREDICTIONS} r "
        'WHERE q."id" = s."predictionId" AND r."id" = q."id" AND q."predictedAt" <> r."predictedAt"'
    )
    table.connection.execute(
        f"DELETE FROM staged_{table.table} s "
        f'WHERE NOT EXISTS (SELECT 1 FROM {PREDICTIONS} q WHERE q."id" = s."predictionId")'
    )
    return table.insert_new(columns) + table.refresh(refreshed, _OF_REFRESHED)


def _withdraw_opted_out(connection: psycopg.Connection[Any], day: date) -> int:
    """Take back open rows, untouched by anyone, of learners who opted out or whose account is gone."""
    gone = (
        'NOT EXISTS (SELECT 1 FROM users u WHERE u."id" = t."userId" '
        'AND u."behavioralAnalysisEnabled" AND u."performanceTrackingEnabled")'
    )
    counts = [
        OwnedTable(connection, table, day).withdraw(f"t.{column}::text = 'PENDING' AND {gone}" if column else gone)
        for table, column in ((RECOMMENDATIONS, '"status"'), (INDICATORS, None), (PREDICTIONS, '"predictionStatus"'))
    ]
    return sum(counts)


def _known_episodes(connection: psycopg.Connection[Any], scored: pd.DataFrame) -> list[str]:
    found = connection.execute(
        "SELECT prediction_id FROM ml.episodes WHERE first_flagged_at IS NOT NULL AND prediction_id = ANY (%s)",
        [scored["prediction_id"].tolist()],
    )
    return [row[0] for row in found]


def _prediction_rows(rows: pd.DataFrame, at: datetime) -> list[Row]:
    names = [*FEATURE_NAMES, DATA_QUALITY]
    return [
        (
            row["prediction_id"],
            row["learner_id"],
            row["objective_id"],
            row["course_id"],
            row["probability"],
            row["confidence"],
            "PENDING",
            json.dumps({name: round(row[name], 6) for name in names}),
            row["factors"],
            row["planned_at"].to_pydatetime(),
            at,
            False,
        )
        for row in rows.to_dict("records")
    ]


def _indicator_rows(indicators: pd.DataFrame, owner: dict[str, tuple[str, str]], at: datetime) -> list[Row]:
    return [
        (
            one["id"],
            *owner[one["prediction_id"]],
            one["prediction_id"],
            one["indicator_type"],
            one["severity"],
            one["context"],
            at,
        )
        for one in indicators.to_dict("records")
        if one["prediction_id"] in owner
    ]


def _recommendation_rows(interventions: pd.DataFrame, owner: dict[str, tuple[str, str]], at: datetime) -> list[Row]:
    return [
        (
            one["id"],
            owner[one["prediction_id"]][0],
            one["prediction_id"],
            one["intervention_type"],
            one["description"],
            one["reasoning"],
            one["priority"],
            "PENDING",
            one["related_objective_id"],
            at,
        )
        for one in interventions.to_dict("records")
        if one["prediction_id"] in owner
    ]


def _write_ledger(connection: psycopg.Connection[Any], study_day: StudyDay, rows: pd.DataFrame) -> None:
    at, end = naive(study_day.moment.at), naive(study_day.moment.horizon_end)
    connection.execute(
        """
        CREATE TEMPORARY TABLE staged_episodes ON COMMIT DROP AS
        SELECT prediction_id, user_id, learning_objective_id, course_id, planned_day, refreshed_at, probability,
          threshold, model_version, live, window_end, true AS before_planned_day
        FROM ml.episodes WHERE false
        """
    )
    with connection.cursor() as cursor, cursor.copy("COPY staged_episodes FROM STDIN") as copy:
        for row in rows.to_dict("records"):
            planned = EPOCH + timedelta(days=int(row["planned_day"]))
            copy.write_row(
                (
                    row["prediction_id"],
                    row["learner_id"],
                    row["objective_id"],
                    row["course_id"],
                    planned,
                    at,
                    row["probability"],
                    study_day.model.scorer.threshold,
                    study_day.model.version,
                    study_day.live,
                    end,
                    planned > study_day.day,
                )
            )
    connection.execute(query("ledger_insert"))
    connection.execute(query("ledger_refresh"))


def _record_day(connection: psycopg.Connection[Any], study_day: StudyDay, candidates: int, published: int) -> None:
    connection.execute(
        """
        INSERT INTO ml.study_days
          (study_day, cutoff_at, kind, live, model_version, manifest_hash, candidates, published, published_at)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
        ON CONFLICT (study_day) DO UPDATE SET model_version = EXCLUDED.model_version,
          manifest_hash = EXCLUDED.manifest_hash, candidates = EXCLUDED.candidates, published = EXCLUDED.published,
          live = ml.study_days.live OR EXCLUDED.live,
          published_at = CASE WHEN ml.study_days.manifest_hash = EXCLUDED.manifest_hash
            THEN ml.study_days.published_at ELSE EXCLUDED.published_at END
        """,
        [
            study_day.day,
            naive(study_day.moment.at),
            study_day.kind,
            study_day.live,
            study_day.model.version,
            study_day.manifest_hash,
            candidates,
            published,
            datetime.now(UTC).replace(tzinfo=None),
        ],
    )


def record_deployment(connection: psycopg.Connection[Any], first_study_day: date) -> date:
    """Remember the first study day of this deployment, once; returns the remembered one."""
    connection.execute(
        "INSERT INTO ml.deployment (first_study_day, began_at) VALUES (%s, %s) ON CONFLICT DO NOTHING",
        [first_study_day, datetime.now(UTC).replace(tzinfo=None)],
    )
    row = connection.execute("SELECT first_study_day FROM ml.deployment").fetchone()
    return first_study_day if row is None else row[0]
