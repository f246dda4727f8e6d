"""From a model's log-odds to a probability that means what it says: applying what was fitted on other learners."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from americano_assets.core.base.arrays import FloatArray, logit, sigmoid

PROBABILITY_BOUNDS = (0.001, 0.999)
PROBABILITY_DECIMALS = 6


@dataclass(frozen=True)
class Calibrator:
    """p = sigmoid(slope * log-odds + offset), or a monotone line through `knots` where that was measured to be better.

    Attributes:
        slope, offset: Platt's a and b.
        knots: (log-odds, p) pairs of an isotonic fit, rising; empty for the sigmoid.
    """

    slope: float = 1.0
    offset: float = 0.0
    knots: tuple[tuple[float, float], ...] = ()

    @property
    def method(self) -> str:
        """The name of the map: sigmoid or isotonic."""
        return "isotonic" if self.knots else "sigmoid"

    def probability(self, log_odds: FloatArray) -> FloatArray:
        """Calibrated p, shape (n,), never certain, rounded so that the last bits of a sum cannot move a decision."""
        if self.knots:
            x, y = np.array(self.knots).T
            p = np.interp(log_odds, x, y)
        else:
            p = sigmoid(self.slope * log_odds + self.offset)
        rounded: FloatArray = np.clip(p, *PROBABILITY_BOUNDS).round(PROBABILITY_DECIMALS)
        return rounded

    def contribution(self, log_odds: FloatArray) -> FloatArray:
        """What calibration adds to the log-odds, shape (n,): the named term beside the features' contributions."""
        added: FloatArray = logit(self.probability(log_odds)) - log_odds
        return added

    def to_json(self) -> dict[str, Any]:
        """As JSON-able values."""
        return {**asdict(self), "knots": [list(knot) for knot in self.knots]}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Calibrator":
        """Read back what `to_json` gave."""
        return cls(content["slope"], content["offset"], tuple((x, y) for x, y in content["knots"]))


UNCALIBRATED = Calibrator()


@dataclass(frozen=True)
class Reliability:
    """How often the likelier side (struggle or not, cut at p = 0.5) came out, on learners the model was not fitted on.

    sigmoid(intercept + certainty * |log-odds of p| + quality * data quality).

    Attributes:
        certainty, quality: Not negative: neither a surer p nor more data can make an answer less reliable.
    """

    intercept: float
    certainty: float
    quality: float

    def confidence(self, probability: FloatArray, data_quality: FloatArray) -> FloatArray:
        """Expected share of right answers among rows like this one, shape (n,), in 0-1."""
        p = np.clip(probability, *PROBABILITY_BOUNDS)
        return sigmoid(self.intercept + self.certainty * np.abs(logit(p)) + self.quality * data_quality)
