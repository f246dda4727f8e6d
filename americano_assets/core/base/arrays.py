"""Types of arrays, and a probability and its log-odds. Numpy alone, so that everyone may import it."""

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]


def sigmoid(log_odds: FloatArray) -> FloatArray:
    """Probability of log-odds; beyond 40 either way it is 0 or 1 in double precision anyway."""
    p: FloatArray = 1 / (1 + np.exp(-np.clip(log_odds, -40, 40)))
    return p


def logit(probability: FloatArray) -> FloatArray:
    """Log-odds of a probability strictly between 0 and 1."""
    log_odds: FloatArray = np.log(probability) - np.log1p(-probability)
    return log_odds


def log_losses(struggled: BoolArray, probability: FloatArray) -> FloatArray:
    """Log loss of each row, natural logarithm, shape (n,); p is kept a millionth away from 0 and 1."""
    p = np.clip(probability, 1e-6, 1 - 1e-6)
    losses: FloatArray = -np.log(np.where(struggled, p, 1 - p))
    return losses
