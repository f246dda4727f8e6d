"""Dagster's own commands in the project's folder, with nothing but the environment that the launcher makes."""

import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import psycopg
import pytest

from americano_assets.installation import PROJECT_ROOT
from americano_assets.resources.postgres.embedded.server import DAGSTER_DATABASE, EmbeddedServer
from americano_assets_tests.cli.test_commands import free_port
from americano_assets_tests.cli.test_launcher import launch, provide_tools, quick_uv
from americano_assets_tests.folders import SHORT

_FILES = ("americano", "pyproject.toml", "dagster.yaml")
_DAY = (datetime.now(UTC) - timedelta(days=3)).date().isoformat()


@dataclass(frozen=True)
class Project:
    """A copy of the project with an environment of its own, and a home that nobody has opened."""

    folder: Path
    server: EmbeddedServer

    def started(self, *command: str, **environment: str) -> "subprocess.Popen[str]":
        """A command as a person calls it: by its name in the environment, in the project's folder."""
        # A script's own folder is on its path, and the folder that it was called in is not.
        script = Path(sys.executable).with_name(command[0])
        return subprocess.Popen(
            [str(self.folder / ".venv" / "bin" / "python"), str(script), *command[1:]],
            cwd=self.folder,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self.folder.parent),
                "AMERICANO_HOME": str(self.server.folder.parent),
            }
            | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )

    def run(self, *command: str, **environment: str) -> tuple[int, str]:
        """Exit code, and everything that it said."""
        process = self.started(*command, **environment)
        said = process.communicate()[0]
        return process.returncode, said


@pytest.fixture(scope="module")
def project() -> Iterator[Project]:
    folder = Path(tempfile.mkdtemp(prefix="americano-", dir=SHORT))  # A socket's path must be short.
    copy = folder / "project"
    copy.mkdir()
    (copy / "requirements.lock").write_text("# nothing\n")
    for name in _FILES:
        shutil.copy(PROJECT_ROOT / name, copy)
    unwanted = shutil.ignore_patterns("__pycache__")
    shutil.copytree(PROJECT_ROOT / "americano_assets", copy / "americano_assets", ignore=unwanted)
    tools = provide_tools(folder)
    quick_uv(tools, folder)
    launch(copy / "americano", tools)  # Its own command finds no packages in there yet.
    (packages,) = (copy / ".venv" / "lib").glob("python*/site-packages")
    (packages / "ours.pth").write_text(f"{sysconfig.get_path('purelib')}\n")  # The packages of the lock.
    server = EmbeddedServer(folder / "home")
    try:
        yield Project(copy, server)
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def materialized(project: Project, day: str) -> int:
    """How often a study day of `log_snapshots` stands in Dagster's own record."""
    with psycopg.connect(project.server.url(DAGSTER_DATABASE)) as connection:
        row = connection.execute(
            "SELECT count(*) FROM event_logs WHERE dagster_event_type = 'ASSET_MATERIALIZATION'"
            " AND asset_key = '[\"log_snapshots\"]' AND partition = %s",
            [day],
        ).fetchone()
    assert row is not None
    return int(row[0])


def calm(said: str) -> bool:
    """Nobody is shown a trace, or what the project makes Dagster warn of."""
    return not any(word in said for word in ("Traceback", "Stack Trace", "BetaWarning", "PreviewWarning"))


@pytest.mark.long
def test_validate_starts_the_embedded_server_and_accepts_the_definitions(project: Project) -> None:
    project.server.stop()
    code, said = project.run("dagster", "definitions", "validate")
    assert code == 0, said
    assert "All code locations passed validation" in said
    assert calm(said), said
    with psycopg.connect(project.server.url(DAGSTER_DATABASE)):
        pass
    assert not list(project.folder.glob(".tmp_dagster_home_*"))


@pytest.mark.parametrize(
    ("setting", "why"),
    [
        ("postgresql://u:hunter2@localhost:1/d", "No PostgreSQL at localhost:1 answers"),
        ("mysql://u:hunter2@h/d", "AMERICANO_DAGSTER_URL: must begin with postgresql://"),
    ],
)
def test_a_database_that_cannot_be_used_is_one_sentence(project: Project, setting: str, why: str) -> None:
    code, said = project.run("dagster", "definitions", "validate", AMERICANO_DAGSTER_URL=setting)
    assert code == 1
    assert calm(said), said
    assert "hunter2" not in said
    (sentence,) = [line for line in said.splitlines() if line.startswith("Error: ")]
    assert why in sentence
    assert said.splitlines()[-1] == sentence


@pytest.mark.long
def test_one_asset_of_one_study_day(project: Project) -> None:
    asked = ("--select", "log_snapshots", "--partition", _DAY)
    code, said = project.run("dagster", "asset", "materialize", "-m", "americano_assets.definitions", *asked)
    assert code == 0, said
    assert calm(said), said
    before = materialized(project, _DAY)
    code, said = project.run("dg", "launch", "--assets", "log_snapshots", "--partition", _DAY)
    assert code == 0, said
    assert calm(said), said
    assert (before, materialized(project, _DAY)) == (1, 2)


@pytest.mark.long
def test_dg_checks_and_lists_the_definitions(project: Project) -> None:
    code, said = project.run("dg", "check", "defs")
    assert code == 0, said
    assert "All definitions loaded successfully." in said
    assert calm(said), said
    code, said = project.run("dg", "list", "defs", "--json")
    assert code == 0, said
    assert calm(said), said
    listed = json.loads(said[said.index("{") :])["assets"]
    assert {"log_snapshots", "features", "ml/effects"} <= {asset["asset_key"] for asset in listed}


@pytest.mark.long
@pytest.mark.parametrize("command", ["dagster", "dg"])
def test_dev_serves_the_definitions_and_ends_with_ctrl_c(project: Project, command: str) -> None:
    port = free_port()
    dev = project.started(command, "dev", "-h", "127.0.0.1", "-p", str(port))
    asked = {"query": "{ repositoriesOrError { ... on RepositoryConnection { nodes { location { name } } } } }"}
    answer = None
    try:
        deadline = time.monotonic() + 300
        while answer is None and dev.poll() is None and time.monotonic() < deadline:
            try:
                answer = httpx.post(f"http://127.0.0.1:{port}/graphql", json=asked, timeout=60).json()
            except httpx.ConnectError:
                time.sleep(0.5)
    finally:
        dev.send_signal(signal.SIGINT)
        said = dev.communicate(timeout=90)[0]
    assert answer is not None, said
    assert answer["data"]["repositoriesOrError"]["nodes"] == [{"location": {"name": "americano_assets.definitions"}}]
    assert dev.returncode == 0, said
    assert calm(said), said
