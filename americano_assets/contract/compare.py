"""How a live database differs from the contract, in words."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import psycopg

from americano_assets.contract.catalog import LiveColumn, LiveSchema, LiveTable, read_schema
from americano_assets.contract.declaration import Column, ForeignKey, Index, SqlType, Table
from americano_assets.contract.enums import UNKNOWN_LABELS, UNUSED_LABELS
from americano_assets.contract.tables import TABLES

OLDEST_POSTGRESQL = 14

# How PostgreSQL prints each type, and the types whose values read and write the same: those are no difference.
_PRINTED = {
    SqlType.TEXT: "text",
    SqlType.INTEGER: "integer",
    SqlType.DOUBLE: "double precision",
    SqlType.BOOLEAN: "boolean",
    SqlType.JSONB: "jsonb",
    SqlType.TEXT_LIST: "text[]",
    SqlType.TIMESTAMP: "timestamp(3) without time zone",
}
_AS_GOOD = {
    SqlType.TEXT: ("character varying", "character("),
    SqlType.INTEGER: ("bigint", "smallint"),
    SqlType.DOUBLE: ("real",),
    SqlType.TEXT_LIST: ("character varying",),
}


Kind = Literal[
    "server", "table", "column", "type", "nullability", "enum label", "key", "foreign key", "index", "rows", "plan"
]


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
    kind: Kind
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
        found += _table_differences(table, live)
    found += _enum_differences(live)
    return sorted(found, key=lambda difference: difference.severity)


def server_differences(version: int) -> Iterator[Difference]:
    """An error if `version` (as 140005) is older than what the contract's app runs on."""
    if version < OLDEST_POSTGRESQL * 10_000:
        message = f"The server is PostgreSQL {version // 10_000}; {OLDEST_POSTGRESQL} or newer is needed."
        yield Difference("error", "server", "server", message)


def _table_differences(table: Table, schema: LiveSchema) -> Iterator[Difference]:
    live = schema.tables[table.name]
    if live.view and table.written:
        message = "It is a view; rows of it are written, so it has to be a table: `americano schema --sql --written`."
        yield Difference("error", "table", table.name, message)
        return
    for column in table.extracted:
        where = f"{table.name}.{column.name}"
        if column.name not in live.columns:
            message = f"The column is missing; {_printed(column)} is expected.{_misspelt(column, live)}"
            yield Difference("error", "column", where, message)
            continue
        actual = live.columns[column.name]
        yield from _type_differences(table, column, actual, in_view=live.view)
        if not live.view:  # Of a view nothing is declared: contract/views.py looks at its rows.
            yield from _nullability_differences(table, column, actual)
    if live.view:
        return
    yield from _key_differences(table, live)
    if table.written:
        yield from _unfillable_columns(table, live)
        for key in table.foreign_keys:
            # No foreign key can lead to a view.
            if not schema.tables.get(key.references, live).view:
                yield from _foreign_key_differences(table, key, live)
    for index in table.indexes:
        if not _has_index(live, index):
            kind, consequence = (
                ("unique index", "rows may be doubled") if index.unique else ("index", "it reads slower")
            )
            message = f"There is no {kind} over ({', '.join(index.columns)}): {consequence}."
            yield Difference("warning", "index", table.name, message)


def _misspelt(column: Column, live: LiveTable) -> str:
    """What is there in its stead where somebody forgot the quotes, without which a name is one in small letters."""
    found = next((name for name in live.columns if name.lower() == column.name.lower()), None)
    return f' There is {found}: write "{column.name}", with the quotes.' if found else ""


def _key_differences(table: Table, live: LiveTable) -> Iterator[Difference]:
    if table.written and live.primary_key != ("id",):
        # Without it an upsert of ours has nothing to conflict with.
        yield Difference("error", "key", table.name, 'The primary key is not ("id").')
    elif table.column("id").extracted and not _has_index(live, Index(("id",), unique=True)):
        yield Difference("warning", "key", table.name, 'Nothing keeps "id" unique: rows may be doubled.')


def _has_index(live: LiveTable, index: Index) -> bool:
    """A longer index serves as well as one that it begins with; uniqueness holds for just the columns named."""
    return any(
        columns[: len(index.columns)] == index.columns and (not index.unique or (unique and columns == index.columns))
        for columns, unique in live.indexes
    )


