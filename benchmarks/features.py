"""The night's features of all pairs, as a ratio to DuckDB's plain scan-and-group of the same files in the same run.

.venv/bin/python -m benchmarks.features [--scale S] [--repeat N]
"""

import argparse
import multiprocessing
import os
import resource
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from unittest.mock import patch

import duckdb
import pyarrow as pa

from americano_assets.core.features import catalog
from americano_assets.resources.parquet_store.store import ParquetStore
from americano_assets.stages.s2_features.feature_engine import FeatureEngine
from americano_assets.stages.s2_features.point_in_time import PointInTimeTables
from benchmarks.cohort import LAST_DAY, Size, moment, night, write_cohort

# The steps that serve extended features alone, and columns of another that do.
_OF_EXTENDED = ("cohort_pairs", "cohort_record", "rating_terms")
_COLUMNS_OF_EXTENDED = {"objective_history": ("n_graded", "score_nano", "last_nano", "last_at", "last_lapse_at")}
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
                for fifteen in (True, False):
                    alone.apply(measure, (root, size), {"fifteen": fifteen})
    finally:
        shutil.rmtree(root, ignore_errors=True)


def measure(root: Path, size: Size, *, fifteen: bool) -> None:
    """Time a night's features, all of them or the fifteen without the extended ones, and say what they took."""
    tables = night(root, size)
    with duckdb.connect(":memory:") as connection:
        engine = _Timed(connection, fifteen=fifteen)
        # Also makes what is kept of whole days: in the first of several runs all of it, as a first night does.
        first = taken(lambda: view_kept(tables, engine))
        yardsticks = [taken(lambda: engine.run(_YARDSTICK)) for _ in range(3)]
        state = taken(lambda: load_state(engine, root, size))
        engine.took.clear()
        chosen = patch.object(catalog, "EXTENDED", ()) if fifteen else nullcontext()
        with chosen:
            whole = taken(lambda: engine.features(moment(), from_later_state=False, derived=True, windows=True))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        steps = dict(engine.took)
        yardsticks += [taken(lambda: engine.run(_YARDSTICK)) for _ in range(3)]
    named = "the fifteen" if fifteen else "all features"
    yardstick = Taken(median(one.wall for one in yardsticks), median(one.cpu for one in yardsticks))
    dearest = ", ".join(f"{name} {one.cpu:.1f}" for name, one in steps.items() if one.cpu >= 0.05 * whole.cpu)
    print(
        f"{named}: {whole} against {yardstick}: {whole.wall / yardstick.wall:.1f} "
        f"x, by the processor {whole.cpu / yardstick.cpu:.1f} x; peak {peak:.2f} GB; state {state}, log {first}; "
        f"load {os.getloadavg()[0]:.1f}\n  (processor seconds of steps: {dearest})",
        flush=True,
    )


@dataclass(frozen=True)
class Taken:
    """Seconds by the clock and of the processors: beside other people's work only the latter can be compared."""

    wall: float
    cpu: float

    def __str__(self) -> str:
        return f"{self.wall:.1f} s ({self.cpu:.1f} s of processors)"


class _Timed(FeatureEngine):
    """Remembers what each step took; leaves out what only extended features need, where it is told to."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, *, fifteen: bool) -> None:
        self.took: dict[str, Taken] = {}
        self.fifteen = fifteen
        super().__init__(connection)

    def make(self, name: str, text: str, parameters: Mapping[str, object], kind: str = "TABLE") -> None:
        if self.fifteen and name in _OF_EXTENDED:
            text = f"FROM ({text}) LIMIT 0"
        if self.fifteen and name in _COLUMNS_OF_EXTENDED:
            left_out = ", ".join(
                f"CASE WHEN false THEN {column} END AS {column}" for column in _COLUMNS_OF_EXTENDED[name]
            )
            text = f"SELECT * REPLACE ({left_out}) FROM ({text})"
        self.took[name] = taken(lambda: super(_Timed, self).make(name, text, parameters, kind))

    def run(self, text: str, parameters: Mapping[str, object] | None = None) -> pa.Table:
        found: list[pa.Table] = []
        self.took["last join"] = taken(lambda: found.append(super(_Timed, self).run(text, parameters)))
        return found[0]


def view_kept(tables: PointInTimeTables, engine: FeatureEngine) -> None:
    """Make the log and what is kept of it readable, as a night does."""
    tables.view_log(engine, [LAST_DAY])
    tables.view_windows(engine, [LAST_DAY])


def load_state(engine: FeatureEngine, root: Path, size: Size) -> None:
    tables = night(root, size)
    snapshot = tables.state(LAST_DAY).snapshot
    engine.load_state({name: tables.store.whole_path(name, content) for name, content in snapshot.tables.items()})


def taken(work: Callable[[], object]) -> Taken:
    began, worked = time.perf_counter(), time.process_time()
    work()
    return Taken(time.perf_counter() - began, time.process_time() - worked)


if __name__ == "__main__":
    main()
