"""Figures of predictions that have matured: over everything, by course, by who made them, by learner."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import pandas as pd

from americano_assets.core.outcomes.fairness import Gap, largest_gaps
from americano_assets.core.statistics.metrics import (
    LEAST_ROWS,
    Calibration,
    calibration_bins,
    figures,
    figures_of_enough,
    too_few_to_share,
)
from americano_assets.core.study_days.study_day import day_of_number
from americano_assets.core.training.fit import RULES
from americano_assets.core.training.slices import parts_of, slices_of

MIN_LEARNER_ROWS = 20
# Of a course what trained models said: the rules promise an order, not frequencies, so they say nothing of calibration.
TRAINED_COURSE = "trained_course"
# What one kind of model said, all its versions: pooled with another's, its figures would be neither's.
MODEL_TYPE = "model_type"
LEARNER = "learner"
# What is asked of each row.
NEEDED = (
    *("learner_id", "course_id", "model_version", "model_type", "probability", "confidence", "flagged", "struggled"),
    *("in_analytics", "scored_day", "cold_start", "topic_log_successes", "topic_log_failures"),
)
_COLUMN = {
    "course": "course_id",
    TRAINED_COURSE: "course_id",
    MODEL_TYPE: "model_type",
    "model_version": "model_version",
    LEARNER: "learner_id",
}


@dataclass(frozen=True)
class Performance:
    """One scope's figures.

    Attributes:
        scope: all, course, trained_course, model_type, model_version or learner.
        scope_id: Id of the course or learner, the model's type or version, or empty.
        values: As core.metrics.figures; None where the rows are too few.
        curve: Calibration bins, or None.
        reason: Why figures are missing, or None.
        newest: Type and version of the model that made the newest of them.
        made_by: Rows by type of the model that made them.
        versions: How many models made them.
        scored: First and last study day on which they were made.
        slices: Figures by part, of a model's type alone: as core.training.slices.
        warnings: Of a model's type its flagged rows: those that struggled (`right`), those whose outcome is known
            (`known`), and those that had too few answers to tell (`unknown`).
        gaps: By kind of part the surest difference, the surest of all first.
    """

    scope: str
    scope_id: str
    values: dict[str, float | None]
    curve: Calibration | None
    reason: str | None
    newest: tuple[str, str]
    made_by: dict[str, int]
    versions: int
    scored: tuple[date, date]
    slices: list[dict[str, Any]] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    warnings: dict[str, int] | None = None


def performance(rows: pd.DataFrame, backgrounds: Mapping[str, pd.Series] | None = None) -> list[Performance]:
    """Figures of matured rows over everybody, by course (twice), by type and by version of model.

    Args:
        rows: With NEEDED; `struggled` is null where there were too few answers to tell, and such rows count in
            `warnings` alone. Learners who keep out of analytics do not count.
        backgrounds: What a model's figures are shown by too, by the index of `rows`.
    """
    untold = rows[rows["struggled"].isna() & rows["flagged"] & rows["in_analytics"]]
    unknown = untold["model_type"].value_counts()
    rows = _told(rows)
    shared = rows[rows["in_analytics"]]
    by_type = list(_by(MODEL_TYPE, shared))  # before any is shown by its parts: only one copy of its rows at a time
    return [
        *([_of("all", "", shared, LEAST_ROWS)] if len(shared) else []),
        *_by("course", shared),
        *_by(TRAINED_COURSE, shared[shared["model_type"] != RULES]),
        *(_sliced(one, shared, backgrounds, int(unknown.get(one.scope_id, 0))) for one in by_type),
        *_by("model_version", shared),
    ]


def own_performance(rows: pd.DataFrame) -> list[Performance]:
    """Figures of each learner with enough rows, in the order of their ids; all rows of a learner, as `performance`."""
    return list(_by(LEARNER, _told(rows)))


def maker(model_type: str) -> str:
    """What a reader calls who made a prediction."""
    return "the rules" if model_type == RULES else model_type.replace("_", " ")


def whose(model_type: str, versions: int, n: int, first: date, last: date, drawn: float | None = None) -> str:
    """Whose predictions figures are about, of which days, and how many they are; `drawn` if of a share of learners."""
    models = "" if model_type == RULES else f" ({versions} version{'' if versions == 1 else 's'})"
    days = f"on {first:%d %b %Y}" if first == last else f"from {first:%d %b %Y} to {last:%d %b %Y}"
    of = "" if drawn is None else f" (of {drawn:.1%} of the learners, drawn whole by a hash of their ids)"
    return f"{n:,} predictions by {maker(model_type)}{models}, made {days}, whose outcome is known{of}"


def _told(rows: pd.DataFrame) -> pd.DataFrame:
    # Filtered first: a column of other rows would bring them back into a frame that is empty by then.
    rows = rows[rows["struggled"].notna()]
    return rows.assign(struggled=rows["struggled"].astype(bool))


def _by(scope: str, rows: pd.DataFrame) -> Iterator[Performance]:
    least = MIN_LEARNER_ROWS if scope == LEARNER else LEAST_ROWS
    for identity, part in rows.groupby(_COLUMN[scope], sort=True):
        if scope != LEARNER or len(part) >= least:
            yield _of(scope, str(identity), part, least)


def _of(scope: str, identity: str, rows: pd.DataFrame, least: int) -> Performance:
    struggled = rows["struggled"].to_numpy(dtype=bool)
    p = rows["probability"].to_numpy(dtype=float)
    flagged = rows["flagged"].to_numpy(dtype=bool)
    values = (figures if scope == LEARNER else figures_of_enough)(struggled, p, flagged)
    curve: Calibration | None = calibration_bins(struggled, p)
    reason: str | None = None
    if len(rows) < least:
        curve, reason = None, f"{len(rows)} matured predictions, at least {least} are needed"
    elif scope != LEARNER:
        short = too_few_to_share(int(struggled.sum()), int(flagged.sum()))
        reason = "; ".join(dict.fromkeys(short.values())) or None
    days = rows["scored_day"]
    newest = rows.sort_values(["scored_day", "model_version"], kind="stable").iloc[-1]
    return Performance(
        scope,
        identity,
        values,
        curve,
        reason,
        (str(newest["model_type"]), str(newest["model_version"])),
        {str(name): int(n) for name, n in rows["model_type"].value_counts().sort_index().items()},
        int(rows["model_version"].nunique()),
        (day_of_number(int(days.min())), day_of_number(int(days.max()))),
    )


def _sliced(
    one: Performance, shared: pd.DataFrame, backgrounds: Mapping[str, pd.Series] | None, unknown: int
) -> Performance:
    rows = shared[shared["model_type"] == one.scope_id]
    parts = parts_of(rows, backgrounds)
    p, flagged = rows["probability"].to_numpy(dtype=float), rows["flagged"].to_numpy(dtype=bool)
    warnings = {
        "right": int((flagged & rows["struggled"].to_numpy(dtype=bool)).sum()),
        "known": int(flagged.sum()),
        "unknown": unknown,
    }
    return replace(one, slices=slices_of(rows, p, flagged, parts), gaps=largest_gaps(rows, parts), warnings=warnings)
