"""The app's rows of single learners as they are now, by the queries of the nightly snapshots.

Imports neither dagster nor scikit-learn.
"""

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import adbc_driver_manager
import adbc_driver_postgresql.dbapi as adbc
import pyarrow as pa

from americano_assets.core.base.validation import split_valid
from americano_assets.core.study_days.study_day import cutoff, opening
from americano_assets.resources.postgres.arrow_session import KeptArrow
from americano_assets.stages.common.schemas import EXTRACTED, LOG_TABLES
from americano_assets.stages.s1_snapshots.fast_validation import keeps_every_rule
from americano_assets.stages.s1_snapshots.input_manifest import MEMORY_DAYS
from americano_assets.stages.s1_snapshots.postgres_reader import literal, reading_errors, state_query, without_readings
from americano_assets.stages.s1_snapshots.sql import query

# State tables by whose rows they are.
OF_LEARNER = ("learners", "profiles", "planned_objectives", "exams")
OF_OBJECTIVES = ("objectives", "prerequisites")


class LiveRows:
    """Reads a learner's rows. One for a process: each thread that reads keeps a connection."""

    def __init__(self, url: str, zone: ZoneInfo, *, statement_seconds: float = 0) -> None:
        """Nothing is opened yet.

        Args:
            url: The app's database.
            zone: Of the study day.
            statement_seconds: The longest that the database may take for one query; 0: as long as it takes.
        """
        self._url = url
        self._zone = zone
        self._statement_seconds = statement_seconds
        self._kept = threading.local()

    @contextmanager
    def reading(self) -> Iterator["Reading"]:
        """What is read within is read in one transaction of the thread's connection, opened again after any failure.

        Raises:
            DatabaseLostError: The database does not answer, or the connection that was kept is not good any more: the
                next call opens another.
            ExtractionError: The database could not be read.
        """
        try:
            with reading_errors("a learner's log and plans", self._url):
                if not hasattr(self._kept, "connection"):
                    milliseconds = round(self._statement_seconds * 1000)
                    self._kept.connection = KeptArrow(self._url, statement_timeout=str(milliseconds))
                with self._kept.connection.reading() as connection:
                    yield Reading(connection, self._zone)
        except BaseException:
            self._drop()
            raise

    def _drop(self) -> None:
        """Let go of the thread's connection, whatever state it is in."""
        connection = self._kept.__dict__.pop("connection", None)
        if connection is not None:
            with suppress(adbc_driver_manager.Error):
                connection.close()


class Reading:
    """One transaction. Rows that break a rule of their table are left out, as the night sets them aside."""

    def __init__(self, connection: adbc.Connection, zone: ZoneInfo) -> None:
        self._connection = connection
        self._zone = zone

    def logs(self, learner_id: str, first: date, last: date) -> dict[str, pa.Table]:
        """Rows of LOG_TABLES of a learner's study days, and of the days of memory before them.

        An interaction that is recorded again counts once, so what was recorded before is read too.
        """
        return {name: self._log(name, learner_id, first, last) for name in LOG_TABLES}

    def _log(self, name: str, learner_id: str, first: date, last: date) -> pa.Table:
        # Sorted for streaming into files; of one learner the queries sort themselves.
        unsorted, _, _ = query(name).rpartition("ORDER BY")
        text = unsorted.format(
            start=literal(opening(first - timedelta(days=MEMORY_DAYS), self._zone)),
            end=literal(cutoff(last, self._zone)),
            openings="ARRAY['-infinity'::timestamp]",
        )
        return _good(self._fetch(text, "learner_id", [learner_id]), name)

    def of_learner(self, name: str, learner_id: str) -> pa.Table:
        """Rows of one of OF_LEARNER."""
        return self._state(name, "learner_id", [learner_id])

    def of_objectives(self, name: str, ids: Iterable[str]) -> pa.Table:
        """Rows of one of OF_OBJECTIVES, of objectives by id."""
        return self._state(name, "objective_id", ids)

    def of_topics(self, course_ids: Iterable[str]) -> pa.Table:
        """Rows of `objectives`, of whole topics."""
        return self._state("objectives", "course_id", course_ids)

    def _state(self, name: str, column: str, ids: Iterable[str]) -> pa.Table:
        return _good(self._fetch(state_query(name, self._zone), column, sorted(set(ids))), name)

    def _fetch(self, text: str, column: str, ids: Sequence[str]) -> pa.Table:
        """The rows of an extraction query that belong to some ids; PostgreSQL moves the condition inwards.

        The ids are no part of the statement: it may stand in a log of the database.
        """
        statement = f"SELECT * FROM (\n{text}\n) AS extracted WHERE {column} = ANY ($1)"
        with closing(self._connection.cursor()) as cursor:
            cursor.execute(statement, pa.record_batch([pa.array([ids], pa.list_(pa.string()))], ["ids"]))
            return cursor.fetch_arrow_table()


def objective_ids(tables: Iterable[pa.Table]) -> set[str]:
    """The objectives that rows name, of tables that have a column for them."""
    columns = [table["objective_id"] for table in tables if "objective_id" in table.column_names]
    return {one for column in columns for one in column.unique().drop_null().to_pylist()}


def _good(rows: pa.Table, name: str) -> pa.Table:
    model = EXTRACTED[name]
    if not keeps_every_rule(rows, model):
        split = split_valid(rows.to_pandas(), model)
        rows = rows if split.bad.empty else rows.take(pa.array(split.good.index.to_numpy()))
    return without_readings(rows, name)
