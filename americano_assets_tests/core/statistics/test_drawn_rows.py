"""Whole learners are drawn, the same ones however their rows come."""

import numpy as np
import pandas as pd

from americano_assets.core.statistics.drawn_rows import DrawnRows


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
