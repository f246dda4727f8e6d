"""Whether a model finds struggles alike among all: by kind of part the difference that is furthest beyond chance."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from statistics import NormalDist

import numpy as np
import pandas as pd

from americano_assets.core.base.arrays import FloatArray
from americano_assets.core.statistics.cluster_bootstrap import LEAST_LEARNERS, LEVEL, ratio_draws
from americano_assets.core.statistics.metrics import LEAST_ROWS
from americano_assets.core.training.slices import CONFIDENCE

# Enough for a standard error, which is all that is taken from the draws.
_REPLICATES = 400


@dataclass(frozen=True)
class Gap:
    """Recall in one part of a kind minus that in another.

    Attributes:
        by: The kind.
        worse, better: Parts: of the first fewer struggles were foreseen.
        recall_worse, recall_better: Share of their struggles that were foreseen, 0-1.
        struggles_worse, struggles_better: How many they are.
        low, high: Of the difference (better minus worse): holds for all pairs at once, drawn over learners.
        pairs: How many were compared.
    """

    by: str
    worse: str
    better: str
    recall_worse: float
    recall_better: float
    struggles_worse: int
    struggles_better: int
    low: float
    high: float
    pairs: int


def largest_gaps(rows: pd.DataFrame, parts: Mapping[str, np.ndarray]) -> list[Gap]:
    """By kind, of all pairs of its parts the one whose interval begins highest.

    Thirds by confidence are left out: they are the model's own, and differ by what confidence is.

    Args:
        rows: `learner_id`, `struggled`, `flagged`.
        parts: Each row's part, by kind: as core.training.slices.parts_of.

    Returns:
        One a kind that has two parts of LEAST_ROWS struggles each, the surest first; none of too few learners.
    """
    struggles = rows[rows["struggled"].astype(bool)]
    chosen = rows["struggled"].to_numpy(dtype=bool)
    _, learner = np.unique(struggles["learner_id"].to_numpy(dtype=str), return_inverse=True)
    if len(struggles) == 0 or learner.max() + 1 < LEAST_LEARNERS:
        return []
    found = struggles["flagged"].to_numpy(dtype=bool)
    kinds: dict[str, dict[str, tuple[float, int, FloatArray]]] = {}
    for by in (kind for kind in parts if kind != CONFIDENCE):
        of_kind = parts[by][chosen]
        large = [name for name in sorted(set(of_kind)) if (of_kind == name).sum() >= LEAST_ROWS]
        if len(large) > 1:
            kinds[by] = {str(name): _drawn(learner, found, of_kind == name) for name in large}
    pairs = [(by, *pair) for by, drawn in kinds.items() for pair in combinations(drawn, 2)]
    if not pairs:
        return []
    reach = NormalDist().inv_cdf(1 - (1 - LEVEL) / (2 * len(pairs)))
    gaps: dict[str, list[Gap]] = {}
    for by, *pair in pairs:
        worse, better = sorted(pair, key=lambda name: (kinds[by][name][0], name))
        (low_recall, low_n, low_draws), (high_recall, high_n, high_draws) = kinds[by][worse], kinds[by][better]
        error = reach * float(np.nanstd(high_draws - low_draws))
        difference = high_recall - low_recall
        low, high = difference - error, difference + error
        gaps.setdefault(by, []).append(
            Gap(by, worse, better, low_recall, high_recall, low_n, high_n, low, high, len(pairs))
        )
    return sorted((max(one, key=lambda gap: gap.low) for one in gaps.values()), key=lambda gap: -gap.low)


def told(gap: Gap | None, names: Mapping[str, str]) -> str:
    """The gap as a sentence: beyond chance, or not told from it.

    Args:
        gap: As `largest_gap`.
        names: What people call a course, by id.
    """
    if gap is None:
        return f"Whether struggles are foreseen alike cannot be told: it takes two parts with {LEAST_ROWS} struggles."
    worse, better = (names.get(part, part) for part in (gap.worse, gap.better))
    recalls = [f"{100 * recall:.0f} %" for recall in (gap.recall_worse, gap.recall_better)]
    compared = (
        f"{recalls[0]} of {gap.struggles_worse:,} struggles ({worse}) against {recalls[1]} of "
        f"{gap.struggles_better:,} ({better}), {_points(gap.recall_better - gap.recall_worse)} points apart "
        f"({100 * LEVEL:.0f} % interval {_points(gap.low)} to {_points(gap.high)}, "
        + ("for the one pair compared)" if gap.pairs == 1 else f"for all {gap.pairs} pairs at once)")
    )
    by = gap.by.replace("_", " ")
    if gap.low > 0:
        return f"Struggles are not foreseen alike: the surest difference is by {by}, {compared}."
    return f"No difference in how many struggles are foreseen is beyond chance: the nearest is by {by}, {compared}."


def _drawn(learner: np.ndarray, found: np.ndarray, inside: np.ndarray) -> tuple[float, int, FloatArray]:
    """Recall of a part, its struggles, and its recall in each draw of learners."""
    count = int(learner.max()) + 1
    hits, struggles = (np.bincount(learner[chosen], minlength=count) for chosen in (inside & found, inside))
    drawn = ratio_draws(np.column_stack([hits, struggles]).astype(float), replicates=_REPLICATES)
    with np.errstate(invalid="ignore"):
        recalls = drawn[:, 0] / drawn[:, 1]
    return float(found[inside].mean()), int(inside.sum()), recalls


def _points(value: float) -> str:
    return f"{100 * value:.1f}".replace("-", "\N{MINUS SIGN}")
