"""Staging rows of one publication transaction: in temporary tables, indexed and counted for the planner."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import psycopg

Row = tuple[Any, ...]


def like(table: str) -> str:
    """The columns of a table, of the types that they have here; what is not staged stays null, whatever its default."""
    return f"ON COMMIT DROP AS SELECT * FROM {table} WHERE false"


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

    def put(
        self, name: str, shape: str, columns: Sequence[str], rows: Iterable[Row], *, key: str | None = None
    ) -> None:
        """Stage rows, instead of what had the name before.

        Args:
            name: The name, which needs no quotes.
            shape: All columns: `like` a table, or `typed`.
            columns: Those that the rows have, in their order.
            rows: The rows; documents are text.
            key: The column by which statements look them up, if they do.
        """
        self._make(name, shape)
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

    def keep(self, name: str, select: str) -> None:
        """Stage what a query finds now."""
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
