"""DuckDB in memory over Parquet and Arrow: runs queries, and gives Arrow tables back."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa

from americano_assets.errors import AmericanoError
from americano_assets.resources.duckdb.calendar import calendar_until
from americano_assets.resources.duckdb.parameters import inlined, named
from americano_assets.resources.memory import duckdb_options
from americano_assets.resources.parquet_store.content_files import require_undamaged

# Chosen where there are few rows, see Engine; a filter for one call would not be safe beside other threads.
warnings.filterwarnings("ignore", "Arrow output on a DB-API result makes an extra copy")

_MOST_TOLD = 200
_IN_MEMORY = ":memory:"


class Engine:
    """One in-memory connection."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, *, few_rows: bool = False) -> None:
        """Set it up.

        Args:
            connection: In memory, nobody else's.
            few_rows: Statements will cost more than the rows that they make: each is parsed once, and a result is bound
                once at the price of a copy.
        """
        self.connection = connection
        self._parsed: dict[str, duckdb.Statement] | None = {} if few_rows else None
        self.stored: set[Path] = set()
        connection.execute("SET enable_progress_bar = false; SET preserve_insertion_order = true")

    def calendar(self, last: date, zone: ZoneInfo) -> None:
        """Make `calendar` (day, opens_at: UTC) from 1970-01-01 to well after `last`, so that any plan finds its day."""
        self.register("calendar", calendar_until(last, zone))

    def register(self, name: str, table: pa.Table) -> None:
        """Make an Arrow table readable under `name`."""
        self.connection.register(name, table)

    def view(
        self,
        name: str,
        paths: Sequence[str | Path],
        *,
        in_memory: bool = False,
        by_name: bool = False,
        filename: bool = False,
    ) -> None:
        """Make Parquet files readable under `name`; `day` is the study day of a day file.

        Of interactions also `place`, a row's place within its file: files are sorted, so it is the order of a day.

        Args:
            name: Name of the view or table.
            paths: The files, at least one.
            in_memory: Read them once, for a caller that will ask many times.
            by_name: Files may lack columns that others have: null there.
            filename: With each row's path as `filename`.
        """
        self.stored.update(map(Path, paths))
        listed = ", ".join("'" + str(path).replace("'", "''") + "'" for path in paths)
        kind = "TABLE" if in_memory else "VIEW"
        placed = "SELECT * RENAME (file_row_number AS place) " if name == "interactions" else ""
        self.connection.execute(
            f"CREATE OR REPLACE TEMP {kind} {name} AS {placed}FROM read_parquet([{listed}], "
            f"hive_partitioning = true, hive_types_autocast = true, file_row_number = {bool(placed)}, "
            f"union_by_name = {by_name}, filename = {filename})"
        )

    def run(self, text: str, parameters: Mapping[str, object] | None = None) -> pa.Table:
        """The rows of a query.

        Args:
            text: The query.
            parameters: Named values; those that the query does not name are left out.
        """
        values = named(text, parameters)
        if self._parsed is None:
            return self.connection.sql(text, params=values).to_arrow_table()
        return self._execute(text, values).to_arrow_table()

    def batches(self, text: str, rows: int, parameters: Mapping[str, object] | None = None) -> pa.RecordBatchReader:
        """The rows of a query, so many at a time; the next query of this engine ends it."""
        return self.connection.sql(text, params=named(text, parameters)).to_arrow_reader(rows)

    def make(self, name: str, text: str, parameters: Mapping[str, object], kind: str = "TABLE") -> None:
        """Make a temporary table or view of a query's rows."""
        if kind == "VIEW":
            # A view cannot hold parameters; these are our own numbers and times, never anybody's text.
            text = inlined(text, parameters)
            self.connection.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS {text}")
        else:
            self._execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {text}", named(text, parameters))

    def _execute(self, text: str, values: dict[str, object]) -> duckdb.DuckDBPyConnection:
        if self._parsed is None:
            return self.connection.execute(text, values)
        if text not in self._parsed:
            (self._parsed[text],) = self.connection.extract_statements(text)
        return self.connection.execute(self._parsed[text], values)


def connected(
    file: str = _IN_MEMORY, *, read_only: bool = False, threads: int | None = None, side_by_side: int = 1
) -> duckdb.DuckDBPyConnection:
    """A connection that keeps to its part of this process's memory, and spills into the home.

    Args:
        file: What is opened.
        read_only: It is not changed.
        threads: As many at most; None: as many as there are cores.
        side_by_side: So many connections work at once.
    """
    options = duckdb_options(side_by_side)
    if file != _IN_MEMORY:
        # Whoever has the file open in this process gave it other options, which would be refused.
        connection = duckdb.connect(file, read_only=read_only)
        connection.execute(f"SET memory_limit = '{options['memory_limit']}'")
        return connection
    return duckdb.connect(config={**options, **({} if threads is None else {"threads": threads})})


@contextmanager
def open_engine() -> Iterator[Engine]:
    """An engine of its own, closed also when the body raises.

    Raises:
        AmericanoError: A query failed: there is too little memory for it, or a stored file that it could read is
            damaged or missing.
    """
    with connected() as connection, damage_told(engine := Engine(connection)):
        yield engine


@contextmanager
def damage_told(engine: Engine) -> Iterator[None]:
    """Have an error of a query say which stored file is damaged or missing, where one is, or that memory was short.

    Raises:
        AmericanoError: That is so.
    """
    try:
        yield
    except duckdb.OutOfMemoryException as error:
        raise AmericanoError(
            f"DuckDB needs more memory than it may take ({' '.join(str(error).split())[:_MOST_TOLD]}): raise"
            " AMERICANO_MEMORY, or run it on a larger machine. Nothing was changed."
        ) from error
    except duckdb.Error:
        require_undamaged(engine.stored)
        raise
