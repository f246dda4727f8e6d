"""Publishes one study day into the app's tables, whole or not at all.

Belongs here: the transaction, the rows of the app's tables. Does not: what is worth publishing (core), ownership of
single values (ownership.py), the ledger (ledger.py).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import pandas as pd
import psycopg

from americano_assets.core.experiment import HOLDOUT
from americano_assets.core.features import DATA_QUALITY, FEATURE_NAMES
from americano_assets.core.moment import naive
from americano_assets.resources.alerts import refresh_alerts, write_actions
from americano_assets.resources.experiment import require_untouched_holdout
from americano_assets.resources.ledger import StudyDay, known_episodes, record_day, write_ledger
from americano_assets.resources.ownership import OwnedTable, Row, lock_publication

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
class Published:
    """What one publication did, in rows."""

    candidates: int
    inserted: int
    refreshed: int
    indicators: int
    interventions: int
    alerts: int
    withdrawn: int
    held_out: int
    holdout_share: float

    @property
    def metadata(self) -> dict[str, int | float]:
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

    A row whose `predictedAt` is later is left as it is: a rerun of an old day does not undo newer ones. The ledger is
    written first, with each episode's arm; a holdout episode is published without its interventions.

    Args:
        connection: On the app's database.
        study_day: The day.
        scored: As schemas.SCORED_PREDICTIONS, all candidates.
        indicators: Rows of core.interventions.Indicator for the flagged, as a frame.
        interventions: Rows of core.interventions.Intervention for the flagged, as a frame, whatever their arm.

    Raises:
        AmericanoError: A holdout episode would be left with an intervention; then nothing was written.
    """
    at = naive(study_day.moment.at)
    with connection.transaction():
        lock_publication(connection)
        withdrawn = _withdraw_opted_out(connection, study_day.day)
        rows = scored[scored["flagged"] | scored["prediction_id"].isin(known_episodes(connection, scored, at))]
        rows = of_present_objectives(connection, rows)
        owner = dict(
            zip(rows["prediction_id"], zip(rows["learner_id"], rows["objective_id"], strict=True), strict=True)
        )

        held_out = write_ledger(connection, study_day, rows, _types_of(interventions))

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
        connection.execute(
            f"DELETE FROM staged_{RECOMMENDATIONS} s USING ml.assignments a "
            'WHERE a.prediction_id = s."predictionId" AND a.arm = %s',
            [HOLDOUT],
        )
        n_interventions = _write_beside(
            advised, RECOMMENDATION_COLUMNS, ("description", "reasoning", "priority", "relatedObjectiveId")
        )
        write_actions(connection, interventions)
        require_untouched_holdout(connection)
        alerts = refresh_alerts(connection, study_day, rows, indicators)
        record_day(connection, study_day, candidates=len(scored), published=len(rows), held_out=held_out)
    return Published(
        candidates=len(scored),
        inserted=inserted,
        refreshed=refreshed,
        indicators=n_indicators,
        interventions=n_interventions,
        alerts=alerts,
        withdrawn=withdrawn,
        held_out=held_out,
        holdout_share=study_day.policy.share,
    )


def of_present_objectives(connection: psycopg.Connection[Any], rows: pd.DataFrame) -> pd.DataFrame:
    """Without rows of objectives that were deleted since the curriculum was read: no prediction can refer to them."""
    if rows.empty:
        return rows
    found = connection.execute(
        'SELECT "id" FROM learning_objectives WHERE "id" = ANY (%s)', [rows["objective_id"].unique().tolist()]
    )
    return rows[rows["objective_id"].isin([row[0] for row in found])]


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


def _types_of(interventions: pd.DataFrame) -> dict[str, list[str]]:
    types: dict[str, list[str]] = {}
    for prediction, kind in zip(interventions["prediction_id"], interventions["intervention_type"], strict=True):
        types.setdefault(prediction, []).append(kind)
    return {prediction: sorted(kinds) for prediction, kinds in types.items()}


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
