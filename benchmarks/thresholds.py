"""Over how many weeks of calibration rows the threshold should be chosen: what it gives on the weeks to come.

./americano demo && .venv/bin/python -m benchmarks.thresholds

On the newest training set of the deployment: again and again five weeks earlier, models are trained on what had closed
by then, and judged on the eight weeks after it and on learners that none of them saw. The weeks on which the nights
test their models are left out: what is chosen here is not chosen on them.
"""

from collections.abc import Iterator

import pandas as pd
from rich.progress import track

from americano_assets.core import models
from americano_assets.core.arrays import BoolArray
from americano_assets.core.boosting import outcomes
from americano_assets.core.splits import TEST_WEEKS, first_test_day, learner_split
from americano_assets.errors import AmericanoError
from americano_assets.resources.datasets import TRAINING_SET
from americano_assets.resources.deployment import Deployment
from americano_assets.settings import load_settings

_TIMES, _STEP = 11, pd.Timedelta(weeks=5)
_TURNS = (0, 2)
_LEAST_ROWS = 5_000
_WEEKS = (13, 26, 52, 104)
_RECALL, _ACCURACY = 0.70, 0.75


def main() -> None:
    deployment = Deployment(load_settings())
    day = deployment.store.last_day_with("model")
    stored = None if day is None else deployment.store.read_day(TRAINING_SET, day)
    if stored is None:
        raise AmericanoError("There is no training set here: run `americano demo` first.")
    found = []
    total = _TIMES * len(_TURNS)
    parts = _parts(stored.to_pandas(), deployment.target.horizon_days)
    for train, calibration, judged in track(parts, "Training", total=total):
        struggled = outcomes(judged)
        for name, scorer in models.fit_models(train, calibration, models.TRAINED_TYPES).items():
            p, known = scorer.probability(judged), scorer.probability(calibration)
            for weeks in _WEEKS:
                at = models.with_threshold(scorer, calibration, known, weeks=weeks)
                flagged: BoolArray = at.flagged(judged, p)
                recall, accuracy = float(flagged[struggled].mean()), float((flagged == struggled).mean())
                both = recall > _RECALL and accuracy > _ACCURACY
                found.append((name, weeks, recall, abs(recall - models.RECALL_AIM), accuracy, both))
    columns = ["model", "weeks", "recall", f"off {models.RECALL_AIM}", "accuracy", "both targets met"]
    table = pd.DataFrame(found, columns=columns).groupby(["model", "weeks"], sort=False)
    print(f"Means of {table.size().iloc[0]} trainings\n{table.mean().round(3).to_string()}")


def _parts(rows: pd.DataFrame, horizon_days: int) -> Iterator[tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]]:
    days = pd.to_datetime(rows["cutoff_day"])
    last = pd.Timestamp(first_test_day(rows["cutoff_day"]))
    for time in range(_TIMES):
        at = last - pd.Timedelta(weeks=TEST_WEEKS) - time * _STEP
        closed = days + pd.Timedelta(days=horizon_days) <= at
        ahead = (days >= at) & (days < at + pd.Timedelta(weeks=TEST_WEEKS))
        for turn in _TURNS:
            split = rows["learner_id"].map({one: learner_split(one, turn) for one in rows["learner_id"].unique()})
            train, calibration = (rows[closed & (split == name)] for name in ("train", "calibration"))
            judged = rows[ahead & (split == "test")]
            if len(train) >= _LEAST_ROWS and judged["struggled"].nunique() == 2:
                yield train, calibration, judged


if __name__ == "__main__":
    main()
