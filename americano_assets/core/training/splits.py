"""Which learner teaches, which calibrates, which tests: by a hash of the id, so it never changes and needs no list."""

import hashlib
from datetime import date, timedelta

import numpy as np
import pandas as pd

TEST_WEEKS = 8
UNUSED = "unused"
# So many test parts make up all learners; the nights use the first.
TURNS = 5
_SHARES = (("train", 60), ("calibration", 80), ("test", 100))


def learner_split(learner_id: str, turn: int = 0) -> str:
    """Train (60 %), calibration (20 %) or test (20 %); in five turns, 0 to 4, everybody is tested once."""
    bucket = int.from_bytes(hashlib.sha256(f"split\x1f{learner_id}".encode()).digest()[:8], "big") % 100
    bucket = (bucket + turn * (100 // TURNS)) % 100
    return next(name for name, upto in _SHARES if bucket < upto)


def assign_splits(rows: pd.DataFrame, horizon_days: int, turn: int = 0) -> pd.Series:
    """The split of each row: learners disjoint, and time too.

    Test rows are the test learners' at the last cut-offs (eight weeks; a third of the span if that is less); train
    and calibration rows those of the other learners whose window closed before the first of these. The rest is
    `unused`: it would let a model see the weeks that it is tested on.

    Args:
        rows: `learner_id` and `cutoff_day` (date).
        horizon_days: H.
        turn: Which fifth of the learners is tested.
    """
    if rows.empty:
        return pd.Series([], dtype="object", index=rows.index)
    first_test = first_test_day(rows["cutoff_day"])
    by_learner = rows["learner_id"].drop_duplicates()
    split = rows["learner_id"].map({learner: learner_split(learner, turn) for learner in by_learner})
    days = pd.to_datetime(rows["cutoff_day"])
    late = days >= pd.Timestamp(first_test)
    closed = days + pd.Timedelta(days=horizon_days) <= pd.Timestamp(first_test)
    fits = np.where(split == "test", late, closed)
    return split.where(fits, UNUSED)


def first_test_day(cutoff_days: pd.Series) -> date:
    """The first cut-off of the test period."""
    days = pd.to_datetime(cutoff_days)
    first, last = days.min().date(), days.max().date()
    span = min(timedelta(weeks=TEST_WEEKS - 1), (last - first) / 3)
    return last - timedelta(days=span.days)
