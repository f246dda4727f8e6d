"""Staging rows of one publication transaction.

A night's are in temporary tables, indexed and counted for the planner. For the few rows of one learner, making and
dropping nine of those takes longer than all else in the transaction: theirs travel with the statements that name them.
"""

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import psycopg

from americano_assets.contract.declaration import SqlType
from americano_assets.contract.tables import WRITTEN

Row = tuple[Any, ...]

_TEXT = json.JSONEncoder(ensure_ascii=False, default=str)
_WORD = re.compile(r"\w+")
# What a statement begins with: comments, and its own WITH.
_HEAD = re.compile(r"(?:\s|--[^\n]*\n)*(WITH\s)?")


@dataclass(frozen=True)
class Shape:
    """The columns of staged rows.

    Attributes:
        made: What follows the name of a temporary table of that shape.
        read: The same rows out of JSON, where `{rows}` stands for it.
        documents: Columns whose values are JSON already.
    """

    made: str
    read: str
    documents: frozenset[str] = frozenset()


def like(table: str) -> Shape:
    """The columns of a table, of the types that they have here; what is not staged stays null, whatever its default."""
    columns = [column for one in WRITTEN if one.name == table for column in one.columns]
    return Shape(
        f"ON COMMIT DROP AS SELECT * FROM {table} WHERE false",
        f"SELECT * FROM json_populate_recordset(NULL::{table}, {{rows}})",
        frozenset(column.name for column in columns if column.type is SqlType.JSONB),
    )


def typed(columns: str) -> Shape:
    """Columns with their types, in SQL."""
    return Shape(f"({columns}) ON COMMIT DROP", f"SELECT * FROM json_to_recordset({{rows}}) r ({columns})")


class Staging:
    """The staged rows of one transaction, by name, in temporary tables."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        """Nothing is staged yet; the connection is within the transaction."""
        self.connection = connection
        self._counts: dict[str, int] = {}

    def execute(self, statement: str, parameters: Mapping[str, Any] | None = None) -> psycopg.Cursor[Any]:
        """Run a statement that reads staged rows by their name, as it does tables, and names each column it reads."""
        return self.connection.execute(statement.encode(), parameters)

    def put(
        self, name: str, shape: Shape, columns: Sequence[str], rows: Iterable[Row], *, key: str | None = None
    ) -> None:
        """Stage rows, instead of what had the name before.

        Args:
            name: The name, which needs no quotes.
            shape: All columns.
            columns: Those that the rows have, in their order.
            rows: The rows; documents are text.
            key: The column by which statements look them up, if they do.
        """
        self._make(name, shape.made)
        listed = ", ".join(f'"{column}"' for column in columns)
        count = 0
        with self.connection.cursor() as cursor, cursor.copy(f"COPY {name} ({listed}) FROM STDIN".encode()) as copy:
            for row in rows:
                copy.write_row(row)
                count += 1
        if key is not None:
            self.execute(f'CREATE INDEX ON {name} ("{key}")')
        self.execute(f"ANALYZE {name}")
        self._counts[name] = count

    def keep(self, name: str, columns: str, select: str) -> None:
        """Stage what a query finds now; `columns` are its columns with their types, in SQL."""
        self._counts[name] = self._make(name, f"ON COMMIT DROP AS {select}").rowcount
        self.execute(f"ANALYZE {name}")

    def drop(self, name: str, *conditions: str) -> None:
        """Let go of rows, `s`, that fulfil any of the conditions; they have the column `id`."""
        for condition in conditions:
            self._counts[name] -= self.execute(f"DELETE FROM {name} s WHERE {condition}").rowcount

    def count(self, name: str) -> int:
        """How many rows are staged."""
        return self._counts[name]

    def _make(self, name: str, made: str) -> psycopg.Cursor[Any]:
        if name in self._counts:
            self.execute(f"DROP TABLE {name}")
        return self.execute(f"CREATE TEMPORARY TABLE {name} {made}")


class StagingOfFew(Staging):
    """As Staging, with the rows in the statements."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        """As Staging."""
        super().__init__(connection)
        self._few: dict[str, _Few] = {}

    def execute(self, statement: str, parameters: Mapping[str, Any] | None = None) -> psycopg.Cursor[Any]:
        """As Staging; the rows go before it as common table expressions, with the columns that it names."""
        words = _words(statement)
        named = {name: few for name, few in self._few.items() if name in words}
        if not named:
            return super().execute(statement, parameters)
        head = _HEAD.match(statement)
        assert head is not None
        staged = ", ".join(
            f"{name} AS ({few.shape.read.format(rows=f'%({name})s::json')})" for name, few in named.items()
        )
        text = f"WITH {staged}{', ' if head[1] else ' '}{statement[head.end() :]}"
        return super().execute(text, {**(parameters or {}), **{n: few.json(words) for n, few in named.items()}})

    def put(
        self, name: str, shape: Shape, columns: Sequence[str], rows: Iterable[Row], *, key: str | None = None
    ) -> None:
        """As Staging."""
        self._few[name] = _Few(shape, columns, rows)

    def keep(self, name: str, columns: str, select: str) -> None:
        """As Staging."""
        found = self.execute(select)
        rows = found.fetchall()
        self.put(name, typed(columns), [column.name for column in found.description or []], rows)

    def drop(self, name: str, *conditions: str) -> None:
        """As Staging."""
        if self._few[name].rows:
            met = " OR ".join(f"({condition})" for condition in conditions)
            self._few[name].drop({row[0] for row in self.execute(f'SELECT s."id" FROM {name} s WHERE {met}')})

    def count(self, name: str) -> int:
        """As Staging."""
        return len(self._few[name].rows)


class _Few:
    """Rows, of which each value is kept as the piece of JSON that is read as COPY reads the value."""

    def __init__(self, shape: Shape, columns: Sequence[str], rows: Iterable[Row]) -> None:
        self.shape = shape
        self.rows = list(rows)
        self._columns = columns
        self._pieces = [
            [
                f'"{column}": {value if column in shape.documents and value is not None else _TEXT.encode(value)}'
                for column, value in zip(columns, row, strict=True)
            ]
            for row in self.rows
        ]

    def drop(self, ids: Collection[str]) -> None:
        place = self._columns.index("id")
        kept = [number for number, row in enumerate(self.rows) if row[place] not in ids]
        self.rows = [self.rows[number] for number in kept]
        self._pieces = [self._pieces[number] for number in kept]

    def json(self, words: Collection[str]) -> str:
        """The rows for a statement of these words, without the columns that it does not name."""
        named = [place for place, column in enumerate(self._columns) if column in words]
        return "[" + ", ".join("{" + ", ".join([row[place] for place in named]) + "}" for row in self._pieces) + "]"


# The statements are a few dozen, over and over.
@lru_cache(maxsize=256)
def _words(statement: str) -> frozenset[str]:
    return frozenset(_WORD.findall(statement))
