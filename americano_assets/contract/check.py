"""How a live database differs from the contract, in words.

Belongs here: the comparison and the weight of each difference. Does not: printing, repairing, tables of ours.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import psycopg

from americano_assets.contract.catalog import LiveColumn, LiveSchema, LiveTable, read_schema
from americano_assets.contract.enums import ENUMS, UNUSED_LABELS
from americano_assets.contract.model import Column, ForeignKey, SqlType, Table
from americano_assets.contract.tables import TABLES

OLDEST_POSTGRESQL = 14

# How PostgreSQL prints each type, and the types that hold the same values well enough to work with.
_PRINTED = {
    SqlType.TEXT: "text",
    SqlType.INTEGER: "integer",
    SqlType.DOUBLE: "double precision",
    SqlType.BOOLEAN: "boolean",
    SqlType.JSONB: "jsonb",
    SqlType.TEXT_LIST: "text[]",
    SqlType.TIMESTAMP: "timestamp(3) without time zone",
}
_WORKABLE = {
    SqlType.TEXT: ("character varying", "character("),
    SqlType.INTEGER: ("bigint", "smallint"),
    SqlType.DOUBLE: ("real",),
    SqlType.TEXT_LIST: ("character varying",),
}


@dataclass(frozen=True)
class Difference:
    """One way in which a live database is not what the contract says.

    Attributes:
        severity: error where the pipeline could not run, warning where it can.
        kind: What differs.
        where: Table, `table.column` or enum.
        message: One sentence.
    """

    severity: Literal["error", "warning"]
    kind: Literal["server", "table", "column", "type", "nullability", "enum label", "key", "foreign key", "index"]
    where: str
    message: str


def check(connection: psycopg.Connection[Any]) -> list[Difference]:
    """Compare the connection's current schema with the contract; errors first. Tables we do not know are ignored."""
    live = read_schema(connection)
    found = list(server_differences(connection.info.server_version))
    for table in TABLES:
        if table.name not in live.tables:
            verb = "written" if table.written else "read"
            found.append(Difference("error", "table", table.name, f"The table is missing; it is {verb}."))
            continue
        found += _table_differences(table, live.tables[table.name])
    found += _enum_differences(live)
    return sorted(found, key=lambda difference: difference.severity)


def server_differences(version: int) -> Iterator[Difference]:
    """An error if `version` (as 140005) is older than what the contract's app runs on."""
    if version < OLDEST_POSTGRESQL * 10_000:
        message = f"The server is PostgreSQL {version // 10_000}; {OLDEST_POSTGRESQL} or newer is needed."
        yield Difference("error", "server", "server", message)


def _table_differences(table: Table, live: LiveTable) -> Iterator[Difference]:
    for column in table.columns:
        where = f"{table.name}.{column.name}"
        if column.name not in live.columns:
            if column.used:
                message = f"The column is missing; {_printed(column)} is expected."
                yield Difference("error" if column.extracted else "warning", "column", where, message)
            else:
                yield Difference("warning", "column", where, "The column is missing; the pipeline does not use it.")
            continue
        actual = live.columns[column.name]
        yield from _type_differences(table, column, actual)
        yield from _nullability_differences(table, column, actual)
    yield from _unfillable_columns(table, live)
    if live.primary_key != ("id",):
        # Without it an upsert of ours has nothing to conflict with.
        severity: Literal["error", "warning"] = "error" if table.written else "warning"
        yield Difference(severity, "key", table.name, 'The primary key is not ("id").')
    for key in table.foreign_keys:
        yield from _foreign_key_differences(table, key, live)
    for index in table.indexes:
        if not any(
            columns[: len(index.columns)] == index.columns
            and (not index.unique or (unique and columns == index.columns))
            for columns, unique in live.indexes
        ):
            kind = "unique index" if index.unique else "index"
            message = f"There is no {kind} over ({', '.join(index.columns)}): readers get slower."
            if index.unique:
                message = f"There is no {kind} over ({', '.join(index.columns)}): rows may be doubled."
            yield Difference("warning", "index", table.name, message)


