"""SQL that lays the contract's tables out as the app's Prisma migrations do."""

from enum import StrEnum

from americano_assets.contract.declaration import Column, ForeignKey, Index, SqlType, Table, prisma_name
from americano_assets.contract.enums import ENUMS
from americano_assets.contract.tables import TABLES


def ddl() -> str:
    """Statements that make enums, tables, indexes and foreign keys in an empty schema, in that order."""
    statements = [_create_enum(enum) for enum in ENUMS]
    statements += [_create_table(table) for table in TABLES]
    statements += [_create_index(table, index) for table in TABLES for index in table.indexes]
    statements += [_add_foreign_key(table, key) for table in TABLES for key in table.foreign_keys]
    return "\n\n".join(statements) + "\n"


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
