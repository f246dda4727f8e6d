"""The ledger of published study days and episodes, in schema ml: what was said of whom, when, by which model.

Belongs here: rows of ml.study_days, ml.episodes and ml.deployment. Does not: the app's tables (publication.py).
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pandas as pd
import psycopg

from americano_assets.core.moment import Moment, naive
from americano_assets.core.study_day import EPOCH
from americano_assets.resources.model_store import StoredModel
from americano_assets.sql import query


@dataclass(frozen=True)
class StudyDay:
    """A study day as it is published: its cut-off, what scored it, and whether learners could have seen it in time."""

    day: date
    moment: Moment
    model: StoredModel
    manifest_hash: str
    kind: str
    live: bool


def known_episodes(connection: psycopg.Connection[Any], scored: pd.DataFrame) -> list[str]:
    """Ids of those scored rows that were ever flagged."""
    found = connection.execute(
        "SELECT prediction_id FROM ml.episodes WHERE first_flagged_at IS NOT NULL AND prediction_id = ANY (%s)",
        [scored["prediction_id"].tolist()],
    )
    return [row[0] for row in found]


def write_ledger(connection: psycopg.Connection[Any], study_day: StudyDay, rows: pd.DataFrame) -> None:
    """Bring published rows into the ledger, or move their episodes to this refresh."""
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


def record_day(connection: psycopg.Connection[Any], study_day: StudyDay, candidates: int, published: int) -> None:
    """Remember that a study day was published; one that was ever live stays so."""
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
