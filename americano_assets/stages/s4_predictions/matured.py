"""Scores of closed windows paired with what became of them, a portion of the learners at a time."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

import pyarrow as pa

from americano_assets.core.study_days.cutoff import naive
from americano_assets.core.study_days.study_day import days_between
from americano_assets.resources.duckdb.connection import Engine, open_engine
from americano_assets.resources.parquet_store.store import Version
from americano_assets.stages.common.deployment import Deployment
from americano_assets.stages.s2_features.day_tables import latest_tables
from americano_assets.stages.s2_features.point_in_time import PairSource
from americano_assets.stages.s4_predictions.scored_predictions import TABLE
from americano_assets.stages.s4_predictions.sql import query

MATURED_DAYS = 90
# Scored rows of all nights that are looked at together: a few hundred bytes each, whatever there are of learners.
ROWS_AT_ONCE = 1_000_000


def matured(deployment: Deployment, day: date, columns: Sequence[str]) -> Iterator[pa.Table]:
    """The last score of each episode of the last 90 matured cut-offs, with its outcome as known now.

    Args:
        deployment: The deployment.
        day: The study day at whose cut-off outcomes are known.
        columns: Of the scored rows, and `scored_day` (days since 1970-01-01), `predicted_at`, `window_end` (naive,
            UTC), `struggled` (null: not studied enough to tell), `in_analytics`.

    Yields:
        Rows of some learners each, those of a learner together, in the order of learners; without today's opt-outs.
        Sorted by prediction within each.
    """
    last = day - timedelta(days=deployment.target.horizon_days)
    store, allowed = deployment.store, deployment.analysable()
    versions = store.current_days(TABLE, days_between(last - timedelta(days=MATURED_DAYS), last))
    versions = {scored_day: version for scored_day, version in versions.items() if version.rows}
    if not versions or not allowed:
        return
    sources = {
        scored_day: PairSource(version.content, store.day_path(TABLE, scored_day, version))
        for scored_day, version in versions.items()
    }
    labels = latest_tables(deployment, day).labels(sources)
    learners = sorted(allowed)
    size = max(1, ROWS_AT_ONCE * len(learners) // sum(version.rows for version in versions.values()))
    with open_engine() as engine:
        engine.view("scored", store.paths(TABLE, versions), by_name=True)
        _view_labels(engine, deployment, labels)
        engine.register(
            "learners", pa.table({"learner_id": learners, "in_analytics": [allowed[one] for one in learners]})
        )
        text = query("last_scores").replace("{columns}", ", ".join(columns))
        for start in range(0, len(learners), size):
            part = learners[start : start + size]
            yield engine.run(text, {"first": part[0], "last": part[-1]})


def _view_labels(engine: Engine, deployment: Deployment, labels: dict[date, Version]) -> None:
    paths = {day: str(deployment.store.whole_path("labels_at", version.content)) for day, version in labels.items()}
    moments = {day: deployment.moment(day) for day in paths}
    engine.register(
        "nights",
        pa.table(
            {
                "day": [*paths],
                "filename": [*paths.values()],
                "predicted_at": pa.array([naive(one.at) for one in moments.values()], pa.timestamp("us")),
                "window_end": pa.array([naive(one.horizon_end) for one in moments.values()], pa.timestamp("us")),
            }
        ),
    )
    # Two nights may have the same outcomes: then one file is that of both.
    engine.view("label_files", sorted(set(paths.values())), filename=True)
    engine.make(
        "labels",
        "SELECT day, learner_id, objective_id, struggled FROM label_files JOIN nights USING (filename)",
        {},
        "VIEW",
    )
