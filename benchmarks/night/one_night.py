"""One night as the command line runs it, in a process of its own that notes what each step takes, reads and writes."""

import json
import os
import re
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import date
from operator import sub
from pathlib import Path
from typing import Any, Self

import dagster as dg
import psycopg

from americano_assets.definitions import build_defs
from americano_assets.orchestration.local_runner import Runner
from americano_assets.resources.parquet_store.store import ParquetStore, Version
from americano_assets.resources.postgres.connection import connect
from americano_assets.stages.common.metadata import NIGHTLY
from americano_assets.stages.s1_snapshots.snapshots import unread_days
from benchmarks.night.home import DeploymentOf, settings_of

# As `nightly` reads what was never read.
_DAYS_AT_ONCE = 91
_PEAK = re.compile(r"VmHWM:\s+(\d+) kB")
_TOUCHED = """
SELECT schemaname || '.' || relname, n_tup_ins, n_tup_upd, n_tup_del,
  coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)
FROM pg_stat_user_tables
WHERE schemaname IN ('public', 'ml')
"""
Touched = tuple[int, ...]
# Whatever is not a step: opening the project and Dagster's own work before the first one.
BEFORE = "(opening)"
_OF_THE_PAST = ("log_snapshots", "interactions")


@dataclass
class Step:
    """One step of a night, or the reading of the past before it.

    Attributes:
        began: Seconds since 1970-01-01.
        clock: Seconds.
        processor: Processor seconds of the process, its threads and children.
        peak: Most memory of the process, GB.
        rows: Of what it materialized.
        read: Files of the store that it asked for.
        stored: Files of the store that it wrote.
        touched: Rows inserted, updated, deleted and read, by table of PostgreSQL.
        ended: Whether it came to its end.
    """

    name: str
    began: float
    clock: float = 0.0
    processor: float = 0.0
    peak: float = 0.0
    rows: int = 0
    read: list[str] = field(default_factory=list)
    stored: list[str] = field(default_factory=list)
    touched: dict[str, Touched] = field(default_factory=dict)
    ended: bool = False


