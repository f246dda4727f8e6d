"""Every figure of core/statistics/metrics.py with its interval over learners, and why one is missing where it is."""

from dataclasses import asdict, dataclass

import numpy as np
from numba import njit

from americano_assets.core.base.arrays import BoolArray, FloatArray, IntArray
from americano_assets.core.statistics.cluster_bootstrap import (
    LEAST_LEARNERS,
    REPLICATES,
    draws,
    percentile_bounds,
    ratio_draws,
)
from americano_assets.core.statistics.metrics import (
    CALIBRATION_BINS,
    HELD_OUT_FIGURES,
    LEAST_ROWS,
    figures,
    row_log_loss,
    too_few_to_share,
)

# Fewer rows of either outcome carry no figure that tells the two apart.
LEAST_OF_EACH = 5
_RANKED = ("auc_roc", "average_precision", "ece")


@dataclass(frozen=True)
class Figure:
    """One figure.

    Attributes:
        value: None where the rows cannot carry it: then `reason` says why.
        low, high: The interval over learners, or None.
        reason: Why the value or its interval is missing, or None.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    reason: str | None = None

    def to_json(self) -> dict[str, float | str | None]:
        """As in the report."""
        return asdict(self)


def figures_with_intervals(
    struggled: BoolArray,
    probability: FloatArray,
    flagged: BoolArray,
    learner: IntArray,
    *,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> dict[str, Figure]:
    """Each of core.metrics.HELD_OUT_FIGURES on the rows, with its interval over learners.

    All are percentile intervals but that of the calibration error: a resample's error is above the sample's own, by
    about as much as the sample's is above the truth, so its interval is mirrored at the estimate and cut at 0.

    Args:
        struggled: Outcomes, shape (n,).
        probability: p in 0-1, shape (n,).
        flagged: Whether the row would be published, shape (n,).
        learner: Whose row it is, a number, shape (n,).
        replicates: How many samples are drawn.
        seed: Of the draws.
    """
    n, positives = len(struggled), int(struggled.sum())
    if n < LEAST_ROWS:
        return dict.fromkeys(HELD_OUT_FIGURES, Figure(None, reason=f"{n} rows; at least {LEAST_ROWS} are needed"))
    values = figures(struggled, probability, flagged)
    _, code = np.unique(learner, return_inverse=True)
    learners = int(code.max()) + 1
    bounds = {}
    if learners >= LEAST_LEARNERS:
        bounds = _ratio_bounds(struggled, probability, flagged, code, replicates, seed)
        bounds |= _ranked_bounds(struggled, probability, code, replicates, seed)
    one_sided = min(positives, n - positives) < LEAST_OF_EACH
    too_few = too_few_to_share(positives, int(flagged.sum()))
    found = {}
    for name in HELD_OUT_FIGURES:
        value = values[name]
        if one_sided and name in ("auc_roc", "average_precision", "precision", "recall", "f1_score"):
            found[name] = Figure(None, reason=f"{positives} of {n} rows struggled; {LEAST_OF_EACH} of each are needed")
        elif name in too_few:
            found[name] = Figure(None, reason=too_few[name])
        elif value is None:
            found[name] = Figure(None, reason="no row is flagged" if not flagged.any() else "not defined on these rows")
        elif learners < LEAST_LEARNERS:
            found[name] = Figure(value, reason=f"no interval: {learners} learners, {LEAST_LEARNERS} are needed")
        else:
            low, high = bounds.get(name, (None, None))
            if name == "ece" and low is not None and high is not None:
                low, high = max(0.0, 2 * value - high), max(0.0, 2 * value - low)
            found[name] = Figure(value, low, high)
    return found


def _ratio_bounds(
    struggled: BoolArray, probability: FloatArray, flagged: BoolArray, code: IntArray, replicates: int, seed: int
) -> dict[str, tuple[float, float]]:
    """Bounds of what is a ratio of sums over rows: their sums by learner are drawn, not the rows."""
    row = np.ones(len(code))
    columns = [
        row,
        struggled,
        struggled == flagged,
        flagged,
        struggled & flagged,
        (probability - struggled) ** 2,
        row_log_loss(struggled, probability),
    ]
    by_learner = [np.bincount(code, np.asarray(column, dtype=float)) for column in columns]
    sums = np.column_stack(by_learner).astype(np.float64)
    n, yes, right, flags, hits, squared, losses = ratio_draws(sums, replicates=replicates, seed=seed).T
    with np.errstate(divide="ignore", invalid="ignore"):
        precision, recall = hits / flags, hits / yes
        drawn = {
            "base_rate": yes / n,
            "always_no_accuracy": 1 - yes / n,
            "accuracy": right / n,
            "precision": precision,
            "recall": recall,
            "f1_score": 2 * hits / (flags + yes),
            "brier": squared / n,
            "log_loss": losses / n,
            "flagged_share": flags / n,
        }
    return {name: percentile_bounds(values) for name, values in drawn.items() if np.isfinite(values).all()}


def _ranked_bounds(
    struggled: BoolArray, probability: FloatArray, code: IntArray, replicates: int, seed: int
) -> dict[str, tuple[float, float]]:
    order = np.argsort(probability, kind="stable")
    p, y, whose = probability[order], struggled[order], code[order].astype(np.int64)
    drawn = np.array(
        [ranked_figures(p, y, whose, weight) for weight in draws(int(code.max()) + 1, replicates, seed)],
    )
    return {
        name: percentile_bounds(values)
        for name, values in zip(_RANKED, drawn.T, strict=True)
        if np.isfinite(values).all()
    }


@njit(cache=True, nogil=True)
def ranked_figures(p: FloatArray, struggled: BoolArray, learner: IntArray, weight: IntArray) -> tuple[float, ...]:
    """AUC, average precision and calibration error where the rows of a learner count `weight[learner]` times.

    Args:
        p: Sorted, shape (n,).
        struggled: Outcomes in that order, shape (n,).
        learner: Whose row it is in that order, shape (n,), a place in `weight`.
        weight: How often a learner counts, shape (learners,).

    Returns:
        The three; NaN where one class is missing.
    """
    n = len(p)
    weights = weight.astype(np.float64)
    rows, struggles = 0, 0
    for i in range(n):
        w_i = weight[learner[i]]
        rows += w_i
        struggles += w_i * struggled[i]
    total, yes = float(rows), float(struggles)
    no = total - yes
    wins, precision_sum, error, gap = 0.0, 0.0, 0.0, 0.0
    seen, seen_yes = 0.0, 0.0  # of the rows at a lower p
    in_bins, closed = 0.0, 1
    edge = total / CALIBRATION_BINS
    i = 0
    while i < n:
        level, end = p[i], i + 1
        tie = weights[learner[i]]
        tie_yes = tie * struggled[i]
        while end < n and p[end] == level:
            w = weights[learner[end]]
            tie += w
            tie_yes += w * struggled[end]
            end += 1
        rate = tie_yes / max(tie, 1.0)
        while i < end:
            w = weights[learner[i]]
            # The bins of equal mass of core.metrics: a row belongs to the bin in which its place lies.
            if in_bins >= edge and w > 0:
                error += abs(gap)
                gap = 0.0
                while in_bins >= edge:
                    closed += 1
                    edge = closed * total / CALIBRATION_BINS
            gap += w * (rate - level)
            in_bins += w
            i += 1
        # Pairs of a struggle here and a smooth row below are won, ties at half.
        wins += tie_yes * (seen - seen_yes + (tie - tie_yes) / 2)
        # Without a branch: whether a row counts and struggled is what no processor foresees.
        precision_sum += tie_yes * (yes - seen_yes) / max(total - seen, 1.0)
        seen += tie
        seen_yes += tie_yes
    error += abs(gap)
    if yes == 0 or no == 0:
        return np.nan, np.nan, error / total
    return wins / (yes * no), precision_sum / yes, error / total
