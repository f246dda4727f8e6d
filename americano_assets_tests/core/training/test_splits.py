"""Train, calibration and test share no learner, and no training window reaches into the weeks that are tested."""

from collections.abc import Sequence
from datetime import date, timedelta

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from americano_assets.core.training.splits import TEST_WEEKS, TURNS, assign_splits, first_test_day, learner_split

FIRST = date(2026, 1, 1)
drawn_rows = st.lists(st.tuples(st.integers(1, 40), st.integers(0, 60)), min_size=1, max_size=120)


def frame(rows: Sequence[tuple[int, int]]) -> pd.DataFrame:
    """Rows of (learner, week)."""
    return pd.DataFrame(
        {
            "learner_id": [f"learner-{learner}" for learner, _ in rows],
            "cutoff_day": pd.to_datetime([FIRST + timedelta(weeks=week) for _, week in rows]),
        }
    )


@given(drawn_rows, st.integers(1, 60))
def test_splits_are_disjoint_in_learners_and_in_time(rows: Sequence[tuple[int, int]], horizon: int) -> None:
    given_rows = frame(rows)
    split = assign_splits(given_rows, horizon)
    assert split.index.equals(given_rows.index)
    learners = {name: set(part["learner_id"]) for name, part in given_rows.groupby(split)}
    names = [name for name in ("train", "calibration", "test") if name in learners]
    assert sum(len(learners[name]) for name in names) == len(set.union(set(), *(learners[name] for name in names)))
    first_test = pd.Timestamp(first_test_day(given_rows["cutoff_day"]))
    assert (given_rows.loc[split == "test", "cutoff_day"] >= first_test).all()
    taught = given_rows[split.isin(["train", "calibration"])]
    assert (taught["cutoff_day"] + pd.Timedelta(days=horizon) <= first_test).all()


@given(drawn_rows)
def test_no_row_is_left_out_that_could_be_used(rows: Sequence[tuple[int, int]]) -> None:
    given_rows = frame(rows)
    split = assign_splits(given_rows, 7)
    first_test = pd.Timestamp(first_test_day(given_rows["cutoff_day"]))
    home = given_rows["learner_id"].map(learner_split)
    late = given_rows["cutoff_day"] >= first_test
    early = given_rows["cutoff_day"] <= first_test - pd.Timedelta(days=7)
    assert (split[late & (home == "test")] == "test").all()
    assert (split[early & (home != "test")] == home[early & (home != "test")]).all()


def test_the_test_period_is_eight_weeks_or_a_third_of_what_there_is() -> None:
    long = frame([(1, week) for week in range(61)])["cutoff_day"]
    assert long.max().date() - first_test_day(long) == timedelta(weeks=TEST_WEEKS - 1)
    short = frame([(1, week) for week in range(7)])["cutoff_day"]
    assert short.max().date() - first_test_day(short) == timedelta(weeks=2)


def test_a_learners_part_never_changes_and_shares_are_as_said() -> None:
    parts = pd.Series([learner_split(f"learner-{number}") for number in range(4000)])
    shares = parts.value_counts(normalize=True)
    assert abs(shares["train"] - 0.6) < 0.03
    assert abs(shares["calibration"] - 0.2) < 0.03
    assert abs(shares["test"] - 0.2) < 0.03
    # A learner who moved between parts from one release to the next would be tested on what was trained on.
    assert [learner_split(f"learner-{number}") for number in (1, 2, 9)] == ["train", "calibration", "test"]


def test_no_rows_have_no_split() -> None:
    assert assign_splits(frame([]), 7).empty


def test_in_five_turns_everybody_is_tested_once_and_calibrates_once() -> None:
    for learner in map(str, range(300)):
        parts = [learner_split(learner, turn) for turn in range(TURNS)]
        assert sorted(parts) == ["calibration", "test", "train", "train", "train"]
        assert parts[0] == learner_split(learner)
