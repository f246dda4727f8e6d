"""Loads OULAD into the app's tables by COPY, and later what has happened since."""

import argparse
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from io import BytesIO
from pathlib import Path

import psycopg
import pyarrow as pa
import pyarrow.csv as pacsv
from psycopg import sql
from psycopg.rows import tuple_row

from americano_assets.errors import AmericanoError
from americano_assets.loading.demo.oulad.sql import query
from americano_assets.loading.demo.oulad.tables import LOG_TABLES, SOURCE, STATE_TABLES, OuladTables, Window
from americano_assets.stages.common.measurements import OULAD

_BATCH_ROWS = 20_000
Progress = Callable[[str, int], None]


@dataclass(frozen=True)
class LoadReport:
    """What one call of `load` did."""

    first: bool
    shift_days: int
    learners: int
    loaded_through: datetime  # aware, UTC
    inserted: dict[str, int] = field(default_factory=dict)  # table -> rows
    closed_missions: int = 0  # missions that were handed in or given up since the load before


@dataclass(frozen=True)
class _Stored:
    cohort: str
    shift_days: int
    learners: int
    loaded_through: datetime


def load(
    connection: psycopg.Connection,
    *,
    now: datetime,
    learners: int | None = None,
    progress: Progress | None = None,
    source: Path = SOURCE,
    reference: date | None = None,
) -> LoadReport:
    """Load the demo's learners into an empty database, or add what has happened since the last load.

    All or nothing: one transaction, or a part of the caller's if one is open. Twice at the same `now` changes nothing.

    Args:
        connection: To a database with the app's tables and schema `ml`.
        now: Aware; nothing that happened after it is loaded.
        learners: Size of the sample of students; None: all of them.
        progress: Called with a table's name and the rows written to it.
        source: Folder of OULAD's Parquet files.
        reference: The day onto which day 162 of 2014J falls at a first load; None: the UTC date of `now`.

    Raises:
        AmericanoError: The database holds rows of somebody else, or a sample of another size.
    """
    until = now.astimezone(UTC).replace(tzinfo=None, microsecond=now.microsecond // 1000 * 1000)
    if learners is not None and learners < 1:
        raise AmericanoError(f"A demo needs at least 1 learner, not {learners}.")
    tables = OuladTables(source)
    try:
        with connection.transaction(), connection.cursor(row_factory=tuple_row) as cursor:
            cursor.execute("LOCK TABLE ml.demo_load IN SHARE ROW EXCLUSIVE MODE")
            wanted = min(learners or tables.students(), tables.students())
            stored = _stored(cursor)
            if stored is None:
                shift = tables.shift_days(reference or until.date())
                return _Load(cursor, tables, progress).first(until, shift, wanted)
            if stored.cohort != OULAD:
                raise AmericanoError(
                    f"The demo database holds {stored.learners} learners of the {stored.cohort} cohort, no real "
                    f"students: ask for them again (--cohort {stored.cohort}), or start over with --fresh."
                )
            if stored.learners != wanted:
                raise AmericanoError(
                    f"The demo database holds {stored.learners} learners of {stored.cohort}, not {wanted}: "
                    f"ask for {stored.learners} again (--learners), or remove that demo and start over (--fresh)."
                )
            return _Load(cursor, tables, progress).since(stored, until)
    finally:
        tables.close()


def _stored(cursor: psycopg.Cursor[tuple[object, ...]]) -> _Stored | None:
    cursor.execute("SELECT cohort, shift_days, learners, loaded_through FROM ml.demo_load")
    row = cursor.fetchone()
    return None if row is None else _Stored(*row)  # type: ignore[arg-type]


class _Load:
    """One load inside its transaction."""

    def __init__(
        self, cursor: psycopg.Cursor[tuple[object, ...]], tables: OuladTables, progress: Progress | None
    ) -> None:
        self._cursor = cursor
        self._tables = tables
        self._progress = progress
        self._inserted: dict[str, int] = {}

    def first(self, until: datetime, shift_days: int, learners: int) -> LoadReport:
        for table in (*STATE_TABLES, *LOG_TABLES):
            self._cursor.execute(sql.SQL("SELECT 1 FROM {} LIMIT 1").format(sql.Identifier(table)))
            if self._cursor.fetchone():
                raise AmericanoError(
                    f"The table {table} already holds rows that the demo did not write: demo data are never mixed with "
                    "an app's own rows. Load the demo into an empty database."
                )
        self._tables.prepare(Window(None, until), shift_days=shift_days, learners=learners)
        self._copy((*STATE_TABLES, *LOG_TABLES))
        self._cursor.execute(
            "INSERT INTO ml.demo_load (cohort, shift_days, learners, loaded_through) VALUES (%s, %s, %s, %s)",
            (OULAD, shift_days, learners, until),
        )
        self._analyze((*STATE_TABLES, *LOG_TABLES))
        return self._report(_Stored(OULAD, shift_days, learners, until))

    def since(self, stored: _Stored, until: datetime) -> LoadReport:
        until = max(until, stored.loaded_through)
        window = Window(stored.loaded_through, until)
        self._tables.prepare(window, shift_days=stored.shift_days, learners=stored.learners)
        users = self._column("SELECT id FROM users")
        if strangers := len(users - self._tables.user_ids()):
            raise AmericanoError(
                f"The table users holds {strangers:,} accounts that the demo did not write: demo data are never mixed "
                "with an app's own rows. Load the demo into a database of its own."
            )
        # Someone who deleted an account, or a course, must not find it back.
        self._tables.keep_only(users, self._column("SELECT id FROM validation_prompts"))
        closed = self._close_missions()
        self._copy(LOG_TABLES)
        self._cursor.execute("UPDATE ml.demo_load SET loaded_through = %s", (until,))
        self._analyze(table for table, rows in (*self._inserted.items(), ("missions", closed)) if rows)
        return self._report(replace(stored, loaded_through=until), closed)

    def _report(self, stored: _Stored, closed: int | None = None) -> LoadReport:
        return LoadReport(
            first=closed is None,
            shift_days=stored.shift_days,
            learners=stored.learners,
            loaded_through=stored.loaded_through.replace(tzinfo=UTC),
            inserted=self._inserted,
            closed_missions=closed or 0,
        )

    def _close_missions(self) -> int:
        self._cursor.execute(
            "CREATE TEMPORARY TABLE closed_missions AS "
            'SELECT id, status, "completedAt", id AS "objectiveId" FROM missions WITH NO DATA'
        )
        self._write("closed_missions", self._tables.read("closed_missions"))
        closed = self._cursor.execute(query("close_missions").encode()).rowcount
        self._cursor.execute("DROP TABLE closed_missions")
        self._tell("missions", closed)
        return closed

    def _copy(self, tables: Sequence[str]) -> None:
        # One table is computed while the one before it is on its way: half of the time is PostgreSQL's.
        ahead = ThreadPoolExecutor(1)
        try:
            for table, rows in zip(tables, ahead.map(self._tables.read, tables), strict=True):
                self._write(table, rows)
                self._inserted[table] = rows.num_rows
                self._tell(table, rows.num_rows)
        finally:
            # Whoever interrupts the load does not wait for tables that nobody will write.
            ahead.shutdown(cancel_futures=True)

    def _write(self, table: str, rows: pa.Table) -> None:
        statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv)").format(
            sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, rows.column_names))
        )
        # Every value quoted, so that an empty text is not read as a missing one.
        options = pacsv.WriteOptions(include_header=False, quoting_style="all_valid")
        with self._cursor.copy(statement) as copy:
            for batch in rows.to_batches(max_chunksize=_BATCH_ROWS):
                text = BytesIO()
                pacsv.write_csv(batch, text, options)
                copy.write(text.getbuffer())

    def _column(self, statement: str) -> set[str]:
        return {str(row[0]) for row in self._cursor.execute(statement.encode())}

    def _analyze(self, tables: Iterable[str]) -> None:
        for table in tables:
            self._cursor.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(table)))

    def _tell(self, table: str, rows: int) -> None:
        if self._progress:
            self._progress(table, rows)


