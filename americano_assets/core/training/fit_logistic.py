"""Fits the logistic regression: on training learners, its C by folds of them; core/models/linear.py scores."""

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from americano_assets.core.base.arrays import FloatArray
from americano_assets.core.features.catalog import MODEL_INPUTS
from americano_assets.core.models.linear import LinearModel, input_values
from americano_assets.core.training.fit_trees import outcomes, thinned, weights

C_GRID = (0.01, 0.1, 1.0)
CV_FOLDS = 3
CV_ROWS = 30_000
# What hardly varied in training would be stretched without bound on the first day on which it does.
MIN_SCALE = 0.05


class TooLittleDataError(Exception):
    """The training set cannot carry a model; the message says what is missing."""


def fit_logistic(train: pd.DataFrame) -> LinearModel:
    """Fit on the training learners' rows.

    Args:
        train: MODEL_INPUTS, `struggled`, `learner_id`, and `weight` where rows weigh differently.

    Raises:
        TooLittleDataError: One class only, or too few learners for cross-validation.
    """
    require_both_classes(train, "training")
    # One thread: sums keep their order, and threads that wait for each other cost more than they give.
    with threadpool_limits(1):
        regularization = choose_regularization(train)
        pipeline = _pipeline(regularization).fit(
            input_values(train, MODEL_INPUTS), outcomes(train), logisticregression__sample_weight=weights(train)
        )
    scaler, regression = pipeline[0], pipeline[1]
    return LinearModel(
        MODEL_INPUTS,
        np.asarray(scaler.mean_, dtype=float),
        np.asarray(scaler.scale_, dtype=float),
        np.asarray(regression.coef_[0], dtype=float),
        float(regression.intercept_[0]),
        regularization,
    )


def choose_regularization(train: pd.DataFrame) -> float:
    """The C with the lowest mean log loss over folds of learners; at most 30,000 rows, whole learners, are used."""
    learners = train["learner_id"].nunique()
    if learners < CV_FOLDS:
        raise TooLittleDataError(f"{learners} training learners: cross-validation needs at least {CV_FOLDS}")
    train = thinned(train, CV_ROWS)
    x, y, weight = input_values(train, MODEL_INPUTS), outcomes(train), weights(train)
    folds = list(GroupKFold(CV_FOLDS).split(x, y, groups=train["learner_id"]))
    losses = []
    for c in C_GRID:
        folded = []
        for fitted, held_out in folds:
            if y[fitted].all() or not y[fitted].any():
                raise TooLittleDataError("a fold of the training learners holds one class only")
            pipeline = _pipeline(c).fit(x[fitted], y[fitted], logisticregression__sample_weight=weight[fitted])
            p = pipeline.predict_proba(x[held_out])[:, 1]
            folded.append(log_loss(y[held_out], p, sample_weight=weight[held_out], labels=[False, True]))
        losses.append(float(np.mean(folded)))
    return float(C_GRID[int(np.argmin(losses))])


def require_both_classes(rows: pd.DataFrame, name: str) -> None:
    """Refuse rows that hold one outcome only.

    Raises:
        TooLittleDataError: Says how many rows and struggles there are.
    """
    struggled = int(rows["struggled"].sum()) if len(rows) else 0
    if struggled in (0, len(rows)):
        raise TooLittleDataError(f"the {name} set has {len(rows)} rows of which {struggled} struggled: both are needed")


class _BoundedScaler(StandardScaler):  # type: ignore[misc]
    """Standardises inputs, which lie in 0-1, to at most 20 either way."""

    scale_: FloatArray

    def fit(self, x: FloatArray, y: object = None, sample_weight: object = None) -> "_BoundedScaler":
        super().fit(x, y, sample_weight)
        self.scale_ = np.maximum(self.scale_, MIN_SCALE)
        return self


def _pipeline(regularization: float) -> Pipeline:
    return make_pipeline(_BoundedScaler(), LogisticRegression(C=regularization, solver="newton-cholesky", tol=1e-8))
