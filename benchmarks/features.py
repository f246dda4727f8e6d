"""The night's features of all pairs, as a ratio to DuckDB's plain scan-and-group of the same files in the same run.

.venv/bin/python -m benchmarks.features [--scale S] [--repeat N]
"""

import argparse
import multiprocessing
import os
import resource
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from americano_assets.resources.cutoffs import DAY_TABLES, LOOK_BACK
from americano_assets.resources.engine import Engine, open_engine
from americano_assets.resources.parquet_store import ParquetStore
from benchmarks.cohort import LAST_DAY, ZONE, Size, moment, night, write_cohort

_YARDSTICK = "SELECT learner_key, objective_key, count(*) AS n, avg(score) AS mean FROM interactions GROUP BY ALL"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    root = Path(tempfile.mkdtemp(prefix="bench-", dir="/tmp"))
    size = Size.scaled(options.scale)
    try:
        print(f"{write_cohort(ParquetStore(root), size):,} interactions, {size.learners} x {size.objectives} pairs")
        with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as alone:  # its peak is its own
            for _ in range(options.repeat):
                alone.apply(measure, (root, size))
    finally:
        shutil.rmtree(root, ignore_errors=True)


def measure(root: Path, size: Size) -> None:
    tables = night(root, size)
    with open_engine() as engine:
        engine.calendar(LAST_DAY, ZONE)
        for table in DAY_TABLES:
            days = {day: one for day, one in tables.inputs.days[table].items() if day >= LAST_DAY - LOOK_BACK}
            engine.view(table, tables.store.paths(table, days))
        before = _seconds(lambda: engine.run(_YARDSTICK))
        state = _seconds(lambda: _load_state(engine, root, size))
        features = _seconds(lambda: engine.features(moment(), from_later_state=False))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        yardstick = statistics.mean([before, _seconds(lambda: engine.run(_YARDSTICK))])
    print(
        f"features {features:.1f} s, state {state:.1f} s, yardstick {yardstick:.2f} s: {features / yardstick:.1f} x; "
        f"peak {peak:.2f} GB; load {os.getloadavg()[0]:.1f}",
        flush=True,
    )


def _load_state(engine: Engine, root: Path, size: Size) -> None:
    tables = night(root, size)
    snapshot = tables.state(LAST_DAY).snapshot
    engine.load_state({name: tables.store.whole_path(name, content) for name, content in snapshot.tables.items()})


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