def _type_differences(table: Table, column: Column, actual: LiveColumn) -> Iterator[Difference]:
    where = f"{table.name}.{column.name}"
    message = f"The type is {actual.type}; {_printed(column)} is expected."
    if isinstance(column.type, SqlType):
        if actual.type in {_PRINTED[kind] for kind in (column.type, *column.also)}:
            return
        # A timestamp of another precision holds the same instants; one with a zone does not read as UTC.
        workable = actual.type.startswith(_WORKABLE.get(column.type, ("\0",))) or (
            column.type is SqlType.TIMESTAMP
            and actual.type.startswith("timestamp")
            and actual.type.endswith("without time zone")
        )
        yield Difference("warning" if workable or not column.extracted else "error", "type", where, message)
    elif actual.enum is None and actual.type.startswith(("text", "character varying")):
        if not table.written:
            yield Difference("warning", "type", where, message)
    elif actual.enum is None:
        yield Difference("error", "type", where, message)
    elif actual.enum != column.type.__name__:
        # Labels are compared for the enums of the contract, by name: those of a stranger are not known to fit.
        yield Difference("error" if table.written else "warning", "type", where, message)


def _nullability_differences(table: Table, column: Column, actual: LiveColumn) -> Iterator[Difference]:
    where = f"{table.name}.{column.name}"
    if table.written and column.nullable and actual.not_null and not actual.filled:
        yield Difference("error", "nullability", where, "The column is NOT NULL; the pipeline must leave it empty.")
    elif column.not_null and not actual.not_null and column.extracted and not table.written:
        yield Difference("warning", "nullability", where, "The column may be NULL; NOT NULL is expected.")


def _unfillable_columns(table: Table, live: LiveTable) -> Iterator[Difference]:
    """Columns we have never heard of stop us only where a row of ours could not be inserted without them."""
    if not table.written:
        return
    known = {column.name for column in table.columns}
    for name, column in live.columns.items():
        if name not in known and column.not_null and not column.filled:
            message = "The column is not in the contract, NOT NULL and without default: no row can be inserted."
            yield Difference("error", "column", f"{table.name}.{name}", message)


def _foreign_key_differences(table: Table, key: ForeignKey, live: LiveTable) -> Iterator[Difference]:
    where = f"{table.name}.{key.column}"
    on_delete = live.foreign_keys.get((key.column, key.references))
    if on_delete is None:
        message = f"There is no foreign key to {key.references}."
        yield Difference("warning", "foreign key", where, message)
    elif on_delete == "SET NULL" and key.column in live.columns and live.columns[key.column].not_null:
        message = (
            f"The column is NOT NULL with ON DELETE SET NULL: deleting a row of {key.references} that is referred to"
            " (with a lecture, for instance) will fail; make it ON DELETE CASCADE."
        )
        yield Difference("warning", "foreign key", where, message)
    elif on_delete not in (key.on_delete, *key.also):
        message = f"The foreign key to {key.references} is ON DELETE {on_delete}; {key.on_delete} is expected."
        yield Difference("warning", "foreign key", where, message)


def _enum_differences(live: LiveSchema) -> Iterator[Difference]:
    in_use = {column.enum for table in live.tables.values() for column in table.columns.values()}
    for enum in ENUMS:
        if enum.__name__ not in in_use:
            continue  # Columns that should have it report their own type.
        for label in enum:
            if label.value in live.labels[enum.__name__]:
                continue
            if label.value in UNUSED_LABELS.get(enum, ()):
                message = f"The label {label.value} is missing; the pipeline does not use it."
                yield Difference("warning", "enum label", enum.__name__, message)
            else:
                yield Difference("error", "enum label", enum.__name__, f"The label {label.value} is missing.")


def _printed(column: Column) -> str:
    return _PRINTED[column.type] if isinstance(column.type, SqlType) else f'enum "{column.type.__name__}"'
