"""Struggles that nobody was asked about: pairs that no night had scored, but that turned out struggles."""

from dataclasses import dataclass
from datetime import date, timedelta

import pyarrow as pa

from americano_assets.core.study_days.cutoff import naive
from americano_assets.core.study_days.study_day import days_between
from americano_assets.stages.common.deployment import Deployment
from americano_assets.stages.s1_snapshots.input_manifest import current_inputs
from americano_assets.stages.s2_features.day_tables import latest_tables
from americano_assets.stages.s2_features.feature_engine import open_feature_engine
from americano_assets.stages.s4_predictions.scored_predictions import TABLE
from americano_assets.stages.s8_reduction.sql import query

_PAIR = pa.schema([("learner_id", pa.string()), ("objective_id", pa.string())])


@dataclass(frozen=True)
class Coverage:
    """Struggles of one window, of learners who count in aggregates.

    Attributes:
        struggles: All of them.
        scored: Those of pairs that a night had scored which could tell: see `nights_that_reach`.
    """

    struggles: int
    scored: int


def nights_that_reach(day: date, horizon_days: int) -> list[date]:
    """Study days whose predictions are about a part of the window that closes with `day`, and were made before its end.

    Their own windows end after it begins. An objective is scored in the week before it is planned, and may show a
    struggle as late as the horizon allows: by a night that came before the window, too.
    """
    return days_between(day - timedelta(days=2 * horizon_days - 1), day - timedelta(days=1))


def coverage(deployment: Deployment, day: date) -> dict[str, Coverage]:
    """Coverage by course of the window that closes at the day's cut-off; a course without struggles is left out."""
    opened = day - timedelta(days=deployment.target.horizon_days)
    store, moment = deployment.store, deployment.moment(opened)
    inside = {d: v for d, v in current_inputs(deployment, day).days["interactions"].items() if opened < d <= day}
    if not any(version.rows for version in inside.values()):
        return {}
    nights = store.current_days(TABLE, nights_that_reach(day, deployment.target.horizon_days))
    nights = {night: version for night, version in nights.items() if version.rows}
    shared = [learner for learner, counted in deployment.analysable().items() if counted]
    window = {"window_start": naive(moment.at), "window_end": naive(moment.horizon_end)}
    with open_feature_engine() as engine:
        engine.view("interactions", store.paths("interactions", inside))
        engine.view("objectives", [latest_tables(deployment, day).state_path("objectives", day)])
        studied = engine.run(query("studied_pairs"), window)
        engine.register("studied", studied)
        engine.register(
            "judged", engine.labels(studied, moment.at, moment.horizon_end, deployment.target.struggle_below)
        )
        engine.register("shared", pa.table({"learner_id": pa.array(shared, pa.string())}))
        if nights:
            engine.view("scored", store.paths(TABLE, nights))
        else:
            engine.register("scored", _PAIR.empty_table())
        rows = engine.run(query("coverage")).to_pylist()
    return {row["course_id"]: Coverage(row["struggles"], row["scored"]) for row in rows}
