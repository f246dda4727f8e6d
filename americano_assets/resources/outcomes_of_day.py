"""Outcomes known at a study day's cut-off, for episodes in the ledger and for those that were never flagged."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pandas as pd
import psycopg
import pyarrow as pa

from americano_assets.core.moment import Target, naive
from americano_assets.core.outcomes import outcome_of
from americano_assets.core.study_day import opening, study_day_of
from americano_assets.resources.cutoffs import CutoffTables, PairSource
from americano_assets.resources.day_inputs import Inputs
from americano_assets.resources.deployment import Deployment
from americano_assets.resources.engine import open_engine
from americano_assets.resources.outcome_writing import (
    FIRST_FLAG,
    LAST_REFRESH,
    OutcomesWritten,
    closing,
    write_outcomes,
)
from americano_assets.resources.scored_store import matured, with_reasons

_EPISODE_PAIRS = "episode_pairs"
_EVIDENCE = ["mean_score", "n_reviews", "n_validations", "n_again"]
_PAIR = ["learner_id", "objective_id"]
Labels = Callable[[pa.Table, datetime, datetime], pd.DataFrame]


def record_outcomes(deployment: Deployment, day: date) -> tuple[OutcomesWritten, pd.DataFrame]:
    """Judge what can be judged at the day's cut-off, and write it.

    Returns:
        What was written, and the verdicts on ledger episodes with their `outcome`.
    """
    cutoff = naive(deployment.moment(day).at)
    with deployment.connect() as connection:
        judged, first_flags = (
            judge(_of_analysable(deployment, closing(connection, basis, cutoff)), _stored_labels(deployment, day))
            for basis in (LAST_REFRESH, FIRST_FLAG)
        )
        scored = matured(deployment, day)
        missed = scored.head(0)
        if len(scored):
            unflagged = scored[~scored["flagged"] & scored["struggled"].eq(True).fillna(False).astype(bool)]
            missed = unflagged[~unflagged["prediction_id"].isin(_in_ledger(connection, unflagged))]
        connection.rollback()
        missed = with_reasons(deployment, missed)
        written = write_outcomes(connection, day, cutoff, judged, first_flags, missed, deployment.target.struggle_below)
    return written, judged


def judge(windows: pd.DataFrame, labels_of: Labels) -> pd.DataFrame:
    """Add `outcome` and its evidence to (learner, objective) rows with `window_start`, `window_end` (naive, UTC).

    A window keeps the length that it had when it was opened, whatever the horizon is now.

    Args:
        windows: The rows.
        labels_of: Labels of pairs in [start, end), as sql/labels.sql gives them.
    """
    if windows.empty:
        return windows.assign(**{name: pd.Series(dtype="object") for name in ("outcome", *_EVIDENCE)})
    parts = []
    for (start, end), part in windows.groupby(["window_start", "window_end"], sort=True):
        pairs = pa.Table.from_pandas(part[_PAIR].drop_duplicates().sort_values(_PAIR), preserve_index=False)
        labels = labels_of(pairs, aware(start), aware(end))
        joined = part.merge(labels[[*_PAIR, "struggled", *_EVIDENCE]], on=_PAIR)
        parts.append(joined.assign(outcome=outcome_of(joined["struggled"])))
    return pd.concat(parts, ignore_index=True)


def aware(stamp: Any) -> datetime:
    """A naive instant in UTC as an aware one."""
    moment: datetime = pd.Timestamp(stamp).to_pydatetime().replace(tzinfo=UTC)
    return moment


def _stored_labels(deployment: Deployment, day: date) -> Labels:
    """Labels from what is stored of the log up to `day`, read where the first is asked for."""
    read: list[Inputs] = []

    def labels_of(pairs: pa.Table, start: datetime, end: datetime) -> pd.DataFrame:
        if not read:
            read.append(deployment.latest_inputs(day))
        return _labels(deployment, read[0], pairs, start, end)

    return labels_of


def _labels(deployment: Deployment, inputs: Inputs, pairs: pa.Table, start: datetime, end: datetime) -> pd.DataFrame:
    """Labels of pairs in [start, end), kept by content where the window begins at a cut-off, as those of nights do."""
    zone, store = deployment.zone, deployment.store
    opened, closed = study_day_of(start, zone), study_day_of(end, zone)
    if opening(opened, zone) == start:
        target = Target((closed - opened).days, deployment.target.struggle_below)
        content = store.put_whole(_EPISODE_PAIRS, pairs).content
        source = PairSource(content, store.whole_path(_EPISODE_PAIRS, content))
        scored_day = opened - timedelta(days=1)
        tables = CutoffTables(store, inputs, zone, target, deployment.now())
        frame = store.read_whole("labels_at", tables.labels({scored_day: source})[scored_day].content).to_pandas()
    else:
        inside = {d: v for d, v in inputs.days["interactions"].items() if opened <= d <= closed}
        with open_engine() as engine:
            engine.view(
                "interactions", store.paths("interactions", inside or dict([*inputs.days["interactions"].items()][:1]))
            )
            frame = engine.labels(pairs, start, end, deployment.target.struggle_below).to_pandas()
    return pd.DataFrame(frame)


def _of_analysable(deployment: Deployment, rows: pd.DataFrame) -> pd.DataFrame:
    """Without learners who opted out: what they did is no longer read, and would look as if they had not studied."""
    return rows[rows["learner_id"].isin(deployment.analysable())]


def _in_ledger(connection: psycopg.Connection[Any], rows: pd.DataFrame) -> list[str]:
    found = connection.execute(
        "SELECT prediction_id FROM ml.episodes WHERE prediction_id = ANY (%s)", [rows["prediction_id"].tolist()]
    )
    return [row[0] for row in found]
