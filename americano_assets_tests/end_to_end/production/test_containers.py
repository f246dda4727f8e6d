"""docker-compose.yml under a real engine: from an empty volume to nights, through kills, from one version to the next.

Needs a container engine, and takes half an hour: CONTRIBUTING.md.
"""

import json
import os
import subprocess
import urllib.error
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from americano_assets.installation import PROJECT_ROOT
from americano_assets_tests.end_to_end.production.containers import (
    IMAGES,
    Containers,
    deployment,
    get,
    until,
)

pytestmark = pytest.mark.full
API = "http://127.0.0.1:8000"
# A version whose image could run nights by the schedule alone.
BEFORE = "6400091"
OURS = ("mlflow", "code", "webserver", "daemon", "api")
# To the first process of a container nothing inside can send what cannot be refused. What docker-init started can be
# killed as memory's end would; PostgreSQL ends at once, without a checkpoint, by its own signal for that.
KILLS = {**dict.fromkeys(OURS, "kill -KILL -1"), "postgres": "kill -QUIT 1"}


@pytest.fixture
def containers() -> Iterator[Containers]:
    with deployment() as found:
        yield found


def test_a_deployment_from_an_empty_volume_through_nights_and_kills(containers: Containers) -> None:
    closed = containers.closed
    containers("build")
    assert "matches the contract" in containers.americano("check-db")
    token = containers.americano("token", "create", "app").split()[-1]
    told = containers.americano("nightly", "--day", f"{closed - timedelta(days=1)}")
    assert "Read of the log: 11 study days with graded answers" in " ".join(told.split())

    containers("up", "-d")
    containers.healthy()
    for service, kill in KILLS.items():
        containers.kill(service, kill)
    containers.healthy()
    containers.come_to_the_tick()
    _night(containers)
    _answers(token)
    assert containers.published() == [closed - timedelta(days=1), closed]


def test_a_version_takes_over_what_the_one_before_it_left(containers: Containers, tmp_path: Path) -> None:
    containers.checkout = _checkout(BEFORE, tmp_path / "before")
    containers("build")
    token = containers("run", "--rm", "-T", "code", *_MODULE, "token", "create", "app").split()[-1]
    containers("up", "-d")
    containers.healthy()
    containers.come_to_the_tick()
    before = _night(containers)
    predictions = containers.rows(_PREDICTIONS)
    containers("down")

    containers.checkout = PROJECT_ROOT
    containers("build")
    containers("up", "-d")
    containers.healthy()
    _answers(token)
    assert before in [run["runId"] for run in containers.dagster_runs()], "Dagster's history is kept"
    containers.americano("nightly")
    assert containers.rows(_PREDICTIONS) == predictions, "the night of before, run again, is the same"

    dumps = {name: containers.piped(*_POSTGRES, "pg_dump", "-U", "postgres", "-Fc", name) for name in _DATABASES}
    files = {service: containers.piped(*_files(service), "-cz", ".") for service in _FOLDERS}
    containers.lose("data", "mlflow", "postgres")
    for service, packed in files.items():
        containers.piped(*_files(service), "-xz", given=packed)
    containers("up", "-d", "postgres")
    containers.healthy("postgres")
    for name, dump in dumps.items():
        containers.piped(*_POSTGRES, "pg_restore", "-U", "postgres", "-d", name, given=dump)
    containers("up", "-d")
    containers.healthy()
    assert before in [run["runId"] for run in containers.dagster_runs()], "a back-up brings it back"
    containers.americano("nightly")
    assert containers.rows(_PREDICTIONS) == predictions, "the files too"


_OF_THE_SCHEDULE = {"key": "dagster/schedule_name", "value": "nightly_schedule"}
# How a version without the command `americano` is called.
_MODULE = ("python", "-P", "-m", "americano_assets")
_POSTGRES = ("exec", "-T", "postgres")
_DATABASES = ("dagster", "mlflow")
_FOLDERS = {"code": "/data", "mlflow": "/mlflow"}
_PREDICTIONS = """SELECT "id", "userId", "learningObjectiveId", "predictedStruggleProbability"
    FROM struggle_predictions ORDER BY 1"""


def _night(containers: Containers) -> str:
    """Wait for the schedule's run of the last closed study day, which must succeed; its id."""

    def ended() -> dict[str, object] | None:
        found = [run for run in containers.dagster_runs() if _OF_THE_SCHEDULE in run["tags"]]
        return found[0] if found and found[0]["status"] in ("SUCCESS", "FAILURE") else None

    run = until("the schedule's run has ended", ended)
    assert run["status"] == "SUCCESS"
    assert containers.closed in containers.published()
    return str(run["runId"])


def _answers(token: str) -> None:
    """The API answers whoever has a token with the night's rows, and nobody else."""
    with pytest.raises(urllib.error.HTTPError, match="401"):
        get(f"{API}/predictions?userId=learner-22")
    answer = json.loads(get(f"{API}/predictions?userId=learner-22", token=token))
    assert {one["user_id"] for one in answer["predictions"]} == {"learner-22"}
    assert json.loads(get(f"{API}/health/ready"))["stale"] is False


def _files(service: str) -> tuple[str, ...]:
    """tar, in the folder of a service's volume."""
    return ("run", "--rm", "-T", "--no-deps", service, "tar", "-C", _FOLDERS[service])


def _checkout(commit: str, folder: Path) -> Path:
    """The files of a commit, on the base images that this machine has."""
    packed = subprocess.run(["git", "-C", str(PROJECT_ROOT), "archive", commit], capture_output=True, check=False)
    if packed.returncode != 0:
        pytest.skip(f"commit {commit} is not in this clone's history: git fetch --unshallow")
    folder.mkdir()
    subprocess.run(["tar", "-x", "-C", str(folder)], input=packed.stdout, check=True)
    for path, variable in {"Dockerfile": "PYTHON_IMAGE", "docker-compose.yml": "POSTGRES_IMAGE"}.items():
        text = (folder / path).read_text()
        assert IMAGES[variable] in text
        (folder / path).write_text(text.replace(IMAGES[variable], os.environ.get(variable, IMAGES[variable])))
    return folder
