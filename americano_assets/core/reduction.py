"""The before/after figure: struggle rates of learners before and after their first published prediction.

It is observational. Learners are flagged after bad days, and bad days are followed by better ones without any help.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

PERIODS = {"week": 7, "month": 30, "all": None}
BASELINE_DAYS = 42
TIMELINE_WEEKS = 12
MIN_SESSIONS = 20
MIN_OBJECTIVES = 10
BASELINE = "baseline"
_COUNTED = ["studied", "struggled", "sessions"]


@dataclass(frozen=True)
class Reduction:
    """One scope's before and after for one period; rates are struggled / studied objectives, None with a reason."""

    scope: str
    scope_id: str
    period: str
    baseline_rate: float | None
    current_rate: float | None
    reduction_percentage: float | None
    baseline_studied: int
    current_studied: int
    baseline_start: Any
    first_prediction_at: Any
    timeline: list[dict[str, Any]]
    reason: str | None


def reductions(totals: pd.DataFrame, weekly: pd.DataFrame) -> list[Reduction]:
    """Figures for all learners, each course and each learner, for each period.

    Args:
        totals: One row a (learner, course, segment): `in_analytics`, `studied`, `struggled`, `sessions`,
            `first_at`, `baseline_start`; segment is `baseline` or a period.
        weekly: One row a (learner, course, week): `week` (its last day, ISO), `studied`, `struggled`, `in_analytics`.
    """
    if totals.empty:
        return []
    shared, shared_weekly = totals[totals["in_analytics"]], weekly[weekly["in_analytics"]]
    found = list(_of("all", "", shared, shared_weekly)) if len(shared) else []
    for scope, rows, weeks in (("course", shared, shared_weekly), ("learner", totals, weekly)):
        by_week = dict(list(weeks.groupby(f"{scope}_id", sort=True)))
        for identity, part in rows.groupby(f"{scope}_id", sort=True):
            found.extend(_of(scope, str(identity), part, by_week.get(identity, weeks.head(0))))
    return found


def _of(scope: str, identity: str, totals: pd.DataFrame, weekly: pd.DataFrame) -> Iterator[Reduction]:
    by_segment = totals.groupby("segment")[_COUNTED].sum()
    before = _counts(by_segment, BASELINE)
    enough = before["sessions"] >= MIN_SESSIONS or before["studied"] >= MIN_OBJECTIVES
    timeline = [
        {
            "date": str(week),
            "struggle_rate": float(part["struggled"].sum() / part["studied"].sum()),
            "struggles_count": int(part["struggled"].sum()),
            "topics_studied": int(part["studied"].sum()),
        }
        for week, part in weekly.groupby("week", sort=True)
        if part["studied"].sum() > 0
    ]
    for period in PERIODS:
        after = _counts(by_segment, period)
        baseline = before["struggled"] / before["studied"] if enough and before["studied"] else None
        current = after["struggled"] / after["studied"] if after["studied"] else None
        reason = None
        if baseline is None:
            reason = (
                f"before the first prediction only {before['studied']} objectives and {before['sessions']} sessions "
                f"were graded; {MIN_OBJECTIVES} objectives or {MIN_SESSIONS} sessions are needed"
            )
        elif current is None:
            reason = "nothing was graded in the current period"
        reduction = None
        if baseline and current is not None:
            reduction = (baseline - current) / baseline * 100
        elif baseline == 0:
            reason = "there was no struggle before, so nothing to reduce"
        yield Reduction(
            scope,
            identity,
            period,
            baseline,
            current,
            reduction,
            before["studied"],
            after["studied"],
            totals["baseline_start"].min(),
            totals["first_at"].min(),
            timeline,
            reason,
        )


def _counts(by_segment: pd.DataFrame, segment: str) -> dict[str, int]:
    return {name: int(by_segment[name].get(segment, 0)) for name in _COUNTED}
