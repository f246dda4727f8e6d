"""What the same rows cost by the plainest means, right after a night: what its stages are measured against.

Of files: DuckDB's scan of all that a stage asked for, and its COPY of all that the stage stored. Of PostgreSQL: COPY to
nowhere of the rows that it read; COPY of as many rows as were inserted into a table with the same indexes, and a plain
UPDATE ... FROM of as many as were updated. Of the training scikit-learn's own fits, of scoring its own answer.
"""

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import duckdb
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from americano_assets.core.features.catalog import MODEL_INPUTS
from americano_assets.core.models.linear import input_values
from americano_assets.core.models.log_odds import BlendModel
from americano_assets.core.models.trees import TreeModel
from americano_assets.core.study_days.cutoff import naive
from americano_assets.core.study_days.study_day import cutoff, opening
from americano_assets.core.training.fit_trees import PARAMETERS
from americano_assets.resources.postgres.embedded.server import EmbeddedServer
from americano_assets.stages.common.model_files import ModelStore, model_of_day
from americano_assets.stages.common.schemas import LOG_TABLES
from americano_assets.stages.s1_snapshots.assets import STATE_SOURCES
from americano_assets.stages.s1_snapshots.snapshots import refreshed_days
from americano_assets.stages.s3_training.dataset_versions import TRAINING_SET
from benchmarks.cohort import ZONE
from benchmarks.night import tables
from benchmarks.night.cost import Cost, Meter
from benchmarks.night.home import DeploymentOf, app_session
from benchmarks.night.one_night import Step

_STAMPS = {
    "reviews": "reviewedAt",
    "validation_responses": "respondedAt",
    "study_sessions": "completedAt",
    "behavioral_events": "timestamp",
}
_PAST, _LOG, _STATE, _PUBLICATION = "log_snapshots", "night_log", "state_snapshots", "publish"
_TRAINING, _MODELS = "struggle_model", "ml.model_versions"
# From so many flagged rows the time of all reasons is told.
_EXPLAINED = 5_000


@dataclass(frozen=True)
class Scoring:
    """Of a night's candidates: how many are flagged, and what is taken.

    Attributes:
        flagged: Rows.
        predicted: By scikit-learn's own answer of the trees that score, for every candidate.
        reasons: By the reasons of every flagged row, told from some thousand.
        contributions: By the model's own contributions to the same rows.
    """

    flagged: int
    predicted: Cost
    reasons: Cost
    contributions: Cost


@dataclass(frozen=True)
class Yardsticks:
    """What the plainest means take, by step."""

    costs: dict[str, Cost]
    scoring: Scoring


def measured(home: DeploymentOf, day: date, steps: Sequence[Step], spare: Path) -> Yardsticks:
    """The yardsticks of a night's steps."""
    costs: dict[str, Cost] = defaultdict(Cost)
    meter = Meter(EmbeddedServer(home.settings.americano_home).data)
    with duckdb.connect(":memory:") as files, app_session(home.settings.americano_home) as app:
        files.execute("SET enable_progress_bar = false")
        for step in steps:
            costs[step.name] += _of_files(files, meter, step, spare)
            for table, (added, changed, _, read) in step.touched.items():
                costs[step.name] += tables.inserted(app, meter, table, added)
                costs[step.name] += tables.updated(app, meter, table, changed)
                if read and step.name not in (_PAST, _LOG, _STATE, _PUBLICATION):
                    costs[step.name] += tables.given(app, meter, f"SELECT * FROM {table} LIMIT {read}")
        for name in {step.name for step in steps}:
            for query in _read_of_app(name, day, home.settings.americano_start_day):
                costs[name] += tables.given(app, meter, query)
        if any(step.name == _TRAINING and step.touched.get(_MODELS, (0,))[0] for step in steps):
            costs[_TRAINING] += _fitted(home, files, meter, day)
        return Yardsticks(dict(costs), _scoring(home, files, meter, day))


