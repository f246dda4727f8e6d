"""What is still missing before a model can be trained: agrees with what training and its gate themselves refuse."""

from datetime import date, timedelta

import pytest

from americano_assets.core.study_days.study_day import weekly_cutoffs
from americano_assets.core.training.readiness import first_training_day, lacking

ENOUGH = {"train_learners": 3.0, "calibration_learners": 1.0, "test_learners": 10.0}


def test_nothing_is_missing_where_there_is_enough() -> None:
    assert lacking(ENOUGH) == []


@pytest.mark.parametrize(
    ("split", "told"),
    [("train", "2 of 3 to learn from"), ("calibration", "0 of 1 to calibrate on"), ("test", "9 of 10 held out")],
)
def test_one_learner_too_few_is_told_with_how_many_it_takes(split: str, told: str) -> None:
    (found,) = lacking(ENOUGH | {f"{split}_learners": ENOUGH[f"{split}_learners"] - 1})
    assert found.startswith(told)


@pytest.mark.parametrize("begins", [date(2026, 11, 20) + timedelta(days=n) for n in range(7)])
@pytest.mark.parametrize("horizon", [1, 7, 14])
def test_the_first_outcomes_are_there_on_the_day_that_is_told_and_not_before(begins: date, horizon: int) -> None:
    first = first_training_day(begins, horizon)
    assert weekly_cutoffs(first, begins, 104, horizon)
    assert not weekly_cutoffs(first - timedelta(days=1), begins, 104, horizon)
