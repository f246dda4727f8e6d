"""Computes struggle rates before and after the first published prediction, and writes them into schema ml."""

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pandas as pd
import psycopg
import pyarrow as pa

from americano_assets.core.effects.before_after import (
    BASELINE,
    BASELINE_WEEKS,
    PERIOD_WEEKS,
    TIMELINE_WEEKS,
    Reduction,
    reductions,
)
from americano_assets.core.study_days.cutoff import naive
from americano_assets.core.study_days.study_day import day_number, opening, shift, study_day_of
from americano_assets.stages.common.deployment import Deployment
from americano_assets.stages.s1_snapshots.input_manifest import current_inputs
from americano_assets.stages.s2_features.day_tables import latest_tables
from americano_assets.stages.s2_features.feature_engine import open_feature_engine
from americano_assets.stages.s8_reduction.performance import replace_day
from americano_assets.stages.s8_reduction.sql import query

# Graded answers of the learners that are looked at together, and of some days that do not count.
ANSWERS_AT_ONCE = 2_000_000
_OBSERVATIONAL = "observational"
_COLUMNS = (
    "study_day",
    "scope",
    "scope_id",
    "period",
    "kind",
    "baseline_rate",
    "current_rate",
    "reduction_percentage",
    "baseline_start",
    "baseline_end",
    "current_start",
    "current_end",
    "baseline_studied",
    "current_studied",
    "replayed",
    "timeline",
    "reason",
    "computed_at",
)


def measure_reduction(deployment: Deployment, day: date) -> list[Reduction]:
    """Before/after figures at the day's cut-off, written to ml.struggle_reduction in one transaction."""
    at = naive(deployment.moment(day).at)
    with deployment.connect() as connection:
        found: list[Reduction] = []
        analysable = deployment.analysable()
        firsts = {one: first for one, first in _first_predictions(connection, at).items() if one in analysable}
        if firsts:
            found = _reductions(deployment, day, firsts, analysable)
        replayed = bool(
            connection.execute(
                "SELECT count(*) FROM ml.study_days WHERE kind = 'replay' AND study_day <= %s", [day]
            ).fetchone()[0]  # type: ignore[index]
        )
        rows = [_row(deployment, day, one, at, replayed) for one in found]
        replace_day(connection, "struggle_reduction", day, _COLUMNS, rows)
    return found


def _row(deployment: Deployment, day: date, one: Reduction, at: datetime, replayed: bool) -> tuple[Any, ...]:
    weeks = one.current_weeks
    since = naive(shift(deployment.moment(day).at, -7 * weeks, deployment.zone)) if weeks else None
    return (
        day,
        one.scope,
        one.scope_id,
        one.period,
        _OBSERVATIONAL,
        one.baseline_rate,
        one.current_rate,
        one.reduction_percentage,
        one.baseline_start,
        one.first_prediction_at,
        since,
        since and at,
        one.baseline_studied,
        one.current_studied,
        replayed,
        json.dumps(one.timeline),
        one.reason,
        at,
    )


def _reductions(
    deployment: Deployment, day: date, firsts: Mapping[str, datetime], analysable: Mapping[str, bool]
) -> list[Reduction]:
    zone, end = deployment.zone, day + timedelta(days=1)
    opened = {first: study_day_of(first.replace(tzinfo=UTC), zone) for first in set(firsts.values())}
    # One that the API made is within its day.
    full = {first: one + timedelta(days=naive(opening(one, zone)) < first) for first, one in opened.items()}
    weeks = {first: max((end - one).days // 7, 0) for first, one in full.items()}
    begin = end - timedelta(weeks=max(TIMELINE_WEEKS, *weeks.values()))
    timeline = {(day - timedelta(weeks=week)).isoformat(): week for week in range(TIMELINE_WEEKS)}
    segments = [
        (BASELINE, True, 0, BASELINE_WEEKS - 1, False),
        *((period, False, 0, (most or max(weeks.values())) - 1, True) for period, most in PERIOD_WEEKS.items()),
        *((date_, False, week, week, False) for date_, week in timeline.items()),
    ]
    inputs = current_inputs(deployment, day).days["interactions"]
    oldest = min(begin, *(one - timedelta(weeks=BASELINE_WEEKS) for one in opened.values()))
    parameters = {
        "struggle_below": deployment.target.struggle_below,
        "baseline_weeks": BASELINE_WEEKS,
        "begin_day": day_number(begin),
        "end_day": day_number(end),
    }
    read = {one: version for one, version in inputs.items() if one >= oldest}
    learners = sorted(firsts)
    size = max(1, ANSWERS_AT_ONCE * len(learners) // max(1, sum(version.rows for version in read.values())))
    parts: list[pa.Table] = []
    with open_feature_engine() as engine:
        engine.view("objectives", [latest_tables(deployment, day).state_path("objectives", day)])
        engine.view("interactions", deployment.store.paths("interactions", read))
        names = ("segment", "is_before", "newest", "oldest", "since")
        engine.register("segments", pa.table(dict(zip(names, zip(*segments, strict=True), strict=True))))
        for start in range(0, len(learners), size):
            portion = learners[start : start + size]
            known = {
                "learner_id": pa.array(portion, pa.string()),
                "first_day": pa.array([day_number(opened[firsts[one]]) for one in portion], pa.int32()),
                "whole_weeks": pa.array([weeks[firsts[one]] for one in portion], pa.int32()),
            }
            engine.register("first_rows", pa.table(known))
            engine.make(
                "first_predictions", "SELECT *, md5_number_lower(learner_id) AS learner_key FROM first_rows", {}
            )
            parts.append(engine.run(query("struggle_totals"), parameters))
    totals: pd.DataFrame = pa.concat_tables(parts).to_pandas()
    first_at = totals["learner_id"].map(firsts)
    totals = totals.assign(
        in_analytics=totals["learner_id"].map(analysable).astype(bool),
        first_at=first_at,
        baseline_start=first_at.map(
            {one: naive(opening(day_ - timedelta(weeks=BASELINE_WEEKS), zone)) for one, day_ in opened.items()}
        ),
        whole_weeks=first_at.map(weeks),
    )
    weekly = totals[totals["segment"].isin(timeline)].rename(columns={"segment": "week"})
    return reductions(totals, weekly)


def _first_predictions(connection: psycopg.Connection[Any], at: datetime) -> dict[str, datetime]:
    rows = connection.execute(
        "SELECT user_id, min(first_flagged_at) FROM ml.episodes WHERE first_flagged_at <= %s GROUP BY user_id", [at]
    ).fetchall()
    return dict(rows)