def students() -> int:
    """How many there are to load."""
    tables = OuladTables()
    try:
        return tables.students()
    finally:
        tables.close()


def counts(now: datetime, learners: int | None = None) -> dict[str, int]:
    """Rows that a first load at `now` writes, by table; needs no database."""
    tables = OuladTables(SOURCE)
    try:
        until = now.astimezone(UTC).replace(tzinfo=None)
        size = min(learners or tables.students(), tables.students())
        tables.prepare(Window(None, until), shift_days=tables.shift_days(until.date()), learners=size)
        return {t: tables.read(t).num_rows for t in (*STATE_TABLES, *LOG_TABLES)}
    finally:
        tables.close()


def main() -> None:
    """Print the row counts of a first load."""
    parser = argparse.ArgumentParser(
        prog="python -m americano_assets.loading.demo.oulad.load", description=main.__doc__
    )
    parser.add_argument(
        "--now", type=datetime.fromisoformat, required=True, help="with a UTC offset, such as 2026-11-23T22:40Z"
    )
    parser.add_argument("--learners", type=int, default=None, help="size of the sample")
    arguments = parser.parse_args()
    for table, rows in counts(arguments.now, arguments.learners).items():
        print(f"{table:<24}{rows:>9,}")


if __name__ == "__main__":
    main()
