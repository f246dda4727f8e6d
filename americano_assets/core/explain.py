"""Says in a student's words what speaks for a struggle in one row.

Only worries are told, and only those that the row bears out: a warning never carries a reassuring reason, and what was
not observed says nothing about a learner.
"""

import json
from collections.abc import Mapping

import numpy as np
import pandas as pd

from americano_assets.core.features import EXTENDED, EXTENDED_NAMES, FEATURE_NAMES, FEATURES
from americano_assets.core.logistic import LogisticModel
from americano_assets.core.metrics import BoolArray, FloatArray
from americano_assets.core.rules import VALIDATION_MEAN, fired

FACTORS_SHOWN = 3
COLD_TEXT = "You have not worked on this topic yet, so this is what most students experience here"
COHORT_TEXT = "Nothing of your own stands out; this is what most students experience here"
_RULE_TEXT = {VALIDATION_MEAN: "Your answers on this topic over the last months were weak or missing"}


def logistic_contributions(model: LogisticModel, rows: pd.DataFrame) -> dict[str, FloatArray]:
    """Each feature's share of the uncalibrated log-odds, its observed bit included, shape (n,) each."""
    parts = dict(zip(model.inputs, model.contributions(rows).T, strict=True))
    whole = {name: parts[name] + parts[f"observed_{name}"] for name in FEATURE_NAMES}
    return whole | {name: parts[name] for name in EXTENDED_NAMES}


def logistic_reasons(model: LogisticModel, rows: pd.DataFrame) -> dict[str, FloatArray]:
    """`logistic_contributions` where they can be told to a student as a reason, 0 elsewhere, shape (n,) each.

    A contribution is relative to the model's mean, so the words are about the side of the mean on which the value
    lies. Told is a value that was observed, lies on its feature's worrying side, and by itself pushes the risk up. What
    pushes it up from the reassuring side does so because the feature stands for something else (a confounded
    coefficient): it counts for p and is left out of the reasons.
    """
    parts = dict(zip(model.inputs, model.contributions(rows).T, strict=True))
    mean = dict(zip(model.inputs, model.mean, strict=True))
    reasons = {}
    for name, contribution in logistic_contributions(model, rows).items():
        above = rows[name].to_numpy(dtype=float) - mean[name]
        worrying = above < 0 if _BY_NAME[name].worse_when_low else above > 0
        reasons[name] = np.where(_observed(rows, name) & worrying & (parts[name] > 0), contribution, 0.0)
    return reasons


def rule_contributions(rows: pd.DataFrame) -> dict[str, FloatArray]:
    """The evidence of each feature's strongest rule that fired, shape (n,) each."""
    return fired(rows)


def factors_json(contributions: Mapping[str, FloatArray], rows: pd.DataFrame, cold: np.ndarray) -> list[str]:
    """For each row a JSON list of its up to three largest positive contributions, largest first.

    `contributions` are those that can be told (`logistic_reasons`, `rule_contributions`). Each factor is `{feature,
    value, contribution, text}`. A cold start has one factor that says so, and so has a row in which
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
                    "text": factor_text(names[column]),
                }
                for column in columns
                if parts[column] > 0
            ]
            or [cohort]
        )
        for is_cold, columns, parts, value_row in zip(cold, order, table, values, strict=True)
    ]


def factor_text(feature: str) -> str:
    """What worries about the feature, plainly and kindly."""
    return _RULE_TEXT.get(feature) or _BY_NAME[feature].worry


def _observed(rows: pd.DataFrame, name: str) -> BoolArray:
    if name in FEATURE_NAMES:
        bits: BoolArray = rows[f"observed_{name}"].to_numpy(dtype=bool)
        return bits
    # An extended feature has no bit: at its neutral value there was nothing to tell, or nothing worth telling.
    differs: BoolArray = rows[name].to_numpy(dtype=float) != _BY_NAME[name].neutral
    return differs


_BY_NAME = {feature.name: feature for feature in FEATURES + EXTENDED}
