"""The calibrated logistic regression: fit, calibrate on other learners, score, and explain each row's log-odds.

All that a fitted model holds are numbers, so that a file of it can be checked by eye and loading one runs no code.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from americano_assets.core.features import EXTENDED_NAMES, FEATURE_NAMES, MODEL_INPUTS
from americano_assets.core.metrics import BoolArray, FloatArray

C_GRID = (0.01, 0.1, 1.0)
CV_FOLDS = 3
CV_ROWS = 30_000
# What hardly varied in training would be stretched without bound on the first day on which it does.
MIN_SCALE = 0.05
PROBABILITY_BOUNDS = (0.001, 0.999)
PROBABILITY_DECIMALS = 6


class TooLittleDataError(Exception):
    """The training set cannot carry a model; the message says what is missing."""


@dataclass(frozen=True)
class LogisticModel:
    """A fitted model.

    log-odds = intercept + sum of coefficient * (input - mean) / scale; p = sigmoid(a * log-odds + b).

    Attributes:
        inputs: Names of the columns, in the order of the arrays.
        mean, scale, coefficient: Shape (inputs,), fitted on the training learners alone.
        intercept: Log-odds of a row at the mean.
        slope, offset: Platt's a and b, fitted on the calibration learners alone.
        regularization: The C that cross-validation chose.
    """

    inputs: tuple[str, ...]
    mean: FloatArray
    scale: FloatArray
    coefficient: FloatArray
    intercept: float
    slope: float
    offset: float
    regularization: float

    def contributions(self, rows: pd.DataFrame) -> FloatArray:
        """Each input's share of the uncalibrated log-odds, shape (n, inputs); with the intercept they add up to it."""
        missing = [name for name in self.inputs if name not in rows]
        if missing:
            raise ValueError(f"the rows lack {len(missing)} inputs of the model, the first is {missing[0]}")
        parts: FloatArray = (rows[list(self.inputs)].to_numpy(dtype=float) - self.mean) / self.scale * self.coefficient
        return parts

    def log_odds(self, rows: pd.DataFrame) -> FloatArray:
        """Uncalibrated log-odds, shape (n,)."""
        total: FloatArray = self.contributions(rows).sum(axis=1) + self.intercept
        return total

    def probability(self, rows: pd.DataFrame) -> FloatArray:
        """Calibrated p, shape (n,), rounded so that the last bits of a sum cannot move a decision."""
        p = 1 / (1 + np.exp(-(self.slope * self.log_odds(rows) + self.offset)))
        rounded: FloatArray = np.clip(p, *PROBABILITY_BOUNDS).round(PROBABILITY_DECIMALS)
        return rounded

    def to_json(self) -> dict[str, Any]:
        """The model as JSON-able values."""
        return {
            name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in asdict(self).items()
        }

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "LogisticModel":
        """Read back what `to_json` gave."""
        arrays = {name: np.array(content[name], dtype=float) for name in ("mean", "scale", "coefficient")}
        return cls(**{**content, **arrays, "inputs": tuple(content["inputs"])})


def fit_logistic(train: pd.DataFrame, calibration: pd.DataFrame) -> LogisticModel:
    """Fit on `train`, calibrate on `calibration`; their learners must be disjoint.

    Args:
        train: MODEL_INPUTS, `struggled`, `learner_id`.
        calibration: The same columns, other learners.

    Returns:
        The fitted and calibrated model.

    Raises:
        TooLittleDataError: A set holds one class only, or too few learners for cross-validation.
        ValueError: A learner stands in both sets.
    """
    _require_both_classes(train, "training")
    _require_both_classes(calibration, "calibration")
    shared = set(train["learner_id"]) & set(calibration["learner_id"])
    if shared:
        raise ValueError(f"{len(shared)} learners stand in the training and in the calibration set")
    regularization = choose_regularization(train)
    pipeline = _pipeline(regularization).fit(_inputs(train), _outcome(train))
    scaler, regression = pipeline[0], pipeline[1]
    raw = pipeline.decision_function(_inputs(calibration))
    platt = LogisticRegression(C=1e6).fit(raw.reshape(-1, 1), _outcome(calibration))
    return LogisticModel(
        MODEL_INPUTS,
        np.asarray(scaler.mean_, dtype=float),
        np.asarray(scaler.scale_, dtype=float),
        np.asarray(regression.coef_[0], dtype=float),
        float(regression.intercept_[0]),
        float(platt.coef_[0, 0]),
        float(platt.intercept_[0]),
        regularization,
    )


def choose_regularization(train: pd.DataFrame, grid: Sequence[float] = C_GRID) -> float:
    """The C with the lowest mean log loss over folds of learners; at most 30,000 rows, whole learners, are used."""
    learners = train["learner_id"].drop_duplicates().sort_values()
    if len(learners) < CV_FOLDS:
        raise TooLittleDataError(f"{len(learners)} training learners: cross-validation needs at least {CV_FOLDS}")
    if len(train) > CV_ROWS:
        kept = learners.sample(frac=CV_ROWS / len(train), random_state=0)
        train = train[train["learner_id"].isin(kept)]
    x, y = _inputs(train), _outcome(train)
    folds = list(GroupKFold(CV_FOLDS).split(x, y, groups=train["learner_id"]))
    losses = []
    for c in grid:
        folded = []
        for fitted, held_out in folds:
            if y[fitted].all() or not y[fitted].any():
                raise TooLittleDataError("a fold of the training learners holds one class only")
            p = _pipeline(c).fit(x[fitted], y[fitted]).predict_proba(x[held_out])[:, 1]
            folded.append(log_loss(y[held_out], p, labels=[False, True]))
        losses.append(float(np.mean(folded)))
    return float(grid[int(np.argmin(losses))])


def importance(model: LogisticModel) -> dict[str, float]:
    """Each feature's share (0-1, summing to 1) of the absolute standardised coefficients, bits with their feature."""
    weight = dict(zip(model.inputs, np.abs(model.coefficient), strict=True))
    per_feature = {name: weight[name] + weight[f"observed_{name}"] for name in FEATURE_NAMES}
    per_feature |= {name: weight[name] for name in EXTENDED_NAMES}
    total = sum(per_feature.values())
    return {name: float(value / total) if total else 0.0 for name, value in per_feature.items()}


class _BoundedScaler(StandardScaler):  # type: ignore[misc]
    """Standardises inputs, which lie in 0-1, to at most 20 either way."""

    scale_: FloatArray

    def fit(self, x: FloatArray, y: object = None, sample_weight: object = None) -> "_BoundedScaler":
        super().fit(x, y, sample_weight)
        self.scale_ = np.maximum(self.scale_, MIN_SCALE)
        return self


def _pipeline(regularization: float) -> Pipeline:
    return make_pipeline(_BoundedScaler(), LogisticRegression(C=regularization, solver="newton-cholesky", tol=1e-8))


def _inputs(rows: pd.DataFrame) -> FloatArray:
    values: FloatArray = rows[list(MODEL_INPUTS)].to_numpy(dtype=float)
    return values


def _outcome(rows: pd.DataFrame) -> BoolArray:
    outcome: BoolArray = rows["struggled"].to_numpy(dtype=bool)
    return outcome


def _require_both_classes(rows: pd.DataFrame, name: str) -> None:
    struggled = int(rows["struggled"].sum()) if len(rows) else 0
    if struggled in (0, len(rows)):
        raise TooLittleDataError(f"the {name} set has {len(rows)} rows of which {struggled} struggled: both are needed")
