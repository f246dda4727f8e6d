"""Which map turns log-odds into p: what wins on rows that it has not seen, and rather on weeks than on learners."""

import numpy as np
import pandas as pd
import pytest

from americano_assets.core.arrays import BoolArray, FloatArray, sigmoid
from americano_assets.core.calibrating import BLOCK, BLOCKS, ISOTONIC_ROWS, fit_calibrator

LAST = pd.Timestamp("2026-03-01")
N = 6 * ISOTONIC_ROWS


class Rows:
    """Log-odds and outcomes: certain beyond 1.5 until `changed`, a sigmoid since."""

    def __init__(self, changed: pd.Timestamp, weeks: int = 100) -> None:
        generator = np.random.default_rng(3)
        self.log_odds: FloatArray = generator.normal(0, 1.5, N)
        self.days = pd.Series(LAST - pd.to_timedelta(generator.integers(0, weeks, N), "W"))
        self.learner = pd.Series(generator.integers(0, 300, N).astype(str))
        steps = np.where(np.abs(self.log_odds) > 1.5, self.log_odds > 0, 0.5)
        p = np.where(self.days < changed, steps, sigmoid(self.log_odds))
        self.struggled: BoolArray = generator.uniform(size=N) < p

    def method(self, *, dated: bool = True) -> str:
        weight = np.ones(N)
        days = self.days if dated else None
        return fit_calibrator(self.log_odds, self.struggled, weight, self.learner, days).method


def test_a_map_that_fits_last_year_is_not_chosen_for_the_weeks_to_come() -> None:
    rows = Rows(changed=LAST - BLOCKS * BLOCK)
    assert rows.method(dated=False) == "isotonic"
    assert rows.method() == "sigmoid"


def test_one_that_still_fits_is() -> None:
    assert Rows(changed=LAST + BLOCK).method() == "isotonic"


@pytest.mark.parametrize("weeks", [1, BLOCK.days // 7])
def test_with_too_few_weeks_folds_of_learners_choose(weeks: int) -> None:
    assert Rows(changed=LAST + BLOCK, weeks=weeks).method() == "isotonic"


def test_a_map_is_not_judged_on_rows_that_it_saw() -> None:
    # A sigmoid is the truth: an isotonic map does better on its own rows alone.
    rows = Rows(changed=LAST - 100 * BLOCK, weeks=(BLOCKS + 1) * BLOCK.days // 7)
    assert rows.method() == "sigmoid"
    assert rows.method(dated=False) == "sigmoid"
