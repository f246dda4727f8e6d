"""Which learners are looked at where rows of all would be too many: whole ones, in the order of a hash of their ids.

Whoever comes first in that order is drawn first, on every night alike: a bound that takes in more rows, or fewer, adds
or drops learners at its end alone.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

Keys = npt.NDArray[np.uint64]
Counts = npt.NDArray[np.int64]

_KEY_BITS = 64
# A portion has so many times the outcomes that are wanted: those of what was never a candidate teach nothing.
SPARE = 4
# Of so many rows chance moves a share by a tenth of a point.
MOST_ROWS = 1_000_000


@dataclass(frozen=True)
class Portion:
    """Whose features are made for training alone: learners whose key is below the 2^-halvings-th part of all keys.

    Attributes:
        most: The wanted rows that it was chosen for.
        halvings: 0: everybody's.
        learners: All who have a known outcome in a window of training.
        outcomes: Those outcomes.
    """

    most: int
    halvings: int
    learners: int
    outcomes: int


@dataclass(frozen=True)
class Draw:
    """The learners that teach: those whose key is below `until`.

    Attributes:
        most: The wanted rows that they were drawn for.
        until: The first key that is not drawn.
        of_learners: Learners with a row with a known outcome.
        of_rows: Those rows; where features were made of a portion alone, the most that they can be.
        at_most: Whether that is so.
    """

    most: int
    until: int
    of_learners: int
    of_rows: int
    at_most: bool = False

    def told(self, learners: int, rows: int) -> str:
        """A sentence of how many of how many teach."""
        whole = f"{'at most ' if self.at_most else ''}{self.of_rows:,}"
        return (
            f"{learners:,} of {self.of_learners:,} learners, drawn whole by a hash of their ids, with {rows:,} of"
            f" {whole} rows, since AMERICANO_TRAINING_MOST is {self.most:,}"
        )


def key_bound(halvings: int) -> int:
    """The first key that is not in the 2^-halvings-th part of all."""
    return 1 << (_KEY_BITS - halvings)


def portion_of(keys: Keys, outcomes: Counts, most: int) -> Portion:
    """The smallest portion with SPARE times the wanted rows: what is kept of whom has no say in it.

    Args:
        keys: Of learners, ascending, shape (n,).
        outcomes: The known outcomes of each, shape (n,).
        most: The wanted rows.
    """
    total = np.concatenate([[0], np.cumsum(outcomes)])
    halvings = 0
    while halvings < _KEY_BITS - 1:
        inside = int(np.searchsorted(keys, np.uint64(key_bound(halvings + 1))))
        if total[inside] < SPARE * most:
            break
        halvings += 1
    return Portion(most, halvings, len(keys), int(total[-1]))


def drawn_until(keys: Keys, rows: Counts, most: int) -> int | None:
    """The first key that is not drawn, so that the rows of those before it are at most `most`; None where all are.

    Args:
        keys: Of learners, ascending, shape (n,).
        rows: The rows of each, shape (n,).
        most: The wanted rows.
    """
    beyond = int(np.searchsorted(np.cumsum(rows), most, side="right"))
    return None if beyond == len(keys) else int(keys[beyond])


class DrawnRows:
    """Gathers rows, and lets go of whole learners once there are too many, the last ones first.

    Who is drawn only depends on what was added in all, not on its portions or their order.
    """

    def __init__(self, most: int) -> None:
        """Nothing is gathered yet; at most so many rows will be."""
        self._most = most
        self._keys, self._counts = np.empty(0, np.uint64), np.empty(0, np.int64)
        self._until: int | None = None
        self._parts: list[pd.DataFrame] = []

    def add(self, rows: pd.DataFrame, keys: Keys) -> None:
        """Add rows with the key of the learner of each, shape (n,)."""
        known, place = np.unique(np.concatenate([self._keys, keys]), return_inverse=True)
        counts = np.bincount(place, np.concatenate([self._counts, np.ones(len(keys), np.int64)]))
        self._keys, self._counts = known, counts.astype(np.int64)
        self._until = drawn_until(self._keys, self._counts, self._most)
        self._parts.append(rows.assign(learner_key=keys))
        if self._until is not None:
            self._parts = [part[part["learner_key"] < self._until] for part in self._parts]

    @property
    def share(self) -> float | None:
        """Of the learners with rows how many were drawn, 0-1; None: all of them."""
        return None if self._until is None else float((self._keys < self._until).mean())

    def rows(self) -> pd.DataFrame:
        """The rows of those who were drawn; without columns where nothing was added."""
        return pd.concat(self._parts, ignore_index=True) if self._parts else pd.DataFrame()
