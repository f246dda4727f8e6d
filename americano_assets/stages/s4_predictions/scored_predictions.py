"""Scored predictions of study days: writing and checking them."""

from collections.abc import Iterator
from datetime import date
from itertools import chain

import pandas as pd
import pyarrow as pa

from americano_assets.core.base.validation import Checked
from americano_assets.core.models.scorer import explained, score
from americano_assets.core.publication.checks import Judgement
from americano_assets.errors import AmericanoError
from americano_assets.resources.duckdb.connection import open_engine
from americano_assets.resources.parquet_store.store import Version
from americano_assets.stages.common.deployment import Deployment
from americano_assets.stages.common.dictionary.described import of_model
from americano_assets.stages.common.model_files import StoredModel
from americano_assets.stages.common.schemas import SCORED_PREDICTIONS
from americano_assets.stages.s1_snapshots.fast_validation import checked_rows
from americano_assets.stages.s3_training.champion import scoring_model

TABLE = "scored_predictions"


def require_day(deployment: Deployment, table: str, day: date, columns: list[str] | None = None) -> pd.DataFrame:
    """The rows of a day's table; all columns, or those named.

    Raises:
        AmericanoError: The day has none yet.
    """
    rows = deployment.store.read_day(table, day, columns)
    if rows is None:
        raise _none_yet(table, day)
    frame: pd.DataFrame = rows.to_pandas()
    return frame


def batches_of_day(
    deployment: Deployment, table: str, day: date, columns: list[str] | None = None
) -> Iterator[pa.RecordBatch]:
    """The rows of a day's table in their order, in batches of bounded size. Raises as `require_day`."""
    batches = deployment.store.day_batches(table, day, columns)
    if batches is None:
        raise _none_yet(table, day)
    return batches


def score_day(deployment: Deployment, day: date) -> tuple[StoredModel, Version]:
    """Score the day's features with the day's model, a batch at a time, and keep every row."""
    model = scoring_model(deployment, day)
    if model.target != deployment.target:
        raise AmericanoError(
            f"The model of study day {day} was trained for {model.target}, the settings ask for {deployment.target}. "
            "Materialize struggle_model for that day again."
        )
    batches = (_scored(batch, model) for batch in batches_of_day(deployment, "features", day))
    first = next(batches)
    return model, deployment.store.put_day(TABLE, day, chain([first], batches), first.schema)


def problems_of_day(deployment: Deployment, day: date, model: StoredModel) -> tuple[list[str], Checked]:
    """Why the day's predictions must not be published, empty if they may, and what the rules of their table found.

    Raises:
        AmericanoError: The day has none yet.
    """
    version, features = deployment.store.current(TABLE, day), deployment.store.current("features", day)
    if version is None:
        raise _none_yet(TABLE, day)
    judgement = Judgement(TABLE, model.scorer.threshold, deployment.analysable())
    for batch in batches_of_day(deployment, TABLE, day):
        rows = pa.Table.from_batches([batch])
        judgement.add(rows.to_pandas(), checked_rows(rows, SCORED_PREDICTIONS))
    with open_engine() as engine:
        engine.view("scored", [deployment.store.day_path(TABLE, day, version)])
        twice = engine.run("SELECT count(*) - count(DISTINCT prediction_id) AS n FROM scored")["n"][0].as_py()
    return judgement.problems(features.rows if features else 0, twice=twice), judgement.rules


def with_reasons(deployment: Deployment, scored: pd.DataFrame) -> pd.DataFrame:
    """Scored rows that are to be shown, those below the threshold explained too, each by the model that scored it."""
    if scored.empty:
        return scored
    parts = [
        explained(part, deployment.models.load(str(version)).scorer)
        for version, part in scored.groupby("model_version", sort=True)
    ]
    return pd.concat(parts).loc[scored.index]


def _none_yet(table: str, day: date) -> AmericanoError:
    return AmericanoError(f"Study day {day} has no {table} yet: materialize {table} for it first.")


def _scored(features: pa.RecordBatch, model: StoredModel) -> pa.RecordBatch:
    """The features' columns, then what scoring added, as the model of scored predictions has it."""
    scored = score(features.to_pandas(), model.scorer).assign(
        threshold=model.scorer.threshold, model_version=model.version, model_type=model.model_type
    )
    types = of_model(SCORED_PREDICTIONS).types()
    added = [name for name in types if name in scored and name not in features.schema.names]
    schema = pa.schema([*features.schema, *(pa.field(name, pa.type_for_alias(types[name])) for name in added)])
    return pa.RecordBatch.from_pandas(scored, schema=schema, preserve_index=False)
