"""Staging rows of one publication transaction: in temporary tables, counted for the planner."""

import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import psycopg
import pyarrow as pa
from pyarrow import csv

Row = tuple[Any, ...]
# Text is always between quotes, so that no text is not the same as an empty one.
_CSV = csv.WriteOptions(include_header=False)
# From so many rows an index pays for itself: the planner expects one row where a transaction has just written all, and
# would look at every staged row for each of them.
_INDEXED_FROM = 1_000


def like(table: str, **beside: str) -> str:
    """The columns of a table, of the types that they have here; what is not staged stays null, whatever its default.

    Args:
        table: The table.
        beside: Types of further columns, by name.
    """
    more = "".join(f", NULL::{kind} AS {name}" for name, kind in beside.items())
    return f"ON COMMIT DROP AS SELECT *{more} FROM {table} WHERE false"


def typed(columns: str) -> str:
    """Columns with their types, in SQL."""
    return f"({columns}) ON COMMIT DROP"


class Staging:
    """The staged rows of one transaction, by name."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        """Nothing is staged yet; the connection is within the transaction."""
        self.connection = connection
        self._counts: dict[str, int] = {}

    def execute(self, statement: str, parameters: Mapping[str, Any] | None = None) -> psycopg.Cursor[Any]:
        """Run a statement that reads staged rows by their name, as it does tables."""
        return self.connection.execute(statement.encode(), parameters)

    def put(self, name: str, shape: str, columns: Sequence[str], rows: Iterable[Row], *, key: str = "") -> None:
        """Stage rows, instead of what had the name before.

        Args:
            name: The name, which needs no quotes.
            shape: All columns: `like` a table, or `typed`.
            columns: Those that the rows have, in their order.
            rows: The rows; documents are text.
            key: The column by which statements look them up, if they do.
        """
        self._make(name, shape)
        count = 0
        with self.connection.cursor() as cursor, cursor.copy(_copy(name, columns)) as copy:
            for row in rows:
                copy.write_row(row)
                count += 1
        self._counted(name, count, key)

    def put_batches(self, name: str, shape: str, batches: Iterable[pa.RecordBatch], *, key: str = "") -> None:
        """As `put`, of batches whose columns have the names of the table's; statements may run as they are made."""
        self._make(name, shape)
        count = 0
        for batch in batches:
            if batch.num_rows:
                text = io.BytesIO()
                csv.write_csv(batch, text, _CSV)
                command = _copy(name, batch.schema.names, " (FORMAT csv, ENCODING 'UTF8')")
                with self.connection.cursor() as cursor, cursor.copy(command) as copy:
                    copy.write(text.getbuffer())
                count += batch.num_rows
        self._counted(name, count, key)

    def keep(self, name: str, select: str, *, key: str = "") -> None:
        """Stage what a query finds now."""
        self._counted(name, self._make(name, f"ON COMMIT DROP AS {select}").rowcount, key)

    def count(self, name: str) -> int:
        """How many rows are staged."""
        return self._counts[name]

    def _counted(self, name: str, count: int, key: str) -> None:
        # To look at a column costs more than many statements that could profit.
        self.execute(f'ANALYZE {name}("{key}")' if key else f"ANALYZE {name}")
        if key and count >= _INDEXED_FROM:
            self.execute(f'CREATE INDEX ON {name} ("{key}")')
        self._counts[name] = count

    def _make(self, name: str, made: str) -> psycopg.Cursor[Any]:
        if name in self._counts:
            self.execute(f"DROP TABLE {name}")
        return self.execute(f"CREATE TEMPORARY TABLE {name} {made}")


def _copy(name: str, columns: Sequence[str], how: str = "") -> bytes:
    listed = ", ".join(f'"{column}"' for column in columns)
    return f"COPY {name} ({listed}) FROM STDIN{how}".encode()
