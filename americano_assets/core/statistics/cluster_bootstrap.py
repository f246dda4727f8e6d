"""Intervals over learners: whole learners are drawn again, since the rows of one learner are not independent."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from americano_assets.core.base.arrays import FloatArray, IntArray

LEVEL = 0.95
REPLICATES = 1_000
# With fewer learners the drawn samples are too much alike for their spread to mean anything.
LEAST_LEARNERS = 10
_CHUNK = 64
# Sums over whole numbers do not depend on the order of the rows.
_FIXED_POINT = 1e9


@dataclass(frozen=True)
class Interval:
    """A figure with its interval.

    Attributes:
        estimate: The figure on the rows themselves.
        low, high: Bounds of the interval, of level LEVEL.
        learners: How many learners were drawn from.
    """

    estimate: float
    low: float
    high: float
    learners: int


def draws(learners: int, replicates: int = REPLICATES, seed: int = 0) -> Iterator[IntArray]:
    """How often each of `learners` learners is drawn, shape (learners,), `replicates` times; the same for a seed."""
    random = np.random.default_rng(seed)
    for _ in range(replicates):
        yield np.bincount(random.integers(0, learners, learners), minlength=learners)


def paired_difference(
    losses_a: FloatArray, losses_b: FloatArray, learner: npt.ArrayLike, *, replicates: int = REPLICATES, seed: int = 0
) -> Interval | None:
    """Mean of `losses_a - losses_b` over rows, with its percentile interval over learners (Efron 1979, by cluster).

    A is better than B where the whole interval lies below 0. Neither the order of the rows nor the learners' names
    change a digit.

    Args:
        losses_a: Loss of A on each row, shape (n,); finite.
        losses_b: Loss of B on the same rows, shape (n,); finite.
        learner: Whose row it is, shape (n,).
        replicates: How many samples are drawn.
        seed: Of the draws.

    Returns:
        The interval, or None with fewer than LEAST_LEARNERS learners.

    Raises:
        ValueError: The arrays differ in length, or a loss is not finite.
    """
    _, code = np.unique(np.asarray(learner), return_inverse=True)
    if not len(losses_a) == len(losses_b) == len(code):
        raise ValueError(f"{len(losses_a)} and {len(losses_b)} losses, {len(code)} learners: not the same rows")
    difference = losses_a - losses_b
    if not np.isfinite(difference).all():
        raise ValueError("a loss is not finite")
    rows = np.bincount(code)
    if len(rows) < LEAST_LEARNERS:
        return None
    total = np.zeros(len(rows), dtype=np.int64)
    np.add.at(total, code, np.rint(difference * _FIXED_POINT).astype(np.int64))
    order = np.lexsort((rows, total))
    sums = np.column_stack([total[order] / _FIXED_POINT, rows[order]])
    drawn = np.concatenate([part @ sums for part in _blocks(len(rows), replicates, seed)])
    whole = sums.sum(axis=0)
    low, high = percentile_bounds(drawn[:, 0] / drawn[:, 1])
    return Interval(float(whole[0] / whole[1]), low, high, len(rows))


def ratio_draws(sums: FloatArray, *, replicates: int = REPLICATES, seed: int = 0) -> FloatArray:
    """Sums over drawn learners, shape (replicates, k), of sums by learner, shape (learners, k): for ratios of them."""
    return np.concatenate([part @ sums for part in _blocks(len(sums), replicates, seed)])


def percentile_bounds(values: FloatArray) -> tuple[float, float]:
    """The middle LEVEL of `values`."""
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def _blocks(learners: int, replicates: int, seed: int) -> Iterator[FloatArray]:
    """The draws, a block of rows at a time: memory does not grow with the number of replicates."""
    block: list[IntArray] = []
    for drawn in draws(learners, replicates, seed):
        block.append(drawn)
        if len(block) == _CHUNK:
            yield np.array(block, dtype=float)
            block = []
    if block:
        yield np.array(block, dtype=float)
