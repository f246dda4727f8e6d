"""What `doctor` looks at. Nothing is started, made or changed; each finding says what to do."""

import os
import shutil
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum
from typing import Any

import psycopg

from americano_assets.cli.process_group import require_free_ports
from americano_assets.cli.services import services
from americano_assets.contract.compare import check
from americano_assets.contract.grants import missing_grants
from americano_assets.contract.views import look_into
from americano_assets.core.study_days.study_day import last_closed
from americano_assets.errors import AmericanoError
from americano_assets.installation import COMMAND, is_a_demos_alone
from americano_assets.resources.home.folder import demo_sentence, refusal
from americano_assets.resources.home.standing import standing
from americano_assets.resources.parquet_store.places import store_files
from americano_assets.resources.parquet_store.store import ParquetStore
from americano_assets.resources.postgres.clock import require_clock
from americano_assets.resources.postgres.connection import connect
from americano_assets.resources.postgres.embedded.processes import live_postmaster
from americano_assets.resources.postgres.embedded.server import EmbeddedServer
from americano_assets.resources.postgres.urls import libpq_url
from americano_assets.settings import Settings
from americano_assets.stages.s1_snapshots.snapshots import log_begins, require_rows, told_unread, unread_days

# The demo's two years take 1 GB; a night that finds the disk full ends, and loses nothing.
_LITTLE_DISK, _TOO_LITTLE_DISK = 2 * 10**9, 2 * 10**8
_ANSWERS_WITHIN_SECONDS = 5


class State(IntEnum):
    """What a finding means, the worst first."""

    STOPS = 0
    WARNS = 1
    FINE = 2


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: how it stands, and what to do where it is not well."""

    state: State
    subject: str
    message: str


Found = Iterator[tuple[State, str]]


def examine(settings: Settings) -> list[Finding]:
    """Everything that a night and `dev` need, what stops a night first, in the order in which it is to be mended."""
    found = [Finding(state, subject, message) for subject, look in _LOOKS for state, message in _look(look, settings)]
    return sorted(found, key=lambda one: one.state)


def _look(look: Callable[[Settings], Found], settings: Settings) -> Found:
    try:
        yield from look(settings)
    except AmericanoError as error:
        yield State.STOPS, str(error)
    except psycopg.Error as error:
        yield State.STOPS, f"It could not be looked at: {error.diag.message_primary or type(error).__name__}."


def _home(settings: Settings) -> Found:
    home = settings.americano_home
    nearest = next(folder for folder in (home, *home.parents) if folder.exists())
    if (refused := refusal(home)) is not None:
        yield State.STOPS, refused
    elif not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        yield State.STOPS, f"The home {home} cannot be written: set AMERICANO_HOME to a folder that can."
    else:
        yield State.FINE, f"{home}{'' if home.exists() else ' (made by the first command that writes)'}"
    if sentence := demo_sentence(settings):
        other = f"{COMMAND} init" if is_a_demos_alone(home) else "set AMERICANO_HOME to another folder"
        yield State.WARNS, f"{sentence} For an app's own nights: {other}."


def _disk(settings: Settings) -> Found:
    home = settings.americano_home
    free = shutil.disk_usage(next(folder for folder in (home, *home.parents) if folder.exists())).free
    state = State.STOPS if free < _TOO_LITTLE_DISK else State.WARNS if free < _LITTLE_DISK else State.FINE
    advice = (
        ""
        if state is State.FINE
        else ": make room, or set AMERICANO_HOME to another disk; the demo's two years take 1 GB"
    )
    yield state, f"{free / 10**9:.1f} GB free where the home is{advice}"


def _embedded(settings: Settings, whose: str, otherwise: str) -> Found:
    server = EmbeddedServer(settings.americano_home)
    if live_postmaster(server.data) is not None:
        yield State.FINE, f"{whose} on the embedded server, which runs. {otherwise}"
    elif server.data.exists():
        yield State.FINE, f"{whose} on the embedded server, which the next command starts. {otherwise}"
    else:
        yield State.FINE, f"{whose} on an embedded server, which the first command makes. {otherwise}"


def _database(settings: Settings) -> Found:
    """Where the app's database answers without being started: the tables, the rights, and what is in them."""
    if settings.database_url is not None:
        url = libpq_url(settings.database_url.get_secret_value())
    else:
        yield from _embedded(settings, "No DATABASE_URL: the app's tables are", f"{COMMAND} init names your app's.")
        server = EmbeddedServer(settings.americano_home)
        if live_postmaster(server.data) is None:
            return
        url = server.url()
    # One transaction: outside of one the schema that the URL names would not be looked at.
    with connect(url) as connection:
        name, user = connection.info.dbname, connection.info.user
        looked_in = connection.execute("SELECT current_schema(), current_setting('search_path')").fetchone()
        if looked_in is not None and looked_in[0] is None:
            schema = looked_in[1].split(",")[-1].strip()
            told = f'User "{user}" may not use the schema of the tables, or there is none of this name'
            yield State.STOPS, f'{told}: GRANT USAGE ON SCHEMA {schema} TO "{user}";'
            return
        found = [*_binding(connection, settings), *_contract(connection), *_rights(connection)]
        yield from found
        if not any(state is State.STOPS for state, _ in found):
            yield (
                State.FINE,
                f'"{name}" at {connection.info.host} answers, and lets "{user}" read and write what is needed',
            )
            yield from _views(connection)
            yield from _names(connection, settings)
            yield from _log(connection, settings)


def _binding(connection: psycopg.Connection[Any], settings: Settings) -> Found:
    if obstacle := standing(connection, settings).obstacle():
        yield State.STOPS, obstacle
    try:
        require_clock(connection, datetime.now(UTC))
    except AmericanoError as error:
        yield State.STOPS, str(error)


