"""What a home, its store and a database each say of whom they belong to."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from americano_assets.errors import AmericanoError


class HomeError(AmericanoError):
    """Home and database do not belong together; the message says why, and what to do."""


@dataclass(frozen=True)
class Identity:
    """What a database says of itself.

    Attributes:
        system_identifier: The server's; None where it does not tell, which leaves name and oid to tell a copy apart.
    """

    database_name: str
    database_oid: int
    system_identifier: str | None

    def differs_from(self, other: "Identity") -> bool:
        """Whether it is another database, as far as both tell."""
        servers = {self.system_identifier, other.system_identifier}
        return (self.database_name, self.database_oid) != (other.database_name, other.database_oid) or (
            None not in servers and len(servers) > 1
        )


@dataclass(frozen=True)
class Claim:
    """That a home and a database belong together.

    Attributes:
        marks_files: The home's record: its files bear the id too, so where they do not they are not there.
    """

    id: str
    database: Identity
    marks_files: bool = field(default=False, compare=False)


def identity(connection: psycopg.Connection[Any]) -> Identity:
    """What the database at the other end says of itself."""
    row = connection.execute(
        "SELECT datname, oid::bigint FROM pg_database WHERE datname = current_database()"
    ).fetchone()
    assert row is not None
    try:
        # Everybody may ask, unless a provider took it away; in a transaction of its own, since refusal would end ours.
        with connection.transaction():
            told = connection.execute("SELECT system_identifier::text FROM pg_control_system()").fetchone()
    except (psycopg.ProgrammingError, psycopg.NotSupportedError):
        told = None
    return Identity(row[0], row[1], told[0] if told else None)


def home_claim(path: Path) -> Claim | None:
    """The home's record of the database that it belongs to."""
    try:
        content = json.loads(path.read_text())
        return Claim(content["id"], Identity(**content["database"]), content.get("marks_files", False))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise HomeError(
            f"{path} cannot be read ({type(error).__name__}): restore it, or, where home and database do belong"
            " together, remove it and run `americano home adopt`."
        ) from None


def store_claim(path: Path) -> str | None:
    """Id of the claim that a store's files were written under."""
    try:
        return str(json.loads(path.read_text())["id"])
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise HomeError(
            f"{path} cannot be read ({type(error).__name__}): restore it, or, where the files are those of this home's"
            " nights, remove it and run `americano home adopt`."
        ) from None


def database_claim(connection: psycopg.Connection[Any]) -> Claim | None:
    """The database's record of its home."""
    found = rows_if_there(
        connection, "home", "SELECT id, database_name, database_oid, system_identifier FROM ml.home", whole=True
    )
    return Claim(found[0][0], Identity(*found[0][1:])) if found else None


def rows_if_there(connection: psycopg.Connection[Any], table: str, statement: str, *, whole: bool = False) -> list[Any]:
    """Rows of a table of ours; none where it is not there, or may not be read: who may not read cannot write either."""
    row = connection.execute(
        "SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE (n.nspname, c.relname) = ('ml', %s)"
        " AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')",
        [table],
    ).fetchone()
    if row is None:
        return []
    return [found if whole else found[0] for found in connection.execute(statement.encode()).fetchall()]
