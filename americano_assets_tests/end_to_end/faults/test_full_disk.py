"""A disk that is really full in the middle of a night: a small file system of its own, mounted where the home is."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import psycopg
import pytest

from americano_assets import cli
from americano_assets.installation import PROJECT_ROOT
from americano_assets.orchestration.run_failures import why_failed
from americano_assets.stages.s6_publication import transaction
from americano_assets_tests.end_to_end.faults.conftest import Left, School

# In a namespace of its own anybody may mount; where the kernel forbids that, there is nothing to test with.
UNSHARE = ("unshare", "--map-root-user", "--mount")
ROOM_KIB = 40
SCRIPT = """
import shutil, subprocess, sys
from pathlib import Path
import dagster as dg
from americano_assets.orchestration.run_failures import why_failed
from americano_assets_tests.end_to_end.faults.driver import FIRST, nights

url, original, home = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
mount = ["mount", "-t", "tmpfs", "-o"]
subprocess.run([*mount, "size=64m", "none", home], check=True)
shutil.copytree(original, home, dirs_exist_ok=True)
used = shutil.disk_usage(home).used
before = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}


def resized(size):
    subprocess.run([*mount, f"remount,size={size}", "none", home], check=True)


def night():
    with dg.DagsterInstance.ephemeral() as instance:
        return nights(url, home, instance).night(FIRST, raise_on_error=False)


resized(used + %d * 1024)
result = night()
assert not result.success
print(why_failed(result.all_events), flush=True)
assert not list(home.rglob(".writing-*"))
changed = [path.name for path, content in before.items() if path.read_bytes() != content]
assert set(changed) <= {"current.json"}, changed
sys.stdin.readline()  # The test looks at the database meanwhile.
resized("64m")
result = night()
assert result.success, why_failed(result.all_events)
"""


def may_mount() -> bool:
    if shutil.which(UNSHARE[0]) is None:
        return False
    return (
        subprocess.run([*UNSHARE, "mount", "-t", "tmpfs", "none", "/mnt"], check=False, capture_output=True).returncode
        == 0
    )


# A device that is always full, for whoever writes to it: here Python, DuckDB and PostgreSQL's own server.
FULL = "/dev/full"
SERVER_WRITES = f"COPY (SELECT repeat('x', 100000)) TO '{FULL}'"


def test_a_step_whose_database_has_no_room_says_so(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    def record_day(connection: psycopg.Connection[object], *_: object, **__: object) -> None:
        connection.execute(SERVER_WRITES)

    monkeypatch.setattr(transaction, "record_day", record_day)
    result = school.night(raise_on_error=False)
    told = why_failed(result.all_events)
    assert told.startswith("step publish failed: A disk is full (")
    assert "No space left on device" in told
    assert "not foreseen" not in told
    assert FULL not in why_failed(result.all_events, quote=False)
    assert school.left()["struggle_predictions"] == []


def by_python(_: str) -> None:
    Path(FULL).write_text("x")


def by_duckdb(_: str) -> None:
    with duckdb.connect() as connection:
        connection.execute(f"COPY (SELECT 1) TO '{FULL}' (FORMAT csv)")


def by_the_server(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(SERVER_WRITES)


@pytest.mark.parametrize("written", [by_python, by_duckdb, by_the_server])
def test_a_command_says_so_in_one_sentence_whoever_wrote(
    database: str,
    written: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(cli, "app", lambda **_: written(database))
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 1
    told = capsys.readouterr().err
    assert told.startswith("americano: A disk is full (")
    assert told.count("\n") == 1
    assert "Make room on it, then run it again." in told


@pytest.mark.long
@pytest.mark.skipif(not may_mount(), reason="no file system may be mounted here")
def test_a_full_disk_ends_the_night_in_words_and_the_next_one_with_room_heals(
    school: School, undisturbed: Left, tmp_path: Path
) -> None:
    small = tmp_path / "small"
    small.mkdir()
    with subprocess.Popen(
        [*UNSHARE, sys.executable, "-c", SCRIPT % ROOM_KIB, school.url, str(school.home), str(small)],
        env=os.environ | {"PYTHONPATH": str(PROJECT_ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        told = process.stdout.readline()
        assert "Nothing could be written into" in told
        assert "No space left on device" in told
        shown = {table: rows for table, rows in school.left().items() if rows and table != "model_versions"}
        assert shown == {}
        process.stdin.write("\n")
        process.stdin.flush()
    assert process.returncode == 0
    assert school.left() == undisturbed
