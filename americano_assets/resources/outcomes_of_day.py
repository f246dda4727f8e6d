"""Outcomes known at a study day's cut-off, for episodes in the ledger and for those that were never flagged."""

from datetime import UTC, date
from typing import Any

import pandas as pd
import psycopg
import pyarrow as pa

from americano_assets.core.moment import naive
from americano_assets.core.outcomes import outcome_of
from americano_assets.core.study_day import study_day_of
from americano_assets.resources.cutoffs import PairSource
from americano_assets.resources.deployment import Deployment
from americano_assets.resources.outcome_writing import OutcomesWritten, closing_episodes, write_outcomes
from americano_assets.resources.scored_store import matured

_EPISODE_PAIRS = "episode_pairs"


def record_outcomes(deployment: Deployment, day: date) -> tuple[OutcomesWritten, pd.DataFrame]:
    """Judge what can be judged at the day's cut-off, and write it.

    Returns:
        What was written, and the verdicts on ledger episodes with their `outcome`.
    """
    cutoff = naive(deployment.moment(day).at)
    with deployment.connect() as connection:
        episodes = closing_episodes(connection, cutoff)
        # What an opted-out learner did is no longer read: without it they would be judged not to have studied.
        episodes = episodes[episodes["learner_id"].isin(deployment.analysable())]
        judged = judge(deployment, day, episodes)
        scored = matured(deployment, day)
        missed = scored.head(0)
        if len(scored):
            unflagged = scored[~scored["flagged"] & scored["struggled"].eq(True).fillna(False).astype(bool)]
            missed = unflagged[~unflagged["prediction_id"].isin(_in_ledger(connection, unflagged))]
        connection.rollback()
        return write_outcomes(connection, day, judged, missed), judged


def judge(deployment: Deployment, day: date, episodes: pd.DataFrame) -> pd.DataFrame:
    """Add `outcome` to ledger episodes, from what is known of their windows now."""
    if episodes.empty:
        return episodes.assign(outcome=pd.Series(dtype="object"))
    tables = deployment.latest_tables(day)
    parts = []
    for _, part in episodes.groupby("refreshed_at", sort=True):
        # refreshed_at is the cut-off of a study day: the window begins where that day ends.
        at = pd.Timestamp(part["refreshed_at"].iloc[0]).to_pydatetime().replace(tzinfo=UTC)
        closed = study_day_of(at, deployment.zone)
        scored_day = date.fromordinal(closed.toordinal() - 1)
        pairs = pa.Table.from_pandas(
            part[["learner_id", "objective_id"]].drop_duplicates().sort_values(["learner_id", "objective_id"]),
            preserve_index=False,
        )
        version = deployment.store.put_whole(_EPISODE_PAIRS, pairs)
        path = deployment.store.whole_path(_EPISODE_PAIRS, version.content)
        labels = tables.labels({scored_day: PairSource(version.content, path)})[scored_day]
        outcome = deployment.store.read_whole("labels_at", labels.content).to_pandas()
        joined = part.drop(columns="outcome").merge(
            outcome[["learner_id", "objective_id", "struggled"]], on=["learner_id", "objective_id"]
        )
        parts.append(joined.assign(outcome=outcome_of(joined["struggled"])))
    return pd.concat(parts, ignore_index=True)


def _in_ledger(connection: psycopg.Connection[Any], rows: pd.DataFrame) -> list[str]:
    found = connection.execute(
        "SELECT prediction_id FROM ml.episodes WHERE prediction_id = ANY (%s)", [rows["prediction_id"].tolist()]
    )
    return [row[0] for row in found]
