"""Whole learners are drawn in the order of a hash: a bound takes in, or leaves out, those at its end alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from americano_assets.core.training.learner_draw import SPARE, Draw, drawn_until, key_bound, portion_of

# Keys and rows of learners, ascending.
counted = st.dictionaries(st.integers(0, 2**64 - 1), st.integers(1, 50), min_size=1, max_size=40).map(
    lambda found: (np.array(sorted(found), np.uint64), np.array([found[key] for key in sorted(found)], np.int64))
)


@given(counted, st.integers(1, 500))
def test_as_many_learners_as_fit_are_drawn_and_no_row_more(found: tuple[np.ndarray, np.ndarray], most: int) -> None:
    keys, rows = found
    until = drawn_until(keys, rows, most)
    kept = np.ones(len(keys), bool) if until is None else keys < until
    assert rows[kept].sum() <= most
    assert kept.all() or rows[kept].sum() + rows[np.flatnonzero(~kept)[0]] > most
    # A larger bound keeps everybody who was drawn for a smaller one.
    more = drawn_until(keys, rows, most + 7)
    assert more is None or (until is not None and more >= until)


@given(counted, st.integers(1, 100))
def test_a_portion_is_the_smallest_that_has_enough_to_draw_from(
    found: tuple[np.ndarray, np.ndarray], most: int
) -> None:
    keys, rows = found
    portion = portion_of(keys, rows, most)
    inside = [int(rows[[int(key) < key_bound(by) for key in keys]].sum()) for by in range(portion.halvings + 2)]
    assert inside[portion.halvings] >= SPARE * most or portion.halvings == 0
    assert inside[portion.halvings + 1] < SPARE * most
    assert (portion.learners, portion.outcomes) == (len(keys), rows.sum())


@pytest.mark.parametrize(("at_most", "rows"), [(False, "1,200 rows"), (True, "at most 1,200 rows")])
def test_a_draw_says_of_how_many_it_is(at_most: bool, rows: str) -> None:
    assert Draw(500, 7, 60, 1200, at_most).told(24, 498) == (
        f"24 of 60 learners, drawn whole by a hash of their ids, with 498 of {rows}, since AMERICANO_TRAINING_MOST is"
        " 500"
    )
