"""Writes outcomes of closed windows to the ledger and, where they are ours to write, to the app's predictions."""

import json
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import pandas as pd
import psycopg
import pyarrow as pa

from americano_assets.core.features.catalog import DATA_QUALITY, FEATURE_NAMES
from americano_assets.core.outcomes.feedback import MISSED
from americano_assets.core.outcomes.outcomes import STRUGGLED, app_outcomes
from americano_assets.core.study_days.study_day import EPOCH
from americano_assets.resources.postgres.connection import frame_of
from americano_assets.resources.postgres.staging import Staging, typed
from americano_assets.stages.s3_training.learner_feedback import feedback
from americano_assets.stages.s6_publication.app_rows import PREDICTION_COLUMNS
from americano_assets.stages.s6_publication.owned_tables import OwnedTable, lock_publication
from americano_assets.stages.s6_publication.transaction import PREDICTIONS, of_present_objectives
from americano_assets.stages.s7_outcomes.sql import query

OUTCOME_COLUMNS = ("predictionStatus", "actualOutcome", "actualOutcomeRecordedAt")
RECHECKED_DAYS = timedelta(days=14)
LAST_REFRESH, FIRST_FLAG = "last_refresh", "first_flag"
_CLOSING = {LAST_REFRESH: "closing_episodes", FIRST_FLAG: "closing_first_flags"}
EVIDENCE = ("mean_struggle", "mean_score", "n_reviews", "n_validations", "n_again")
_STAGED_TYPES = (
    "basis text, prediction_id text, user_id text, outcome text, mean_struggle boolean, mean_score double precision, "
    "n_reviews integer, n_validations integer, n_again integer, outcome_at timestamp(3)"
)
_STAGED = pa.schema(
    {
        **dict.fromkeys(("basis", "prediction_id", "user_id", "outcome"), pa.string()),
        **dict(zip(EVIDENCE, (pa.bool_(), pa.float64(), *[pa.int32()] * 3), strict=True)),
        "outcome_at": pa.timestamp("us"),
    }
)
_TOLD = pa.schema(
    dict(zip(("id", *OUTCOME_COLUMNS), (pa.string(), pa.string(), pa.bool_(), pa.timestamp("us")), strict=True))
)


@dataclass(frozen=True)
class OutcomesWritten:
    """Rows of one writing.

    Attributes:
        judged: Episodes whose last refresh's window was looked at.
        changed: Verdicts of those that are new or other than before.
        missed: Misses published now.
        first_flags: The experiment's verdicts that were looked at.
        told_by_learners: Predictions whose learner said what became of them.
        corrected: Verdicts that had been told and are another now, of either window.
    """

    judged: int
    changed: int
    missed: int
    first_flags: int
    told_by_learners: int
    corrected: int


def in_all(parts: Sequence[OutcomesWritten]) -> OutcomesWritten:
    """Of several writings; what learners said is looked at in each of them."""
    names = ("judged", "changed", "missed", "first_flags", "corrected")
    summed = {name: sum(getattr(one, name) for one in parts) for name in names}
    return OutcomesWritten(**summed, told_by_learners=parts[-1].told_by_learners)


def closing(
    connection: psycopg.Connection[Any], basis: str, cutoff: datetime, learners: Collection[str]
) -> pd.DataFrame:
    """Learners' windows that closed by `cutoff` (naive, UTC), of last refreshes or first flags: sql/closing_*.sql."""
    return frame_of(connection.execute(query(_CLOSING[basis]), {**_recheck(cutoff), "learners": list(learners)}))


def write_outcomes(
    connection: psycopg.Connection[Any],
    study_day: date,
    cutoff: datetime,
    judged: pd.DataFrame,
    first_flags: pd.DataFrame,
    missed: Iterable[pd.DataFrame],
    struggle_below: float,
    opened: date,
) -> OutcomesWritten:
    """Write verdicts, in one transaction.

    Args:
        connection: On the app's database.
        study_day: The day at whose cut-off the outcomes are known.
        cutoff: That cut-off (naive, UTC).
        judged: Ledger episodes: `prediction_id`, `learner_id`, `flagged`, `window_end`, `outcome` and EVIDENCE in the
            window of the last refresh.
        first_flags: The same of assignments, in the window of the first flag.
        missed: Scored rows below the threshold that turned out struggles, with `predicted_at`, `window_end`,
            `model_version`, `threshold`; in portions.
        struggle_below: The threshold by which they were judged.
        opened: The last study day that has opened by then: a learner's word on what is planned later waits for it.
    """
    with connection.transaction():
        lock_publication(connection)
        staging = Staging(connection)
        _stage(staging, {LAST_REFRESH: judged, FIRST_FLAG: first_flags})
        corrected = connection.execute(query("outcome_changes_insert"), {"known_at": cutoff}).rowcount
        changed = connection.execute(query("episode_outcomes")).rowcount
        connection.execute(query("first_flag_outcomes_upsert"), {"struggle_below": struggle_below})
        connection.execute(query("feedback_changes_insert"), {"opened": opened})
        feedback_rows = feedback(connection, opened)
        predictions = OwnedTable(staging, PREDICTIONS, study_day)
        told = app_outcomes(judged, feedback_rows).set_axis(_TOLD.names, axis="columns")
        predictions.stage_batches(_batches(told, _TOLD))
        predictions.refresh(OUTCOME_COLUMNS)
        columns = (*PREDICTION_COLUMNS, "actualOutcome", "actualOutcomeRecordedAt")
        inserted = 0
        for portion in missed:
            present = of_present_objectives(connection, portion)
            predictions.stage(columns, (_missed_row(row) for row in present.to_dict("records")))
            inserted += predictions.insert_new(columns)
            _write_missed_episodes(connection, present)
    return OutcomesWritten(
        judged=len(judged),
        changed=changed,
        missed=inserted,
        first_flags=len(first_flags),
        told_by_learners=len(feedback_rows),
        corrected=corrected,
    )


def _stage(staging: Staging, by_basis: Mapping[str, pd.DataFrame]) -> None:
    names = {"learner_id": "user_id", "window_end": "outcome_at"}
    batches = (
        batch
        for basis, rows in by_basis.items()
        for batch in _batches(rows.assign(basis=basis).rename(columns=names), _STAGED)
    )
    staging.put_batches("staged_outcomes", typed(_STAGED_TYPES), batches)


def _batches(rows: pd.DataFrame, schema: pa.Schema) -> list[pa.RecordBatch]:
    batches: list[pa.RecordBatch] = pa.Table.from_pandas(rows, schema, preserve_index=False).to_batches()
    return batches


def _recheck(cutoff: datetime) -> dict[str, datetime]:
    return {"cutoff": cutoff, "recheck_from": cutoff - RECHECKED_DAYS}


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
