"""`doctor`: what stands in the way is named with what to do, what stops a night first, and nothing is made."""

import shutil
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from americano_assets import cli
from americano_assets.cli.setup.examination import State, examine
from americano_assets.contract.grants import grants
from americano_assets.contract.printed.ddl import ddl
from americano_assets.settings import Settings
from americano_assets_tests.cli.test_commands import free_port
from americano_assets_tests.world import World, world_settings

NOWHERE = "postgresql://u:hunter2@127.0.0.1:1/d"
TODAY = datetime.now(UTC).replace(tzinfo=None)


class App(NamedTuple):
    """An app's database of which no night has run yet, and the settings of a deployment beside it."""

    connection: psycopg.Connection[Any]
    settings: Settings
    url: str

    def with_(self, **values: Any) -> Settings:
        return self.settings.model_copy(update=values)


@pytest.fixture
def app(empty_database: str, tmp_path: Path) -> Iterator[App]:
    with psycopg.connect(empty_database, autocommit=True) as connection:
        connection.execute(ddl().encode())
        world = World(connection)
        world.learner("one")
        world.objective("heart", world.course("anatomy", "one"))
        world.review("one", "heart", TODAY - timedelta(days=3))
        ports = {name: free_port() for name in ("port", "americano_dagster_port", "americano_mlflow_port")}
        settings = world_settings(
            empty_database, tmp_path / "home", americano_dagster_url=SecretStr(empty_database), **ports
        )
        settings.americano_home.rmdir()
        yield App(connection, settings, empty_database)


def _of(settings: Settings, state: State) -> dict[str, str]:
    return {one.subject: one.message for one in examine(settings) if one.state is state}


