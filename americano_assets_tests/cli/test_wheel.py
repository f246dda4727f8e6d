"""The project as a package: built, installed elsewhere, run from an unrelated folder by one who has no checkout."""

import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from americano_assets.installation import PROJECT_ROOT
from americano_assets.installation import __version__ as version
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
    def home(self) -> Path:
        """The home that nobody has named."""
        return self.user / "data" / "americano"

    def command(self, *words: str) -> list[str]:
        return [str(self.python.with_name("americano")), *words]

    def run(self, *words: str) -> str:
        done = subprocess.run(
            self.command(*words),
            env=self.variables,
            cwd=self.user,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def installed() -> Iterator[Installed]:
    folder = Path(tempfile.mkdtemp(prefix="wheel-", dir="/tmp"))  # A socket's path must be short.
    user = folder / "u"
    user.mkdir()
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "-q"]
    source = folder / "source"
    source.mkdir()
    # What git has, and not what tests and tools have left in the folder.
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True)
    for name in tracked.stdout.split("\0"):
        if name.startswith("americano_assets/") or ("/" not in name and name):
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(PROJECT_ROOT / name, source / name)
    wheels = folder / "wheels"
    subprocess.run(
        [*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(wheels), str(source)], check=True
    )
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
        subprocess.run(found.command("stop"), env=found.variables, cwd=user, capture_output=True, check=False)
        shutil.rmtree(folder, ignore_errors=True)


def test_the_wheel_holds_what_runs_and_nothing_else(installed: Installed) -> None:
    with zipfile.ZipFile(installed.wheel) as opened:
        names = set(opened.namelist())
    tracked = subprocess.run(
        ["git", "ls-files", "americano_assets"], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True
    )
    ours = set(tracked.stdout.split("\n")) - {""} | {"americano_assets/dagster.yaml", "americano_assets/workspace.yaml"}
    assert {name for name in names if ".dist-info/" not in name} == ours


def test_a_night_of_simulated_learners_and_what_follows_it(installed: Installed) -> None:
    assert installed.run("--version") == f"americano {version}\n"
    assert "✗" not in installed.run("doctor")
    told = installed.run("demo", "--cohort", "simulated", "--learners", "20", "--days", "40", "--seed", "3")
    assert "americano dev" in told
    assert "./americano" not in told
    assert "predictions" in installed.run("nightly")
    assert list(installed.home.rglob("*.skops")) + list(installed.home.rglob("models/*.json")) != []
    assert [path.name for path in installed.user.iterdir()] == ["data"], "nothing lies in the folder it was called in"
    for folder in ("reports", "dagster"):
        assert list(installed.home.rglob(folder)) != []


def test_dev_serves_from_an_unrelated_folder(installed: Installed) -> None:
    ports = {name: free_port() for name in ("PORT", "AMERICANO_DAGSTER_PORT", "AMERICANO_MLFLOW_PORT")}
    with (installed.wheel.parent / "dev.log").open("w+") as log:
        process = subprocess.Popen(
            installed.command("dev"),
            env=installed.variables | {name: str(port) for name, port in ports.items()},
            cwd=installed.user,
            stdout=log,
            stderr=subprocess.STDOUT,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
        try:
            with httpx.Client(transport=httpx.HTTPTransport(retries=8), timeout=60) as client:
                assert client.get(f"http://127.0.0.1:{ports['PORT']}/health").json() == {"status": "ok"}
                asked = {"query": "{ repositoriesOrError { ... on RepositoryConnection { nodes { name } } } }"}
                address = f"http://127.0.0.1:{ports['AMERICANO_DAGSTER_PORT']}/graphql"
                deadline, found = time.monotonic() + 120, ""
                while "__repository__" not in found and time.monotonic() < deadline and process.poll() is None:
                    found = json.dumps(client.post(address, json=asked).json())
                assert "__repository__" in found
        finally:
            process.send_signal(signal.SIGINT)
            code = process.wait(timeout=60)
        log.seek(0)
        assert code == 0, log.read()[-2000:]
