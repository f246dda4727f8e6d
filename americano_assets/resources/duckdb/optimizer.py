"""How much DuckDB plans before it runs a statement."""

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

# Joins are taken as they are written.
_JOIN_ORDER = frozenset({"join_order", "build_side_probe_side"})
# What pays even where planning costs more than the rows: they are few, but wide.
_ALWAYS = frozenset({"filter_pushdown", "unused_columns"})


class Planning:
    """The optimizers of one connection."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, *, few_rows: bool) -> None:
        """Turn off what does not pay.

        Args:
            connection: Whose.
            few_rows: Of few rows no plan is so bad that the search for a better one would pay: all but two are off.
        """
        self._connection = connection
        known = connection.execute("SELECT name FROM duckdb_optimizers()").fetchall()
        self._off = frozenset({name for (name,) in known} - _ALWAYS if few_rows else ())
        self._turn_off(self._off)

    @contextmanager
    def joined_as_written(self) -> Iterator[None]:
        """Within, the order of joins is the statement's."""
        self._turn_off(self._off | _JOIN_ORDER)
        try:
            yield
        finally:
            self._turn_off(self._off)

    def _turn_off(self, names: frozenset[str]) -> None:
        self._connection.execute(f"SET disabled_optimizers = '{','.join(sorted(names))}'")
