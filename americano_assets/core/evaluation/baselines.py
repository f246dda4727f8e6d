"""Rules of thumb that a model has to beat, on the same rows: always-no, the last outcome, a running mean.

Each gets what it needs to be a probability from other learners, as the models do, so that log losses can be compared.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

from americano_assets.core.base.arrays import BoolArray, FloatArray

ALWAYS_NO, LAST_OUTCOME, RUNNING_MEAN = "always_no", "last_outcome", "running_mean"
# What a mean is shrunk by: two answers at what was to be expected.
_PRIOR_ANSWERS = 2.0
_EMPTY_LOG_MEAN = 0.6


@dataclass(frozen=True)
class Baseline:
    """A fitted rule of thumb: p of rows, and whether each would be flagged.

    Attributes:
        probability: From rows with their record to p, shape (n,).
        flagged: From the rows and their p to shape (n,); None: at or above a threshold chosen as a model's is.
    """

    probability: Callable[[pd.DataFrame], FloatArray]
    flagged: Callable[[pd.DataFrame, FloatArray], BoolArray] | None


def fit_baselines(train: pd.DataFrame, calibration: pd.DataFrame) -> dict[str, Baseline]:
    """All three, by name.

    Args:
        train: Rows with the columns of evaluation/sql/record.sql and `struggled`.
        calibration: The same, of other learners (or later windows).
    """
    rate = _rate(train)
    return {
        ALWAYS_NO: Baseline(lambda rows: np.full(len(rows), rate), lambda rows, _: np.zeros(len(rows), dtype=bool)),
        LAST_OUTCOME: last_outcome(train),
        RUNNING_MEAN: _running_mean(calibration),
    }


def _rate(train: pd.DataFrame) -> float:
    return float(train["struggled"].mean()) if len(train) else 0.5


def running_mean(rows: pd.DataFrame) -> FloatArray:
    """The mean score to be expected of the learner on the objective, 0-1, shape (n,).

    The pair's own mean, shrunk by two answers towards learner mean + objective mean - overall mean, each of these two
    shrunk by two answers towards the overall mean. Everything before the cut-off.
    """
    count = {name: rows[f"{name}_n"].to_numpy(dtype=float) for name in ("pair", "learner", "objective", "all")}
    total = {name: rows[f"{name}_sum"].to_numpy(dtype=float) for name in count}
    overall = (total["all"] + _PRIOR_ANSWERS * _EMPTY_LOG_MEAN) / (count["all"] + _PRIOR_ANSWERS)
    learner, objective = (
        (total[name] + _PRIOR_ANSWERS * overall) / (count[name] + _PRIOR_ANSWERS) for name in ("learner", "objective")
    )
    expected = np.clip(learner + objective - overall, 0, 1)
    mean: FloatArray = (total["pair"] + _PRIOR_ANSWERS * expected) / (count["pair"] + _PRIOR_ANSWERS)
    return mean


def last_outcome(train: pd.DataFrame) -> Baseline:
    """Flags whoever struggled the last time, on the objective, else on its course; `train` as in `fit_baselines`."""
    rate = _rate(train)

    def group(rows: pd.DataFrame) -> np.ndarray:
        kinds: np.ndarray = rows["last_struggle"].to_numpy(dtype=float, na_value=2).astype(int)
        return kinds

    kinds = group(train)
    struggled = train["struggled"].to_numpy(dtype=float)
    # Shrunk by two rows, so that three rows in training do not make a certainty.
    rates = np.array([(struggled[kinds == kind].sum() + 2 * rate) / ((kinds == kind).sum() + 2) for kind in range(3)])
    return Baseline(lambda rows: rates[group(rows)], lambda rows, _: group(rows) == 1)


def _running_mean(calibration: pd.DataFrame) -> Baseline:
    struggled = calibration["struggled"].to_numpy(dtype=bool)
    if not len(struggled) or struggled.all() or not struggled.any():
        return Baseline(lambda rows: np.clip(1 - running_mean(rows), 0.001, 0.999), None)
    curve = LogisticRegression(C=1e6).fit(running_mean(calibration).reshape(-1, 1), struggled)

    def probability(rows: pd.DataFrame) -> FloatArray:
        if rows.empty:  # which scikit-learn refuses
            return np.zeros(0)
        p: FloatArray = np.round(curve.predict_proba(running_mean(rows).reshape(-1, 1))[:, 1], 6)
        return p

    return Baseline(probability, None)
