"""The whole of docker-compose.yml under a real engine, beside a database as an app has it."""

import functools
import json
import os
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
import yaml

from americano_assets.contract.grants import ROLE, grants
from americano_assets.core.study_days.study_day import last_closed
from americano_assets.installation import PROJECT_ROOT
from americano_assets_tests.cli.test_cli import run
from americano_assets_tests.stages.s3_training.weekly_school import OBJECTIVES, fill, learners
from americano_assets_tests.world import World

# A compose file asks for these; whoever runs the test may name others where no registry is reached.
IMAGES = {"PYTHON_IMAGE": "python:3.12-slim", "POSTGRES_IMAGE": "postgres:17"}
LEARNERS = 40
_PASSWORD = "of-the-test"
# A busy machine is no fault; what never comes is.
_PATIENCE_SECONDS = 600
_SPARE_IMAGES = (
    "no registry was reached: americano_assets_tests/end_to_end/production/base_images.sh makes both from Debian's"
    " packages, and PYTHON_IMAGE and POSTGRES_IMAGE name them"
)
# An app's server, under the name `app`, and reached from outside on a port that is free.
_APP = {
    "services": {
        "app": {
            "image": "${POSTGRES_IMAGE:-postgres:17}",
            "user": "postgres",
            "environment": {"POSTGRES_PASSWORD": _PASSWORD},
            "ports": ["127.0.0.1::5432"],
            "volumes": ["app:/var/lib/postgresql/data"],
            "healthcheck": {"test": ["CMD-SHELL", "pg_isready -U postgres -h 127.0.0.1"], "interval": "2s"},
        }
    },
    "volumes": {"app": {}},
}


@functools.cache
def compose_command() -> tuple[str, ...]:
    """How Compose is called here; the test is skipped where there is no engine, or a base image cannot be had."""
    try:
        asked = _quiet("docker", "info", "--format", "{{.ServerVersion}}")
    except FileNotFoundError:
        pytest.skip("there is no docker command")
    if asked.returncode != 0:
        pytest.skip(f"no container engine answers (DOCKER_HOST names its socket): {asked.stderr.strip()}")
    for variable, usual in IMAGES.items():
        image = os.environ.get(variable, usual)
        if _quiet("docker", "image", "inspect", image).returncode and _quiet("docker", "pull", image).returncode:
            pytest.skip(f"{variable}={image} is not here and cannot be pulled; where {_SPARE_IMAGES}")
    if _quiet("docker", "compose", "version").returncode == 0:
        return ("docker", "compose")
    try:
        _quiet("docker-compose", "version")
    except FileNotFoundError:
        pytest.skip("there is neither `docker compose` nor docker-compose")
    return ("docker-compose",)


def _quiet(*command: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, capture_output=True, text=True, check=False)


