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
from collections.abc import Callable, Mapping
from pathlib import Path

import duckdb

from americano_assets.resources.engine import Engine
from americano_assets.resources.parquet_store import ParquetStore
from benchmarks.cohort import LAST_DAY, Size, moment, night, write_cohort

# The steps of the extended features alone. That the last join carries their columns counts against the fifteen.
_OF_EXTENDED = ("own_record", "cohort_pairs", "cohort_record", "elo_terms", "extended")
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
    with duckdb.connect(":memory:") as connection:
        engine = _Timed(connection)
        # Also makes what is kept of whole days: in the first of several runs all of it, as a first night does.
        first = _seconds(lambda: tables.view_log(engine, [LAST_DAY]))
        before = _seconds(lambda: engine.run(_YARDSTICK))
        state = _seconds(lambda: _load_state(engine, root, size))
        engine.took.clear()
        whole = _seconds(lambda: engine.features(moment(), from_later_state=False, derived=True))
        extended = sum(engine.took[name] for name in _OF_EXTENDED)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        yardstick = statistics.mean([before, _seconds(lambda: engine.run(_YARDSTICK))])
    steps = ", ".join(f"{name} {took:.1f}" for name, took in engine.took.items() if took >= 0.05 * whole)
    print(
        f"the fifteen {whole - extended:.1f} s, extended {extended:.1f} s, state {state:.1f} s, log {first:.1f} s, "
        f"yardstick {yardstick:.2f} s: the fifteen {(whole - extended) / yardstick:.1f} x, all "
        f"{whole / yardstick:.1f} x; peak {peak:.2f} GB; load {os.getloadavg()[0]:.1f}\n  ({steps})",
        flush=True,
    )


class _Timed(Engine):
    """Remembers how long each step took."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.took: dict[str, float] = {}
        super().__init__(connection)

    def make(self, name: str, text: str, parameters: Mapping[str, object], kind: str = "TABLE") -> None:
        self.took[name] = _seconds(lambda: super(_Timed, self).make(name, text, parameters, kind))


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
