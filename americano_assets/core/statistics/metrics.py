"""Figures of how good probabilities are, each beside what it costs to know nothing.

A figure that the rows cannot carry (one class only, no positives) is None, never 0.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

from americano_assets.core.base.arrays import BoolArray, FloatArray

CALIBRATION_BINS = 10
# How often out of how many draws a perfectly calibrated model stays below what `ece_within_chance` says.
CHANCE_SHARE, CHANCE_DRAWS = 0.95, 400
# Fewer rows carry no figure worth printing, and decide nothing.
LEAST_ROWS = 30


def share(yes: npt.ArrayLike) -> float | None:
    """The share of true values, 0-1; None of fewer than LEAST_ROWS."""
    values = np.asarray(yes, dtype=float)
    return float(values.mean()) if len(values) >= LEAST_ROWS else None


def too_few_to_share(struggles: int, flags: int) -> dict[str, str]:
    """Of the figures that are a share of the struggles or of the flags why these are too few, by name."""
    found: dict[str, str] = {}
    if 0 < flags < LEAST_ROWS:
        found |= dict.fromkeys(("precision", "f1_score"), f"{flags} rows are flagged; at least {LEAST_ROWS} are needed")
    if struggles < LEAST_ROWS:
        found |= dict.fromkeys(("recall", "f1_score"), f"{struggles} rows struggled; at least {LEAST_ROWS} are needed")
    return found


@dataclass(frozen=True)
class Calibration:
    """Ten bins of equal mass over p: observed rate, mean p and rows of each."""

    prob_true: tuple[float, ...]
    prob_pred: tuple[float, ...]
    count: tuple[int, ...]


def calibration_bins(struggled: BoolArray, probability: FloatArray) -> Calibration:
    """Rows sorted by p, cut into CALIBRATION_BINS parts of equal size; empty parts are left out.

    A cut may go through rows of equal p. Each of them counts as their mean outcome then: which of them stand before the
    cut would be chance.
    """
    order = np.argsort(probability, kind="stable")
    p = probability[order]
    outcome = _mean_of_equals(p, struggled[order].astype(float))
    parts = _parts(len(p))
    return Calibration(
        tuple(float(outcome[part].mean()) for part in parts),
        tuple(float(p[part].mean()) for part in parts),
        tuple(len(part) for part in parts),
    )


def _parts(rows: int) -> list[npt.NDArray[np.int64]]:
    """The places of sorted rows in each bin that has any."""
    return [part for part in np.array_split(np.arange(rows), CALIBRATION_BINS) if len(part)]


def _mean_of_equals(p: FloatArray, outcome: FloatArray) -> FloatArray:
    """Each row's outcome, shape (…, n), that of all rows of its p taken together; p is sorted."""
    starts = np.flatnonzero(np.diff(p, prepend=np.nan) != 0)
    sizes = np.diff(starts, append=len(p))
    means: FloatArray = outcome
    if len(p):
        means = np.repeat(np.add.reduceat(outcome, starts, axis=-1) / sizes, sizes, axis=-1)
    return means


def expected_calibration_error(struggled: BoolArray, probability: FloatArray) -> float:
    """Mean of |observed rate - mean p| over bins of equal mass, weighted by rows (Naeini et al., AAAI 2015)."""
    curve = calibration_bins(struggled, probability)
    gaps = np.abs(np.array(curve.prob_true) - np.array(curve.prob_pred))
    return float(np.average(gaps, weights=curve.count))


def ece_within_chance(probability: FloatArray) -> float:
    """The ECE that a perfectly calibrated model of these p stays within in 19 of 20 draws of its outcomes.

    Neither the order of the rows nor the day changes a digit.

    Args:
        probability: p in 0-1, shape (n,); at least one, and a thousand or so, since each is drawn CHANCE_DRAWS times.
    """
    p = np.sort(probability)
    drawn = (np.random.default_rng(0).uniform(size=(CHANCE_DRAWS, len(p))) < p).astype(float)
    gaps = np.add.reduceat(_mean_of_equals(p, drawn) - p, [part[0] for part in _parts(len(p))], axis=1)
    return float(np.quantile(np.abs(gaps).sum(axis=1) / len(p), CHANCE_SHARE))


