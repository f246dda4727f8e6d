"""Rows as mappings are those of pandas, value for value and type for type."""

from datetime import datetime

import numpy as np
import pandas as pd
import pyarrow as pa

from americano_assets.core.base.records import mappings
from americano_assets_tests.frames import scored_rows


def test_they_are_what_pandas_gives() -> None:
    scored = scored_rows([{"retention_score": 0.1}, {}]).assign(
        arrays=pa.array([["a"], None]).to_pandas(),
        place=np.array([3, 4], np.int32),
        share=[0.5, np.nan],
        nothing=None,
        at=pa.array([datetime(2026, 3, 9, 23), None], pa.timestamp("us")).to_pandas(),  # noqa: DTZ001
    )
    for frame in (scored, scored.head(0), scored.iloc[[1, 0]], pd.DataFrame()):
        found, given = mappings(frame), frame.to_dict("records")
        assert [[*map(repr, row.items())] for row in found] == [[*map(repr, row.items())] for row in given]
        assert [[*map(type, row.values())] for row in found] == [[*map(type, row.values())] for row in given]
