"""The commands as processes of their own: the demo twice, every way to fail, the servers of `dev`."""

import hashlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import psycopg
import pytest

from americano_assets.core.study_days.study_day import last_closed
from americano_assets.installation import PROJECT_ROOT
from americano_assets.resources.postgres.connection import connect
from americano_assets_tests.cli.test_cli import run, run_under
from americano_assets_tests.folders import SHORT

_PUBLISHED = ("struggle_predictions", "struggle_indicators", "intervention_recommendations")
_KEPT = ("features", "scored_predictions")


def _tables(url: str) -> set[str]:
    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT format('%I.%I', schemaname, tablename) FROM pg_tables").fetchall()
    return {name for (name,) in found if not name.startswith(("pg_catalog", "information_schema"))}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _refused(done: "subprocess.CompletedProcess[str]", *words: str) -> None:
    assert done.returncode == 1, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    line = done.stderr.strip().splitlines()[-1]
    assert line.startswith("americano: ")
    for word in words:
        assert word in line


def test_no_database_answers(tmp_path: Path) -> None:
    url = "postgresql://u:hunter2@localhost:1/d"
    done = run("nightly", DATABASE_URL=url, AMERICANO_HOME=str(tmp_path / "home"))
    _refused(done, "No PostgreSQL at localhost:1 answers")
    assert "hunter2" not in done.stderr
    assert not (tmp_path / "home").exists()


def test_a_wrong_url_is_named_without_its_text(tmp_path: Path) -> None:
    done = run("nightly", DATABASE_URL="mysql://u:hunter2@h/d", AMERICANO_HOME=str(tmp_path / "home"))
    _refused(done, "DATABASE_URL", "postgresql://")
    assert "hunter2" not in done.stderr


def test_another_schema_is_left_as_it_is(empty_database: str, tmp_path: Path) -> None:
    before = _tables(empty_database)
    done = run("nightly", DATABASE_URL=empty_database, AMERICANO_HOME=str(tmp_path / "home"))
    _refused(done, "does not match the contract", "check-db", "nothing was changed")
    assert _tables(empty_database) == before
    assert not (tmp_path / "home").exists()


def test_a_database_without_rows_is_told(database: str, tmp_path: Path) -> None:
    done = run(
        "nightly",
        DATABASE_URL=database,
        AMERICANO_DAGSTER_URL=database,
        AMERICANO_HOME=str(tmp_path / "home"),
    )
    _refused(done, "has no rows to work on", "behavioral_events")
    assert "demo" not in done.stderr, "nobody wants invented students in an app's own tables"
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT count(*) FROM ml.study_days").fetchone() == (0,)


@pytest.mark.parametrize("day", ["2020-01-01", "2999-01-01"])
def test_a_study_day_out_of_reach_is_told_before_anything_starts(tmp_path: Path, day: str) -> None:
    home = tmp_path / "home"
    done = run("nightly", "--day", day, AMERICANO_HOME=str(home))
    _refused(done, f"Study day {day}")
    assert not home.exists()


def test_a_home_that_cannot_be_written_is_named(database: str, tmp_path: Path) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("not a folder")
    done = run(
        "nightly", DATABASE_URL=database, AMERICANO_DAGSTER_URL=database, AMERICANO_HOME=str(in_the_way / "home")
    )
    _refused(done, "cannot be written", "AMERICANO_HOME")
    assert in_the_way.read_text() == "not a folder"


