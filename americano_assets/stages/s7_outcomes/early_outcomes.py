"""Outcomes of learners who have just finished a mission, from the app's rows as they are now.

A window that is still open is judged by nobody: what happens in the rest of it counts too. What closed since the last
night (an episode that was generated during the day has its own hours), or was judged before late answers arrived, need
not wait for the next. The definitions are the night's, which looks at the same windows again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pandas as pd
import psycopg
import pyarrow as pa

from americano_assets.core.study_days.cutoff import naive
from americano_assets.core.study_days.study_day import study_day_of
from americano_assets.stages.common.deployment import Deployment
from americano_assets.stages.s2_features.feature_engine import FeatureEngine
from americano_assets.stages.s2_features.learner_features import LiveFeatures
from americano_assets.stages.s7_outcomes.label_episodes import Labels, aware, judge
from americano_assets.stages.s7_outcomes.sql import query
from americano_assets.stages.s7_outcomes.write_outcomes import (
    FIRST_FLAG,
    LAST_REFRESH,
    RECHECKED_DAYS,
    OutcomesWritten,
    closing,
    write_outcomes,
)

# A mission may be stamped a little before it is committed.
OVERLAP = timedelta(minutes=10)
# So many learners at a time, the rest by the night: each costs a few reads.
MOST_LEARNERS = 500


@dataclass(frozen=True)
class Finished:
    """Who finished a mission in a span of time.

    Attributes:
        newest: When the last of them was finished (naive, UTC); None: nobody did.
        learners: Those of whom a window has closed that may be judged.
    """

    newest: datetime | None
    learners: list[str]


def finished_missions(connection: psycopg.Connection[Any], after: datetime, until: datetime) -> Finished:
    """Who finished a mission in (after, until], naive and in UTC."""
    rows = connection.execute(
        query("finished_missions"), {"after": after, "until": until, "recheck_from": until - RECHECKED_DAYS}
    ).fetchall()
    newest = max((row[1] for row in rows), default=None)
    return Finished(newest, [learner for learner, _, closed in rows if closed])


def record_outcomes_of(deployment: Deployment, learners: Sequence[str]) -> OutcomesWritten:
    """Judge these learners' windows that have closed by now, and write the verdicts.

    Who opted out is left alone. Misses, which need what the nights scored, are the night's to tell.
    """
    now = naive(deployment.now())
    live = LiveFeatures(deployment.url, deployment.store, deployment.zone, deployment.target)
    allowed = set(learners) & set(deployment.analysable())
    with deployment.connect() as connection:
        windows = [closing(connection, basis, now, allowed) for basis in (LAST_REFRESH, FIRST_FLAG)]
        connection.rollback()  # Reading a learner's log takes a while: no transaction waits for it.
        judged, first_flags = (_judge(deployment, live, part) for part in windows)
        day = study_day_of(deployment.now(), deployment.zone)
        struggle_below = deployment.target.struggle_below
        return write_outcomes(connection, day, now, judged, first_flags, (), struggle_below, opened=day)


def _judge(deployment: Deployment, live: LiveFeatures, windows: pd.DataFrame) -> pd.DataFrame:
    parts = [
        judge(part, _labels_of(deployment, live, str(learner), part))
        for learner, part in windows.groupby("learner_id", sort=True)
    ]
    return pd.concat(parts, ignore_index=True) if parts else judge(windows, _labels_of(deployment, live, "", windows))


def _labels_of(deployment: Deployment, live: LiveFeatures, learner: str, windows: pd.DataFrame) -> Labels:
    """Labels from a learner's rows as they are now, read once for all of their windows."""
    engines: list[FeatureEngine] = []

    def labels_of(pairs: pa.Table, start: datetime, end: datetime) -> pd.DataFrame:
        if not engines:
            first = study_day_of(aware(windows["window_start"].min()), deployment.zone) - timedelta(days=1)
            last = study_day_of(aware(windows["window_end"].max()), deployment.zone)
            engines.append(live.graded(learner, first, last))
        frame: pd.DataFrame = engines[0].labels(pairs, start, end, deployment.target.struggle_below).to_pandas()
        return frame

    return labels_of
