"""Trainings as of earlier days, each judged on the weeks after it: what a choice between models should be made by."""

from collections.abc import Iterator

import pandas as pd

from americano_assets.core.training.splits import TEST_WEEKS, first_test_day, learner_split
from americano_assets.errors import AmericanoError
from americano_assets.stages.common.deployment import Deployment
from americano_assets.stages.s3_training.dataset_versions import TRAINING_SET

TIMES, _STEP = 11, pd.Timedelta(weeks=5)
TURNS = (0, 2)
_LEAST_ROWS = 5_000


def newest_rows(deployment: Deployment) -> pd.DataFrame:
    """The newest training set."""
    day = deployment.store.last_day_with("model")
    stored = None if day is None else deployment.store.read_day(TRAINING_SET, day)
    if stored is None:
        raise AmericanoError("There is no training set here: run `americano demo` first.")
    found: pd.DataFrame = stored.to_pandas()
    return found


def trainings(rows: pd.DataFrame, horizon_days: int) -> Iterator[tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]]:
    """Training, calibration and judged rows, every five weeks back, two turns of learners each.

    What is judged are the eight weeks after a day, by learners of neither of the others. The weeks on which the nights
    test their models are left out: what is chosen here is not chosen on them.
    """
    days = pd.to_datetime(rows["cutoff_day"])
    last = pd.Timestamp(first_test_day(rows["cutoff_day"]))
    for time in range(TIMES):
        at = last - pd.Timedelta(weeks=TEST_WEEKS) - time * _STEP
        closed = days + pd.Timedelta(days=horizon_days) <= at
        ahead = (days >= at) & (days < at + pd.Timedelta(weeks=TEST_WEEKS))
        for turn in TURNS:
            split = rows["learner_id"].map({one: learner_split(one, turn) for one in rows["learner_id"].unique()})
            train, calibration = (rows[closed & (split == name)] for name in ("train", "calibration"))
            judged = rows[ahead & (split == "test")]
            if len(train) >= _LEAST_ROWS and judged["struggled"].nunique() == 2:
                yield train, calibration, judged
