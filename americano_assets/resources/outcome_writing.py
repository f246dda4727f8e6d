"""Writes outcomes of closed windows to the ledger and, where they are ours to write, to the app's predictions.

Belongs here: the transaction. Does not: what counts as a struggle (sql/labels.sql).
"""

import json
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import pandas as pd
import psycopg

from americano_assets.core.features import DATA_QUALITY, FEATURE_NAMES
from americano_assets.core.outcomes import MISSED, NOT_STRUGGLED, STATUS_OF_FLAGGED, STRUGGLED, UNSTUDIED
from americano_assets.core.study_day import EPOCH
from americano_assets.resources.ownership import OwnedTable, lock_publication
from americano_assets.resources.publication import PREDICTION_COLUMNS, PREDICTIONS, of_present_objectives
from americano_assets.sql import query

OUTCOME_COLUMNS = ("predictionStatus", "actualOutcome", "actualOutcomeRecordedAt")
RECHECKED_DAYS = timedelta(days=14)
_OUTCOME_VALUE = {STRUGGLED: True, NOT_STRUGGLED: False, UNSTUDIED: None}


@dataclass(frozen=True)
class OutcomesWritten:
    """Rows of one writing."""

    judged: int
    changed: int
    missed: int


def closing_episodes(connection: psycopg.Connection[Any], cutoff: datetime) -> pd.DataFrame:
    """Episodes whose window closed by `cutoff` (naive, UTC): see sql/closing_episodes.sql."""
    cursor = connection.execute(query("closing_episodes"), {"cutoff": cutoff, "recheck_from": cutoff - RECHECKED_DAYS})
    names = [column.name for column in cursor.description or []]
    return pd.DataFrame(cursor.fetchall(), columns=names)


def write_outcomes(
    connection: psycopg.Connection[Any], study_day: date, judged: pd.DataFrame, missed: pd.DataFrame
) -> OutcomesWritten:
    """Write verdicts, in one transaction.

    Args:
        connection: On the app's database.
        study_day: The day at whose cut-off the outcomes are known.
        judged: `prediction_id`, `flagged`, `outcome`, `window_end` of ledger episodes.
        missed: Scored rows below the threshold that turned out struggles, with `predicted_at`, `window_end`,
            `model_version`, `threshold`.
    """
    with connection.transaction():
        lock_publication(connection)
        changed = _write_ledger(connection, judged)
        missed = of_present_objectives(connection, missed)
        predictions = OwnedTable(connection, PREDICTIONS, study_day)
        flagged = judged[judged["flagged"]]
        predictions.stage(
            ("id", *OUTCOME_COLUMNS),
            (
                (
                    row["prediction_id"],
                    STATUS_OF_FLAGGED[row["outcome"]],
                    _OUTCOME_VALUE[row["outcome"]],
                    row["window_end"],
                )
                for row in flagged.to_dict("records")
            ),
        )
        predictions.refresh(OUTCOME_COLUMNS)
        columns = (*PREDICTION_COLUMNS, "actualOutcome", "actualOutcomeRecordedAt")
        predictions.stage(columns, (_missed_row(row) for row in missed.to_dict("records")))
        inserted = predictions.insert_new(columns)
        _write_missed_episodes(connection, missed)
    return OutcomesWritten(len(judged), changed, inserted)


def _write_ledger(connection: psycopg.Connection[Any], judged: pd.DataFrame) -> int:
    connection.execute(
        "CREATE TEMPORARY TABLE staged_outcomes (prediction_id text, outcome text, outcome_at timestamp(3)) "
        "ON COMMIT DROP"
    )
    with connection.cursor() as cursor, cursor.copy("COPY staged_outcomes FROM STDIN") as copy:
        for row in judged.to_dict("records"):
            copy.write_row((row["prediction_id"], row["outcome"], row["window_end"]))
    return connection.execute(
        """
        UPDATE ml.episodes e SET outcome = s.outcome, outcome_at = s.outcome_at FROM staged_outcomes s
        WHERE s.prediction_id = e.prediction_id AND e.outcome IS DISTINCT FROM s.outcome
        """
    ).rowcount


def _missed_row(row: Mapping[Hashable, Any]) -> tuple[Any, ...]:
    vector = {name: round(row[name], 6) for name in (*FEATURE_NAMES, DATA_QUALITY)}
    return (
        row["prediction_id"],
        row["learner_id"],
        row["objective_id"],
        row["course_id"],
        row["probability"],
        row["confidence"],
        MISSED,
        json.dumps(vector),
        row["factors"],
        row["planned_at"].to_pydatetime(),
        row["predicted_at"],
        False,
        True,
        row["window_end"],
    )


def _write_missed_episodes(connection: psycopg.Connection[Any], missed: pd.DataFrame) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(
            """
            INSERT INTO ml.episodes (prediction_id, user_id, learning_objective_id, course_id, planned_day,
              refreshed_at, probability, threshold, model_version, live, window_end, outcome, outcome_at)
            VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, false, %s, %s, %s)
            ON CONFLICT (prediction_id) DO NOTHING
            """,
            [
                (
                    row["prediction_id"],
                    row["learner_id"],
                    row["objective_id"],
                    row["course_id"],
                    EPOCH + timedelta(days=int(row["planned_day"])),
                    row["predicted_at"],
                    row["probability"],
                    row["threshold"],
                    row["model_version"],
                    row["window_end"],
                    STRUGGLED,
                    row["window_end"],
                )
                for row in missed.to_dict("records")
            ],
        )
