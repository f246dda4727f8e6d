"""Intervals cover what was planted, know that a learner's rows hang together, and do not depend on names or order."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from americano_assets.core.statistics.cluster_bootstrap import (
    LEAST_LEARNERS,
    draws,
    paired_difference,
)

Array = npt.NDArray[np.float64]
PLANTED = -0.03


def planted(seed: int, learners: int = 60, rows: int = 8) -> tuple[Array, Array, npt.NDArray[np.int64]]:
    """Losses whose mean difference is PLANTED, most of their spread between learners."""
    random = np.random.default_rng(seed)
    learner = np.repeat(np.arange(learners), rows)
    b = random.exponential(0.5, learners * rows)
    a = b + PLANTED + np.repeat(random.normal(0, 0.1, learners), rows) + random.normal(0, 0.05, len(b))
    return a, b, learner


def test_the_interval_covers_the_planted_difference_as_often_as_it_says() -> None:
    found = [paired_difference(*planted(seed), replicates=200) for seed in range(200)]
    covered = np.mean([one.low <= PLANTED <= one.high for one in found if one is not None])
    assert 0.90 <= covered <= 0.99


def test_rows_of_one_learner_are_not_taken_for_many_learners() -> None:
    a, b, learner = planted(1)
    by_learner = paired_difference(a, b, learner)
    by_row = paired_difference(a, b, np.arange(len(a)))
    assert by_learner is not None
    assert by_row is not None
    assert by_learner.high - by_learner.low > 1.5 * (by_row.high - by_row.low)
    assert by_learner.estimate == pytest.approx((a - b).mean(), abs=1e-8)


@settings(max_examples=20)
@given(st.randoms(use_true_random=False))
def test_neither_names_nor_order_change_a_digit(random: object) -> None:
    a, b, learner = planted(2, learners=12)
    names = [f"learner-{number}" for number in range(12)]
    random.shuffle(names)  # type: ignore[attr-defined]
    order = list(range(len(a)))
    random.shuffle(order)  # type: ignore[attr-defined]
    renamed = np.array(names)[learner]
    assert paired_difference(a[order], b[order], renamed[order]) == paired_difference(a, b, learner)


def test_equal_losses_differ_by_nothing() -> None:
    a, _, learner = planted(3)
    found = paired_difference(a, a, learner)
    assert found is not None
    assert (found.estimate, found.low, found.high) == (0, 0, 0)


def test_too_few_learners_have_no_interval() -> None:
    a, b, learner = planted(4, learners=LEAST_LEARNERS - 1)
    assert paired_difference(a, b, learner) is None
    assert paired_difference(np.array([]), np.array([]), np.array([])) is None


def test_rows_that_do_not_match_are_refused() -> None:
    with pytest.raises(ValueError, match="not the same rows"):
        paired_difference(np.zeros(3), np.zeros(3), np.zeros(2))
    with pytest.raises(ValueError, match="not finite"):
        paired_difference(np.array([np.inf]), np.zeros(1), np.zeros(1))


def test_every_draw_takes_as_many_learners_as_there_are() -> None:
    assert all(drawn.sum() == 25 and len(drawn) == 25 for drawn in draws(25, replicates=50))
