"""Scored predictions of study days: writing and checking them."""

from collections.abc import Iterator
from datetime import date

import pandas as pd
import pyarrow as pa

from americano_assets.core.models.scorer import explained, score
from americano_assets.core.publication.checks import problems
from americano_assets.errors import AmericanoError
from americano_assets.resources.parquet_store.store import Version
from americano_assets.stages.common.deployment import Deployment
from americano_assets.stages.common.dictionary.described import of_model
from americano_assets.stages.common.model_files import StoredModel
from americano_assets.stages.common.schemas import SCORED_PREDICTIONS
from americano_assets.stages.s3_training.champion import scoring_model

TABLE = "scored_predictions"


def require_day(deployment: Deployment, table: str, day: date) -> pd.DataFrame:
    """The rows of a day's table.

    Raises:
        AmericanoError: The day has none yet.
    """
    rows = deployment.store.read_day(table, day)
    if rows is None:
        raise _none_yet(table, day)
    frame: pd.DataFrame = rows.to_pandas()
    return frame


def batches_of_day(deployment: Deployment, table: str, day: date, columns: list[str]) -> Iterator[pa.RecordBatch]:
    """The rows of a day's table in their order, in batches of bounded size. Raises as `require_day`."""
    batches = deployment.store.day_batches(table, day, columns)
    if batches is None:
        raise _none_yet(table, day)
    return batches


def score_day(deployment: Deployment, day: date) -> tuple[pd.DataFrame, StoredModel, Version]:
    """Score the day's features with the day's model and keep every row."""
    model = scoring_model(deployment, day)
    if model.target != deployment.target:
        raise AmericanoError(
            f"The model of study day {day} was trained for {model.target}, the settings ask for {deployment.target}. "
            "Materialize struggle_model for that day again."
        )
    features = deployment.store.read_day("features", day)
    if features is None:
        raise AmericanoError(f"Study day {day} has no features yet: materialize features for it first.")
    scored = score(features.to_pandas(), model.scorer).assign(
        threshold=model.scorer.threshold, model_version=model.version, model_type=model.model_type
    )
    schema = _scored_schema(features.schema, scored)
    table = pa.Table.from_pandas(scored, schema=schema, preserve_index=False)
    return scored, model, deployment.store.put_day(TABLE, day, table.to_batches(), schema)


def problems_of_day(
    deployment: Deployment, day: date, scored: pd.DataFrame, model: StoredModel, *, valid: bool = False
) -> list[str]:
    """Why the day must not be published; empty if it may.

    Args:
        deployment: The deployment.
        day: The study day.
        scored: Its scored predictions.
        model: The day's model.
        valid: The rows are known to keep every rule.
    """
    features = deployment.store.current("features", day)
    return problems(
        scored,
        SCORED_PREDICTIONS,
        candidates=features.rows if features else 0,
        threshold=model.scorer.threshold,
        allowed=deployment.analysable(),
        valid=valid,
    )


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


def _scored_schema(features: pa.Schema, scored: pd.DataFrame) -> pa.Schema:
    """The features' columns, then what scoring added, as the model of scored predictions has it."""
    types = of_model(SCORED_PREDICTIONS).types()
    added = [name for name in types if name in scored and name not in features.names]
    return pa.schema([*features, *(pa.field(name, pa.type_for_alias(types[name])) for name in added)])
