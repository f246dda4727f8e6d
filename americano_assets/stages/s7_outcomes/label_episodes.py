"""Outcomes known at a study day's cut-off, for episodes in the ledger and for those that were never flagged."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pandas as pd
import pyarrow as pa

from americano_assets.core.outcomes.outcomes import outcome_of
from americano_assets.core.study_days.cutoff import Target, naive
from americano_assets.core.study_days.study_day import opening, study_day_of
from americano_assets.stages.common.deployment import Deployment
from americano_assets.stages.s1_snapshots.input_manifest import Inputs, current_inputs
from americano_assets.stages.s2_features.feature_engine import FeatureEngine, open_feature_engine
from americano_assets.stages.s2_features.point_in_time import PairSource, PointInTimeTables
from americano_assets.stages.s7_outcomes.misses import explained, find_misses
from americano_assets.stages.s7_outcomes.write_outcomes import (
    EVIDENCE,
    FIRST_FLAG,
    LAST_REFRESH,
    OutcomesWritten,
    closing,
    in_all,
    write_outcomes,
)

# Whose windows are judged together: a few hundred of each at most, at some three kilobytes.
LEARNERS_AT_ONCE = 500
_EPISODE_PAIRS = "episode_pairs"
_PAIR = ["learner_id", "objective_id"]
Labels = Callable[[pa.Table, datetime, datetime], pd.DataFrame]


def record_outcomes(deployment: Deployment, day: date) -> tuple[OutcomesWritten, Counter[str]]:
    """Judge what can be judged at the day's cut-off, and write it, in a transaction for LEARNERS_AT_ONCE learners each.

    Learners who opted out are left alone: what they did is no longer read, and would look as if they had not studied.

    Returns:
        What was written, and how many verdicts on ledger episodes there are of each kind.
    """
    moment = deployment.moment(day).at
    cutoff, opened = naive(moment), study_day_of(moment, deployment.zone)
    learners = sorted(deployment.analysable())
    found: list[OutcomesWritten] = []
    verdicts: Counter[str] = Counter()
    with deployment.connect() as connection:
        misses = find_misses(deployment, connection, day)
        connection.rollback()
        with explained(deployment, misses) as missed:
            for start in range(0, max(len(learners), 1), LEARNERS_AT_ONCE):
                end = start + LEARNERS_AT_ONCE
                windows = [
                    closing(connection, basis, cutoff, learners[start:end]) for basis in (LAST_REFRESH, FIRST_FLAG)
                ]
                connection.rollback()
                judged, first_flags = (_judged(deployment, day, part) for part in windows)
                # With the last: what is in the ledger by then is judged no second time.
                new = missed if end >= len(learners) else ()
                below = deployment.target.struggle_below
                found.append(write_outcomes(connection, day, cutoff, judged, first_flags, new, below, opened))
                verdicts.update(judged["outcome"].tolist())
    return in_all(found), verdicts


def judge(windows: pd.DataFrame, labels_of: Labels) -> pd.DataFrame:
    """Add `outcome` and its evidence to (learner, objective) rows with `window_start`, `window_end` (naive, UTC).

    A window keeps the length that it had when it was opened, whatever the horizon is now.

    Args:
        windows: The rows.
        labels_of: Labels of pairs in [start, end), as stages/s2_features/sql/labels.sql gives them.
    """
    if windows.empty:
        return windows.assign(**{name: pd.Series(dtype="object") for name in ("outcome", *EVIDENCE)})
    parts = []
    for (start, end), part in windows.groupby(["window_start", "window_end"], sort=True):
        pairs = pa.Table.from_pandas(part[_PAIR].drop_duplicates().sort_values(_PAIR), preserve_index=False)
        labels = labels_of(pairs, aware(start), aware(end))
        joined = part.merge(labels[[*_PAIR, "struggled", *EVIDENCE]], on=_PAIR)
        parts.append(joined.assign(outcome=outcome_of(joined["struggled"])))
    return pd.concat(parts, ignore_index=True)


def aware(stamp: Any) -> datetime:
    """A naive instant in UTC as an aware one."""
    moment: datetime = pd.Timestamp(stamp).to_pydatetime().replace(tzinfo=UTC)
    return moment


def _judged(deployment: Deployment, day: date, windows: pd.DataFrame) -> pd.DataFrame:
    with _stored_labels(deployment, day, windows) as labels_of:
        return judge(windows, labels_of)


@contextmanager
def _stored_labels(deployment: Deployment, day: date, windows: pd.DataFrame) -> Iterator[Labels]:
    """Labels of `windows` from what is stored of the log up to `day`, read where the first is asked for.

    Windows that begin at a cut-off are many pairs each, kept by content, as those of nights are. Those that began
    within a day, when somebody asked for fresh predictions, are few pairs each and may be thousands: their learners'
    log is read once for all of them.
    """
    read: list[Inputs] = []
    engines: list[FeatureEngine] = []
    with ExitStack() as opened:

        def labels_of(pairs: pa.Table, start: datetime, end: datetime) -> pd.DataFrame:
            if not read:
                read.append(current_inputs(deployment, day))
            if _at_a_cutoff(deployment, start):
                return _labels_from_cutoff(deployment, read[0], pairs, start, end)
            if not engines:
                engines.append(opened.enter_context(open_feature_engine()))
                _read_log(deployment, read[0], windows, engines[0])
            return pd.DataFrame(engines[0].labels(pairs, start, end, deployment.target.struggle_below).to_pandas())

        yield labels_of


def _at_a_cutoff(deployment: Deployment, start: datetime) -> bool:
    return opening(study_day_of(start, deployment.zone), deployment.zone) == start


def _labels_from_cutoff(
    deployment: Deployment, inputs: Inputs, pairs: pa.Table, start: datetime, end: datetime
) -> pd.DataFrame:
    zone, store = deployment.zone, deployment.store
    opened, closed = study_day_of(start, zone), study_day_of(end, zone)
    target = Target((closed - opened).days, deployment.target.struggle_below)
    content = store.put_whole(_EPISODE_PAIRS, pairs).content
    source = PairSource(content, store.whole_path(_EPISODE_PAIRS, content))
    scored_day = opened - timedelta(days=1)
    tables = PointInTimeTables(store, inputs, zone, target, deployment.now())
    version = tables.labels({scored_day: source})[scored_day]
    return pd.DataFrame(store.read_whole("labels_at", version.content).to_pandas())


def _read_log(deployment: Deployment, inputs: Inputs, windows: pd.DataFrame, engine: FeatureEngine) -> None:
    """Make `interactions` of the learners and days of those windows that began within a day."""
    starts = {start: aware(start) for start in windows["window_start"].unique()}
    within = windows[[not _at_a_cutoff(deployment, starts[start]) for start in windows["window_start"]]]
    first = study_day_of(aware(within["window_start"].min()), deployment.zone)
    last = study_day_of(aware(within["window_end"].max()), deployment.zone)
    stored = inputs.days["interactions"]
    inside = {day: version for day, version in stored.items() if first <= day <= last} or dict([*stored.items()][:1])
    engine.view("stored_interactions", deployment.store.paths("interactions", inside))
    engine.register("judged_learners", pa.table({"learner_id": within["learner_id"].unique().tolist()}))
    engine.make("interactions", "FROM stored_interactions SEMI JOIN judged_learners USING (learner_id)", {})