def _contract(connection: psycopg.Connection[Any]) -> Found:
    differences = check(connection)
    errors = [one for one in differences if one.severity == "error"]
    if errors:
        told = f"Its tables are not as the contract says. Errors: {len(errors)}, first {errors[0].where}"
        advice = f"{COMMAND} check-db lists them, {COMMAND} schema says what is needed"
        yield State.STOPS, f"{told}: {errors[0].message} {advice}."
    elif differences:
        yield State.WARNS, f"Warnings about its tables: {len(differences)}. {COMMAND} check-db lists them."


def _views(connection: psycopg.Connection[Any]) -> Found:
    differences = look_into(connection)
    for one in differences[:1]:
        more = f" There are {len(differences) - 1} more:" if len(differences) > 1 else ""
        state = State.STOPS if any(each.severity == "error" for each in differences) else State.WARNS
        yield state, f"{one.where}: {one.message}{more} {COMMAND} check-db lists them."


def _rights(connection: psycopg.Connection[Any]) -> Found:
    if missing := missing_grants(connection):
        yield State.STOPS, f"A right is missing. Have the database's owner run: {' '.join(missing)}"


def _names(connection: psycopg.Connection[Any], settings: Settings) -> Found:
    """Whether what the morning list calls learners by can be read, where it is to."""
    column = settings.americano_name_column
    may_read = connection.execute(
        "SELECT has_column_privilege(attrelid, attnum, 'SELECT') FROM pg_attribute"
        " WHERE attrelid = to_regclass('users') AND attname = %s AND NOT attisdropped",
        [column],
    ).fetchone()
    if column is not None and may_read is None:
        yield State.WARNS, f'AMERICANO_NAME_COLUMN: users has no column "{column}", so the morning list is not shown.'
    elif column is not None and may_read == (False,):
        told = "AMERICANO_NAME_COLUMN: this role may not read it, so the morning list is not shown. Have the owner run:"
        yield State.WARNS, f'{told} GRANT SELECT ("{column}") ON "users" TO "{connection.info.user}";'


def _log(connection: psycopg.Connection[Any], settings: Settings) -> Found:
    require_rows(connection)
    first, closed = settings.americano_start_day, last_closed(datetime.now(UTC), settings.zone)
    begins = log_begins(connection, settings.zone, last=closed)
    if begins is None:
        yield State.WARNS, f"Nobody has studied yet up to study day {closed}: a night has plans alone to go by."
        return
    if begins < first:
        yield State.WARNS, f"Its log begins on {begins}, and is not read before AMERICANO_START_DAY, {first}."
    unread = unread_days(connection, ParquetStore(store_files(settings)), settings.zone, first, closed)
    if unread:
        yield State.WARNS, f"{told_unread(unread)}."
    else:
        yield State.FINE, f"Its log begins on {begins}; what lies before the next night's own days is read"


def _dagster(settings: Settings) -> Found:
    if settings.americano_dagster_url is None:
        yield from _embedded(settings, "Its history is", "AMERICANO_DAGSTER_URL names another.")
        return
    setting = "AMERICANO_DAGSTER_URL"
    with connect(libpq_url(settings.americano_dagster_url.get_secret_value(), setting), setting=setting) as connection:
        may = "to_regclass('runs') IS NOT NULL OR has_schema_privilege(current_schema(), 'CREATE')"
        found = connection.execute(f"SELECT {may}, current_schema()").fetchone()
        if found is not None and found[0]:
            yield State.FINE, f'Its database "{connection.info.dbname}" answers'
        else:
            told = f'User "{connection.info.user}" may not make its tables in "{connection.info.dbname}"'
            yield State.STOPS, f"{told}: GRANT CREATE ON SCHEMA {found[1] if found else 'public'} TO it."


def _mlflow(settings: Settings) -> Found:
    goes_on = "A night goes on without it, and its trainings are not logged."
    if settings.mlflow_tracking_uri is None:
        yield from _embedded(settings, "Its history is", "MLFLOW_TRACKING_URI names another.")
        return
    uri = settings.mlflow_tracking_uri.get_secret_value()
    try:
        if uri.startswith(("http://", "https://")):
            with urllib.request.urlopen(f"{uri.rstrip('/')}/health", timeout=_ANSWERS_WITHIN_SECONDS):
                pass
        elif uri.startswith("postgres"):
            connect(libpq_url(uri, "MLFLOW_TRACKING_URI"), setting="MLFLOW_TRACKING_URI").close()
        yield State.FINE, "MLFLOW_TRACKING_URI answers"
    except AmericanoError as error:
        yield State.WARNS, f"{error} {goes_on}"
    except (OSError, ValueError, urllib.error.URLError):
        yield State.WARNS, f"MLFLOW_TRACKING_URI does not answer: start its server, or correct it. {goes_on}"


def _ports(settings: Settings) -> Found:
    tracking = settings.mlflow_tracking_uri.get_secret_value() if settings.mlflow_tracking_uri else ""
    wanted = services(settings, tracking)
    try:
        require_free_ports(wanted)
    except AmericanoError as error:
        yield State.WARNS, f"{error} Where that is `{COMMAND} dev` itself, all is well. A night needs none."
    else:
        yield State.FINE, f"{', '.join(f'{one.port} ({one.name})' for one in wanted)} are free"


_LOOKS: tuple[tuple[str, Callable[[Settings], Found]], ...] = (
    ("Home", _home),
    ("Database", _database),
    ("Disk", _disk),
    ("Dagster", _dagster),
    ("MLflow", _mlflow),
    ("Ports", _ports),
)
