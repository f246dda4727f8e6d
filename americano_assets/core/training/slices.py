"""Figures of one model on parts of its rows: it may be good on the whole and bad for somebody."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from americano_assets.core.base.arrays import BoolArray, FloatArray
from americano_assets.core.models.rule_based import cold_start
from americano_assets.core.models.scorer import Scorer
from americano_assets.core.statistics.metrics import figures_of_enough

COLD, WARM, UNKNOWN = "cold start", "known before", "unknown"


def thirds(adjective: str) -> tuple[str, str, str]:
    """What thirds of rows are called, from the least to the most."""
    return f"least {adjective} third", "middle third", f"most {adjective} third"


THIRDS = thirds("active")
CONFIDENCE, COLD_START = "confidence", "cold_start"
_ORDER = {"activity": THIRDS, CONFIDENCE: thirds("confident")}
COLUMNS = ("by", "part", "n", "learners")
SHOWN = ("base_rate", "accuracy", "precision", "recall", "auc_roc", "ece")


def slices(
    rows: pd.DataFrame, scorer: Scorer, further: Mapping[str, pd.Series] | None = None
) -> list[dict[str, str | float | None]]:
    """Figures of a model on held-out rows of the training set, with `struggled`: as `slices_of` of `parts_of`."""
    if rows.empty:
        return []
    p = scorer.probability(rows)
    return slices_of(rows, p, scorer.flagged(rows, p), parts_of(rows, further))


def parts_of(rows: pd.DataFrame, further: Mapping[str, pd.Series] | None = None) -> dict[str, np.ndarray]:
    """Each row's course, how much its learner had answered on the topic before, whether anything was known of them.

    Args:
        rows: With features; of scored rows `cold_start` and `confidence`, as the model told them.
        further: More parts: name to each row's part, by the index of `rows`; null where it is not known.

    Returns:
        By course, activity, history, confidence where it is there, and the names in `further`: a course's id, one of
        THIRDS, COLD or WARM, a third by confidence, a value or UNKNOWN, of each row.
    """
    parts = {
        "course": rows["course_id"].to_numpy(dtype=object),
        "activity": _thirds(rows),
        "history": np.where(rows[COLD_START] if COLD_START in rows else cold_start(rows), COLD, WARM).astype(object),
    }
    if CONFIDENCE in rows:
        parts[CONFIDENCE] = terciles(rows[CONFIDENCE], "confident").to_numpy(dtype=object)
    return parts | {
        by: values.reindex(rows.index).astype(object).fillna(UNKNOWN).to_numpy(dtype=object)
        for by, values in (further or {}).items()
    }


def slices_of(
    rows: pd.DataFrame, p: FloatArray, flagged: BoolArray, parts: Mapping[str, np.ndarray]
) -> list[dict[str, str | float | None]]:
    """Figures of each part of each kind.

    Args:
        rows: With `struggled` and `learner_id`.
        p: What was said of each, 0-1.
        flagged: Whether it was flagged.
        parts: As `parts_of`.

    Returns:
        A row each: by, part, n, learners, and SHOWN, which are None of fewer than LEAST_ROWS rows, struggles or flags.
        Parts of one kind add up to all rows.
    """
    struggled = rows["struggled"].to_numpy(dtype=bool)
    found: list[dict[str, str | float | None]] = []
    for by, names in parts.items():
        for name in _ORDER.get(by) or sorted(set(names)):
            inside = names == name
            if not inside.any():
                continue
            values = figures_of_enough(struggled[inside], p[inside], flagged[inside])
            shown = {figure: values[figure] for figure in SHOWN}
            learners = rows["learner_id"][inside].nunique()
            found.append({"by": by, "part": str(name), "n": int(inside.sum()), "learners": learners, **shown})
    return found


def terciles(values: pd.Series, adjective: str) -> pd.Series:
    """Thirds of the rows by a value, in words; equal values share a third, rows without one have none."""
    share = values.rank(method="average", pct=True)
    third = np.minimum((share.fillna(0) * 3).to_numpy().astype(int), 2)
    words = np.array(thirds(adjective), dtype=object)
    return pd.Series(words[third], index=values.index).where(values.notna())


def _thirds(rows: pd.DataFrame) -> np.ndarray:
    """By how much was answered on the topic; ties go by learner, so that equal rows of one are never torn apart."""
    answered = rows["topic_log_successes"] + rows["topic_log_failures"]
    order = pd.DataFrame({"answered": answered, "learner": rows["learner_id"]}).sort_values(["answered", "learner"])
    place = pd.Series(np.arange(len(rows)), index=order.index).loc[rows.index]
    thirds: np.ndarray = np.array(THIRDS, dtype=object)[place.to_numpy() * 3 // len(rows)]
    return thirds
