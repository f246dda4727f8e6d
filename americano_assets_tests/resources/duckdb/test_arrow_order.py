"""Rows get into their order whether they came in a few sorted pieces or in none."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from americano_assets.resources.duckdb import row_order
from americano_assets.resources.duckdb.row_order import sorted_rows


@given(st.lists(st.integers(0, 1 << 40), unique=True, max_size=40), st.integers(1, 5), st.integers(0, 40))
def test_any_order_of_any_chunks_becomes_the_one_of_places(places: list[int], chunk: int, most: int) -> None:
    given_rows = pa.table({"place": pa.array(places, pa.int64()), "name": pa.array(map(str, places), pa.string())})
    rows = pa.Table.from_batches(given_rows.to_batches(max_chunksize=chunk), given_rows.schema)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(row_order, "_MOST_PIECES", most)
        found = sorted_rows(rows, np.array(places, np.int64))
    assert found.to_pylist() == [{"place": one, "name": str(one)} for one in sorted(places)]


def test_sorted_pieces_are_moved_not_copied() -> None:
    rows = pa.table({"place": np.r_[np.arange(10, 20), np.arange(10)]})
    found = sorted_rows(rows, rows["place"].to_numpy())
    assert [len(chunk) for chunk in found["place"].chunks] == [10, 10]
    addresses = {chunk.buffers()[1].address for chunk in found["place"].chunks}
    assert addresses == {rows["place"].chunk(0).buffers()[1].address}
