"""The first night on a database that has a past, as a person runs it: it is read, and what scored is told."""

import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg
import pytest

from americano_assets.core.study_days.study_day import last_closed
from americano_assets.installation import PROJECT_ROOT
from americano_assets.resources.parquet_store.store import ParquetStore
from americano_assets_tests.cli.test_cli import run
from americano_assets_tests.world import World

PAST_DAYS = 120
NOW = datetime.now(UTC)
CLOSED = last_closed(NOW, ZoneInfo("UTC"))


def _school(url: str, days: int) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        world = World(connection)
        for learner in ("one", "two", "three"):
            world.learner(learner)
        world.objective("heart", world.course("anatomy", "one"))
        begin = NOW.replace(tzinfo=None, hour=9, minute=0) - timedelta(days=days)
        for day in range(0, days, 10):
            world.reviews("one", "heart", begin + timedelta(days=day), "AG")
        world.session("one", NOW.replace(tzinfo=None) - timedelta(days=2), -5, "wrong")
        world.mission("one", NOW.replace(tzinfo=None) + timedelta(days=2), ["heart"])


def _read(home: Path) -> int:
    days = [CLOSED - timedelta(days=number) for number in range(PAST_DAYS + 2)]
    return len(ParquetStore(home / "data").current_days("interactions", days))


@pytest.mark.long
def test_the_first_night_reads_the_past_goes_on_where_it_was_killed_and_says_what_scored(
    database: str, tmp_path: Path
) -> None:
    _school(database, PAST_DAYS)
    home = tmp_path / "home"
    environment = {
        "DATABASE_URL": database,
        "AMERICANO_DAGSTER_URL": database,
        "MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path}/mlflow.db",
        "AMERICANO_HOME": str(home),
    }
    first = subprocess.Popen(
        [sys.executable, "-P", "-m", "americano_assets", "nightly"],
        env=os.environ | {"PYTHONPATH": str(PROJECT_ROOT)} | environment,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 300
    while not _read(home) and first.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    first.send_signal(signal.SIGKILL)
    first.wait()
    before = _read(home)
    assert 0 < before < PAST_DAYS - 14, "it was killed in the middle"

    done = run("nightly", **environment)
    assert done.returncode == 0, done.stderr
    assert _read(home) >= PAST_DAYS
    told = " ".join(done.stderr.split())
    assert f"Reading {PAST_DAYS - 14} study days of the past" not in told, "what was read is not read again"
    assert "study days of the past" in told
    begun = [line for line in done.stderr.splitlines() if line.startswith(("Reading ", "  20", "Study day "))]
    assert [line.split()[0] for line in begun] == ["Reading", *["20" + line[4:12] for line in begun[1:-1]], "Study"], (
        "where nobody sees bars each portion is a line as it begins, and the night one"
    )
    assert begun[-1].endswith("(nightly, 1 of 1) …")
    said = " ".join(done.stdout.split())
    assert "Scored by the rules. An objective is flagged from p = " in said
    assert "Why: the rules score" in said
    assert "Set aside, and not read: 1 row (study_sessions 1). ./americano quarantine says why." in said
    assert f"What can be told yet, by {2 * PAST_DAYS // 10} graded answers of 1 learner, on 1 objective." in said
    assert "0 of 10 held out to compare it with the rules on" in said
