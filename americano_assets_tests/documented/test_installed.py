"""The project as a package: built, installed elsewhere, run from an unrelated folder by one who has no checkout."""

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import httpx
import pytest

from americano_assets.installation import PROJECT_ROOT
from americano_assets.installation import __version__ as version
from americano_assets.resources.postgres.connection import connect
from americano_assets_tests.documented.commands import RUN
from americano_assets_tests.evaluation.logs import planted_log
from americano_assets_tests.resources.home.test_home_claim import free_port

pytestmark = pytest.mark.long


@dataclass(frozen=True)
class Installed:
    """An environment with the package in it, and whoever works with it."""

    wheel: Path
    python: Path
    user: Path

    @property
    def variables(self) -> dict[str, str]:
        """Of the user's shell: nothing of a checkout, of a deployment or of these tests."""
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "TZ") if name in os.environ}
        return {**kept, "HOME": str(self.user), "XDG_DATA_HOME": str(self.user / "data")}

    @property
    def here(self) -> Path:
        """The unrelated folder that commands are called in."""
        return self.user / "here"

    @property
    def home(self) -> Path:
        """The home that nobody has named."""
        return self.user / "data" / "americano"

    def command(self, *words: str) -> list[str]:
        return [str(self.python.with_name("americano")), *words]

    def tried(self, *words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            self.command(*words), env=self.variables, cwd=self.here, capture_output=True, text=True, check=False
        )

    def run(self, *words: str) -> str:
        done = self.tried(*words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def installed() -> Iterator[Installed]:
    folder = Path(tempfile.mkdtemp(prefix="wheel-", dir="/tmp"))  # A socket's path must be short.
    user = folder / "u"
    (user / "here").mkdir(parents=True)
    source = folder / "source"
    source.mkdir()
    # What git has, and not what tests and tools have left in the folder.
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True)
    for name in tracked.stdout.split("\0"):
        if name.startswith("americano_assets/") or ("/" not in name and name):
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(PROJECT_ROOT / name, source / name)
    wheels = folder / "wheels"
    # Not by pip: an environment that uv made has none.
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(wheels)]
    subprocess.run(build, cwd=source, check=True, capture_output=True)
    (wheel,) = wheels.glob("*.whl")
    subprocess.run([sys.executable, "-m", "venv", str(folder / "env")], check=True)
    python = folder / "env" / "bin" / "python"
    # The packages of the lock, as they are in the environment of these tests; the project itself comes from the wheel.
    (packages,) = (folder / "env").glob("lib/python*/site-packages")
    (packages / "of_the_lock.pth").write_text(sysconfig.get_path("purelib") + "\n")
    for name in ("dg", "dagster"):
        (python.parent / name).symlink_to(Path(sys.executable).with_name(name))
    subprocess.run([str(python), "-m", "pip", "-q", "install", "--no-deps", "--no-index", str(wheel)], check=True)
    found = Installed(wheel, python, user)
    try:
        yield found
    finally:
        subprocess.run(found.command("stop"), env=found.variables, cwd=found.here, capture_output=True, check=False)
        shutil.rmtree(folder, ignore_errors=True)


def test_the_wheel_holds_what_runs_and_nothing_else(installed: Installed) -> None:
    with zipfile.ZipFile(installed.wheel) as opened:
        names = set(opened.namelist())
    tracked = subprocess.run(
        ["git", "ls-files", "americano_assets"], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True
    )
    ours = set(tracked.stdout.split("\n")) - {""} | {"americano_assets/dagster.yaml", "americano_assets/workspace.yaml"}
    assert {name for name in names if ".dist-info/" not in name} == ours


@pytest.fixture(scope="module")
def demo(installed: Installed) -> str:
    """What the smallest demo of learners of whom all is known printed."""
    return installed.run("demo", "--cohort", "simulated", "--learners", "40", "--days", "60", "--seed", "5")


def test_a_demo_speaks_of_the_command_as_it_is_called_here(installed: Installed, demo: str) -> None:
    assert installed.run("--version") == f"americano {version}\n"
    assert "americano --home simulated dev" in " ".join(demo.split())
    assert "./americano" not in demo
    assert list(installed.here.iterdir()) == [], "nothing lies in the folder it was called in"


def test_dev_serves_from_an_unrelated_folder(installed: Installed, demo: str) -> None:
    ports = {name: free_port() for name in ("PORT", "AMERICANO_DAGSTER_PORT", "AMERICANO_MLFLOW_PORT")}
    with (installed.wheel.parent / "dev.log").open("w+") as log:
        process = subprocess.Popen(
            installed.command("dev"),
            env=installed.variables | {name: str(port) for name, port in ports.items()},
            cwd=installed.here,
            stdout=log,
            stderr=subprocess.STDOUT,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
        try:
            with httpx.Client(transport=httpx.HTTPTransport(retries=8), timeout=60) as client:
                assert client.get(f"http://127.0.0.1:{ports['PORT']}/health").json() == {"status": "ok"}
                asked = {"query": "{ repositoriesOrError { ... on RepositoryConnection { nodes { name } } } }"}
                address = f"http://127.0.0.1:{ports['AMERICANO_DAGSTER_PORT']}/graphql"
                deadline, found = time.monotonic() + 300, ""
                while "__repository__" not in found and time.monotonic() < deadline and process.poll() is None:
                    with suppress(httpx.ConnectError):  # Dagster takes longest, on a busy machine over a minute.
                        found = json.dumps(client.post(address, json=asked).json())
                assert "__repository__" in found
        finally:
            process.send_signal(signal.SIGINT)
            code = process.wait(timeout=60)
        log.seek(0)
        assert code == 0, log.read()[-2000:]


def test_what_is_documented_runs(installed: Installed, demo: str, tmp_path: Path) -> None:
    """In the demo's home, in an order in which each finds what it needs; the last ones take it away."""
    with connect(installed.run("db-url").strip()) as connection:
        day, learner, champion = connection.execute(
            "SELECT study_day, (SELECT min(user_id) FROM ml.episodes), model_version FROM ml.study_days "
            "ORDER BY study_day DESC LIMIT 1"
        ).fetchone() or (date.min, "", "")
    # The champion cannot be promoted once more.
    model = min(path.stem for path in installed.home.rglob("models/*.json") if path.stem != champion)
    dataset = min(installed.home.rglob("data/datasets/*.json")).stem
    values = {"day": day, "learner": learner, "model": model, "dataset": dataset, "folder": tmp_path}
    planted_log(learners=200).drop(columns="p_struggle").to_parquet(tmp_path / "log.parquet")
    failed = {}
    for call in RUN:
        done = installed.tried(*shlex.split(call.format(**values)))
        if done.returncode != 0:
            failed[call] = done.stdout[-500:] + done.stderr
    assert failed == {}
