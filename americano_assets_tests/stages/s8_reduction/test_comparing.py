"""What one comparison may claim: learners are what counts, and where arms cannot be compared nothing is claimed."""

import numpy as np
import pandas as pd
import pytest

from americano_assets.core.effects.observational import observed, with_history
from americano_assets.core.effects.randomized import compared

LEARNERS, EPISODES = 300, 8
START = pd.Timestamp("2026-01-04 23:00")


def by_learner(seed: int) -> pd.DataFrame:
    """One row a learner; whole learners are in an arm."""
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "user_id": [f"learner-{number:03d}" for number in range(LEARNERS)],
            "probability": random.uniform(0.5, 0.9, LEARNERS),
            "treated": random.random(LEARNERS) < 0.5,
            "struggle": random.random(LEARNERS) < 0.4,
        }
    )


def test_a_learner_who_answers_ten_times_the_same_counts_once() -> None:
    once = by_learner(1)
    one, ten = compared(once, "struggle"), compared(pd.concat([once] * 10), "struggle")
    assert ten.estimate == pytest.approx(one.estimate)
    assert ten.standard_error == pytest.approx(one.standard_error, rel=0.01)
    assert (ten.n_treated, ten.learners_treated) == (10 * one.n_treated, one.learners_treated)


def shown(applies: np.ndarray, p: np.ndarray, chance: np.ndarray) -> pd.DataFrame:
    """Weekly episodes that were all shown help, (learner, week): who applied it, p, and the chance of a struggle."""
    random = np.random.default_rng(2)
    who, week = (values.ravel() for values in np.indices((LEARNERS, EPISODES)))
    opened = [START + pd.Timedelta(weeks=int(number)) for number in week]
    return with_history(
        pd.DataFrame(
            {
                "prediction_id": [f"e{number:05d}" for number in range(len(who))],
                "user_id": [f"learner-{number:03d}" for number in who],
                "flagged_at": opened,
                "outcome_at": [at + pd.Timedelta(days=6) for at in opened],
                "probability": p.ravel(),
                "struggle": random.random(len(who)) < chance.ravel(),
                "treated": random.random(len(who)) < applies.ravel(),
            }
        )
    )


def test_where_better_learners_apply_help_the_placebo_says_so() -> None:
    random = np.random.default_rng(3)
    good = np.repeat(random.random(LEARNERS) < 0.5, EPISODES).reshape(LEARNERS, EPISODES)
    p = random.uniform(0.55, 0.65, good.shape)  # p does not know it
    found = observed(shown(np.where(good, 0.7, 0.3), p, np.where(good, 0.15, 0.75)))
    assert found.placebo is not None
    assert found.placebo.high is not None
    assert found.placebo.high < 0
    assert str(found.adjusted.reason).startswith("The placebo check failed")


def test_where_p_alone_decides_who_applies_help_nothing_is_estimated() -> None:
    p = np.random.default_rng(4).uniform(0.4, 0.9, (LEARNERS, EPISODES))
    found = observed(shown(np.where(p > 0.65, 0.98, 0.02), p, p))
    assert found.overlap is not None
    assert found.overlap < 0.5
    assert found.adjusted.estimate is found.adjusted.low is None
    assert str(found.adjusted.reason).startswith("Insufficient overlap")
