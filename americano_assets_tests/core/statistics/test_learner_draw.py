"""Whole learners are drawn in the order of a hash: a bound takes in, or leaves out, those at its end alone."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from americano_assets.core.statistics.learner_draw import SPARE, Draw, DrawnRows, drawn_until, key_bound, portion_of

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


@example((np.array([0], np.uint64), np.array([4], np.int64)), 1)
@given(counted, st.integers(1, 100))
def test_a_portion_is_the_smallest_that_has_enough_to_draw_from(
    found: tuple[np.ndarray, np.ndarray], most: int
) -> None:
    keys, rows = found
    portion = portion_of(keys, rows, most)
    inside = [int(rows[[int(key) < key_bound(by) for key in keys]].sum()) for by in range(portion.halvings + 2)]
    assert inside[portion.halvings] >= SPARE * most or portion.halvings == 0
    # A key has 64 bits: who has the very smallest cannot be halved away.
    assert inside[portion.halvings + 1] < SPARE * most or portion.halvings == 63
    assert (portion.learners, portion.outcomes) == (len(keys), rows.sum())


@pytest.mark.parametrize(("at_most", "rows"), [(False, "1,200 rows"), (True, "at most 1,200 rows")])
def test_a_draw_says_of_how_many_it_is(at_most: bool, rows: str) -> None:
    assert Draw(500, 7, 60, 1200, at_most).told(24, 498) == (
        f"24 of 60 learners, drawn whole by a hash of their ids, with 498 of {rows}, since AMERICANO_TRAINING_MOST is"
        " 500"
    )


def drawn(rows: pd.DataFrame, most: int, size: int) -> DrawnRows:
    found = DrawnRows(most)
    for start in range(0, len(rows), size):
        part = rows.iloc[start : start + size]
        found.add(part, part["key"].to_numpy())
    return found


def test_those_who_come_first_by_their_hash_are_drawn_whole() -> None:
    random = np.random.default_rng(0)
    keys = random.integers(2**63, 2**64, 40, dtype=np.uint64)
    rows = pd.DataFrame({"key": random.permutation(np.repeat(keys, 5)), "value": np.arange(200)})
    everybody = drawn(rows, 200, 200)
    assert everybody.share is None
    assert len(everybody.rows()) == 200
    some = drawn(rows, 52, 200)
    assert some.share == 10 / 40
    assert set(some.rows()["key"]) == set(np.sort(keys)[:10])
    assert len(some.rows()) == 50
    for size in (1, 7):
        pd.testing.assert_frame_equal(drawn(rows, 52, size).rows(), some.rows())
    assert drawn(rows, 52, 1).share == some.share


def test_of_nothing_nobody_is_drawn() -> None:
    assert DrawnRows(1).rows().empty
    assert DrawnRows(1).share is None
