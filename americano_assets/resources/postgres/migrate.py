"""Our own tables: schema `ml`, brought up to date by numbered SQL files that are never changed once applied."""

import hashlib
from pathlib import Path
from typing import Any

import psycopg

from americano_assets.errors import AmericanoError

MIGRATIONS = Path(__file__).with_name("migrations")

# Any number will do, as long as nothing else on the database takes it.
_ADVISORY_LOCK = 7_026_355_203

_JOURNAL = """
CREATE TABLE IF NOT EXISTS ml.migrations (
  name text PRIMARY KEY,
  checksum text NOT NULL,
  applied_at timestamp(3) NOT NULL DEFAULT (now() AT TIME ZONE 'UTC')
)
"""


def migrate(connection: psycopg.Connection[Any], folder: Path = MIGRATIONS) -> list[str]:
    """Apply the migrations that are missing, all in one transaction, one process at a time.

    Returns:
        Names of those applied now; empty when the schema is up to date.

    Raises:
        AmericanoError: An applied one was changed or is unknown here, or the user may not create schema `ml`.
    """
    try:
        with connection.transaction():
            lock_database(connection)
            return _apply_missing(connection, folder)
    except psycopg.errors.InsufficientPrivilege as error:
        info = connection.info
        raise AmericanoError(
            f'User "{info.user}" may not set up schema ml in database "{info.dbname}" ({error.diag.message_primary}):'
            f' have its owner run CREATE SCHEMA ml AUTHORIZATION "{info.user}".'
        ) from None


def lock_database(connection: psycopg.Connection[Any]) -> None:
    """Wait until no other process sets up this database; held to the end of the transaction."""
    connection.execute("SELECT pg_advisory_xact_lock(%s)", [_ADVISORY_LOCK])


def _apply_missing(connection: psycopg.Connection[Any], folder: Path) -> list[str]:
    files = {path.name: path.read_bytes() for path in sorted(folder.glob("[0-9]*_*.sql"))}
    # Asked first: CREATE SCHEMA IF NOT EXISTS needs the right to create it even where it exists.
    if not _holds(connection, "SELECT to_regnamespace('ml') IS NOT NULL"):
        connection.execute("CREATE SCHEMA ml")
    if not _holds(connection, "SELECT to_regclass('ml.migrations') IS NOT NULL"):
        connection.execute(_JOURNAL)
    applied = dict(connection.execute("SELECT name, checksum FROM ml.migrations ORDER BY name").fetchall())
    for name, checksum in applied.items():
        if name not in files:
            raise AmericanoError(
                f"Migration {name} was applied to this database by another version of the project: use that version."
            )
        if checksum != _checksum(files[name]):
            raise AmericanoError(
                f"Migration {name} was changed after it was applied to this database: restore the file, and put the"
                " change into a new migration."
            )
    missing = [name for name in files if name not in applied]
    for name in missing:
        try:
            connection.execute(files[name])
        except psycopg.ProgrammingError as error:
            if isinstance(error, psycopg.errors.InsufficientPrivilege):
                raise
            raise AmericanoError(
                f'Migration {name} does not fit the schema ml of database "{connection.info.dbname}"'
                f" ({error.diag.message_primary}): somebody changed it by hand, or restored a part of it. Nothing was"
                " changed; restore the whole schema from a back-up."
            ) from None
        connection.execute("INSERT INTO ml.migrations (name, checksum) VALUES (%s, %s)", [name, _checksum(files[name])])
    return missing


def _holds(connection: psycopg.Connection[Any], question: str) -> bool:
    row = connection.execute(question.encode()).fetchone()
    return bool(row and row[0])


def _checksum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
