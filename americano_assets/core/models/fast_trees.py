"""Boosted trees over many rows: the same sums as scikit-learn's, to the last bit, about ten times as fast.

A row walks no tree here. Each comparison of a tree is made for a block of rows in one sweep and strikes out the leaves
that a row which fails it cannot reach; the leftmost leaf that is left is the row's (Lucchese et al., «QuickScorer»,
SIGIR 2015). Nothing is branched on, so a processor does it for several rows at a time.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from americano_assets.core.base.arrays import BoolArray, FloatArray, IntArray
from americano_assets.core.base.jit import compiled

Leaves = npt.NDArray[np.uint64]

# A leaf is a bit of 64.
MOST_LEAVES = 64
# Their masks stay in the nearest cache.
_BLOCK = 512
_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
# De Bruijn's sequence: a single bit times this has a number of its own in the six highest bits.
_SEQUENCE = np.uint64(0x03F79D71B4CB0A89)
_SHIFT = np.uint64(58)
_ONE = np.uint64(1)


@dataclass(frozen=True)
class Forest:
    """Trees as comparisons.

    Attributes:
        baseline: Log-odds before the first tree.
        feature, threshold: Of each comparison «at most», tree after tree, shape (comparisons,).
        kept: Leaves still reachable where it fails, shape (comparisons,).
        unknown_passes: Whether an unknown value passes, shape (comparisons,).
        first: Where each tree's comparisons begin, and where the last one's end, shape (trees + 1,).
        value: Log-odds of each leaf at the place that its bit hashes to, shape (trees, MOST_LEAVES).
    """

    baseline: float
    feature: IntArray
    threshold: FloatArray
    kept: Leaves
    unknown_passes: BoolArray
    first: IntArray
    value: FloatArray

    @classmethod
    def of(cls, classifier: Any) -> "Forest | None":
        """Of a fitted HistGradientBoostingClassifier of two classes; None if a tree does not fit into this form."""
        trees = [predictor.nodes for (predictor,) in classifier._predictors]
        if any(nodes["is_categorical"].any() or nodes["is_leaf"].sum() > MOST_LEAVES for nodes in trees):
            return None
        comparisons: list[tuple[int, float, int, bool]] = []
        first, value = [0], np.zeros((len(trees), MOST_LEAVES))
        for tree, nodes in enumerate(trees):
            found, leaves = _comparisons(nodes)
            comparisons += found
            first.append(len(comparisons))
            value[tree, _places(np.arange(len(leaves)))] = leaves
        feature, threshold, kept, unknown_passes = zip(*comparisons, strict=True) if comparisons else ((),) * 4
        return cls(
            float(np.ravel(classifier._baseline_prediction)[0]),
            np.array(feature, dtype=np.int64),
            np.array(threshold, dtype=np.float64),
            np.array(kept, dtype=np.uint64),
            np.array(unknown_passes, dtype=np.bool_),
            np.array(first, dtype=np.int64),
            value,
        )

    def log_odds(self, values: FloatArray) -> FloatArray:
        """Sum over the trees for each row of `values`, shape (n,); columns are best contiguous."""
        total = np.full(len(values), self.baseline)
        columns = np.asfortranarray(values)
        trees = self.feature, self.threshold, self.kept, self.unknown_passes, self.first, self.value
        compiled(_add)(total, columns, *trees)
        return total


def _comparisons(nodes: npt.NDArray[Any]) -> tuple[list[tuple[int, float, int, bool]], list[float]]:
    """(feature, threshold, leaves kept on failing, whether unknown passes) of a tree; its leaves from left to right."""
    found: list[tuple[int, float, int, bool]] = []
    leaves: list[float] = []

    def bits_below(place: int) -> int:
        node = nodes[place]
        if node["is_leaf"]:
            leaves.append(float(node["value"]))
            return 1 << (len(leaves) - 1)
        left, right = bits_below(node["left"]), bits_below(node["right"])
        kept = int(_ALL) & ~left
        found.append((int(node["feature_idx"]), float(node["num_threshold"]), kept, bool(node["missing_go_to_left"])))
        return left | right

    bits_below(0)
    return found, leaves


def _places(leaf: IntArray) -> IntArray:
    """Where a leaf's value stands in `Forest.value`, shape as given."""
    places: IntArray = ((_ONE << leaf.astype(np.uint64)) * _SEQUENCE >> _SHIFT).astype(np.int64)
    return places


def _add(
    total: Any, values: Any, feature: Any, threshold: Any, kept: Any, unknown_passes: Any, first: Any, value: Any
) -> None:
    """Add each tree's leaf to each row's total, in the order of the trees. Written for numba."""
    left = np.empty(_BLOCK, np.uint64)
    for begin in range(0, len(total), _BLOCK):
        size = min(_BLOCK, len(total) - begin)
        for tree in range(len(first) - 1):
            left[:] = _ALL
            for at in range(first[tree], first[tree + 1]):
                column = values[begin : begin + size, feature[at]]
                limit, remain = threshold[at], kept[at]
                # An unknown value is neither above nor at most anything: which is asked decides where it goes.
                if unknown_passes[at]:
                    for row in range(size):
                        left[row] &= remain if column[row] > limit else _ALL
                else:
                    for row in range(size):
                        left[row] &= _ALL if column[row] <= limit else remain
            for row in range(size):
                lowest = left[row] & (~left[row] + _ONE)
                total[begin + row] += value[tree, (lowest * _SEQUENCE) >> _SHIFT]