@pytest.mark.parametrize("command", ["api", "dev"])
def test_a_port_in_use_is_named_with_its_setting(database: str, tmp_path: Path, command: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = run(command, DATABASE_URL=database, PORT=port, AMERICANO_HOME=str(tmp_path / "home"))
    _refused(done, f"Port {port}", "PORT")


@pytest.fixture(scope="module")
def demo() -> Iterator[tuple[Path, str]]:
    """The home of a small demo that ran once, and what it printed."""
    own = Path(tempfile.mkdtemp(prefix="americano-", dir=SHORT))  # A socket's path must be short.
    try:
        done = run_under(0, "demo", "--learners", "300", AMERICANO_HOME=str(own))
        assert done.returncode == 0, done.stderr
        yield own / "demos" / "oulad", done.stdout
    finally:
        run("stop", AMERICANO_HOME=str(own))
        shutil.rmtree(own, ignore_errors=True)


@pytest.mark.long
def test_a_demos_home_is_private_although_its_umask_was_not(demo: tuple[Path, str]) -> None:
    home, _ = demo
    own = home.parent.parent
    loose = [path for path in (own, *own.rglob("*")) if not path.is_symlink() and path.stat().st_mode & 0o077]
    assert [path for path in loose if not path.is_socket()] == []


def _standing(home: Path) -> dict[str, Any]:
    """Every byte of features and scores, and every published row."""
    files = {
        str(path.relative_to(home)): hashlib.sha256(path.read_bytes()).hexdigest()
        for table in _KEPT
        for path in sorted((home / "data" / table).rglob("*"))
        if path.is_file()
    }
    url = run("db-url", AMERICANO_HOME=str(home)).stdout.strip()
    with connect(url) as connection:
        rows = {
            table: connection.execute(f'SELECT to_jsonb(t)::text FROM {table} t ORDER BY "id"'.encode()).fetchall()
            for table in _PUBLISHED
        }
    return {"files": files, **rows}


@pytest.mark.long
def test_a_demo_ends_with_what_it_found_and_a_second_one_changes_no_byte(demo: tuple[Path, str]) -> None:
    home, printed = demo
    assert "300 of the 28,785 students" in " ".join(printed.split())
    more = run("demo", "--all", AMERICANO_HOME=str(home))
    assert (more.returncode, more.stdout) == (1, "")
    assert "not 28785" in more.stderr
    # Too few held-out rows for figures, and counts all the same.
    for shown in ("learners who differ", "figures take 30", "What became of them", "Effect (experiment)"):
        assert shown in printed
    assert "before/after" in printed or "Before and after: " in printed  # With its figure, or with why it has none.
    for _ in range(3):
        closed, before = last_closed(datetime.now(UTC), ZoneInfo("UTC")), _standing(home)
        assert before["files"]
        assert before["struggle_predictions"]
        again = run("demo", AMERICANO_HOME=str(home))
        assert again.returncode == 0, again.stderr
        if f"{closed} (nightly" in again.stderr and last_closed(datetime.now(UTC), ZoneInfo("UTC")) == closed:
            break  # else 23:00 passed meanwhile, and a new study day was to be scored
    assert _standing(home) == before


def _graphql(address: str, query: str, **variables: Any) -> dict[str, Any]:
    answer = httpx.post(f"{address}/graphql", json={"query": query, "variables": variables}, timeout=60)
    answer.raise_for_status()
    found: dict[str, Any] = answer.json()
    assert "errors" not in found, found
    data: dict[str, Any] = found["data"]
    return data


_LAUNCH = """
mutation Launch($params: ExecutionParams!) {
  launchRun(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
  }
}"""
_STATUS = "query Status($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"
_FAILED = """
query Failed($id: ID!) {
  logsForRun(runId: $id) {
    ... on EventConnection {
      events { ... on ExecutionStepFailureEvent { stepKey error { message } } ... on RunFailureEvent { message } }
    }
  }
}"""
_RUNS_OF_THE_JOB = """{
  pipelineOrError(
    params: {
      pipelineName: "nightly"
      repositoryName: "__repository__"
      repositoryLocationName: "americano_assets.definitions"
    }
  ) {
    ... on Pipeline { runs { runId repositoryOrigin { repositoryLocationName } } }
  }
}"""
_ENDED = {"SUCCESS", "FAILURE", "CANCELED"}


@pytest.mark.long
def test_dev_serves_everything_runs_what_the_ui_launches_and_ends_with_ctrl_c(demo: tuple[Path, str]) -> None:
    home, printed = demo
    ports = {name: free_port() for name in ("PORT", "AMERICANO_DAGSTER_PORT", "AMERICANO_MLFLOW_PORT")}
    variables = os.environ | {"PYTHONPATH": str(PROJECT_ROOT), "AMERICANO_HOME": str(home)}
    with (home / "dev.log").open("w") as opened:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "americano_assets", "dev"],
            env=variables | {name: str(port) for name, port in ports.items()},
            stdout=opened,
            stderr=subprocess.STDOUT,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
        addresses = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
        try:
            with httpx.Client(transport=httpx.HTTPTransport(retries=8), timeout=60) as client:
                assert client.get(f"{addresses['PORT']}/health").json() == {"status": "ok"}
                # The command that the demo ended with works with whom it showed.
                [(asked, learner)] = re.findall(r"curl 'http://127.0.0.1:8000(/\S+user_id=(\S+))'", printed)
                told = client.get(f"{addresses['PORT']}{asked}").json()["predictions"]
                assert learner in printed.partition("curl")[0]
                assert [one["prediction_status"] for one in told][:1] == ["PENDING"]
                assert client.get(f"{addresses['AMERICANO_DAGSTER_PORT']}/server_info").status_code == 200
                assert client.get(f"{addresses['AMERICANO_MLFLOW_PORT']}/health").status_code == 200
            with connect(run("db-url", AMERICANO_HOME=str(home)).stdout.strip()) as connection:
                row = connection.execute("SELECT max(study_day)::text FROM ml.study_days").fetchone()
            assert row is not None
            dagster = addresses["AMERICANO_DAGSTER_PORT"]
            launched = _graphql(
                dagster,
                _LAUNCH,
                params={
                    "selector": {
                        "repositoryName": "__repository__",
                        "repositoryLocationName": "americano_assets.definitions",
                        "jobName": "nightly",
                    },
                    "mode": "default",
                    "executionMetadata": {"tags": [{"key": "dagster/partition", "value": row[0]}]},
                },
            )["launchRun"]
            assert launched["__typename"] == "LaunchRunSuccess", launched
            deadline = time.monotonic() + 300
            status = ""
            while status not in _ENDED and time.monotonic() < deadline:
                time.sleep(1)
                status = _graphql(dagster, _STATUS, id=launched["run"]["runId"])["runOrError"]["status"]
            assert status == "SUCCESS", _graphql(dagster, _FAILED, id=launched["run"]["runId"])
            # The command line's runs are among those of the job's page, and have a line on the overview's.
            job = _graphql(dagster, _RUNS_OF_THE_JOB)["pipelineOrError"]
            locations = [run["repositoryOrigin"]["repositoryLocationName"] for run in job["runs"]]
            assert len(locations) > 1
            assert set(locations) == {"americano_assets.definitions"}
        finally:
            process.send_signal(signal.SIGINT)
            code = process.wait(timeout=60)
    log = (home / "dev.log").read_text()
    assert code == 0, log[-2000:]
    steps = "".join(path.read_text() for path in (home / "dagster" / "storage").rglob("*.err"))
    assert "DEBUG" not in log + steps, "a line an event floods the terminal"
    # Neither the servers nor the night's own process use what Dagster warns of.
    assert re.findall(r".*(?:Beta|Preview|Supersession)Warning.*", log + steps) == []
    for address in addresses.values():
        with pytest.raises(httpx.ConnectError):
            httpx.get(address, timeout=5)