def until(what: str, found: Callable[[], Any]) -> Any:
    """What is found once it is true; it is asked for again and again, and what cannot answer yet says no."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            last = found()
        except (OSError, psycopg.OperationalError) as error:
            last, reason = None, str(error)
        else:
            reason = repr(last)
        if last:
            return last
        if time.monotonic() > deadline:
            pytest.fail(f"{what}: not within {_PATIENCE_SECONDS} seconds ({reason})")
        time.sleep(1)


class Containers:
    """One deployment: its volumes, its network, and an app's database beside it.

    Attributes:
        checkout: Whose docker-compose.yml and code it is; another version's may follow on the same volumes.
        closed: The last closed study day, in a zone in which it is about noon: none closes while a test runs.
    """

    def __init__(self, project: str, folder: Path) -> None:
        self.project, self.checkout = project, PROJECT_ROOT
        now = datetime.now(UTC)
        zone = f"Etc/GMT{now.hour - 12:+d}"
        self.closed = last_closed(now, ZoneInfo(zone))
        self._app_file, self._env_file = folder / "app.yml", folder / "env"
        self._app_file.write_text(yaml.safe_dump(_APP))
        self._env_file.touch()  # Not a developer's own.
        self.environment = (
            IMAGES
            | os.environ
            | {
                "DATABASE_URL": f"postgresql://{ROLE}:{_PASSWORD}@app:5432/app",
                "POSTGRES_PASSWORD": _PASSWORD,
                "CORS_ORIGINS": "https://app.example",
                "AMERICANO_START_DAY": f"{now - timedelta(days=100):%Y-%m-%d}",
                "AMERICANO_TIMEZONE": zone,
            }
        )

    def __call__(self, *arguments: str) -> str:
        """A command of Compose, its standard output; an error fails the test with all that was said."""
        return self.piped(*arguments).decode()

    def piped(self, *arguments: str, given: bytes = b"") -> bytes:
        """The same, between a file that it reads and one that it writes."""
        done = self._run(*arguments, given=given)
        if done.returncode != 0:
            pytest.fail(f"{' '.join(done.args)}\n{done.stdout.decode()}\n{done.stderr.decode()}")
        return done.stdout

    def _run(self, *arguments: str, given: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
        files = ("-f", str(self.checkout / "docker-compose.yml"), "-f", str(self._app_file))
        command = [*compose_command(), "--env-file", str(self._env_file), "-p", self.project, *files, *arguments]
        return subprocess.run(
            command, cwd=self.checkout, env=self.environment, input=given, capture_output=True, check=False
        )

    def kill(self, service: str, command: str) -> None:
        """Kill a service's processes from inside, and wait until the engine has brought it back.

        The command may be killed with them: what it ends with says nothing.
        """
        before = self.restarts(service)
        self._run("exec", "-T", service, "sh", "-c", command)
        until(f"{service} is brought back", lambda: self.restarts(service) > before)
        self.healthy(service)

    def lose(self, *volumes: str) -> None:
        """Take the containers down, and these volumes with them."""
        self("down")
        done = _quiet("docker", "volume", "rm", *(f"{self.project}_{volume}" for volume in volumes))
        assert done.returncode == 0, done.stderr

    def state(self, service: str) -> dict[str, Any]:
        """What the engine knows of a service's container."""
        found = _quiet("docker", "inspect", self("ps", "-q", service).strip())
        (container,) = json.loads(found.stdout)
        return dict(container)

    def restarts(self, service: str) -> int:
        """How often its container was brought back and runs again."""
        found = self.state(service)
        return int(found["RestartCount"]) if found["State"]["Running"] else 0

    def healthy(self, *services: str) -> None:
        """Wait until each of these, or all of docker-compose.yml's and the app's, says that it is well."""
        for service in services or self("config", "--services").split():
            until(f"{service} is healthy", functools.partial(self._is_healthy, service))

    def _is_healthy(self, service: str) -> bool:
        return bool(self.state(service)["State"]["Health"]["Status"] == "healthy")

    def americano(self, *arguments: str) -> str:
        """A command in a container of its own, as docs/production.md says it."""
        return self("run", "--rm", "-T", "code", "americano", *arguments)

    def connect(self) -> psycopg.Connection[Any]:
        """The app's database, as its owner, from outside."""
        return psycopg.connect(self._owner("app"), autocommit=True)

    def _owner(self, database: str) -> str:
        address = self("port", "app", "5432").strip()
        return f"postgresql://postgres:{_PASSWORD}@{address}/{database}"

    def fill_app(self) -> None:
        """Make the app's database by the commands that the documentation names, with a role of the pipeline's own."""
        self("up", "-d", "app")
        self.healthy("app")
        with psycopg.connect(self._owner("postgres"), autocommit=True) as connection:
            connection.execute("CREATE DATABASE app")
            connection.execute(f"CREATE ROLE {ROLE} LOGIN PASSWORD '{_PASSWORD}'".encode())
        tables = run("schema", "--sql")
        assert tables.returncode == 0, tables.stderr
        now = datetime.now(UTC).replace(tzinfo=None)
        monday = now.date() - timedelta(days=now.weekday() + 7)
        with self.connect() as connection:
            connection.execute(tables.stdout.encode())
            connection.execute(grants().encode())
            world = World(connection)
            with connection.transaction():
                fill(world, learners(LEARNERS), [monday - timedelta(weeks=week) for week in range(10, -1, -1)])
                for learner in learners(LEARNERS):
                    world.mission(learner, now + timedelta(days=2), OBJECTIVES)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of the app's database."""
        with self.connect() as connection:
            return connection.execute(query.encode()).fetchall()

    def come_to_the_tick(self) -> None:
        """Let the daemon come back as after a break in which the last 23:00 passed: the schedule's tick is due."""
        self("stop", "daemon")
        before = (datetime.now(UTC) - timedelta(hours=24)).timestamp()
        named = r""" '"(start_timestamp|last_iteration_timestamp)": [0-9.]+' """
        self(
            *("exec", "-T", "postgres", "psql", "-U", "postgres", "-d", "dagster", "-v", "ON_ERROR_STOP=1", "-c"),
            f"""UPDATE instigators
            SET instigator_body = regexp_replace(instigator_body, {named}, '"\\1": {before}', 'g')
            WHERE instigator_body LIKE '%"nightly_schedule"%'""",
        )
        self("start", "daemon")

    def dagster_runs(self) -> list[dict[str, Any]]:
        """All runs as Dagster's UI asks for them, newest first."""
        query = "{runsOrError {... on Runs {results {runId jobName status tags {key value}}}}}"
        answer = get(f"http://{self('port', 'webserver', '3000').strip()}/graphql", body={"query": query})
        return list(json.loads(answer)["data"]["runsOrError"]["results"])

    def published(self) -> list[Any]:
        """Study days that a night has published."""
        return [row[0] for row in self.rows("SELECT study_day FROM ml.study_days ORDER BY 1")]


def get(url: str, *, token: str | None = None, body: dict[str, Any] | None = None) -> bytes:
    """The answer's body."""
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    request = urllib.request.Request(url, None if body is None else json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return bytes(answer.read())


@contextmanager
def deployment() -> Iterator[Containers]:
    """A deployment with nothing in it yet but the app's database; containers, networks and volumes go behind it."""
    compose_command()
    with tempfile.TemporaryDirectory() as folder:
        containers = Containers("americano-test", Path(folder))
        try:
            containers.fill_app()
            yield containers
        except BaseException:
            print(containers("logs", "--tail=100"))
            raise
        finally:
            containers("down", "--volumes", "--remove-orphans")
