"""What is known of an objective before anything is known of a learner: how often others struggled with it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from americano_assets.core.base.arrays import FloatArray
from americano_assets.core.models.calibration import PROBABILITY_DECIMALS

OBJECTIVE_TYPE = "content_complexity"
PRIOR_INPUTS = ("objective_id", OBJECTIVE_TYPE)
# An objective of this many rows counts as much as its type does.
PRIOR_ROWS = 20


@dataclass(frozen=True)
class ObjectivePrior:
    """Struggle rates of the training rows, shrunk: an objective's towards its type's, a type's towards the cohort's.

    Attributes:
        cohort: Struggle rate of all training rows, 0-1.
        of_type: By type, written as `type_of` does.
        of_objective: By objective id.
    """

    cohort: float
    of_type: Mapping[str, float]
    of_objective: Mapping[str, float]

    def probability(self, rows: pd.DataFrame) -> FloatArray:
        """The objective's rate, else its type's, else the cohort's, shape (n,)."""
        typed = type_of(rows).map(dict(self.of_type)).astype(float).fillna(self.cohort)
        found = rows["objective_id"].map(dict(self.of_objective)).astype(float).fillna(typed)
        values: FloatArray = np.asarray(found, dtype=float)
        return values

    def to_json(self) -> dict[str, Any]:
        """As JSON-able values."""
        return {"cohort": self.cohort, "of_type": dict(self.of_type), "of_objective": dict(self.of_objective)}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "ObjectivePrior":
        """Read back what `to_json` gave."""
        return cls(content["cohort"], content["of_type"], content["of_objective"])


def fit_prior(train: pd.DataFrame, fallback: float) -> ObjectivePrior:
    """Rates of the training rows; `fallback` is the cohort's where there are none."""
    if train.empty:
        return ObjectivePrior(fallback, {}, {})
    struggled = train["struggled"].astype(float)
    cohort = float(struggled.mean())
    kind = type_of(train)
    of_type = _shrunk(struggled, kind, pd.Series(cohort, index=train.index))
    of_objective = _shrunk(struggled, train["objective_id"], kind.map(of_type))
    return ObjectivePrior(cohort, of_type, of_objective)


def type_of(rows: pd.DataFrame) -> pd.Series:
    """The type of each row's objective, which is its complexity, as text."""
    # Formatted once a distinct value: a million rows have three of them.
    values: FloatArray = rows[OBJECTIVE_TYPE].to_numpy(dtype=float)
    distinct, code = np.unique(values, return_inverse=True)
    return pd.Series(np.array([f"{value:.3f}" for value in distinct], dtype=object)[code], index=rows.index)


def _shrunk(struggled: pd.Series, group: pd.Series, towards: pd.Series) -> dict[str, float]:
    sums = pd.DataFrame({"struggled": struggled, "towards": towards}).groupby(group.to_numpy(), sort=True)
    counts = sums.size()
    rates = (sums["struggled"].sum() + PRIOR_ROWS * sums["towards"].first()) / (counts + PRIOR_ROWS)
    return {str(name): round(float(rate), PROBABILITY_DECIMALS) for name, rate in rates.items()}
