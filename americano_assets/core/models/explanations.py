"""Says in a student's words what speaks for a struggle in one row.

Only worries are told, and only those that the row bears out: a warning never carries a reassuring reason, and what was
not observed says nothing about a learner.
"""

import json
from collections.abc import Mapping

import numpy as np
import pandas as pd

from americano_assets.core.base.arrays import FloatArray
from americano_assets.core.features.catalog import EXTENDED, FEATURES
from americano_assets.core.models.log_odds import LogOddsModel
from americano_assets.core.models.rule_based import VALIDATION_MEAN, fired

FACTORS_SHOWN = 3
COLD_TEXT = "You have not worked on this topic yet, so this is what most students experience here"
COLD_FACTORS = json.dumps([{"feature": "cold_start", "value": None, "contribution": 0.0, "text": COLD_TEXT}])
COHORT_TEXT = "Nothing of your own stands out; this is what most students experience here"
_RULE_TEXT = {VALIDATION_MEAN: "Your answers on this topic over the last months were weak or missing"}
_OBSERVED = "observed_"


def feature_contributions(model: LogOddsModel, rows: pd.DataFrame) -> dict[str, FloatArray]:
    """Each feature's share of the uncalibrated log-odds, its observed bit included, shape (n,) each.

    With the model's baseline they add up to it: exactly for the linear model, to the last bits for trees.
    """
    return _by_feature(dict(zip(model.inputs, model.contributions(rows).T, strict=True)))


def model_reasons(model: LogOddsModel, rows: pd.DataFrame) -> dict[str, FloatArray]:
    """`feature_contributions` where they can be told to a student as a reason, 0 elsewhere, shape (n,) each.

    A contribution is relative to the model's mean, so the words are about the side of the mean on which the value
    lies. Told is a value that was observed, lies on its feature's worrying side, and by itself pushes the risk up. What
    pushes it up from the reassuring side does so because the feature stands for something else (a confounded
    coefficient): it counts for p and is left out of the reasons.
    """
    parts = dict(zip(model.inputs, model.contributions(rows).T, strict=True))
    mean = dict(zip(model.inputs, model.mean, strict=True))
    reasons = {}
    for name, contribution in _by_feature(parts).items():
        value = rows[name].to_numpy(dtype=float)
        worrying = value < mean[name] if _BY_NAME[name].worse_when_low else value > mean[name]
        observed = _observed(rows, name, value)
        reasons[name] = np.where(observed & worrying & (parts[name] > 0), contribution, 0.0)
    return reasons


def rule_contributions(rows: pd.DataFrame) -> dict[str, FloatArray]:
    """The evidence of each feature's strongest rule that fired, shape (n,) each."""
    return fired(rows)


def importance(weight: Mapping[str, float]) -> dict[str, float]:
    """Each feature's share of a model, 0-1 and summing to 1, from the sizes of its inputs, bits with their feature."""
    summed: dict[str, float] = {}
    for name, size in weight.items():
        feature = name.removeprefix(_OBSERVED)
        summed[feature] = summed.get(feature, 0.0) + float(size)
    total = sum(summed.values())
    return {name: size / total if total else 0.0 for name, size in summed.items()}


def factors_json(contributions: Mapping[str, FloatArray], rows: pd.DataFrame, cold: np.ndarray) -> list[str]:
    """For each row a JSON list of its up to three largest positive contributions, largest first.

    `contributions` are those that can be told (`model_reasons`, `rule_contributions`). Each factor is `{feature,
    value, contribution, text}`. A cold start has one factor that says so, and so has a row in which
    nothing speaks for a struggle: a threshold chosen for its recall flags such rows too.
    """
    names = list(contributions)
    table = np.column_stack([contributions[name] for name in names])
    values = rows[names].to_numpy(dtype=float)
    order = np.argsort(-table, axis=1, kind="stable")[:, :FACTORS_SHOWN]
    cohort = {"feature": "cohort_rate", "value": None, "contribution": 0.0, "text": COHORT_TEXT}
    return [
        COLD_FACTORS
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


def _by_feature(parts: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """Shares of inputs, each observed bit's added to its feature's."""
    return {
        name: part + parts[_OBSERVED + name] if _OBSERVED + name in parts else part
        for name, part in parts.items()
        if not name.startswith(_OBSERVED)
    }


def _observed(rows: pd.DataFrame, name: str, value: FloatArray) -> np.ndarray:
    """Whether the value is the row's own; a feature without a bit takes its neutral value where it was not seen."""
    if _OBSERVED + name in rows:
        return rows[_OBSERVED + name].to_numpy(dtype=bool)
    neutral = _BY_NAME[name].neutral
    return np.ones(len(rows), dtype=bool) if neutral is None else value != neutral


_BY_NAME = {feature.name: feature for feature in FEATURES + EXTENDED}
