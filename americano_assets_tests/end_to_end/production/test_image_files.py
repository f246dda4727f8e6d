"""The image without an engine: what the Dockerfile copies, in a folder, is enough for all that its containers run."""

import os
import shutil
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
import yaml

from americano_assets.installation import PROJECT_ROOT
from americano_assets_tests.world import World

# Where the image keeps what it copies: the code, and Dagster's own home.
_PLACES = {"/app": "app", "/opt/dagster": "dagster"}
_LATE = datetime.now(UTC).replace(tzinfo=None) - timedelta(days=3)


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """A folder with the files of the image, without what .dockerignore keeps from it."""
    sent = [line[1:] for line in (PROJECT_ROOT / ".dockerignore").read_text().split() if line.startswith("!")]
    for line in (PROJECT_ROOT / "Dockerfile").read_text().splitlines():
        if not line.startswith("COPY "):
            continue
        _, *sources, target = line.split()
        place = Path("/app", target)
        inside = next(
            (tmp_path / own / place.relative_to(at) for at, own in _PLACES.items() if place.is_relative_to(at)), None
        )
        for source in sources:
            assert source.split("/")[0] in sent, f".dockerignore keeps {source} from the build"
            if inside is not None:
                _copy(PROJECT_ROOT / source, inside / Path(source).name if target.endswith("/") else inside)
    return tmp_path


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, target)


def _started(image: Path, database: str, *command: str) -> "subprocess.Popen[str]":
    own = {
        "PYTHONPATH": str(image / "app"),
        "DAGSTER_HOME": str(image / "dagster"),
        "AMERICANO_HOME": str(image / "home"),
        "XDG_DATA_HOME": str(image / "nobody's"),
        "DATABASE_URL": database,
        "AMERICANO_DAGSTER_URL": database,
        "MLFLOW_TRACKING_URI": f"sqlite:///{image}/mlflow.db",
        "AMERICANO_START_DAY": f"{_LATE - timedelta(days=1):%Y-%m-%d}",
        "CORS_ORIGINS": "https://app.example",
        "ENVIRONMENT": "production",
    }
    return subprocess.Popen(
        # Dagster ends by SIGTERM as it does by SIGINT, which a job begun in the background of a script ignores.
        ["env", "--default-signal=INT", *command],
        cwd=image / "app",
        env=os.environ | own,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _said(image: Path, database: str, *command: str) -> str:
    process = _started(image, database, *command)
    said, _ = process.communicate()
    assert process.returncode == 0, said
    return said


@pytest.mark.long
def test_what_the_dockerfile_copies_runs_nights_and_serves_dagster(image: Path, database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        world = World(connection)
        world.learner("one")
        world.objective("heart", world.course("anatomy", "one"))
        world.reviews("one", "heart", _LATE, "AG")
    ours = (sys.executable, "-P", "-m", "americano_assets")
    assert "nightly" in _said(image, database, *ours, "--help")
    assert "2 graded answers" in " ".join(_said(image, database, *ours, "nightly").split())
    day = f"{_LATE:%Y-%m-%d}"
    _said(image, database, *ours, "backfill", "--from", day, "--to", day)

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    services = yaml.safe_load((PROJECT_ROOT / "docker-compose.yml").read_text())["services"]
    command = [part.replace("0.0.0.0", "127.0.0.1").replace("4000", port) for part in services["code"]["command"]]
    tools = Path(sys.executable).parent
    server = _started(image, database, str(tools / command[0]), *command[1:])
    try:
        assert server.stdout is not None
        for line in server.stdout:
            if "Started Dagster code proxy server" in line:
                break
        told = (image / "app" / "workspace.yaml").read_text().replace("host: code", "host: 127.0.0.1")
        (image / "app" / "workspace.yaml").write_text(told.replace("4000", port))
        jobs = _said(image, database, str(tools / "dagster"), "job", "list", "-w", "workspace.yaml")
        assert "Job: nightly" in jobs
    finally:
        server.terminate()
        server.communicate()
