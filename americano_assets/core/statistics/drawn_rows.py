"""Rows of whole learners up to a bound, where those of all would be too many to look at together."""

import numpy as np
import numpy.typing as npt
import pandas as pd

Keys = npt.NDArray[np.uint64]
# Of so many rows chance moves a share by a tenth of a point.
MOST_ROWS = 1_000_000


class DrawnRows:
    """Gathers rows, and lets go of whole learners once there are too many: those that come last by a hash of their ids.

    Who is drawn only depends on what was added in all, not on its portions or their order.
    """

    def __init__(self, most: int) -> None:
        """Nothing is gathered yet; at most so many rows will be."""
        self._most = most
        self._keys, self._counts = np.empty(0, np.uint64), np.empty(0, np.int64)
        self._left_out: np.uint64 | None = None
        self._parts: list[pd.DataFrame] = []

    def add(self, rows: pd.DataFrame, keys: Keys) -> None:
        """Add rows with the hash of the learner's id of each, shape (n,)."""
        known, place = np.unique(np.concatenate([self._keys, keys]), return_inverse=True)
        counts = np.bincount(place, np.concatenate([self._counts, np.ones(len(keys), np.int64)]))
        self._keys, self._counts = known, counts.astype(np.int64)
        total = np.cumsum(self._counts)
        if len(total) and total[-1] > self._most:
            self._left_out = self._keys[np.searchsorted(total, self._most, side="right")]
        self._parts.append(rows.assign(learner_key=keys))
        if self._left_out is not None:
            self._parts = [part[part["learner_key"] < self._left_out] for part in self._parts]

    @property
    def share(self) -> float | None:
        """Of the learners with rows how many were drawn, 0-1; None: all of them."""
        return None if self._left_out is None else float((self._keys < self._left_out).mean())

    def rows(self) -> pd.DataFrame:
        """The rows of those who were drawn; without columns where nothing was added."""
        return pd.concat(self._parts, ignore_index=True) if self._parts else pd.DataFrame()
