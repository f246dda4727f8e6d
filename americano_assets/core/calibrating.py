"""Fits what core/calibration.py applies, on learners that the model was not fitted on."""

from datetime import timedelta

import numpy as np
import pandas as pd
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from americano_assets.core.arrays import BoolArray, FloatArray, log_losses, logit
from americano_assets.core.calibration import PROBABILITY_BOUNDS, Calibrator, Reliability
from americano_assets.core.splits import TEST_WEEKS

FOLDS = 5
# Below this an isotonic fit is a staircase of a few learners' rows.
ISOTONIC_ROWS = 2_000
# What a map is chosen for are the weeks after it was fitted: as many as the test period has, four times over.
BLOCKS = 4
BLOCK = timedelta(weeks=TEST_WEEKS)


def fit_calibrator(
    log_odds: FloatArray,
    struggled: BoolArray,
    weight: FloatArray,
    learner: pd.Series,
    cutoff_day: pd.Series | None = None,
) -> Calibrator:
    """The sigmoid, or an isotonic map where that has the lower log loss on rows left out.

    Left out are the last weeks, block by block, each judged by maps of the weeks before it: an isotonic map holds on to
    the terms that it saw. Where there are too few weeks or no dates, folds of learners are.

    Args:
        log_odds: The model's, shape (n,).
        struggled: Both classes must be there.
        weight: How much each row counts.
        learner: Whose row it is: folds are of whole learners.
        cutoff_day: When each row's window began.
    """
    parts = [] if cutoff_day is None else _weeks_ahead(pd.to_datetime(cutoff_day))
    parts = [(seen, judged) for seen, judged in parts if _can_choose(struggled, seen) and judged.any()]
    if not parts and learner.nunique() >= FOLDS:
        fold = pd.factorize(learner, sort=True)[0] % FOLDS
        parts = [(fold != number, fold == number) for number in range(FOLDS)]
    if len(log_odds) >= ISOTONIC_ROWS and parts and all(_both(struggled[seen]) for seen, _ in parts):
        losses = dict.fromkeys((_fit_sigmoid, _fit_isotonic), 0.0)
        for seen, judged in parts:
            for fit in losses:
                p = fit(log_odds[seen], struggled[seen], weight[seen]).probability(log_odds[judged])
                losses[fit] += float((log_losses(struggled[judged], p) * weight[judged]).sum())
        if losses[_fit_isotonic] < losses[_fit_sigmoid]:
            return _fit_isotonic(log_odds, struggled, weight)
    return _fit_sigmoid(log_odds, struggled, weight)


def _weeks_ahead(days: pd.Series) -> list[tuple[BoolArray, BoolArray]]:
    """Rows before each of the last blocks, and rows of the block."""
    ends = [days.max() - number * BLOCK for number in range(BLOCKS)]
    return [((days <= end - BLOCK).to_numpy(), ((days > end - BLOCK) & (days <= end)).to_numpy()) for end in ends]


def _can_choose(struggled: BoolArray, seen: BoolArray) -> bool:
    return int(seen.sum()) >= ISOTONIC_ROWS and _both(struggled[seen])


def _both(struggled: BoolArray) -> bool:
    return bool(struggled.any() and not struggled.all())


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