class NotingStore(ParquetStore):
    """A store that notes the files that are asked for and written."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.asked: dict[str, None] = {}
        self.stored: dict[str, None] = {}

    def day_names(self, table: str, day: date, version: Version) -> list[str]:
        """Noted."""
        return [self._noted(name) for name in super().day_names(table, day, version)]

    def whole_name(self, table: str, content: str) -> str:
        """Noted."""
        return self._noted(super().whole_name(table, content))

    def add_day(self, table: str, day: date, batches: Any, schema: Any, *more: Any) -> Version:
        """Noted."""
        version = super().add_day(table, day, batches, schema, *more)
        self.stored |= dict.fromkeys(str(self.root / name) for name in super().day_names(table, day, version))
        return version

    def put_whole(self, table: str, data: Any, *more: Any) -> Version:
        """Noted."""
        version = super().put_whole(table, data, *more)
        self.stored[str(self.root / super().whole_name(table, version.content))] = None
        return version

    def _noted(self, name: str) -> str:
        self.asked[str(self.root / name)] = None
        return name


class Stages:
    """The steps of a run, told one by one as they begin; each is written to a file as it ends."""

    def __init__(self, file: Path, store: NotingStore, app: Callable[[], psycopg.Connection[Any]]) -> None:
        self._file, self._store, self._app = file, store, app
        self._open: Step | None = None
        self._worked, self._started = 0.0, 0.0
        self._counted: dict[str, Touched] | None = None

    def __enter__(self) -> Self:
        self.begin(BEFORE)
        return self

    def __exit__(self, *raised: object) -> None:
        self.end(ended=raised[0] is None)

    def begin(self, name: str) -> None:
        """The step before has ended, and this one begins."""
        self.end(ended=True)
        self._open = Step(name, time.time())
        _write(self._file, self._open)
        self._store.asked.clear()
        self._store.stored.clear()
        Path("/proc/self/clear_refs").write_text("5")  # The kernel's record of the most memory begins anew.
        self._started, self._worked = time.perf_counter(), _processor()

    def end(self, *, ended: bool) -> None:
        """The step that runs is over."""
        step, self._open = self._open, None
        if step is None:
            return
        step.clock, step.processor = time.perf_counter() - self._started, _processor() - self._worked
        found = _PEAK.search(Path("/proc/self/status").read_text())
        step.peak = int(found[1]) / 1e6 if found else 0.0
        step.read = [path for path in self._store.asked if path not in self._store.stored]
        step.stored = [*self._store.stored]
        step.touched, step.ended = self._rows_touched(), ended
        _write(self._file, step)

    def tell_rows(self, instance: dg.DagsterInstance) -> None:
        """The run is over: its last step too; write what its steps materialized."""
        self.end(ended=True)
        with self._file.open("a") as written:
            written.write(json.dumps({"rows_by_step": _rows_by_step(instance)}) + "\n")

    def _rows_touched(self) -> dict[str, Touched]:
        time.sleep(0.1)  # PostgreSQL counts a session's rows once the session is over.
        with self._app() as connection:
            counted = {name: tuple(map(int, rows)) for name, *rows in connection.execute(_TOUCHED).fetchall()}
        before, self._counted = self._counted, counted
        if before is None:
            return {}
        none = (0,) * 4
        grown = {name: tuple(map(sub, now, before.get(name, none))) for name, now in counted.items()}
        return {name: rows for name, rows in grown.items() if any(rows)}


def run_night(home: Path, day: date, retrain_days: int, file: Path) -> None:
    """Run a study day's night, and the reading of the past where none was read, writing each step to `file`."""
    settings = settings_of(home, retrain_days)
    deployment = DeploymentOf(settings, day)
    store = NotingStore(settings.store_root)
    deployment.store = store
    stages = Stages(file, store, lambda: connect(deployment.url, autocommit=True))
    with stages, Runner(settings, build_defs, deployment) as runner:
        with deployment.connect() as connection:
            unread = unread_days(connection, store, settings.zone, settings.americano_start_day, day)
        for at in range(0, len(unread), _DAYS_AT_ONCE):
            runner.history(unread[at : at + _DAYS_AT_ONCE], stages.begin)
            stages.tell_rows(runner.instance)
        runner.night(day, NIGHTLY, stages.begin)
        stages.tell_rows(runner.instance)


def steps_of(file: Path) -> list[Step]:
    """The steps that a night wrote, in order; the one in which it died is there, not ended.

    Of a night that was broken off and run again there are those of the last time, and whenever the past was read.
    """
    steps: dict[float, Step] = {}
    for line in file.read_text().splitlines():
        told = json.loads(line)
        if "rows_by_step" in told:
            for name, rows in told["rows_by_step"].items():
                [step for step in steps.values() if step.name == name][-1].rows = rows
            continue
        step = Step(**told)
        if step.name == BEFORE and step.began not in steps:
            steps = {began: one for began, one in steps.items() if one.name in _OF_THE_PAST and one.ended}
        steps[step.began] = step
    return [*steps.values()]


def _write(file: Path, step: Step) -> None:
    with file.open("a") as written:
        written.write(json.dumps(asdict(step)) + "\n")


def _processor() -> float:
    return sum(os.times()[:4])


def _rows_by_step(instance: dg.DagsterInstance) -> dict[str, int]:
    """Rows of what each step of the newest run materialized; a ranged run says the same of each of its days."""
    rows: dict[str, dict[str, int]] = defaultdict(dict)
    run = instance.get_runs(limit=1)[0].run_id
    for entry in instance.all_logs(run, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION):
        event = entry.dagster_event
        if event is None or event.step_key is None or event.asset_key is None:
            continue
        counted = event.step_materialization_data.materialization.metadata.get("dagster/row_count")
        asset = event.asset_key.to_user_string()
        if isinstance(counted, dg.IntMetadataValue) and counted.value is not None:
            rows[event.step_key][asset] = max(rows[event.step_key].get(asset, 0), counted.value)
    return {step: sum(of.values()) for step, of in rows.items()}
