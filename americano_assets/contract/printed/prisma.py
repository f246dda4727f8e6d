"""The contract as a Prisma schema: what an app's own schema must agree with."""

from collections import Counter
from collections.abc import Iterator
from enum import StrEnum

from americano_assets.contract.declaration import Column, ForeignKey, Index, OnDelete, SqlType, Table
from americano_assets.contract.enums import ENUMS
from americano_assets.contract.tables import TABLES, table

_HEADER = """\
// The app's tables as the pipeline needs them. Models and relations may have other names in the app's own schema: what
// counts is @@map, columns, types and labels. A field marked Optional may be missing.

generator client {
  provider = "prisma-client-js"
}

datasource db {
  provider = "postgresql"
}
"""
_TYPES = {
    SqlType.TEXT: "String",
    SqlType.INTEGER: "Int",
    SqlType.DOUBLE: "Float",
    SqlType.BOOLEAN: "Boolean",
    SqlType.JSONB: "Json",
    SqlType.TEXT_LIST: "String[]",
    SqlType.TIMESTAMP: "DateTime",
}
_ACTIONS: dict[OnDelete, str] = {"CASCADE": "Cascade", "SET NULL": "SetNull", "RESTRICT": "Restrict"}


def prisma_schema() -> str:
    """The text of a `schema.prisma`: generator, data source, an enum or model a block."""
    return "\n".join([_HEADER, *map(_enum, ENUMS), *map(_model, TABLES)])


def _enum(enum: type[StrEnum]) -> str:
    return "\n".join([f"enum {enum.__name__} {{", *(f"  {label.value}" for label in enum), "}\n"])


def _model(of: Table) -> str:
    lines = [f"  {_field(column)} /// {column.meaning}" for column in of.columns]
    lines += [f"  {_relation(of, key)}" for key in of.foreign_keys]
    lines += [f"  {line}" for line in _back_relations(of)]
    lines += ["", *(f"  {_index(index)}" for index in of.indexes), f'  @@map("{of.name}")']
    return "\n".join([f"/// {of.description}", f"model {_pascal(of.name)} {{", *lines, "}\n"])


def _field(column: Column) -> str:
    kind = _TYPES[column.type] if isinstance(column.type, SqlType) else column.type.__name__
    mark = "?" if column.nullable else ""
    return " ".join([column.name, kind + mark, *_attributes(column)])


def _attributes(column: Column) -> Iterator[str]:
    if column.name == "id":
        yield "@id @default(cuid())"
    elif column.name == "updatedAt":
        yield "@updatedAt"
    elif column.default is not None:
        value = {"CURRENT_TIMESTAMP": "now()"}.get(column.default, column.default.strip("'"))
        yield f"@default({value})"


def _index(index: Index) -> str:
    return f"@@{'unique' if index.unique else 'index'}([{', '.join(index.columns)}])"


def _relation(of: Table, key: ForeignKey) -> str:
    name = key.column.removesuffix("Id")
    mark = "?" if of.column(key.column).nullable else ""
    label = f'"{_pascal(of.name)}{name.title()}", ' if _is_doubled(of, key) else ""
    action = _ACTIONS[key.on_delete]
    return (
        f"{name} {_pascal(key.references)}{mark} @relation({label}fields: [{key.column}], references: [id],"
        f" onDelete: {action})"
    )


def _back_relations(of: Table) -> Iterator[str]:
    """The other end of each relation that leads here, which Prisma asks for."""
    for other in TABLES:
        for key in other.foreign_keys:
            if table(key.references) is of:
                name, end = _camel(other.name), key.column.removesuffix("Id").title()
                if _is_doubled(other, key):
                    yield f'{name}By{end} {_pascal(other.name)}[] @relation("{_pascal(other.name)}{end}")'
                else:
                    yield f"{name} {_pascal(other.name)}[]"


def _is_doubled(of: Table, key: ForeignKey) -> bool:
    """Whether two columns lead to the same table, so that each relation needs a name."""
    return Counter(one.references for one in of.foreign_keys)[key.references] > 1


def _camel(table_name: str) -> str:
    first, *others = table_name.split("_")
    return first + "".join(word.title() for word in others)


def _pascal(table_name: str) -> str:
    return "".join(word.title() for word in table_name.removesuffix("s").split("_"))
