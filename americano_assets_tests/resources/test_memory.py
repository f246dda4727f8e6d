"""A process keeps to the memory that it was given, or to a part of what machine and cgroup have, and spills at home."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from americano_assets.errors import AmericanoError
from americano_assets.installation import PROJECT_ROOT
from americano_assets.resources import memory
from americano_assets.resources.duckdb.connection import connected, damage_told, open_engine
from americano_assets.resources.memory import (
    SHARE,
    SPILL_FOLDER,
    available_memory,
    batch_rows,
    bound_memory,
    memory_bound,
)
from americano_assets.settings import Settings, SettingsError, validated

MACHINE = psutil.virtual_memory().total
HALF, FEW = MACHINE // 2, 512 * 1024**2
NO_LIMIT_V1 = "9223372036854771712\n"
# Sorts more than it may hold, says so, and would go on if nobody killed it.
KILLED_SPILLER = """
import sys, time
from pathlib import Path
from americano_assets.resources.duckdb.connection import connected
from americano_assets.resources.memory import bound_memory

bound_memory(256_000_000, Path(sys.argv[1]))
connection = connected(threads=1)
connection.execute("SET enable_progress_bar = false")
connection.execute("CREATE TABLE many AS SELECT md5(i::VARCHAR) AS text FROM range(6_000_000) numbers(i)")
print("spilled", flush=True)
time.sleep(600)
"""


@pytest.fixture(autouse=True)
def _bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test bounds is bounded no longer afterwards."""
    monkeypatch.setattr(memory, "_BOUNDS", memory._Bounds())


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({}, MACHINE),
        ({"proc/self/cgroup": "0::/\n"}, MACHINE),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "max\n"}, MACHINE),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": f"{FEW}\n"}, FEW),
        (
            {
                "proc/self/cgroup": "0::/night.slice/run\n",
                "sys/fs/cgroup/night.slice/memory.max": f"{FEW}\n",
                "sys/fs/cgroup/night.slice/run/memory.max": "max\n",
            },
            FEW,
        ),
        (
            {
                "proc/self/cgroup": "0::/night.slice/run\n",
                "sys/fs/cgroup/night.slice/memory.max": f"{HALF}\n",
                "sys/fs/cgroup/night.slice/run/memory.max": f"{FEW}\n",
            },
            FEW,
        ),
        # A container may be told the path that it has outside.
        ({"proc/self/cgroup": "0::/docker/abc\n", "sys/fs/cgroup/memory.max": f"{FEW}\n"}, FEW),
        (
            {
                "proc/self/cgroup": "5:cpu,cpuacct:/a\n4:memory:/docker/abc\n0::/\n",
                "sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes": f"{FEW}\n",
                "sys/fs/cgroup/memory/memory.limit_in_bytes": NO_LIMIT_V1,
            },
            FEW,
        ),
        (
            {
                "proc/self/cgroup": "4:memory:/docker/abc\n",
                "sys/fs/cgroup/memory/memory.limit_in_bytes": f"{HALF}\n",
            },
            HALF,
        ),
        ({"proc/self/cgroup": "4:memory:/\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": NO_LIMIT_V1}, MACHINE),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": f"{MACHINE * 2}\n"}, MACHINE),
    ],
)
def test_the_smallest_limit_around_the_process_holds(tmp_path: Path, files: dict[str, str], found: int) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert available_memory(tmp_path) == found


def test_a_part_of_what_there_is_is_taken_where_nothing_is_set(tmp_path: Path) -> None:
    bound_memory(None, tmp_path)
    assert memory_bound() == int(SHARE * available_memory())
    bound_memory(6_000_000_000, tmp_path)
    assert memory_bound() == 6_000_000_000


@pytest.mark.parametrize(("written", "meant"), [("6GB", 6_000_000_000), ("512MiB", 512 * 1024**2), ("", None)])
def test_memory_is_written_with_its_unit(monkeypatch: pytest.MonkeyPatch, written: str, meant: int | None) -> None:
    monkeypatch.setenv("AMERICANO_MEMORY", written)
    assert validated().americano_memory == meant


@pytest.mark.parametrize("written", ["much", "10MB"])
def test_memory_that_is_none_or_too_little_is_refused(monkeypatch: pytest.MonkeyPatch, written: str) -> None:
    monkeypatch.setenv("AMERICANO_MEMORY", written)
    with pytest.raises(SettingsError, match="AMERICANO_MEMORY"):
        validated()


def test_connections_share_the_memory_and_batches_grow_with_it(tmp_path: Path) -> None:
    def limit(side_by_side: int = 1) -> str:
        with connected(side_by_side=side_by_side) as connection:
            return str(connection.execute("SELECT current_setting('memory_limit')").fetchall()[0][0])

    bound_memory(1024**3, tmp_path)
    assert (limit(), limit(2)) == ("512.0 MiB", "256.0 MiB")
    few = batch_rows()
    bound_memory(64 * 1024**3, tmp_path)
    assert few < batch_rows() == 32_768


def test_what_does_not_fit_lies_in_the_home_while_it_is_needed(tmp_path: Path) -> None:
    bound_memory(256_000_000, tmp_path)
    with connected(threads=1) as connection:
        connection.execute("CREATE TABLE many AS SELECT md5(i::VARCHAR) AS text FROM range(6_000_000) numbers(i)")
        held = list((tmp_path / SPILL_FOLDER).rglob("duckdb_temp_*"))
        assert held
        assert connection.execute("SELECT count(DISTINCT text[:3]) FROM many").fetchall() == [(4096,)]
    assert not [path for path in held if path.exists()]


def test_what_a_killed_process_spilled_goes_with_the_next_start(tmp_path: Path) -> None:
    spiller = [sys.executable, "-c", KILLED_SPILLER, str(tmp_path)]
    with subprocess.Popen(spiller, stdout=subprocess.PIPE, text=True, cwd=PROJECT_ROOT) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "spilled\n"
        bound_memory(None, tmp_path)
        connected().close()
        # Who lives keeps theirs.
        (theirs,) = {path for path in (tmp_path / SPILL_FOLDER).iterdir() if path.name.startswith(f"{process.pid}-")}
        assert list(theirs.rglob("duckdb_temp_*"))
        process.send_signal(signal.SIGKILL)
    assert theirs.exists()
    started = "from pathlib import Path; from americano_assets.resources.memory import *; import sys;"
    started += "bound_memory(None, Path(sys.argv[1])); duckdb_options()"
    subprocess.run([sys.executable, "-c", started, str(tmp_path)], check=True, cwd=PROJECT_ROOT)
    left = {path.name.split("-")[0] for path in (tmp_path / SPILL_FOLDER).iterdir()}
    assert left == {str(os.getpid())}


def test_too_little_memory_is_told_with_what_to_do(tmp_path: Path) -> None:
    bound_memory(256_000_000, tmp_path)
    with open_engine() as engine:
        engine.connection.execute("SET memory_limit = '40MB'")
        with pytest.raises(AmericanoError, match="raise AMERICANO_MEMORY"), damage_told(engine):
            engine.run("SELECT list(md5(i::VARCHAR)) AS texts FROM range(3_000_000) numbers(i)")


def test_every_connection_is_opened_in_the_one_place() -> None:
    package = PROJECT_ROOT / "americano_assets"
    found = [
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if "duckdb.connect(" in path.read_text(encoding="utf-8")
    ]
    assert found == ["resources/duckdb/connection.py"]
    assert Settings.model_fields["americano_memory"].default is None
