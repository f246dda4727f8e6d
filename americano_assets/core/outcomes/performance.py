"""Figures of predictions that have matured: over everything, by course, by model version, by learner."""

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from americano_assets.core.statistics.metrics import LEAST_ROWS, Calibration, calibration_bins, figures
from americano_assets.core.training.fit import RULES

MIN_LEARNER_ROWS = 20
# Of a course what trained models said: the rules promise an order, not frequencies, so they say nothing of calibration.
TRAINED_COURSE = "trained_course"
_COLUMN = {
    "course": "course_id",
    TRAINED_COURSE: "course_id",
    "model_version": "model_version",
    "learner": "learner_id",
}


@dataclass(frozen=True)
class Performance:
    """One scope's figures.

    Attributes:
        scope: all, course, trained_course, model_version or learner.
        scope_id: Id of the course or learner, the model version, or empty.
        values: As core.metrics.figures; None where the rows are too few.
        curve: Calibration bins, or None.
        reason: Why figures are missing, or None.
    """

    scope: str
    scope_id: str
    values: dict[str, float | None]
    curve: Calibration | None
    reason: str | None


def performance(rows: pd.DataFrame) -> list[Performance]:
    """Figures of matured rows: all, each course (twice), each model version, and each learner with enough of them.

    Args:
        rows: `learner_id`, `course_id`, `model_version`, `model_type`, `probability`, `flagged`, `struggled` (known),
            `in_analytics`.
            Learners who keep out of analytics count in no aggregate but their own.
    """
    shared = rows[rows["in_analytics"]]
    return [
        _of("all", "", shared, LEAST_ROWS),
        *_by("course", shared),
        *_by(TRAINED_COURSE, shared[shared["model_type"] != RULES]),
        *_by("model_version", shared),
        *_by("learner", rows),
    ]


def _by(scope: str, rows: pd.DataFrame) -> Iterator[Performance]:
    least = MIN_LEARNER_ROWS if scope == "learner" else LEAST_ROWS
    for identity, part in rows.groupby(_COLUMN[scope], sort=True):
        if scope != "learner" or len(part) >= least:
            yield _of(scope, str(identity), part, least)


def _of(scope: str, identity: str, rows: pd.DataFrame, least: int) -> Performance:
    struggled = rows["struggled"].to_numpy(dtype=bool)
    p = rows["probability"].to_numpy(dtype=float)
    values = figures(struggled, p, rows["flagged"].to_numpy(dtype=bool))
    if len(rows) < least:
        few = {name: value if name == "n" else None for name, value in values.items()}
        return Performance(scope, identity, few, None, f"{len(rows)} matured predictions, at least {least} are needed")
    return Performance(scope, identity, values, calibration_bins(struggled, p), None)