def _of_files(files: duckdb.DuckDBPyConnection, meter: Meter, step: Step, spare: Path) -> Cost:
    took = Cost()
    for listed, text in (
        (step.read, "SELECT bit_xor(hash(COLUMNS(*))) FROM {}"),
        (step.stored, f"COPY (FROM {{}}) TO '{spare}' (FORMAT parquet, COMPRESSION zstd)"),
    ):
        by_table: dict[str, list[str]] = defaultdict(list)
        for path in filter(os.path.exists, listed):
            by_table[_table_of(Path(path))].append(path)
        for paths in by_table.values():
            query = text.format(f"read_parquet({paths!r}, union_by_name = true, hive_partitioning = false)")
            took += meter.of(partial(_run, files, query))
            spare.unlink(missing_ok=True)
    return took


def _run(files: duckdb.DuckDBPyConnection, query: str) -> None:
    files.execute(query).fetchall()


def _table_of(path: Path) -> str:
    folder = path.parent
    return str(folder.parent if folder.name.startswith("day=") else folder)


def _read_of_app(step: str, day: date, first: date) -> Iterator[str]:
    """Queries of the app's rows that a step reads."""
    if step in (_PAST, _LOG):
        nights = refreshed_days(day, first)
        start, end = (first, nights[0] - timedelta(days=1)) if step == _PAST else (nights[0], day)
        within = f"BETWEEN '{naive(opening(start, ZONE))}' AND '{naive(cutoff(end, ZONE))}'"
        yield from (f'SELECT * FROM {name} WHERE "{_STAMPS[name]}" {within}' for name in LOG_TABLES)
    elif step == _STATE:
        yield from (f"SELECT * FROM {name}" for name in STATE_SOURCES)


def _fitted(home: DeploymentOf, files: duckdb.DuckDBPyConnection, meter: Meter, day: date) -> Cost:
    """One plain fit each of scikit-learn's logistic regression and boosted trees, on the rows that taught."""
    version = home.store.current(TRAINING_SET, day)
    if version is None:
        return Cost()
    path = home.store.day_path(TRAINING_SET, day, version)
    listed = ", ".join(MODEL_INPUTS)
    rows = files.sql(f"SELECT {listed}, struggled FROM read_parquet('{path}') WHERE split = 'train'").df()
    values, struggled = input_values(rows, MODEL_INPUTS), rows["struggled"].to_numpy(bool)

    def fit() -> None:
        LogisticRegression(max_iter=200).fit(values, struggled)
        HistGradientBoostingClassifier(early_stopping=False, **PARAMETERS).fit(values, struggled)

    with threadpool_limits(1):  # As the training itself: threads that wait for each other tell of the machine alone.
        return meter.of(fit)


def _scoring(home: DeploymentOf, files: duckdb.DuckDBPyConnection, meter: Meter, day: date) -> Scoring:
    scorer = model_of_day(home.store, ModelStore(home.settings.models_root), day).scorer
    version, model = home.store.current("scored_predictions", day), scorer.model
    if version is None or model is None:
        return Scoring(0, Cost(), Cost(), Cost())
    scored = f"read_parquet('{home.store.day_path('scored_predictions', day, version)}')"
    flagged = int(files.sql(f"SELECT count(*) FROM {scored} WHERE flagged").fetchall()[0][0])
    told: pd.DataFrame = files.sql(f"FROM {scored} WHERE flagged LIMIT {_EXPLAINED}").df()
    values = input_values(files.sql(f"SELECT {', '.join(model.inputs)} FROM {scored}").df(), model.inputs)
    parts = model.parts if isinstance(model, BlendModel) else (model,)
    trees = [part.classifier for part in parts if isinstance(part, TreeModel)]
    share = flagged / max(len(told), 1)
    scorer.factors(told.head(10))  # Loads what explains.
    with threadpool_limits(1):
        predicted = meter.of(lambda: [one.predict_proba(values) for one in trees])
    return Scoring(
        flagged,
        predicted,
        meter.of(lambda: scorer.factors(told)) * share,
        meter.of(lambda: model.contributions(told)) * share,
    )
