"""The forgetting curve of FSRS: how likely a card is recalled, by its stability and the time since its last review.

Belongs here: the curve. Does not: how a review moves the stability, which the app does and stores.
"""

import numpy as np
import numpy.typing as npt

# w20 of FSRS-6's default parameters. The app may have its own; stability means the same for each: days until 0.9.
DECAY = -0.1542
FACTOR = 0.9 ** (1 / DECAY) - 1


def retrievability(days: npt.NDArray[np.float64], stability: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Chance of recall: (1 + FACTOR * days / stability) ** DECAY, so 0.9 once `stability` days have passed.

    Source: https://github.com/open-spaced-repetition/awesome-fsrs/wiki/The-Algorithm (FSRS-6).

    Args:
        days: Since the last review, shape (n,).
        stability: In days, above 0, shape (n,).

    Returns:
        Shape (n,), 0-1.
    """
    result: npt.NDArray[np.float64] = (1 + FACTOR * days / stability) ** DECAY
    return result


def parameters() -> dict[str, object]:
    """The same curve's constants, by the names that sql/features gives them."""
    return {"recall_decay": DECAY, "recall_factor": FACTOR}
