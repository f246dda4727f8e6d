"""Fits what core/models/calibration.py applies, on learners that the model was not fitted on."""

import numpy as np
import pandas as pd
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from americano_assets.core.base.arrays import BoolArray, FloatArray, log_losses, logit
from americano_assets.core.models.calibration import PROBABILITY_BOUNDS, Calibrator, Reliability

FOLDS = 5
# Below this an isotonic fit is a staircase of a few learners' rows.
ISOTONIC_ROWS = 2_000


def fit_calibrator(log_odds: FloatArray, struggled: BoolArray, weight: FloatArray, learner: pd.Series) -> Calibrator:
    """The sigmoid, or an isotonic map where that has the lower log loss on folds of learners left out.

    Args:
        log_odds: The model's, shape (n,).
        struggled: Both classes must be there.
        weight: How much each row counts.
        learner: Whose row it is: folds are of whole learners.
    """
    if len(log_odds) >= ISOTONIC_ROWS and learner.nunique() >= FOLDS:
        fold = pd.factorize(learner, sort=True)[0] % FOLDS
        losses = {_fit_sigmoid: 0.0, _fit_isotonic: 0.0}
        for number in range(FOLDS):
            held_out = fold == number
            if struggled[~held_out].all() or not struggled[~held_out].any():
                break
            for fit in losses:
                fitted = fit(log_odds[~held_out], struggled[~held_out], weight[~held_out])
                p = fitted.probability(log_odds[held_out])
                losses[fit] += float((log_losses(struggled[held_out], p) * weight[held_out]).sum())
        else:
            if losses[_fit_isotonic] < losses[_fit_sigmoid]:
                return _fit_isotonic(log_odds, struggled, weight)
    return _fit_sigmoid(log_odds, struggled, weight)


def fit_reliability(probability: FloatArray, data_quality: FloatArray, struggled: BoolArray) -> Reliability | None:
    """How often the likelier side came out, by how far p is from 0.5 and how much was observed; None if always."""
    right = (probability >= 0.5) == struggled
    if right.all() or not right.any():
        return None
    certainty = np.abs(logit(np.clip(probability, *PROBABILITY_BOUNDS)))
    columns = {"certainty": certainty, "quality": data_quality}
    # A negative weight would say that more data make an answer worse: then that input tells nothing and is left out.
    while columns:
        fitted = LogisticRegression(C=1e6).fit(np.column_stack(list(columns.values())), right)
        weights = dict(zip(columns, fitted.coef_[0], strict=True))
        lowest = min(weights, key=lambda name: float(weights[name]))
        if weights[lowest] >= 0:
            return Reliability(
                float(fitted.intercept_[0]), float(weights.get("certainty", 0)), float(weights.get("quality", 0))
            )
        del columns[lowest]
    return None


def _fit_sigmoid(log_odds: FloatArray, struggled: BoolArray, weight: FloatArray) -> Calibrator:
    fitted = LogisticRegression(C=1e6).fit(log_odds.reshape(-1, 1), struggled, sample_weight=weight)
    return Calibrator(float(fitted.coef_[0, 0]), float(fitted.intercept_[0]))


def _fit_isotonic(log_odds: FloatArray, struggled: BoolArray, weight: FloatArray) -> Calibrator:
    low, high = PROBABILITY_BOUNDS
    fitted = IsotonicRegression(y_min=low, y_max=high, out_of_bounds="clip").fit(log_odds, struggled, weight)
    knots = zip(fitted.X_thresholds_.tolist(), fitted.y_thresholds_.tolist(), strict=True)
    return Calibrator(knots=tuple(knots))