def figures(struggled: BoolArray, probability: FloatArray, flagged: BoolArray) -> dict[str, float | None]:
    """All figures of one model on one set of rows.

    Args:
        struggled: Outcomes, shape (n,).
        probability: p in 0-1, shape (n,).
        flagged: Whether the row would be published, shape (n,).

    Returns:
        n, and HELD_OUT_FIGURES; log_loss is natural.
    """
    n = len(struggled)
    if n == 0:
        return {"n": 0.0, **dict.fromkeys(HELD_OUT_FIGURES)}
    positives = int(struggled.sum())
    hits = int((struggled & flagged).sum())
    precision = hits / int(flagged.sum()) if flagged.any() else None
    recall = hits / positives if positives else None
    both = 0 < positives < n
    return {
        "n": float(n),
        "base_rate": positives / n,
        "always_no_accuracy": 1 - positives / n,
        "accuracy": float((struggled == flagged).mean()),
        "precision": precision,
        "recall": recall,
        "f1_score": 2 * precision * recall / (precision + recall) if precision and recall else None,
        "auc_roc": float(roc_auc_score(struggled, probability)) if both else None,
        "average_precision": float(average_precision_score(struggled, probability)) if positives else None,
        "brier": float(brier_score_loss(struggled, probability)),
        "log_loss": float(row_log_loss(struggled, probability).mean()),
        "ece": expected_calibration_error(struggled, probability),
        "flagged_share": float(flagged.mean()),
    }


def figures_of_enough(struggled: BoolArray, probability: FloatArray, flagged: BoolArray) -> dict[str, float | None]:
    """As `figures`, without those that are of fewer than LEAST_ROWS rows, struggles or flags: these are None."""
    found = figures(struggled, probability, flagged)
    if len(struggled) < LEAST_ROWS:
        return {name: value if name == "n" else None for name, value in found.items()}
    return found | dict.fromkeys(too_few_to_share(int(struggled.sum()), int(flagged.sum())))


def confusion(struggled: BoolArray, flagged: BoolArray) -> dict[str, int]:
    """Rows by what was said and what came: hits, misses, false_alarms, rightly_quiet."""
    return {
        "hits": int((struggled & flagged).sum()),
        "misses": int((struggled & ~flagged).sum()),
        "false_alarms": int((~struggled & flagged).sum()),
        "rightly_quiet": int((~struggled & ~flagged).sum()),
    }


def row_log_loss(struggled: BoolArray, probability: FloatArray) -> FloatArray:
    """Natural log loss of each row, shape (n,); finite where p is certain and wrong."""
    p = np.clip(probability, 1e-6, 1 - 1e-6)
    losses: FloatArray = -np.log(np.where(struggled, p, 1 - p))
    return losses


# Kept of predictions whose outcome became known too.
FIGURES = (
    "base_rate",
    "always_no_accuracy",
    "accuracy",
    "precision",
    "recall",
    "f1_score",
    "auc_roc",
    "average_precision",
    "brier",
    "log_loss",
    "ece",
)
HELD_OUT_FIGURES = (*FIGURES, "flagged_share")


def threshold_for_recall(struggled: BoolArray, probability: FloatArray, recall: float) -> float:
    """The largest threshold at which `p >= threshold` finds at least the share `recall` of the struggles.

    Returns:
        0.5 where no row struggled: then nothing can be chosen.
    """
    positives = np.sort(probability[struggled])[::-1]
    if not len(positives):
        return 0.5
    needed = int(np.ceil(recall * len(positives)))
    return float(positives[max(needed, 1) - 1])
