"""Streams the app's tables out of PostgreSQL as Arrow record batches, so that memory does not grow with a table."""

import re
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import date, datetime
from itertools import groupby, pairwise
from typing import TypeVar
from zoneinfo import ZoneInfo

import adbc_driver_manager
import adbc_driver_postgresql.dbapi as adbc
import numpy as np
import pyarrow as pa

from americano_assets.core.study_days.cutoff import naive
from americano_assets.core.study_days.study_day import cutoff, opening
from americano_assets.errors import AmericanoError, DatabaseLostError
from americano_assets.resources.postgres.arrow_session import ArrowSessions
from americano_assets.resources.postgres.urls import is_lost
from americano_assets.stages.common.schemas import JSON_READ
from americano_assets.stages.s1_snapshots.sql import query

Rows = TypeVar("Rows", pa.Table, pa.RecordBatch)
# Constant memory: a batch is at most about this large.
_BATCH_BYTES = 8 * 1024 * 1024
_VALUE = re.compile(r'"[^"]{64,}"')


class ExtractionError(AmericanoError):
    """A table could not be read."""


def read_batches(
    sessions: ArrowSessions, table: str, text: str
) -> Iterator[tuple[pa.Schema, Iterator[pa.RecordBatch]]]:
    """Run one query and yield its schema and a stream of its batches, once; close the connection behind it."""
    url = sessions.url
    with reading_errors(table, url), sessions.reading() as connection, closing(connection.cursor()) as cursor:
        cursor.adbc_statement.set_options(**{"adbc.postgresql.batch_size_hint_bytes": _BATCH_BYTES})
        cursor.execute(text)
        reader = cursor.fetch_record_batch()
        yield reader.schema, _streamed(reader, connection, table, url)


def _streamed(
    reader: pa.RecordBatchReader, connection: adbc.Connection, table: str, url: str
) -> Iterator[pa.RecordBatch]:
    """The batches of a reader: what fails while they arrive comes from Arrow, which knows no SQLSTATE."""
    while True:
        try:
            batch = reader.read_next_batch()
        except StopIteration:
            return
        except (OSError, pa.ArrowException) as error:
            raise _told(table, url, error, lost=not _answers(connection)) from None
        yield batch


@contextmanager
def reading_errors(table: str, url: str) -> Iterator[None]:
    """Errors of the driver, told by the name of what was read.

    Raises:
        DatabaseLostError: The connection broke, or the server was stopped.
        ExtractionError: The server, or the driver, could not go on.
    """
    try:
        yield
    except adbc_driver_manager.Error as error:
        # A broken connection has no SQLSTATE, nor have defects of the driver: its status tells them apart.
        lost = is_lost(error.sqlstate) and error.status_code == adbc_driver_manager.AdbcStatusCode.IO
        raise _told(table, url, error, lost=lost) from None


def _answers(connection: adbc.Connection) -> bool:
    """Whether the server is still there after an error of Arrow's; a query that it refused leaves something to undo."""
    try:
        connection.rollback()
    except adbc_driver_manager.Error:
        return False
    return True


def _told(table: str, url: str, error: Exception, *, lost: bool) -> AmericanoError:
    # The driver's message names the server's complaint; it never holds the URL's password. What is longer than any name
    # and in quotes is a value, which may be somebody's words.
    reason = _VALUE.sub('"…"', str(error).split("\n")[0].replace(url, "the database")).rstrip(" .:")
    if lost:
        return DatabaseLostError(
            f"The database went away while {table} was read: {reason}. What was current before stays current; run it"
            " again once the server answers."
        )
    return ExtractionError(f"Reading {table} failed: {reason}")


def log_query(table: str, days: Sequence[date], zone: ZoneInfo) -> str:
    """The extraction query of a log table for consecutive study days, sorted by day, learner and time."""
    openings = ", ".join(literal(opening(day, zone)) for day in days)
    return query(table).format(
        start=literal(opening(days[0], zone)),
        end=literal(cutoff(days[-1], zone)),
        openings=f"ARRAY[{openings}]",
    )


def split_days(
    batches: Iterator[pa.RecordBatch], days: Sequence[date], zone: ZoneInfo
) -> Iterator[tuple[date, Iterator[pa.RecordBatch]]]:
    """Cut a stream that is sorted by study day into days; only days with rows appear, in order."""
    bounds = np.array([naive(opening(day, zone)) for day in days], dtype="datetime64[us]")

    def pieces() -> Iterator[tuple[int, pa.RecordBatch]]:
        for batch in batches:
            stamps = batch.column("occurred_at").to_numpy(zero_copy_only=False).astype("datetime64[us]")
            indexes = np.searchsorted(bounds, stamps, side="right") - 1
            starts = [0, *(np.flatnonzero(np.diff(indexes)) + 1).tolist(), len(indexes)]
            for first, last in pairwise(starts):
                if last > first:
                    yield int(indexes[first]), batch.slice(first, last - first)

    for index, group in groupby(pieces(), key=lambda piece: piece[0]):
        yield days[index], (piece for _, piece in group)


def state_query(table: str, zone: ZoneInfo, finished_since: datetime | None = None) -> str:
    """The extraction query of a state table, sorted by its key; without plans that were finished before a time."""
    since = "'-infinity'::timestamp" if finished_since is None else literal(finished_since)
    return query(table).replace("{zone}", zone.key).replace("{finished_since}", since)


def without_readings(rows: Rows, table: str) -> Rows:
    """Extracted rows as they are stored: whether their JSON could be read has been checked by then."""
    return rows.drop_columns([name for name in JSON_READ.get(table, ()) if name in rows.schema.names])


def literal(instant: datetime) -> str:
    """An instant as PostgreSQL reads it: the columns are timestamps without a zone, in UTC."""
    return f"'{naive(instant).isoformat(sep=' ')}'::timestamp"
