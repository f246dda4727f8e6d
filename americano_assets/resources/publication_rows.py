"""Rows of the app's three tables, from scored rows and what was advised on them.

Belongs here: which columns we write, in which order, and their values. Does not: writing them (publication.py).
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pandas as pd

from americano_assets.core.features import DATA_QUALITY, FEATURE_NAMES
from americano_assets.resources.ownership import Row

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


def feature_vector(row: Mapping[Any, Any]) -> dict[str, float]:
    """What the app shows of a scored row's features: the fifteen, and the share of them that was observed."""
    return {name: round(row[name], 6) for name in (*FEATURE_NAMES, DATA_QUALITY)}


def prediction_rows(rows: pd.DataFrame, at: datetime) -> list[Row]:
    """As PREDICTION_COLUMNS; `at` is the cut-off (naive, UTC)."""
    return [
        (
            row["prediction_id"],
            row["learner_id"],
            row["objective_id"],
            row["course_id"],
            row["probability"],
            row["confidence"],
            "PENDING",
            json.dumps(feature_vector(row)),
            row["factors"],
            row["planned_at"].to_pydatetime(),
            at,
            False,
        )
        for row in rows.to_dict("records")
    ]


def indicator_rows(indicators: pd.DataFrame, owner: Owners, at: datetime) -> list[Row]:
    """As INDICATOR_COLUMNS, of predictions that have an owner."""
    return [
        (
            one["id"],
            *owner[one["prediction_id"]],
            one["prediction_id"],
            one["indicator_type"],
            one["severity"],
            one["context"],
            at,
        )
        for one in indicators.to_dict("records")
        if one["prediction_id"] in owner
    ]


def recommendation_rows(interventions: pd.DataFrame, owner: Owners, at: datetime) -> list[Row]:
    """As RECOMMENDATION_COLUMNS, of predictions that have an owner."""
    return [
        (
            one["id"],
            owner[one["prediction_id"]][0],
            one["prediction_id"],
            one["intervention_type"],
            one["description"],
            one["reasoning"],
            one["priority"],
            "PENDING",
            one["related_objective_id"],
            at,
        )
        for one in interventions.to_dict("records")
        if one["prediction_id"] in owner
    ]
