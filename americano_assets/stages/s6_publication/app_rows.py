"""Rows of the app's three tables, from scored rows and what was advised on them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from americano_assets.core.features.catalog import DATA_QUALITY, FEATURE_NAMES

DECIMALS = 6

PREDICTION_COLUMNS = (
    "id",
    "userId",
    "learningObjectiveId",
    "topicId",
    "predictedStruggleProbability",
    "predictionConfidence",
    "predictionStatus",
    "featureVector",
    "strugglingFactors",
    "predictionDate",
    "predictedAt",
    "interventionApplied",
)
REFRESHED_PREDICTION_COLUMNS = (
    "topicId",
    "predictedStruggleProbability",
    "predictionConfidence",
    "featureVector",
    "strugglingFactors",
    "predictionDate",
    "predictedAt",
)
INDICATOR_COLUMNS = (
    "id",
    "userId",
    "learningObjectiveId",
    "predictionId",
    "indicatorType",
    "severity",
    "context",
    "detectedAt",
)
RECOMMENDATION_COLUMNS = (
    "id",
    "userId",
    "predictionId",
    "interventionType",
    "description",
    "reasoning",
    "priority",
    "status",
    "relatedObjectiveId",
    "createdAt",
)
# From which stored columns each of the app's is taken, by table; the others hold the cut-off or the first status.
# An indicator's or intervention's learner and objective are those of its prediction.
Sources = Mapping[str, tuple[str, ...]]
PREDICTION_SOURCES: Mapping[str, Sources] = {
    "scored_predictions": {
        "id": ("prediction_id",),
        "userId": ("learner_id",),
        "learningObjectiveId": ("objective_id",),
        "topicId": ("course_id",),
        "predictedStruggleProbability": ("probability",),
        "predictionConfidence": ("confidence",),
        "featureVector": (*FEATURE_NAMES, DATA_QUALITY),
        "strugglingFactors": ("factors",),
        "predictionDate": ("planned_at",),
    },
}
INDICATOR_SOURCES: Mapping[str, Sources] = {
    "indicators": {
        "id": ("id",),
        "predictionId": ("prediction_id",),
        "indicatorType": ("indicator_type",),
        "severity": ("severity",),
        "context": ("context",),
    },
    "scored_predictions": {"userId": ("learner_id",), "learningObjectiveId": ("objective_id",)},
}
RECOMMENDATION_SOURCES: Mapping[str, Sources] = {
    "interventions": {
        "id": ("id",),
        "predictionId": ("prediction_id",),
        "interventionType": ("intervention_type",),
        "description": ("description",),
        "reasoning": ("reasoning",),
        "priority": ("priority",),
        "relatedObjectiveId": ("related_objective_id",),
    },
    "scored_predictions": {"userId": ("learner_id",)},
}


def feature_vector(row: Mapping[Any, Any]) -> dict[str, float]:
    """What the app shows of a scored row's features: the fifteen, and the share of them that was observed."""
    return {name: round(row[name], DECIMALS) for name in (*FEATURE_NAMES, DATA_QUALITY)}


def prediction_rows(rows: pd.DataFrame, at: datetime) -> dict[str, pa.Array]:
    """Columns of struggle_predictions as PREDICTION_COLUMNS; `at` is the cut-off (naive, UTC)."""
    told = _told(rows, PREDICTION_SOURCES["scored_predictions"])
    told["featureVector"] = _feature_vectors(rows)
    for column, value in (("predictionStatus", "PENDING"), ("predictedAt", at), ("interventionApplied", False)):
        told[column] = pa.repeat(value, len(rows))
    return {column: told[column] for column in PREDICTION_COLUMNS}


def indicator_rows(indicators: pd.DataFrame, at: datetime) -> pa.RecordBatch:
    """As INDICATOR_COLUMNS, but for whose they are, which their predictions tell."""
    told = _told(indicators, INDICATOR_SOURCES["indicators"])
    return pa.record_batch({**told, "detectedAt": pa.repeat(at, len(indicators))})


def recommendation_rows(interventions: pd.DataFrame, at: datetime) -> pa.RecordBatch:
    """As RECOMMENDATION_COLUMNS, but for whose they are, which their predictions tell; and `actions`."""
    told = _told(interventions, RECOMMENDATION_SOURCES["interventions"])
    first = {"status": pa.repeat("PENDING", len(interventions)), "createdAt": pa.repeat(at, len(interventions))}
    return pa.record_batch({**told, **first, "actions": _array(interventions["actions"])})


def _told(rows: pd.DataFrame, sources: Sources) -> dict[str, pa.Array]:
    """Each column of the app's that is one of ours."""
    return {name: _array(rows[of[0]]) for name, of in sources.items() if len(of) == 1}


def _array(values: pd.Series) -> pa.Array:
    made = pa.array(values, from_pandas=True)
    # Of no text at all pandas gives no piece, which is no array.
    return made.combine_chunks() if isinstance(made, pa.ChunkedArray) else made


def _feature_vectors(rows: pd.DataFrame) -> pa.Array:
    """`feature_vector` of every row as JSON: by column, since a night may have a million rows."""
    parts: list[pa.Array | str] = []
    for name in (*FEATURE_NAMES, DATA_QUALITY):
        values = pa.array(np.round(rows[name].to_numpy(float), DECIMALS))
        parts += [f'{", " if parts else "{"}"{name}": ', values.cast(pa.string())]
    return pc.binary_join_element_wise(*parts, "}", "")