def _type_differences(table: Table, column: Column, actual: LiveColumn, *, in_view: bool) -> Iterator[Difference]:
    """Enum and text are one on reading; what is written must hold the words that we write."""
    where = f"{table.name}.{column.name}"
    if actual.enum is not None and not table.written and isinstance(column.type, SqlType):
        fits = column.type is SqlType.TEXT or SqlType.TEXT in column.also
    elif actual.enum is not None:
        fits = not isinstance(column.type, SqlType)  # Its labels are compared on their own.
    else:
        expected = column.type if isinstance(column.type, SqlType) else SqlType.TEXT
        fits = any(_holds(kind, actual.type) for kind in (expected, *column.also))
    if table.written and actual.type == "real":
        fits = False  # It would round what we wrote, and so look like a value of somebody else's.
    if not fits:
        cast = f' In the view: {_cast(column, actual)} AS "{column.name}".' if in_view else ""
        message = f"The type is {actual.type}; {_printed(column)} is expected.{cast}"
        yield Difference("error", "type", where, message)
    elif table.written and actual.type.startswith("character") and "(" in actual.type:
        message = f"The type is {actual.type}: a night with a longer text would fail; make it text."
        yield Difference("warning", "type", where, message)


def _cast(column: Column, actual: LiveColumn) -> str:
    """How a view makes the type that is expected out of another one."""
    if column.type is not SqlType.TIMESTAMP:
        return f"(…)::{_PRINTED[column.type] if isinstance(column.type, SqlType) else 'text'}"
    moment = "(…)" if actual.type.startswith("timestamp") else "to_timestamp(seconds since 1970)"
    return f"{moment} AT TIME ZONE 'UTC'"


def _holds(expected: SqlType, actual: str) -> bool:
    # A timestamp of another precision holds the same instants; one with a zone does not read as UTC.
    return (
        actual == _PRINTED[expected]
        or (
            actual.startswith(_AS_GOOD.get(expected, ("\0",)))
            and actual.endswith("[]") == (expected is SqlType.TEXT_LIST)
        )
        or (expected is SqlType.TIMESTAMP and actual.startswith("timestamp") and actual.endswith("without time zone"))
    )


def _nullability_differences(table: Table, column: Column, actual: LiveColumn) -> Iterator[Difference]:
    where = f"{table.name}.{column.name}"
    if table.written and column.nullable and actual.not_null and not actual.filled:
        yield Difference("error", "nullability", where, "The column is NOT NULL; the pipeline must leave it empty.")
    elif column.not_null and not actual.not_null and not table.written:
        message = "The column may be NULL: such a row is left out or counts as a bad row; make it NOT NULL."
        yield Difference("warning", "nullability", where, message)


def _unfillable_columns(table: Table, live: LiveTable) -> Iterator[Difference]:
    """Columns we have never heard of stop us only where a row of ours could not be inserted without them."""
    known = {column.name for column in table.columns}
    for name, column in live.columns.items():
        if name not in known and column.not_null and not column.filled:
            message = "The column is not in the contract, NOT NULL and without default: no row can be inserted."
            yield Difference("error", "column", f"{table.name}.{name}", message)


def _foreign_key_differences(table: Table, key: ForeignKey, live: LiveTable) -> Iterator[Difference]:
    where = f"{table.name}.{key.column}"
    on_delete = live.foreign_keys.get((key.column, key.references))
    if on_delete is None:
        message = f"There is no foreign key to {key.references}: rows stay when what they name is deleted."
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
    """Labels that are compared or written, looked for in the enum that a column has, whatever its name; and others."""
    missing: dict[tuple[str, str], None] = {}
    foreign: dict[tuple[str, str], str] = {}
    for table in TABLES:
        for column in table.extracted:
            actual = live.tables[table.name].columns.get(column.name) if table.name in live.tables else None
            if actual is None or actual.enum is None or isinstance(column.type, SqlType):
                continue  # Text has every label; other columns report their own type.
            needed = {label.value for label in column.type} - UNUSED_LABELS.get(column.type, frozenset())
            missing |= {(actual.enum, label): None for label in sorted(needed - set(actual.labels))}
            if column.type in UNKNOWN_LABELS:
                others = sorted(set(actual.labels) - {label.value for label in column.type})
                foreign |= {(actual.enum, label): UNKNOWN_LABELS[column.type] for label in others}
    for enum, label in missing:
        yield Difference("error", "enum label", enum, f"The label {label} is missing.")
    for (enum, label), what in foreign.items():
        yield Difference("warning", "enum label", enum, f"The label {label} is not in the contract: {what}.")


def _printed(column: Column) -> str:
    return _PRINTED[column.type] if isinstance(column.type, SqlType) else f'enum "{column.type.__name__}"'
