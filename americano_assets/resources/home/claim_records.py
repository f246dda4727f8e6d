"""What a home, its store and a database each say of whom they belong to."""

import json
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import psycopg

from americano_assets.errors import AmericanoError
from americano_assets.resources.home.folder import CLAIM_FILE
from americano_assets.resources.parquet_store.files import Files, Folder
from americano_assets.resources.parquet_store.names import MOVED
from americano_assets.resources.parquet_store.places import store_files
from americano_assets.settings import Settings


class HomeError(AmericanoError):
    """Home and database do not belong together; the message says why, and what to do."""


@dataclass(frozen=True)
class Identity:
    """What a database says of itself.

    Attributes:
        system_identifier: The server's; None where it does not tell, which leaves name and oid to tell a copy apart.
        schema_name: Where the app's tables are; None in a record of a version that did not note it.
    """

    database_name: str
    database_oid: int
    system_identifier: str | None
    schema_name: str | None = None

    def differs_from(self, other: "Identity") -> bool:
        """Whether it is another database, as far as both tell."""
        told = ({self.system_identifier, other.system_identifier}, {self.schema_name, other.schema_name})
        return (self.database_name, self.database_oid) != (other.database_name, other.database_oid) or any(
            None not in both and len(both) > 1 for both in told
        )


@dataclass(frozen=True)
class Claim:
    """That a home and a database belong together.

    Attributes:
        marks_files: The home's record: its files bear the id too, so where they do not they are not there.
        writings: The database's record: how often the files were opened for writing.
        timezone: The database's record: in which the nights' study days end; None where none was noted yet.
    """

    id: str
    database: Identity
    marks_files: bool = field(default=False, compare=False)
    writings: int = field(default=0, compare=False)
    timezone: str | None = field(default=None, compare=False)


@dataclass(frozen=True)
class StoreMark:
    """What a store's files say of themselves.

    Attributes:
        id: Of the claim that they were written under.
        writings: How often they were opened for writing. Fewer than the database knows of: an older copy of them.
        former: Ids that they were written under before home and database were bound anew.
    """

    id: str
    writings: int
    former: tuple[str, ...] = ()


def identity(connection: psycopg.Connection[Any]) -> Identity:
    """What the database at the other end says of itself."""
    with connection.transaction():  # Where the URL names a schema, only transactions look there.
        row = connection.execute(
            "SELECT datname, oid::bigint, current_schema()::text FROM pg_database WHERE datname = current_database()"
        ).fetchone()
    assert row is not None
    try:
        # Everybody may ask, unless a provider took it away; in a transaction of its own, since refusal would end ours.
        with connection.transaction():
            told = connection.execute("SELECT system_identifier::text FROM pg_control_system()").fetchone()
    except (psycopg.ProgrammingError, psycopg.NotSupportedError):
        told = None
    return Identity(row[0], row[1], told[0] if told else None, row[2])


def claim_place(settings: Settings) -> tuple[Files, str]:
    """Where the claim is kept: in the home, or in the store, where that has a place of its own for several machines."""
    own = settings.americano_store is not None
    return store_files(settings) if own else Folder(settings.americano_home), CLAIM_FILE


def kept_in_home(claim: Claim) -> dict[str, Any]:
    """What `home_claim` reads; a version before knows no other names in `database`, and reads it too."""
    database = asdict(claim.database)
    schema_name = database.pop("schema_name")
    return {"id": claim.id, "database": database, "schema_name": schema_name, "marks_files": claim.marks_files}


def home_claim(files: Files, name: str) -> Claim | None:
    """The record of the database that a home, or a store of its own place, belongs to."""
    try:
        content = json.loads(files.read(name))
        database = Identity(**{"schema_name": content.get("schema_name"), **content["database"]})
        return Claim(content["id"], database, content.get("marks_files", False))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise HomeError(
            f"{files.place}/{name} cannot be read ({type(error).__name__}): restore it, or, where home and"
            " database do belong together, remove it and run `americano home adopt`."
        ) from None


def store_mark(files: Files, name: str) -> StoreMark | None:
    """The store's record of the claim that its files were written under."""
    try:
        content = json.loads(files.read(name))
        return StoreMark(str(content["id"]), int(content.get("writings", 0)), tuple(content.get("former", ())))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise HomeError(
            f"{files.place}/{name} cannot be read ({type(error).__name__}): restore it, or, where the files are"
            " those of this home's nights, remove it and run `americano home adopt`."
        ) from None


def moved_to(files: Files) -> str | None:
    """Where a store was moved that was here, while some of it still is."""
    for record in files.read_all([MOVED]).values():
        with suppress(ValueError, KeyError, TypeError):
            return str(json.loads(record)["to"])
    return None


def database_claim(connection: psycopg.Connection[Any]) -> Claim | None:
    """The database's record of its home."""
    # Whole, since a version before may have made the table with fewer columns.
    for row in rows_if_there(connection, "home", "SELECT to_jsonb(home) FROM ml.home"):
        database = Identity(*(row.get(each.name) for each in fields(Identity)))
        return Claim(row["id"], database, writings=row.get("writings", 0), timezone=row.get("timezone"))
    return None


def rows_if_there(connection: psycopg.Connection[Any], table: str, statement: str) -> list[Any]:
    """First column of a table of ours; none where it is not there, or may not be read (then not written either)."""
    row = connection.execute(
        "SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE (n.nspname, c.relname) = ('ml', %s)"
        " AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')",
        [table],
    ).fetchone()
    if row is None:
        return []
    return [found[0] for found in connection.execute(statement.encode()).fetchall()]
