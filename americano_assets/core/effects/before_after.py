"""The before/after figure: struggle rates of learners before and after their first published prediction.

Both sides are judged by weeks, back to back: the longer a window, the more answers it holds, and the likelier a
struggle. A rate's n is of (learner, objective, week)s that were studied enough for a verdict. It is observational:
caution.py says what it does not tell.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

# The last whole weeks since the first prediction; None: all of them.
PERIOD_WEEKS = {"week": 1, "month": 4, "all": None}
BASELINE_WEEKS = 6
TIMELINE_WEEKS = 12
MIN_SESSIONS = 20
MIN_OBJECTIVES = 10
BASELINE = "baseline"


@dataclass(frozen=True)
class Reduction:
    """One scope's before and after for one period; rates are struggled / studied, None with a reason.

    `current_weeks`: how many whole weeks are compared, of the learner who has most.
    """

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
    current_weeks: int
    timeline: list[dict[str, Any]]
    reason: str | None


def reductions(totals: pd.DataFrame, weekly: pd.DataFrame) -> list[Reduction]:
    """Figures for all learners, each course and each learner, for each period.

    Args:
        totals: One row a (learner, course, segment): `in_analytics`, `studied`, `struggled`, `objectives`, `sessions`,
            `first_at`, `baseline_start`, `whole_weeks` (since first_at); segment is `baseline`, a period, or another.
        weekly: One row a (learner, course, week): `week` (its last day, ISO), `studied`, `struggled`, `in_analytics`.
    """
    if totals.empty:
        return []
    shared, shared_weekly = totals[totals["in_analytics"]], weekly[weekly["in_analytics"]]
    return [
        *_of_scope("all", shared.assign(all_id=""), shared_weekly.assign(all_id="")),
        *_of_scope("course", shared, shared_weekly),
        *_of_scope("learner", totals, weekly),
    ]


def _of_scope(scope: str, totals: pd.DataFrame, weekly: pd.DataFrame) -> Iterator[Reduction]:
    """The figures of each course or learner; grouped once, because there may be a hundred thousand learners."""
    key = f"{scope}_id"
    counts: dict[str, dict[str, _Counts]] = {}
    grouped = totals.groupby([key, "segment"])[["studied", "struggled", "objectives", "sessions"]].sum()
    for identity, segment, *numbers in grouped.reset_index().itertuples(index=False):
        counts.setdefault(str(identity), {})[str(segment)] = _Counts(*map(int, numbers))
    starts = totals.groupby(key).agg({"baseline_start": "min", "first_at": "min", "whole_weeks": "max"})
    timelines: dict[str, list[dict[str, Any]]] = {}
    by_week = weekly.groupby([key, "week"])[["studied", "struggled"]].sum()
    for identity, week, studied, struggled in by_week[by_week["studied"] > 0].reset_index().itertuples(index=False):
        timelines.setdefault(str(identity), []).append(
            {
                "date": str(week),
                "struggle_rate": int(struggled) / int(studied),
                "struggles_count": int(struggled),
                "topics_studied": int(studied),
            }
        )
    for identity, baseline_start, first_at, whole_weeks in starts.itertuples():
        by_segment, timeline = counts[str(identity)], timelines.get(str(identity), [])
        for period, most in PERIOD_WEEKS.items():
            weeks = int(whole_weeks if most is None else min(most, whole_weeks))
            before, after = by_segment.get(BASELINE, _Counts()), by_segment.get(period, _Counts())
            yield _figure(scope, str(identity), period, before, after, baseline_start, first_at, weeks, timeline)


@dataclass(frozen=True)
class _Counts:
    studied: int = 0
    struggled: int = 0
    objectives: int = 0
    sessions: int = 0

    @property
    def rate(self) -> float | None:
        return self.struggled / self.studied if self.studied else None


def _figure(
    scope: str,
    identity: str,
    period: str,
    before: _Counts,
    after: _Counts,
    baseline_start: Any,
    first_at: Any,
    weeks: int,
    timeline: list[dict[str, Any]],
) -> Reduction:
    enough = before.sessions >= MIN_SESSIONS or before.objectives >= MIN_OBJECTIVES
    baseline = before.rate if enough else None
    current = after.rate
    reduction, reason = None, None
    if baseline is None:
        reason = (
            f"before the first prediction only {before.objectives} objectives and {before.sessions} sessions were"
            f" graded; {MIN_OBJECTIVES} objectives or {MIN_SESSIONS} sessions are needed"
        )
    elif not weeks:
        reason = "no whole week has passed since the first prediction"
    elif current is None:
        last = f"{weeks} whole weeks" if weeks > 1 else "week"
        lately = "" if PERIOD_WEEKS[period] is None else f", in the last {last}"
        reason = f"no objective has enough graded answers since the first prediction to tell how it went{lately}"
    elif baseline == 0:
        reason = "there was no struggle before, so nothing to reduce"
    else:
        reduction = (baseline - current) / baseline * 100
    return Reduction(
        scope,
        identity,
        period,
        baseline,
        current,
        reduction,
        before.studied,
        after.studied,
        baseline_start,
        first_at,
        weeks,
        timeline,
        reason,
    )
