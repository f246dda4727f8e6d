"""What a declared table consists of, and how Prisma names its parts."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


class SqlType(StrEnum):
    """Column types, spelled as Prisma writes them."""

    TEXT = "TEXT"
    INTEGER = "INTEGER"
    DOUBLE = "DOUBLE PRECISION"
    BOOLEAN = "BOOLEAN"
    JSONB = "JSONB"
    TEXT_LIST = "TEXT[]"
    TIMESTAMP = "TIMESTAMP(3)"


ColumnType = SqlType | type[StrEnum]
OnDelete = Literal["CASCADE", "SET NULL", "RESTRICT"]
IDENTIFIER_BYTES = 63


@dataclass(frozen=True)
class JsonShape:
    """What stands in a JSON column.

    Attributes:
        example: A value as the app writes it, as JSON text.
        keys: Name, type and meaning of what the pipeline reads or writes in it; any of them may be absent, and what
            else stands there is left alone.
    """

    example: str
    keys: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class Column:
    """One column of an app's table.

    Attributes:
        name: camelCase, quoted wherever it is used.
        type: A `SqlType`, or the enum whose labels it holds.
        nullable: Whether the app may leave it out.
        default: SQL of the database's default, if any.
        private: Holds people's words, names or addresses: never extracted.
        used: False for a column that nothing of ours reads or writes: only the bootstrap and loaders know it.
        also: Further types that are as good, where the contract leaves the type open.
        names: The table whose id it holds, where the app's database has no foreign key that says so.
        dates: Holds a row's time in a table of the log: a night reads a range of it.
        within: The least and the most that a number may be: a row beyond is a bad one.
        description: What it means, with its unit; every column that the pipeline reads or writes has one.
        shape: Of a JSON column that the pipeline looks into.
    """

    name: str
    type: ColumnType
    nullable: bool = False
    default: str | None = None
    private: bool = False
    used: bool = True
    also: tuple[SqlType, ...] = ()
    names: str = ""
    dates: bool = False
    within: tuple[float, float] | None = None
    description: str = ""
    shape: JsonShape | None = None

    @property
    def extracted(self) -> bool:
        """Whether the pipeline may read it."""
        return self.used and not self.private

    @property
    def meaning(self) -> str:
        """What it means to the pipeline, or that it means nothing."""
        if self.private:
            return "Never read: people's own words, names or addresses."
        return self.description if self.used else "Optional: nothing reads it."

    @property
    def not_null(self) -> bool:
        """Whether the database enforces a value: Prisma never does so for a list, which reads back as empty."""
        return not self.nullable and self.type is not SqlType.TEXT_LIST


@dataclass(frozen=True)
class ForeignKey:
    """A reference to another table's id; ON UPDATE is always CASCADE.

    Attributes:
        on_delete: As Prisma makes it.
        also: Actions that are as good in tables made by hand.
    """

    column: str
    references: str
    on_delete: OnDelete = "CASCADE"
    also: tuple[OnDelete, ...] = ()


@dataclass(frozen=True)
class Index:
    """An index over whole columns; Prisma makes uniqueness an index, not a constraint."""

    columns: tuple[str, ...]
    unique: bool = False


@dataclass(frozen=True)
class Table:
    """One table of the app.

    Attributes:
        description: What the pipeline takes its rows for.
        written: The pipeline inserts and updates rows of it.
    """

    name: str
    columns: tuple[Column, ...]
    foreign_keys: tuple[ForeignKey, ...] = ()
    indexes: tuple[Index, ...] = ()
    written: bool = False
    description: str = ""

    def column(self, name: str) -> Column:
        """The column called `name`.

        Raises:
            KeyError: The contract has no such column.
        """
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"{self.name}.{name}")

    @property
    def extracted(self) -> tuple[Column, ...]:
        """The columns that may be read, in the declared order."""
        return tuple(column for column in self.columns if column.extracted)

    @property
    def dated(self) -> str | None:
        """The column with a row's time, of a table of the log."""
        return next((column.name for column in self.columns if column.dates), None)

    @property
    def references(self) -> dict[str, str]:
        """The table whose ids a column that may be read holds, by the column; without those that may be of nothing."""
        keys = {key.column: key.references for key in self.foreign_keys if key.on_delete == "CASCADE"}
        found = {column.name: keys.get(column.name, column.names) for column in self.extracted}
        return {name: table for name, table in found.items() if table}


def prisma_name(table: str, columns: tuple[str, ...], suffix: Literal["pkey", "key", "idx", "fkey"]) -> str:
    """Name of a constraint or index as Prisma's migrations give it: cut before the suffix to 63 bytes."""
    stem = "_".join((table, *columns))
    return f"{stem[: IDENTIFIER_BYTES - len(suffix) - 1]}_{suffix}"
