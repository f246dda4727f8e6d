"""Says in a student's words what speaks for a struggle in one row."""

import json
from collections.abc import Mapping

import numpy as np
import pandas as pd

from americano_assets.core.features import FEATURE_NAMES, FEATURES
from americano_assets.core.logistic import LogisticModel
from americano_assets.core.metrics import FloatArray
from americano_assets.core.rules import VALIDATION_MEAN, fired

FACTORS_SHOWN = 3
COLD_TEXT = "You have not worked on this topic yet, so this is what most students experience here"
COHORT_TEXT = "Nothing of your own stands out; this is what most students experience here"
_RULE_TEXT = {VALIDATION_MEAN: "Your answers on this topic over the last months were weak or missing"}


def logistic_contributions(model: LogisticModel, rows: pd.DataFrame) -> dict[str, FloatArray]:
    """Each feature's share of the uncalibrated log-odds, its observed bit included, shape (n,) each."""
    parts = dict(zip(model.inputs, model.contributions(rows).T, strict=True))
    return {name: parts[name] + parts[f"observed_{name}"] for name in FEATURE_NAMES}


def rule_contributions(rows: pd.DataFrame) -> dict[str, FloatArray]:
    """The evidence of each feature's strongest rule that fired, shape (n,) each."""
    return fired(rows)


def factors_json(contributions: Mapping[str, FloatArray], rows: pd.DataFrame, cold: np.ndarray) -> list[str]:
    """For each row a JSON list of its up to three largest positive contributions, largest first.

    Each is `{feature, value, contribution, text}`. A cold start has one factor that says so, and so has a row in which
    nothing speaks for a struggle: a threshold chosen for its recall flags such rows too.
    """
    names = list(contributions)
    table = np.column_stack([contributions[name] for name in names])
    values = rows[names].to_numpy(dtype=float)
    order = np.argsort(-table, axis=1, kind="stable")[:, :FACTORS_SHOWN]
    cold_factor = json.dumps([{"feature": "cold_start", "value": None, "contribution": 0.0, "text": COLD_TEXT}])
    cohort = {"feature": "cohort_rate", "value": None, "contribution": 0.0, "text": COHORT_TEXT}
    return [
        cold_factor
        if is_cold
        else json.dumps(
            [
                {
                    "feature": names[column],
                    "value": round(float(value_row[column]), 6) if np.isfinite(value_row[column]) else None,
                    "contribution": round(float(parts[column]), 6),
                    "text": factor_text(names[column], float(value_row[column])),
                }
                for column in columns
                if parts[column] > 0
            ]
            or [cohort]
        )
        for is_cold, columns, parts, value_row in zip(cold, order, table, values, strict=True)
    ]


def factor_text(feature: str, value: float) -> str:
    """What the value says, plainly and kindly."""
    if feature in _RULE_TEXT:
        return _RULE_TEXT[feature]
    described = _BY_NAME[feature]
    neutral = 0.5 if described.neutral is None else described.neutral
    middle = neutral if 0 < neutral < 1 else 0.25 if neutral == 0 else 0.5
    return described.higher_is if value >= middle else described.lower_is


_BY_NAME = {feature.name: feature for feature in FEATURES}
