"""What every test may ask for: a real PostgreSQL, a fresh database on it, settings that point there."""

import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from hypothesis import settings as hypothesis_settings
from pydantic import SecretStr

from americano_assets.orchestration.dagster_home import HOME_VARIABLE
from americano_assets.resources.postgres.connection import bootstrap, connect
from americano_assets.resources.postgres.embedded.server import DAGSTER_DATABASE, MLFLOW_DATABASE, EmbeddedServer
from americano_assets.resources.postgres.migrate import migrate
from americano_assets.settings import Settings
from americano_assets_tests.folders import SHORT, keep_temporary_files_in_memory
from americano_assets_tests.started_processes import end_marked, mark_this_run

if TYPE_CHECKING:
    from americano_assets_tests.s3_server import S3Server

# How long an example takes says nothing of whether it holds: a busy machine is no fault.
hypothesis_settings.register_profile("untimed", deadline=None)
hypothesis_settings.load_profile("untimed")

_TEMPLATE = "template_prepared"
_DEPLOYMENT = (*(name.upper() for name in Settings.model_fields), HOME_VARIABLE)
_MARK = pytest.StashKey[str]()
_FOLDER = pytest.StashKey[Path | None]()
_numbers = count(1)


def pytest_configure(config: pytest.Config) -> None:
    """Have whatever this run starts be known as its own, and write where that is fast; workers inherit both."""
    # A developer's own deployment must not reach what fixtures of a session make, before any test's own are there.
    for name in _DEPLOYMENT:
        os.environ.pop(name, None)
    if not hasattr(config, "workerinput"):
        config.stash[_MARK] = mark_this_run()
        config.stash[_FOLDER] = keep_temporary_files_in_memory()
        # Tests run side by side already: the threads of scikit-learn and NumPy would only wait for one another.
        for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
            os.environ.setdefault(name, "1")


def pytest_unconfigure(config: pytest.Config) -> None:
    """End what an interruption left, and remove what lies in memory."""
    if (mark := config.stash.get(_MARK, None)) is not None:
        end_marked(mark)
    if (folder := config.stash.get(_FOLDER, None)) is not None:
        shutil.rmtree(folder, ignore_errors=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse two tests of one name: workers side by side would run one of them and say nothing of the other."""
    twice = sorted(name for name, times in Counter(item.nodeid for item in items).items() if times > 1)
    if twice:
        raise pytest.UsageError(f"{len(twice)} names are those of more than one test: {', '.join(twice[:5])}")


@pytest.fixture(autouse=True)
def _no_inherited_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What one test's code puts into the environment must not reach the next, nor a test the developer's own home."""
    for name in _DEPLOYMENT:
        monkeypatch.setenv(name, "")  # What was never set would not be taken away behind the test.
        monkeypatch.delenv(name)
    monkeypatch.setenv("AMERICANO_HOME", str(tmp_path / "home that nobody named"))


@pytest.fixture(scope="session")
def server() -> Iterator[EmbeddedServer]:
    """One embedded server for the whole session."""
    home = Path(tempfile.mkdtemp(prefix="americano-", dir=SHORT))  # A socket's path must be short.
    embedded = EmbeddedServer(home)
    try:
        embedded.ensure()
        without_durability(embedded)
        yield embedded
    finally:
        embedded.stop()
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def prepared_template(server: EmbeddedServer) -> str:
    """A database with the contract's tables and ours, to be copied."""
    _administer(server, f'CREATE DATABASE "{_TEMPLATE}"')
    with connect(server.url(_TEMPLATE), autocommit=True) as connection:
        bootstrap(connection)
        migrate(connection)
    return _TEMPLATE


@pytest.fixture
def database(server: EmbeddedServer, prepared_template: str) -> Iterator[str]:
    """URL of a database of this test's own, with the contract's tables and ours, all empty."""
    yield from temporary(server, prepared_template)


@pytest.fixture(scope="module")
def module_database(server: EmbeddedServer, prepared_template: str) -> Iterator[str]:
    """As `database`, for all tests of a module: for those that only read what the module wrote once."""
    yield from temporary(server, prepared_template)


@pytest.fixture(scope="session")
def session_database(server: EmbeddedServer, prepared_template: str) -> Iterator[str]:
    """As `module_database`, for the whole session: files of different packages may be run in turn."""
    yield from temporary(server, prepared_template)


@pytest.fixture
def empty_database(server: EmbeddedServer) -> Iterator[str]:
    """URL of a database of this test's own that holds nothing."""
    yield from temporary(server, "template0")


@pytest.fixture
def settings(server: EmbeddedServer, database: str, tmp_path: Path) -> Settings:
    """Settings of a deployment on `database`, with a home of its own; nothing is read from the environment.

    Dagster's and MLflow's databases are the session's, shared by its tests: no test starts a server unasked.
    """
    return Settings(
        _env_file=None,  # type: ignore[call-arg]
        database_url=SecretStr(database),
        americano_dagster_url=SecretStr(server.url(DAGSTER_DATABASE)),
        mlflow_tracking_uri=SecretStr(server.url(MLFLOW_DATABASE)),
        americano_home=tmp_path / "home",
    )


@pytest.fixture(scope="session")
def s3_server() -> "Iterator[S3Server]":
    """One S3 server for the whole session; what it is made of is loaded for those who use it."""
    from americano_assets_tests.s3_server import S3Server

    server = S3Server()
    yield server
    server.close()


@pytest.fixture
def s3(s3_server: "S3Server", monkeypatch: pytest.MonkeyPatch) -> "S3Server":
    """The server with an empty bucket, in the environment of this test."""
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    s3_server.empty()
    return s3_server


def without_durability(server: EmbeddedServer) -> None:
    """Spare a disk the work of keeping what no test outlives; what is committed still survives a killed server."""
    for setting in ("fsync", "full_page_writes"):
        _administer(server, f"ALTER SYSTEM SET {setting} = off")
    _administer(server, "SELECT pg_reload_conf()")


def temporary(server: EmbeddedServer, template: str) -> Iterator[str]:
    """URL of a new database, a copy of `template` to which nobody is connected; dropped behind it."""
    name = f"test_{next(_numbers)}"
    _administer(server, f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    yield server.url(name)
    _administer(server, f'DROP DATABASE "{name}" WITH (FORCE)')


def _administer(server: EmbeddedServer, statement: str) -> None:
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(statement.encode())
