"""Runs whose process was killed: told apart from live ones and from other machines', and closed."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import dagster as dg
import psutil
import pytest

from americano_assets.definitions import build_defs
from americano_assets.installation import PROJECT_ROOT
from americano_assets.orchestration import process_identity
from americano_assets.orchestration.dagster_home import HOME_VARIABLE, URL_VARIABLE, prepare_dagster_home
from americano_assets.orchestration.jobs import NIGHTLY_JOB
from americano_assets.orchestration.process_identity import is_dead, own_mark
from americano_assets.orchestration.run_processes import (
    PROCESS_TAG,
    blocking,
    close_dead,
    marked_executor,
    process_tags,
    unfinished,
)
from americano_assets.settings import load_settings
from americano_assets.stages.common.partitions import add_nights
from americano_assets_tests.cli.test_cli import run

STARTED, STARTING = dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING
_WAITS = (
    "import sys; from americano_assets.orchestration.process_identity import own_mark; print(own_mark(), flush=True);"
    " sys.stdin.read()"
)


@pytest.fixture
def other() -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """A process of its own that does nothing, and its mark."""
    process = subprocess.Popen([sys.executable, "-c", _WAITS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process, process.stdout.readline().strip()
    finally:
        process.kill()
        process.communicate()


def _other(mark: str, **changed: object) -> str:
    return json.dumps(json.loads(mark) | changed)


def test_a_killed_process_is_dead_also_unreaped_and_a_live_one_is_not(
    other: tuple["subprocess.Popen[str]", str],
) -> None:
    process, mark = other
    assert is_dead(mark) is False
    assert is_dead(own_mark()) is False
    process.send_signal(signal.SIGKILL)
    while psutil.Process(process.pid).status() != psutil.STATUS_ZOMBIE:
        pass
    assert is_dead(mark) is True
    process.wait()
    assert is_dead(mark) is True


def test_only_what_is_proven_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = {process_identity._MACHINE: "", "/proc/sys/kernel/random/boot_id": "this"}
    monkeypatch.setattr(process_identity, "_text", texts.__getitem__)
    # Where machines have no number, a namesake of this one may have begun it.
    assert is_dead(_other(own_mark(), boot="another")) is None
    texts[process_identity._MACHINE] = "0f"
    mark = own_mark()
    assert is_dead(mark) is False
    assert is_dead(_other(mark, began="1")) is True  # Another process has the number now.
    assert is_dead(_other(mark, boot="another")) is True
    assert is_dead(_other(mark, host="elsewhere")) is None
    assert is_dead(_other(mark, host="elsewhere", boot="another", began="1")) is None
    assert is_dead("{") is None
    assert is_dead("{}") is None
    gone = _other(mark, container="pid:[1]")
    assert is_dead(gone) is None  # It may live beside us.
    monkeypatch.setattr(socket, "gethostname", lambda: "0123456789ab")
    assert is_dead(_other(own_mark(), container="pid:[1]")) is True  # A container that was started again.


@dg.job(executor_def=marked_executor)
def _looking() -> None:
    @dg.op
    def look(context: dg.OpExecutionContext) -> None:
        run = context.instance.get_run_by_id(context.run_id)
        assert run is not None
        assert is_dead(run.tags[PROCESS_TAG]) is False

    look()


def test_a_run_is_marked_before_its_first_step() -> None:
    with dg.instance_for_test() as instance:
        assert dg.execute_job(dg.reconstructable(_looking_job), instance).success


def _looking_job() -> dg.JobDefinition:
    return _looking


def test_runs_of_dead_processes_are_closed_and_no_others(other: tuple["subprocess.Popen[str]", str]) -> None:
    process, mark = other
    process.kill()
    process.wait()
    with dg.DagsterInstance.ephemeral() as instance:

        def begun(status: dg.DagsterRunStatus, tags: dict[str, str]) -> str:
            return instance.create_run_for_job(_looking, status=status, tags=tags).run_id

        dead = {begun(status, {PROCESS_TAG: mark}) for status in (STARTED, dg.DagsterRunStatus.NOT_STARTED)}
        cancelling = begun(dg.DagsterRunStatus.CANCELING, {PROCESS_TAG: mark})
        kept = {
            begun(STARTED, process_tags()): False,
            begun(STARTED, {PROCESS_TAG: _other(mark, host="elsewhere")}): None,
            begun(STARTED, {}): None,
            begun(STARTING, {}): None,
        }
        assert {one.run.run_id for one in close_dead(instance)} == {*dead, cancelling}
        assert {one.run.run_id: one.dead for one in unfinished(instance)} == kept
        assert {one.run.run_id for one in blocking(instance)} == set(kept)

        def status_of(run_id: str) -> dg.DagsterRunStatus:
            found = instance.get_run_by_id(run_id)
            assert found is not None
            return found.status

        assert {status_of(run_id) for run_id in dead} == {dg.DagsterRunStatus.FAILURE}
        assert status_of(cancelling) is dg.DagsterRunStatus.CANCELED
        assert close_dead(instance) == []


_NIGHT = """
import os, signal, sys
import dagster as dg
from americano_assets.orchestration.dagster_home import prepare_dagster_home
from americano_assets.orchestration.run_processes import process_tags
from americano_assets.settings import load_settings

