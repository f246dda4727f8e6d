"""The same features in straightforward pandas, and by a loop of queries an objective, beside the night's SQL.

.venv/bin/python -m benchmarks.alternatives [--learners N] [--loop PAIRS]

pandas computes the fifteen (pandas_features.py), and its values are compared with the night's. The loop asks a
PostgreSQL with indexes what the original service asked for each objective, and computes nothing.
"""

import argparse
import os
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from americano_assets.core.features.catalog import FEATURE_NAMES
from americano_assets.resources.parquet_store.store import ParquetStore
from americano_assets.resources.postgres.connection import connect
from americano_assets.stages.s2_features.feature_engine import open_feature_engine
from benchmarks.cohort import LAST_DAY, Size, moment, night, write_cohort
from benchmarks.database import database
from benchmarks.features import load_state, taken
from benchmarks.pandas_features import INPUTS, PAIR, fifteen

_REVIEWS = """
SELECT r.rating, r."reviewedAt" FROM reviews r
JOIN cards c ON c.id = r."cardId" JOIN learning_objectives o ON o.id = c."objectiveId"
WHERE r."userId" = %(l)s AND {of} AND r."reviewedAt" >= %(t)s::timestamp - interval '{days} days'
"""
_LOOP = (
    _REVIEWS.format(of="o.id = %(o)s", days=180),
    _REVIEWS.format(of='o."lectureId" = %(c)s', days=30),
    """SELECT v.score, v.skipped, v."respondedAt" FROM validation_responses v
    JOIN validation_prompts p ON p.id = v."promptId" WHERE v."userId" = %(l)s AND p."objectiveId" = %(o)s""",
    'SELECT "prerequisiteId", strength FROM objective_prerequisites WHERE "objectiveId" = %(o)s',
    'SELECT "durationMs", "startedAt" FROM study_sessions WHERE "userId" = %(l)s ORDER BY "startedAt" DESC LIMIT 5',
    'SELECT "date", objectives FROM missions WHERE "userId" = %(l)s AND "date" >= %(t)s',
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--learners", type=int, default=500)
    parser.add_argument("--loop", type=int, default=300)
    options = parser.parse_args()
    root = Path(tempfile.mkdtemp(prefix="bench-", dir="/tmp"))
    size = Size(options.learners, 300, 180)
    try:
        rows = write_cohort(ParquetStore(root), size)
        print(f"{rows:,} interactions, {size.learners * size.objectives:,} pairs", flush=True)
        tables = night(root, size)
        ours: list[pa.Table] = []
        with open_feature_engine() as engine:
            tables.view_log(engine, [LAST_DAY])
            load_state(engine, root, size)
            ask = taken(lambda: ours.append(engine.features(moment(), from_later_state=False, derived=True)))
            data = {name: engine.run(text).to_pandas() for name, text in INPUTS.items()}
        theirs: list[pd.DataFrame] = []
        frames = taken(lambda: theirs.append(fifteen(data)))
        _compare(ours[0].to_pandas(), theirs[0])
        print(f"all features of the night: {ask}; the fifteen in pandas: {frames}; load {os.getloadavg()[0]:.1f}")
    finally:
        shutil.rmtree(root, ignore_errors=True)
    each = _loop(options.loop)
    print(f"a loop of {len(_LOOP)} queries an objective: {1000 * each:.1f} ms a pair; load {os.getloadavg()[0]:.1f}")


def _compare(ours: pd.DataFrame, theirs: pd.DataFrame) -> None:
    """Fails unless both hold the same values, and the same values to be unknown."""
    both = ours.merge(theirs, on=PAIR, suffixes=("", "_pandas"), validate="one_to_one")
    assert len(both) == len(ours)
    differ = {}
    for name in FEATURE_NAMES:
        seen = both[f"observed_{name}"]
        same = np.where(seen, np.isclose(both[name], both[f"{name}_pandas"], atol=1e-6), both[f"{name}_pandas"].isna())
        differ[name] = int((~same).sum())
    print(f"values of {len(both):,} rows that differ from pandas': {differ}")
    if any(differ.values()):
        raise SystemExit(1)


def _loop(pairs: int) -> float:
    """Seconds a pair."""
    from benchmarks.learner import NOW, fill

    with database() as (url, _), connect(url, autocommit=True) as connection:
        fill(url, NOW, 4000)
        began = time.perf_counter()
        for number in range(pairs):
            values = {"l": "learner-0", "o": f"objective-{number % 300}", "c": f"lecture-{number % 6}", "t": NOW}
            for text in _LOOP:
                connection.execute(text.encode(), values).fetchall()
        return (time.perf_counter() - began) / pairs


if __name__ == "__main__":
    main()
