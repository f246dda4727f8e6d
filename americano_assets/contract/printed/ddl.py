"""SQL that lays the contract's tables out as the app's Prisma migrations do, or as views to be filled in."""

from enum import StrEnum

from americano_assets.contract.declaration import Column, ForeignKey, Index, SqlType, Table, prisma_name
from americano_assets.contract.enums import ENUMS
from americano_assets.contract.tables import READ, TABLES, WRITTEN


def ddl(*, written: bool = False) -> str:
    """Statements that make enums, tables, indexes and foreign keys in an empty schema, in that order.

    Args:
        written: Of the tables that the pipeline writes alone, beside views: no foreign key leads out of them.
    """
    tables = WRITTEN if written else TABLES
    names = {table.name for table in tables}
    types = {column.type for table in tables for column in table.columns}
    statements = [_create_enum(enum) for enum in ENUMS if enum in types]
    statements += [_create_table(table) for table in tables]
    statements += [_create_index(table, index) for table in tables for index in table.indexes]
    statements += [
        _add_foreign_key(table, key) for table in tables for key in table.foreign_keys if key.references in names
    ]
    return "\n\n".join(statements) + "\n"


def empty_views() -> str:
    """Statements that make a view without rows for each table that is read: what to fill in, with its meaning."""
    return "\n\n".join(map(_create_view, READ)) + "\n"


def type_sql(column: Column) -> str:
    """The type of a column in SQL; enums are quoted, or PostgreSQL would fold their case."""
    return column.type.value if isinstance(column.type, SqlType) else f'"{column.type.__name__}"'


def _create_enum(enum: type[StrEnum]) -> str:
    labels = ", ".join(f"'{label.value}'" for label in enum)
    return f'CREATE TYPE "{enum.__name__}" AS ENUM ({labels});'


def _create_table(table: Table) -> str:
    lines = [
        f'    "{column.name}" {type_sql(column)}'
        + (" NOT NULL" if column.not_null else "")
        + (f" DEFAULT {column.default}" if column.default else "")
        + f", -- {column.meaning}"
        for column in table.columns
    ]
    lines.append(f'    CONSTRAINT "{prisma_name(table.name, (), "pkey")}" PRIMARY KEY ("id")')
    body = "\n".join(lines)
    return f'-- {table.description}\nCREATE TABLE "{table.name}" (\n{body}\n);'


def _create_view(table: Table) -> str:
    columns = [
        (f'    NULL::{column.type if isinstance(column.type, SqlType) else SqlType.TEXT} AS "{column.name}"', column)
        for column in table.extracted
    ]
    *others, (last, of_last) = columns
    lines = [f"{line}, -- {_told(column)}" for line, column in others] + [f"{last} -- {_told(of_last)}"]
    body = "\n".join(lines)
    return f'-- {table.description}\nCREATE VIEW "{table.name}" AS SELECT\n{body}\nWHERE false;'


def _told(column: Column) -> str:
    labels = "" if isinstance(column.type, SqlType) else f" {', '.join(column.type)}."
    return f"{column.meaning}{labels}{'' if column.not_null else ' May be NULL.'}"


def _create_index(table: Table, index: Index) -> str:
    name = prisma_name(table.name, index.columns, "key" if index.unique else "idx")
    columns = ", ".join(f'"{column}"' for column in index.columns)
    return f'CREATE {"UNIQUE " if index.unique else ""}INDEX "{name}" ON "{table.name}"({columns});'


def _add_foreign_key(table: Table, key: ForeignKey) -> str:
    name = prisma_name(table.name, (key.column,), "fkey")
    return (
        f'ALTER TABLE "{table.name}" ADD CONSTRAINT "{name}" FOREIGN KEY ("{key.column}") '
        f'REFERENCES "{key.references}"("id") ON DELETE {key.on_delete} ON UPDATE CASCADE;'
    )
