"""The ledger of published study days and episodes, in schema ml: what was said of whom, when, by which model."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import psycopg

from americano_assets.core.base.experiment_arms import HOLDOUT
from americano_assets.core.publication.random_assignment import Policy
from americano_assets.core.study_days.cutoff import Cutoff, naive
from americano_assets.resources.postgres.staging import Staging
from americano_assets.stages.common.model_files import StoredModel
from americano_assets.stages.s6_publication.sql import query


@dataclass(frozen=True)
class StudyDay:
    """A study day as it is published: its cut-off, what scored it, whether learners could have seen it in time.

    Attributes:
        on_time: Learners could have seen it in time: column `live`.
        policy: The share and unit of the experiment in force.
    """

    day: date
    moment: Cutoff
    model: StoredModel
    manifest_hash: str
    kind: str
    on_time: bool
    policy: Policy = field(default_factory=Policy)


def known_episodes(connection: psycopg.Connection[Any], predictions: Sequence[str], at: datetime) -> list[str]:
    """Those of some episodes that were flagged by `at` (naive, UTC): a rerun knows no more than its night did."""
    if not predictions:
        return []
    found = connection.execute(
        "SELECT prediction_id FROM ml.episodes WHERE first_flagged_at <= %s AND prediction_id = ANY (%s)",
        [at, predictions],
    )
    return [row[0] for row in found]


def write_ledger(staging: Staging, study_day: StudyDay) -> int:
    """Bring the staged predictions into the ledger with their arm, or move their episodes to this refresh.

    Args:
        staging: In the publication's transaction, before any of the app's rows is written. Predictions are staged with
            their `planned_day` and `arm`, interventions as they were chosen, whatever the arm.
        study_day: The day.

    Returns:
        How many of the predictions belong to the holdout.
    """
    model, policy = study_day.model, study_day.policy
    of_day = {
        "study_day": study_day.day,
        "threshold": model.scorer.threshold,
        "model_version": model.version,
        "live": study_day.on_time,
        "window_end": naive(study_day.moment.horizon_end),
    }
    staging.execute(query("ledger_insert"), of_day)
    staging.execute(query("ledger_refresh"), of_day)
    design = {"unit": policy.unit, "share": policy.share, "is_random": policy.is_random}
    staging.execute(query("assignments_insert"), of_day | design)
    held = staging.execute(
        'SELECT count(*) FROM staged_struggle_predictions s JOIN ml.assignments a ON a.prediction_id = s."id" '
        "WHERE a.arm = %(arm)s",
        {"arm": HOLDOUT},
    ).fetchone()
    return int(held[0]) if held else 0


def record_day(
    connection: psycopg.Connection[Any], study_day: StudyDay, *, candidates: int, published: int, held_out: int
) -> None:
    """Remember that a study day was published; one that was ever live stays so, and so does its experiment."""
    connection.execute(
        """
        INSERT INTO ml.study_days
          (study_day, cutoff_at, kind, live, model_version, manifest_hash, candidates, published, published_at,
           experiment_unit, holdout_share, held_out)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
        ON CONFLICT (study_day) DO UPDATE SET model_version = EXCLUDED.model_version,
          manifest_hash = EXCLUDED.manifest_hash, candidates = EXCLUDED.candidates, published = EXCLUDED.published,
          held_out = EXCLUDED.held_out, live = ml.study_days.live OR EXCLUDED.live,
          published_at = CASE WHEN ml.study_days.manifest_hash = EXCLUDED.manifest_hash
            THEN ml.study_days.published_at ELSE EXCLUDED.published_at END
        """,
        [
            study_day.day,
            naive(study_day.moment.at),
            study_day.kind,
            study_day.on_time,
            study_day.model.version,
            study_day.manifest_hash,
            candidates,
            published,
            datetime.now(UTC).replace(tzinfo=None),
            study_day.policy.unit,
            study_day.policy.share,
            held_out,
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
