"""Figures of one model on parts of the held-out rows: it may be good on the whole and bad for somebody."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from americano_assets.core.models.rule_based import cold_start
from americano_assets.core.models.scorer import Scorer
from americano_assets.core.statistics.metrics import LEAST_ROWS, figures

COLD, WARM, UNKNOWN = "cold start", "known before", "unknown"


def thirds(adjective: str) -> tuple[str, str, str]:
    """What thirds of rows are called, from the least to the most."""
    return f"least {adjective} third", "middle third", f"most {adjective} third"


THIRDS = thirds("active")
COLUMNS = ("by", "part", "n", "learners")
SHOWN = ("base_rate", "accuracy", "recall", "auc_roc", "ece")


def slices(
    rows: pd.DataFrame, scorer: Scorer, further: Mapping[str, pd.Series] | None = None
) -> list[dict[str, str | float | None]]:
    """Figures by course, by how much a learner had answered on the topic before, by whether anything was known of them.

    Args:
        rows: Held-out rows of the training set, with `struggled`.
        scorer: The model.
        further: More parts: name to each row's part, by the index of `rows`; null where it is not known.

    Returns:
        A row each: by (course, activity, history, or a name in `further`), part (a course's id, one of THIRDS, COLD or
        WARM, a value or UNKNOWN), n, learners, and SHOWN, which are None below LEAST_ROWS rows. Parts of one kind add
        up to all rows.
    """
    if rows.empty:
        return []
    struggled = rows["struggled"].to_numpy(dtype=bool)
    p = scorer.probability(rows)
    flagged = scorer.flagged(rows, p)
    parts = {
        "course": rows["course_id"].to_numpy(dtype=object),
        "activity": _thirds(rows),
        "history": np.where(cold_start(rows), COLD, WARM).astype(object),
        **{
            by: values.reindex(rows.index).astype(object).fillna(UNKNOWN).to_numpy(dtype=object)
            for by, values in (further or {}).items()
        },
    }
    found: list[dict[str, str | float | None]] = []
    for by, names in parts.items():
        for name in THIRDS if by == "activity" else sorted(set(names)):
            inside = names == name
            if not inside.any():
                continue
            values = figures(struggled[inside], p[inside], flagged[inside])
            enough = inside.sum() >= LEAST_ROWS
            shown = {figure: values[figure] if enough else None for figure in SHOWN}
            learners = rows["learner_id"][inside].nunique()
            found.append({"by": by, "part": str(name), "n": int(inside.sum()), "learners": learners, **shown})
    return found


def _thirds(rows: pd.DataFrame) -> np.ndarray:
    """By how much was answered on the topic; ties go by learner, so that equal rows of one are never torn apart."""
    answered = rows["topic_log_successes"] + rows["topic_log_failures"]
    order = pd.DataFrame({"answered": answered, "learner": rows["learner_id"]}).sort_values(["answered", "learner"])
    place = pd.Series(np.arange(len(rows)), index=order.index).loc[rows.index]
    thirds: np.ndarray = np.array(THIRDS, dtype=object)[place.to_numpy() * 3 // len(rows)]
    return thirds