@dg.op
def end():
    os.kill(os.getpid(), signal.SIGKILL)

@dg.job
def killed():
    end()

prepare_dagster_home(load_settings())
killed.execute_in_process(instance=dg.DagsterInstance.get(), tags=process_tags() if sys.argv[1] == "marked" else {})
"""


@pytest.fixture
def environment(database: str, tmp_path: Path) -> dict[str, str]:
    return {
        "DATABASE_URL": database,
        "AMERICANO_DAGSTER_URL": database,
        "MLFLOW_TRACKING_URI": database,
        "AMERICANO_HOME": str(tmp_path / "home"),
    }


def _killed(environment: dict[str, str], kind: str) -> None:
    done = subprocess.run([sys.executable, "-c", _NIGHT, kind], env=os.environ | environment, capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr


@pytest.mark.long
def test_prune_closes_a_killed_run_and_asks_for_what_it_cannot_tell(environment: dict[str, str]) -> None:
    _killed(environment, "marked")
    done = run("prune", "--days", "30", **environment)
    assert done.returncode == 0, done.stderr
    assert "Closed killed (" in done.stderr
    _killed(environment, "unmarked")  # As a run that was recorded by a version without marks.
    done = run("prune", "--days", "30", **environment)
    assert done.returncode == 1
    assert "americano close-runs" in done.stderr
    listed = run("close-runs", **environment)
    assert "may still run" in listed.stdout
    run_id = listed.stdout.partition("(")[2].partition(")")[0]
    assert run("close-runs", "--yes", run_id, **environment).returncode == 0
    assert run("prune", "--days", "30", **environment).returncode == 0
    assert "No run is in progress" in run("close-runs", **environment).stdout


@pytest.fixture
def instance(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    """Dagster's instance as the commands have it."""
    for name in (HOME_VARIABLE, URL_VARIABLE):
        monkeypatch.setenv(name, "")  # Set by what follows: so it is undone.
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    prepare_dagster_home(load_settings())
    with dg.DagsterInstance.get() as found:
        yield found


def test_a_sensor_closes_them_too(instance: dg.DagsterInstance, other: tuple["subprocess.Popen[str]", str]) -> None:
    process, mark = other
    run_ids = [
        instance.create_run_for_job(_looking, status=STARTED, tags=tags).run_id
        for tags in ({PROCESS_TAG: mark}, {PROCESS_TAG: _other(mark, host="elsewhere")}, {})
    ]
    process.kill()
    process.wait()
    sensor = build_defs(load_settings()).resolve_sensor_def("killed_runs_sensor")
    with dg.build_sensor_context(instance) as context:
        told = sensor.evaluate_tick(context).skip_message
    assert told is not None
    assert told.startswith("closed _looking (")
    statuses = [run.status for run_id in run_ids if (run := instance.get_run_by_id(run_id))]
    assert statuses == [dg.DagsterRunStatus.FAILURE, STARTED, STARTED]


@pytest.mark.long
def test_a_killed_dev_keeps_nobody_waiting(instance: dg.DagsterInstance, environment: dict[str, str]) -> None:
    day = "2026-03-08"
    add_nights(instance, [date.fromisoformat(day)])
    with socket.socket() as one, socket.socket() as two:
        for free in (one, two):
            free.bind(("127.0.0.1", 0))
        ports = {"PORT": one.getsockname()[1], "AMERICANO_DAGSTER_PORT": two.getsockname()[1]}
    elsewhere = {"MLFLOW_TRACKING_URI": "http://127.0.0.1:1", "AMERICANO_START_DAY": "2026-03-01"}
    elsewhere |= {"PYTHONPATH": str(PROJECT_ROOT)}
    surroundings = {**os.environ, **environment, **elsewhere, **{name: str(port) for name, port in ports.items()}}
    dev = subprocess.Popen([sys.executable, "-P", "-m", "americano_assets", "dev"], env=surroundings, cwd=PROJECT_ROOT)
    try:
        launch = ("-m", "dagster", "job", "launch", "-j", NIGHTLY_JOB)
        tags = json.dumps({"dagster/partition": day})
        subprocess.run(
            [sys.executable, *launch, "--tags", tags],
            env=surroundings,
            cwd=PROJECT_ROOT,
            check=True,
            capture_output=True,
        )
        while not any(PROCESS_TAG in run.tags and run.status is STARTED for run in instance.get_runs()):
            assert dev.poll() is None
            time.sleep(0.05)
    finally:
        family = [psutil.Process(dev.pid), *psutil.Process(dev.pid).children(recursive=True)]
        for process in family:
            process.kill()
        dev.wait()
        psutil.wait_procs(family)
    assert [one.dead for one in unfinished(instance)] == [True]
    done = run("prune", "--days", "30", **environment)
    assert done.returncode == 0, done.stderr
    assert f"Closed nightly {day}" in done.stderr