def test_where_all_is_well_nothing_is_wrong_and_nothing_is_made(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("database_url", "americano_dagster_url", "mlflow_tracking_uri"):
        monkeypatch.setenv(name.upper(), getattr(app.settings, name).get_secret_value())
    for name in ("americano_home", "port", "americano_dagster_port", "americano_mlflow_port"):
        monkeypatch.setenv(name.upper(), str(getattr(app.settings, name)))
    done = CliRunner().invoke(cli.app, ["doctor"])
    assert done.exit_code == 0, done.output
    assert "Nothing stops a night: ./americano nightly." in done.output
    assert "✗" not in done.output
    assert "!" not in done.output
    assert not app.settings.americano_home.exists()
    assert app.connection.execute("SELECT to_regnamespace('ml')").fetchone() == (None,)
    monkeypatch.setenv("AMERICANO_ON_INVALID", "fail")
    told = " ".join(CliRunner().invoke(cli.app, ["doctor"]).output.split())
    assert "Nothing stops a night unless a row is bad: none was looked at" in told
    app.connection.execute("DROP TABLE exams")
    done = CliRunner().invoke(cli.app, ["doctor"])
    assert done.exit_code == 1, done.output
    assert done.output.startswith("✗ Database:")


@pytest.mark.parametrize(
    ("planted", "state", "words"),
    [
        ("DROP TABLE exams", State.STOPS, "first exams: The table is missing"),
        ('ALTER TABLE reviews ALTER "rating" DROP NOT NULL', State.WARNS, "check-db"),
        ("TRUNCATE reviews", State.STOPS, "no rows to work on"),
        ("UPDATE reviews SET \"reviewedAt\" = '2025-12-24'", State.WARNS, "never read: `americano nightly` reads them"),
        ("UPDATE reviews SET \"reviewedAt\" = '2025-11-01'", State.WARNS, "AMERICANO_START_DAY, 2025-12-01"),
        ("UPDATE reviews SET \"reviewedAt\" = '2999-12-24'", State.WARNS, "Nobody has studied yet"),
    ],
)
def test_what_is_wrong_with_the_database_is_named(app: App, planted: str, state: State, words: str) -> None:
    app.connection.execute(planted.encode())
    found = [one.message for one in examine(app.settings) if (one.state, one.subject) == (state, "Database")]
    assert any(words in message for message in found), found


def test_tables_in_a_schema_of_their_own_are_found(app: App) -> None:
    app.connection.execute("ALTER SCHEMA public RENAME TO app")
    app.connection.execute("CREATE SCHEMA public")
    theirs = app.with_(database_url=SecretStr(f"{app.url}&schema=app"))
    assert _of(theirs, State.STOPS) == {}
    assert "Its log begins" in _of(theirs, State.FINE)["Database"]
    app.connection.execute("DROP TABLE app.exams")
    assert "first exams: The table is missing" in _of(theirs, State.STOPS)["Database"]


def test_what_does_not_answer_is_named_the_worst_first_without_passwords(app: App) -> None:
    nowhere = SecretStr(NOWHERE)
    settings = app.with_(
        database_url=nowhere, americano_dagster_url=nowhere, mlflow_tracking_uri=SecretStr("http://127.0.0.1:1")
    )
    found = examine(settings)
    assert [(one.state, one.subject) for one in found if one.state is not State.FINE] == [
        (State.STOPS, "Database"),
        (State.STOPS, "Dagster"),
        (State.WARNS, "MLflow"),
    ]
    assert "hunter2" not in "".join(one.message for one in found)


@pytest.mark.parametrize("schema", ["public", "app"])
def test_a_missing_right_is_told_as_the_statement_that_gives_it(app: App, schema: str) -> None:
    role = "doctors_patient"
    app.connection.execute(f'CREATE ROLE "{role}" LOGIN'.encode())
    if schema != "public":
        app.connection.execute(f"ALTER SCHEMA public RENAME TO {schema}; CREATE SCHEMA public".encode())
        app.connection.execute(f"REVOKE USAGE ON SCHEMA {schema} FROM PUBLIC".encode())
    try:
        parts = urlsplit(app.url)
        address = parts._replace(netloc=f"{role}@{parts.netloc.rpartition('@')[2]}")
        url = f"{urlunsplit(address)}&schema={schema}"
        settings = app.with_(database_url=SecretStr(url), americano_dagster_url=None)
        if schema != "public":  # To which nobody has a right unasked.
            assert f'GRANT USAGE ON SCHEMA "{schema}" TO "{role}"' in _of(settings, State.STOPS)["Database"]
        app.connection.execute(grants(role, schema).encode())
        assert _of(settings, State.STOPS) == {}
        app.connection.execute(f'REVOKE SELECT ("rating") ON {schema}.reviews FROM "{role}"'.encode())
        app.connection.execute(f'REVOKE DELETE ON {schema}.struggle_indicators FROM "{role}"'.encode())
        app.connection.execute(f'REVOKE UPDATE ("objectives") ON {schema}.missions FROM "{role}"'.encode())
        app.connection.execute("DROP SCHEMA ml")
        told = _of(settings, State.STOPS)["Database"]
        given = told.partition("owner run: ")[2]
        assert given.count(";") == 4
        app.connection.execute(given.encode())
        assert _of(settings, State.STOPS) == {}
    finally:
        app.connection.execute(f'DROP OWNED BY "{role}" CASCADE; DROP ROLE "{role}"'.encode())


def test_a_column_of_names_that_cannot_be_read_is_told(app: App) -> None:
    assert "Database" not in _of(app.with_(americano_name_column="name"), State.WARNS)
    assert 'users has no column "nickname"' in _of(app.with_(americano_name_column="nickname"), State.WARNS)["Database"]
    role = "without_names"
    app.connection.execute(f'CREATE ROLE "{role}" LOGIN'.encode())
    try:
        app.connection.execute(grants(role).encode())
        parts = urlsplit(app.url)
        url = urlunsplit(parts._replace(netloc=f"{role}@{parts.netloc.rpartition('@')[2]}"))
        values = {"database_url": SecretStr(url), "americano_dagster_url": None, "americano_name_column": "name"}
        told = _of(app.with_(**values), State.WARNS)["Database"]
        app.connection.execute(told.partition("owner run: ")[2].encode())
        assert "Database" not in _of(app.with_(**values), State.WARNS)
    finally:
        app.connection.execute(f'DROP OWNED BY "{role}" CASCADE; DROP ROLE "{role}"'.encode())


def test_home_disk_and_ports_are_looked_at(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    in_the_way = app.settings.americano_home.parent / "file"
    in_the_way.write_text("")
    assert "set AMERICANO_HOME" in _of(app.with_(americano_home=in_the_way / "home"), State.STOPS)["Home"]
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", app.settings.port))
        taken.listen()
        assert f"Port {app.settings.port} for API" in _of(app.settings, State.WARNS)["Ports"]
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=10**9))
    assert _of(app.settings, State.WARNS)["Disk"].startswith("1.0 GB free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=10**8))
    assert "make room" in _of(app.settings, State.STOPS)["Disk"]
