"""The memory state of cards, as FSRS-6 keeps it: difficulty 1-10, stability in days.

Formulas: https://github.com/open-spaced-repetition/awesome-fsrs/wiki/The-Algorithm. The `fsrs` package moves one card
at a time; this moves whole arrays, by the package's default parameters. A test holds it to the package.
"""

import numpy as np
import numpy.typing as npt
from fsrs.scheduler import DEFAULT_PARAMETERS

from americano_assets.loading.demo.simulator.draw.curriculum import Floats

_W = np.array(DEFAULT_PARAMETERS)
_DECAY = -_W[20]
_FACTOR = 0.9 ** (1 / _DECAY) - 1
_EASIEST, _HARDEST = 1.0, 10.0
_LEAST_STABILITY = 0.001
AGAIN, HARD, GOOD, EASY = 1, 2, 3, 4


def retrievability(days: Floats, stability: Floats) -> Floats:
    """Chance of recall `days` whole days after the last review."""
    result: Floats = (1 + _FACTOR * days / stability) ** _DECAY
    return result


def reviewed(
    difficulty: Floats, stability: Floats, days: Floats, rating: npt.NDArray[np.int64]
) -> tuple[Floats, Floats]:
    """State after a review.

    Args:
        difficulty: Before; not read where the card is new.
        stability: Before, in days; 0 for a new card.
        days: Whole days since the last review, at least 1.
        rating: 1 AGAIN to 4 EASY.

    Returns:
        Difficulty and stability after.
    """
    new = stability <= 0
    first_stability = _W[rating - 1]
    known = np.where(new, 1.0, stability)
    hardness = np.where(new, 5.0, difficulty)
    recall = retrievability(days, known)
    modifier = np.where(rating == HARD, _W[15], np.where(rating == EASY, _W[16], 1.0))
    growth = np.exp(_W[8]) * (11 - hardness) * known ** -_W[9] * (np.exp(_W[10] * (1 - recall)) - 1) * modifier
    lapsed = _W[11] * hardness ** -_W[12] * ((known + 1) ** _W[13] - 1) * np.exp(_W[14] * (1 - recall))
    lapsed = np.minimum(lapsed, known / np.exp(_W[17] * _W[18]))
    later = np.where(rating == AGAIN, lapsed, known * (1 + growth))
    step = -_W[6] * (rating - 3.0) * (10 - hardness) / 9
    moved = _W[7] * _first_difficulty(np.array(EASY)) + (1 - _W[7]) * (hardness + step)
    after = np.where(new, np.clip(_first_difficulty(rating), _EASIEST, _HARDEST), np.clip(moved, _EASIEST, _HARDEST))
    return after, np.maximum(np.where(new, first_stability, later), _LEAST_STABILITY)


def _first_difficulty(rating: npt.NDArray[np.int64]) -> Floats:
    result: Floats = _W[4] - np.exp(_W[5] * (rating - 1)) + 1
    return result
