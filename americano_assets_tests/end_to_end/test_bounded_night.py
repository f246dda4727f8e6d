"""A night keeps to one bound: under half of a hard limit it writes the same bytes as under the whole of it."""

import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from americano_assets.installation import PROJECT_ROOT
from americano_assets.resources.parquet_store.store import ParquetStore
from americano_assets.resources.postgres.embedded.server import EmbeddedServer
from americano_assets_tests.folders import SHORT
from benchmarks.cohort import LAST_DAY
from benchmarks.night.home import app_session
from benchmarks.night.one_night import steps_of

ORDINARY = LAST_DAY + timedelta(days=1)
_PREPARE = """
from pathlib import Path
from sys import argv
from benchmarks.cohort import Size
from benchmarks.night.command import Parts
Parts(Path(argv[1]), Size.scaled(float(argv[2])), float(argv[2]), int(argv[3])).prepare()
"""
_NIGHT = """
from datetime import date
from pathlib import Path
from sys import argv
from benchmarks.night.one_night import run_night
run_night(Path(argv[1]), date.fromisoformat(argv[2]), 7, Path(argv[3]))
"""
# Of what a process allocates: half a gigabyte of that is code, threads and what DuckDB keeps ready.
LIMIT = 3 << 30
_STORED = ("features", "scored_predictions", "indicators", "interventions", "training_set")
_PUBLISHED = ("struggle_predictions", "struggle_indicators", "intervention_recommendations")
_COMPUTED = ("episodes", "assignments", "first_flag_outcomes", "alerts", "model_performance", "struggle_reduction")


@pytest.fixture
def work() -> Iterator[Path]:
    """A folder with a short path, whose server is stopped."""
    folder = Path(tempfile.mkdtemp(prefix="n-", dir=SHORT))
    try:
        yield folder
    finally:
        EmbeddedServer(folder / "home").stop()
        shutil.rmtree(folder)


@pytest.mark.parametrize(
    ("scale", "weeks"),
    [
        pytest.param(0.004, 3, marks=pytest.mark.long),
        # Where a step reads all of ninety days at once, a night of this size takes 4 GB.
        pytest.param(0.04, 22, marks=pytest.mark.full),
    ],
)
def test_half_of_the_memory_writes_the_same_bytes(
    work: Path, scale: float, weeks: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What is only taken ahead of need counts as taken: Arrow's arena, one of the C library's for each thread.
    monkeypatch.setenv("ARROW_DEFAULT_MEMORY_POOL", "system")
    monkeypatch.setenv("MALLOC_ARENA_MAX", "2")
    monkeypatch.setenv("AMERICANO_TRAINING_WEEKS", "4")
    home, spare = work / "home", work / "spare"
    _run(_PREPARE, work, scale, weeks)
    EmbeddedServer(home).stop()
    shutil.copytree(home, spare)
    whole = _night(home, LIMIT, monkeypatch)
    shutil.rmtree(home)
    spare.rename(home)
    half = _night(home, LIMIT // 2, monkeypatch)
    assert {name for name, rows in whole.items() if not rows} == set()
    assert [name for name in whole if half[name] != whole[name]] == []


def _night(home: Path, limit: int, monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """Run the ordinary night under a hard limit; what it stored and what it wrote, by table."""
    EmbeddedServer(home).ensure()  # outside of the limit
    monkeypatch.setenv("AMERICANO_MEMORY", str(limit // 3))  # the rest is code, and what it holds
    told = home.parent / f"steps-{limit}.jsonl"
    try:
        _run(_NIGHT, home, ORDINARY, told, limit=limit)
    finally:
        for step in steps_of(told) if told.exists() else ():
            print(f"{step.name}: {step.peak:.2f} GB{'' if step.ended else ', not ended'}")
    store = ParquetStore(home / "data")
    found = {table: [str(store.current(table, ORDINARY))] for table in _STORED}
    with app_session(home) as app:
        for table in (*_PUBLISHED, *(f"ml.{name}" for name in _COMPUTED)):
            found[table] = [row[0] for row in app.execute(f"SELECT to_jsonb(t)::text FROM {table} t ORDER BY 1")]
    EmbeddedServer(home).stop()
    return found


def _run(script: str, *given: object, limit: int | None = None) -> None:
    """Run a script in a process of its own, which may have so many bytes of its own memory."""

    def bound() -> None:
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_STACK, (2 << 20, 2 << 20))  # of every thread
            resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))

    words = [sys.executable, "-c", script, *map(str, given)]
    done = subprocess.run(words, cwd=PROJECT_ROOT, preexec_fn=bound, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout[-1_000:]}{done.stderr[-3_000:]}"
