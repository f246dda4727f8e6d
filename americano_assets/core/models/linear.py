"""A fitted linear model of the log-odds of a struggle: numbers only, so that a file of it can be checked by eye."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from americano_assets.core.base.arrays import FloatArray


@dataclass(frozen=True)
class LinearModel:
    """log-odds = intercept + sum of coefficient * (input - mean) / scale.

    Attributes:
        inputs: Names of the columns, in the order of the arrays.
        mean, scale, coefficient: Shape (inputs,), fitted on the training learners alone.
        intercept: Log-odds of a row at the mean.
        regularization: The C that cross-validation chose.
    """

    inputs: tuple[str, ...]
    mean: FloatArray
    scale: FloatArray
    coefficient: FloatArray
    intercept: float
    regularization: float

    @property
    def baseline(self) -> float:
        """Log-odds to which a row's contributions are added."""
        return self.intercept

    def contributions(self, rows: pd.DataFrame) -> FloatArray:
        """Each input's share of the log-odds, shape (n, inputs); with the baseline they add up to it exactly."""
        parts: FloatArray = (input_values(rows, self.inputs) - self.mean) / self.scale * self.coefficient
        return parts

    def log_odds(self, rows: pd.DataFrame) -> FloatArray:
        """Shape (n,)."""
        return self.log_odds_of(input_values(rows, self.inputs))

    def log_odds_of(self, values: FloatArray) -> FloatArray:
        """Shape (n,), of `input_values`."""
        # Input by input, not as a matrix product, whose last bits depend on how many rows there are.
        total = np.zeros(len(values))
        for column, mean, scale, coefficient in zip(values.T, self.mean, self.scale, self.coefficient, strict=True):
            total += (column - mean) / scale * coefficient
        total += self.intercept
        return total

    def weights(self) -> dict[str, float]:
        """Size of each input in the model: its absolute standardised coefficient."""
        return dict(zip(self.inputs, map(float, np.abs(self.coefficient)), strict=True))

    def to_json(self) -> dict[str, Any]:
        """The model as JSON-able values."""
        return {
            name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in asdict(self).items()
        }

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "LinearModel":
        """Read back what `to_json` gave."""
        arrays = {name: np.array(content[name], dtype=float) for name in ("mean", "scale", "coefficient")}
        return cls(**{**content, **arrays, "inputs": tuple(content["inputs"])})


def input_values(rows: pd.DataFrame, inputs: Sequence[str]) -> FloatArray:
    """The columns of a model as numbers, shape (n, inputs), each column contiguous.

    Raises:
        ValueError: Names the first column that the rows lack.
    """
    missing = [name for name in inputs if name not in rows]
    if missing:
        raise ValueError(f"the rows lack {len(missing)} inputs of the model, the first is {missing[0]}")
    values: FloatArray = np.empty((len(rows), len(inputs)), order="F")
    for place, name in enumerate(inputs):
        values[:, place] = rows[name].to_numpy()
    return values
