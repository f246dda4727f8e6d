"""Rows of the app's three tables, from scored rows and what was advised on them."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import repeat
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from americano_assets.core.features.catalog import DATA_QUALITY, FEATURE_NAMES
from americano_assets.resources.postgres.staging import Row

DECIMALS = 6
# Learner and objective of each prediction, by its id.
Owners = Mapping[str, tuple[str, str]]

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


def prediction_rows(rows: pd.DataFrame, at: datetime) -> Iterator[Row]:
    """As PREDICTION_COLUMNS; `at` is the cut-off (naive, UTC)."""
    made: dict[str, Iterable[Any]] = {
        "predictionStatus": repeat("PENDING", len(rows)),
        "featureVector": _feature_vectors(rows),
        "predictionDate": rows["planned_at"].to_numpy("datetime64[us]").tolist(),
        "predictedAt": repeat(at, len(rows)),
        "interventionApplied": repeat(False, len(rows)),
    }
    for column, sources in PREDICTION_SOURCES["scored_predictions"].items():
        if column not in made:
            made[column] = rows[sources[0]].tolist()
    return zip(*(made[column] for column in PREDICTION_COLUMNS), strict=True)


def indicator_rows(indicators: pd.DataFrame, owner: Owners, at: datetime) -> Iterator[Row]:
    """As INDICATOR_COLUMNS, of predictions that have an owner."""
    listed = [one for (one,) in INDICATOR_SOURCES["indicators"].values()]
    for own, prediction, *told in zip(*(indicators[name].tolist() for name in listed), strict=True):
        if prediction in owner:
            yield (own, *owner[prediction], prediction, *told, at)


def recommendation_rows(interventions: pd.DataFrame, owner: Owners, at: datetime) -> Iterator[Row]:
    """As RECOMMENDATION_COLUMNS, of predictions that have an owner."""
    listed = [one for (one,) in RECOMMENDATION_SOURCES["interventions"].values()]
    for own, prediction, *told, objective in zip(*(interventions[name].tolist() for name in listed), strict=True):
        if prediction in owner:
            yield (own, owner[prediction][0], prediction, *told, "PENDING", objective, at)


def _feature_vectors(rows: pd.DataFrame) -> list[str]:
    """`feature_vector` of every row as JSON: by column, since a night may have a million rows."""
    parts: list[pa.Array | str] = []
    for name in (*FEATURE_NAMES, DATA_QUALITY):
        values = pa.array(np.round(rows[name].to_numpy(float), DECIMALS))
        parts += [f'{", " if parts else "{"}"{name}": ', values.cast(pa.string())]
    vectors: list[str] = pc.binary_join_element_wise(*parts, "}", "").to_pylist()
    return vectors
