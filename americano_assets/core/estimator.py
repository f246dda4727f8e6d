"""A scorer in scikit-learn's clothes, as MLflow's registry keeps it: an estimator that holds numbers only."""

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin

from americano_assets.core.metrics import FloatArray
from americano_assets.core.scoring import Scorer


class StruggleEstimator(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Scores feature rows with a finished model; it cannot be fitted.

    Args:
        scorer: What `Scorer.to_json` gave.
    """

    def __init__(self, scorer: dict[str, Any] | None = None) -> None:
        self.scorer = scorer
        self.classes_ = np.array([0, 1])

    def predict_proba(self, rows: pd.DataFrame) -> FloatArray:
        """Shape (n, 2): 1 - p and p."""
        if self.scorer is None:
            raise ValueError("this estimator holds no model")
        p = Scorer.from_json(self.scorer).probability(rows)
        return np.column_stack([1 - p, p])

    def predict(self, rows: pd.DataFrame) -> np.ndarray:
        """Shape (n,): 1 at or above the model's threshold."""
        if self.scorer is None:
            raise ValueError("this estimator holds no model")
        decided: np.ndarray = (self.predict_proba(rows)[:, 1] >= self.scorer["threshold"]).astype(int)
        return decided
