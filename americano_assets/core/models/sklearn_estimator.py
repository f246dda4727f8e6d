"""A scorer in scikit-learn's clothes, as MLflow's registry keeps it: an estimator that holds numbers only."""

import base64
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin

from americano_assets.core.base.arrays import FloatArray
from americano_assets.core.models.scorer import Scorer


class StruggleEstimator(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Scores feature rows with a finished model; it cannot be fitted.

    Args:
        scorer: What `Scorer.to_json` gave.
        files: What `Scorer.files` gave, in base64.
    """

    def __init__(self, scorer: dict[str, Any] | None = None, files: dict[str, str] | None = None) -> None:
        self.scorer = scorer
        self.files = files
        self.classes_ = np.array([0, 1])

    @classmethod
    def of(cls, scorer: Scorer) -> "StruggleEstimator":
        """The estimator that scores as `scorer` does."""
        files = {name: base64.b64encode(content).decode() for name, content in scorer.files().items()}
        return cls(scorer.to_json(), files)

    def predict_proba(self, rows: pd.DataFrame) -> FloatArray:
        """Shape (n, 2): 1 - p and p."""
        if self.scorer is None:
            raise ValueError("this estimator holds no model")
        files = self.files or {}
        p = Scorer.from_json(self.scorer, lambda name: base64.b64decode(files[name])).probability(rows)
        return np.column_stack([1 - p, p])

    def predict(self, rows: pd.DataFrame) -> np.ndarray:
        """Shape (n,): 1 at or above the model's threshold."""
        if self.scorer is None:
            raise ValueError("this estimator holds no model")
        decided: np.ndarray = (self.predict_proba(rows)[:, 1] >= self.scorer["threshold"]).astype(int)
        return decided
