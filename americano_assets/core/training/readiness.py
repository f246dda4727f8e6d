"""What a training set still lacks before a trained model can score, in clauses."""

from collections.abc import Mapping
from datetime import date, timedelta

from americano_assets.core.statistics.cluster_bootstrap import LEAST_LEARNERS
from americano_assets.core.study_days.study_day import days_between, weekly_cutoffs
from americano_assets.core.training.fit_logistic import CV_FOLDS
from americano_assets.core.training.splits import TURNS

_WEEK = timedelta(weeks=1)


def first_training_day(log_begins: date, horizon_days: int) -> date:
    """The first study day whose night can know outcomes: that of a weekly cut-off whose window has closed."""
    days = days_between(log_begins, log_begins + _WEEK + timedelta(days=horizon_days))
    return next(day for day in days if weekly_cutoffs(day, log_begins, len(days), horizon_days))


def lacking(rows: Mapping[str, float]) -> list[str]:
    """Which learners with known outcomes are missing, a clause each.

    Empty where a trained model can be fitted and compared with the rules.

    Args:
        rows: Rows and learners of each split, as `Training.rows`.
    """
    needed = (
        ("train", CV_FOLDS, "to learn from"),
        ("calibration", 1, "to calibrate on"),
        ("test", LEAST_LEARNERS, f"held out to compare it with the rules on (one in {TURNS} learners is)"),
    )
    found = {split: int(rows.get(f"{split}_learners", 0)) for split, _, _ in needed}
    return [f"{found[split]} of {least} {what}" for split, least, what in needed if found[split] < least]
