"""Help that works is planted: who trains on all rows learns to warn less, who leaves the helped ones out does not.

Marks, splits, weights and training as a night puts them together; only the rows are made here.
"""

from functools import cache

import numpy as np
import pandas as pd

from americano_assets.core.base.arrays import FloatArray
from americano_assets.core.training.fit import LOGISTIC
from americano_assets.core.training.retraining_policy import UNTREATED
from americano_assets.core.training.splits import UNUSED, assign_splits
from americano_assets.core.training.train import train
from americano_assets.core.training.treated_rows import HELD_OUT, TREATED, WEIGHT, row_weights, with_marks, withheld
from americano_assets_tests.frames import feature_rows

LEARNERS, WEEKS = 500, 12
WARNED_FROM, HOLDOUT, HELP = 0.5, 0.3, -1.5
FIRST = pd.Timestamp("2026-01-05")
FRESH = np.linspace(0.05, 0.95, 181)


def untreated(performance: FloatArray) -> FloatArray:
    """The planted probability of a struggle where nobody helps."""
    chance: FloatArray = 1 / (1 + np.exp(4 * performance - 2))
    return chance


@cache
def marked() -> pd.DataFrame:
    """A term in which all who were likely to struggle were warned but for a holdout; help took HELP off the logit."""
    generator = np.random.default_rng(4)
    learner, week = np.repeat(np.arange(LEARNERS), WEEKS), np.tile(np.arange(WEEKS), LEARNERS)
    performance = generator.uniform(size=len(learner))
    chance = untreated(performance)
    warned = chance > WARNED_FROM
    helped = warned & (generator.uniform(size=len(learner)) > HOLDOUT)
    odds = chance / (1 - chance) * np.where(helped, np.exp(HELP), 1.0)
    start = FIRST + pd.to_timedelta(7 * week, unit="D")
    rows = feature_rows(*({"session_performance_score": one, "retention_score": 0.8} for one in performance)).assign(
        learner_id=[f"learner-{one}" for one in learner],
        objective_id=[f"objective-{one}" for one in week],
        struggled=generator.uniform(size=len(learner)) < odds / (1 + odds),
        truth=chance,
        cutoff_day=start,
        window_start=start,
        window_end=start + pd.Timedelta(days=7),
    )
    flags = rows.loc[warned, ["learner_id", "objective_id"]].assign(
        arm=np.where(helped[warned], "treated", "holdout"),
        eligible=True,
        holdout_share=HOLDOUT,
        flagged_at=start[warned],
        flag_window_end=(start + pd.Timedelta(days=7))[warned],
    )
    return with_marks(rows, flags)


@cache
def teaching(training_rows: str) -> pd.DataFrame:
    rows = marked()
    weights = row_weights(np.zeros(len(rows), dtype=bool), rows[HELD_OUT].to_numpy(dtype=float), training_rows)
    split = withheld(assign_splits(rows, 7), rows[TREATED], training_rows)
    rows = rows.assign(split=split)
    rows[WEIGHT] = weights
    return rows


def mistakes(training_rows: str) -> FloatArray:
    """Predicted less planted probability, of nobody whom help reached, at the values of FRESH that are warned of."""
    scorer = train(teaching(training_rows), LOGISTIC).candidates[LOGISTIC].scorer
    fresh = feature_rows(*({"session_performance_score": one, "retention_score": 0.8} for one in FRESH))
    found: FloatArray = scorer.probability(fresh) - untreated(FRESH)
    return found[untreated(FRESH) > WARNED_FROM]


def test_rows_whom_help_changed_teach_to_warn_less_and_the_others_the_truth() -> None:
    assert mistakes("all").mean() < -0.1
    found = mistakes(UNTREATED)
    assert abs(found.mean()) < 0.02
    assert np.abs(found).max() < 0.06


def test_the_holdout_stands_for_those_left_out() -> None:
    rows = teaching(UNTREATED)
    rows = rows[rows["split"] != UNUSED]
    assert not rows[TREATED].any()
    truth = marked()["truth"].mean()
    assert abs(np.average(rows["struggled"], weights=rows[WEIGHT]) - truth) < 0.02
    # Counted once each they would not: the likely are too few among them.
    assert rows["struggled"].mean() < truth - 0.1
