"""The evaluation command on a log of ten million interactions, from the file to the report with its intervals.

.venv/bin/python -m benchmarks.evaluation [--interactions N]

The yardstick is a plain scan and group of the same file by DuckDB, in the same run, by processor time. Each step is
told with its seconds by the clock and of the processor, and the most memory while it ran.
"""

import argparse
import os
import shutil
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from americano_assets.core.evaluation.report import report
from americano_assets.evaluation.run import Options, evaluate_log
from americano_assets.resources.memory import bound_memory
from americano_assets.settings import load_settings
from benchmarks.cohort import TARGET, ZONE

PER_LEARNER, OBJECTIVES, COURSES, DAYS = 400, 600, 20, 180
FIRST = datetime(2026, 1, 5, 8, tzinfo=UTC).timestamp()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--interactions", type=int, default=10_000_000)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir="/tmp"))
    try:
        bound_memory(load_settings().americano_memory, folder)
        path = folder / "log.parquet"
        pq.write_table(log(options.interactions), path)
        spent = time.process_time()
        scan = "SELECT learner_id, objective_id, count(*), avg(score) FROM read_parquet(?) GROUP BY ALL"
        duckdb.execute(scan, [str(path)]).fetchall()
        yard = time.process_time() - spent
        began, spent = time.perf_counter(), time.process_time()
        steps = Steps()
        evaluated = evaluate_log(path, Options(TARGET, ZONE), steps)
        steps("figures and intervals", 0, 1)
        found = report(evaluated)
        steps("the end", 0, 1)
        spent = time.process_time() - spent
        champion = found["models"][found["champion"]]["all"]
        print(
            f"{options.interactions:,} interactions, {champion['n']:,} judged rows: "
            f"{time.perf_counter() - began:.0f} s, of the processor {spent:.0f} s, {spent / yard:.0f} x the scan; "
            f"peak {max(cost.peak for cost in steps.costs.values()):.1f} GB; load {os.getloadavg()[0]:.1f}"
        )
        for step, cost in steps.costs.items():
            print(f"  {cost.clock:4.0f} s, {cost.processor:4.0f} s of the processor, {cost.peak:.1f} GB: {step}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Cost(NamedTuple):
    """Of a step: seconds by the clock and of the processor, and the most memory in GB."""

    clock: float
    processor: float
    peak: float


class Steps:
    """What each step costs: what is before a report of something done is this step's, else the step before's."""

    def __init__(self) -> None:
        self.costs: dict[str, Cost] = {}
        self._step, self._at = "", (time.perf_counter(), time.process_time())

    def __call__(self, step: str, done: int, total: int) -> None:
        now = time.perf_counter(), time.process_time()
        whose = step if done or not self._step else self._step
        clock, processor, peak = self.costs.get(whose, Cost(0.0, 0.0, 0.0))
        self.costs[whose] = Cost(
            clock + now[0] - self._at[0], processor + now[1] - self._at[1], max(peak, _peak_since_last())
        )
        self._step, self._at = step, now


def _peak_since_last() -> float:
    """The most memory of this process in GB since this was last asked."""
    status = Path("/proc/self/status").read_text()
    Path("/proc/self/clear_refs").write_text("5")
    return int(status.split("VmHWM:")[1].split()[0]) / 1e6


def log(n: int) -> pa.Table:
    """Answers of learners of different strength on objectives of different difficulty, in the order of time."""
    generator = np.random.default_rng(1)
    learners = max(n // PER_LEARNER, 1)
    learner, objective = generator.integers(learners, size=n), generator.integers(OBJECTIVES, size=n)
    log_odds = generator.normal(size=learners)[learner] - generator.normal(size=OBJECTIVES)[objective]
    right = generator.uniform(size=n) < 1 / (1 + np.exp(-log_odds))
    return pa.table(
        {
            "learner_id": pa.array(learner, pa.int64()),
            "objective_id": pa.array(objective, pa.int64()),
            "course_id": pa.array(objective % COURSES, pa.int64()),
            "occurred_at": pa.array((FIRST + np.sort(generator.uniform(size=n)) * DAYS * 86_400).astype("int64")),
            "score": pa.array(right.astype(float)),
        }
    )


if __name__ == "__main__":
    main()
