"""Features of one learner from the app's rows as they are now: what the API scores between two nights.

Belongs here: reading a single learner, with the queries of the nightly snapshots, and running the nightly definitions
on it. Does not: any definition; numbers of the cohort, which the night of the last closed study day stored.

Imports neither dagster nor scikit-learn.
"""

import threading
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import adbc_driver_manager
import adbc_driver_postgresql.dbapi as adbc
import duckdb
import pyarrow as pa

from americano_assets.core.moment import PLAN_AHEAD_DAYS, Moment, Target
from americano_assets.core.study_day import cutoff, opening, study_day_of
from americano_assets.core.validation import split_valid
from americano_assets.resources.cutoffs import COHORT, DAY_TABLES, LOOK_BACK
from americano_assets.resources.engine import Engine
from americano_assets.resources.extraction import ExtractionError, literal
from americano_assets.resources.parquet_store import ParquetStore, read_table
from americano_assets.schemas import LOG_TABLES, STATE_TABLES
from americano_assets.sql import query

_OF_LEARNER = ("learners", "profiles", "planned_objectives", "exams")
_OF_OBJECTIVES = ("objectives", "prerequisites")


class LiveFeatures:
    """Computes features of single learners. One for a process: each thread keeps a connection and an engine warm."""

    def __init__(self, url: str, store: ParquetStore, zone: ZoneInfo, target: Target) -> None:
        self.url = url
        self.store = store
        self.zone = zone
        self.target = target
        self._kept = threading.local()

    def of_learner(
        self, learner_id: str, now: datetime, *, pairs: pa.Table | None = None, plan_ahead_days: int = PLAN_AHEAD_DAYS
    ) -> pa.Table:
        """The rows that a nightly table at T = `now` would hold of this learner; none if unknown or opted out.

        Rows that break a rule of their table are left out, as the night sets them aside. Numbers of the cohort are
        those of the last closed study day whose night has stored them.

        Args:
            learner_id: The learner.
            now: T, aware.
            pairs: As Engine.features: these pairs instead of the learner's candidates.
            plan_ahead_days: Candidates are planned within so many study days.

        Raises:
            ExtractionError: The database could not be read.
        """
        engine = self._engine()
        today = study_day_of(now, self.zone)
        first = today - LOOK_BACK
        engine.calendar(date(today.year + 1, 12, 31), self.zone)
        with self._reading() as connection:
            # The day before the first is read too: an interaction recorded twice around midnight counts once.
            logs = {name: self._log(connection, name, learner_id, first, today) for name in LOG_TABLES}
            state = {
                name: _fetch(connection, _of(f"extract/{name}", "learner_id", [learner_id])) for name in _OF_LEARNER
            }
            tables = [*logs.values(), state["planned_objectives"], *([] if pairs is None else [pairs])]
            objectives = {one for table in tables if "objective_id" in table.column_names for one in _ids(table)}
            for name in _OF_OBJECTIVES:
                state[name] = _fetch(connection, _of(f"extract/{name}", "objective_id", sorted(objectives)))
        for name, rows in logs.items():
            engine.register(f"{name}_read", rows)
            engine.connection.execute(
                f"CREATE OR REPLACE TEMP VIEW {name} AS SELECT r.*, c.day "
                f"FROM {name}_read r ASOF JOIN calendar c ON r.occurred_at >= c.opens_at"
            )
        for name in DAY_TABLES:
            engine.make(name, query(name), {"first_day": first, "last_day": today})
        engine.set_state({name: _good(rows, name) for name, rows in state.items()})
        return engine.features(
            Moment(now, self.zone, self.target),
            from_later_state=False,
            pairs=pairs,
            plan_ahead_days=plan_ahead_days,
            cohort=self._cohort(today - timedelta(days=1)),
        )

    def _log(self, connection: adbc.Connection, name: str, learner_id: str, first: date, last: date) -> pa.Table:
        text = query(f"extract/{name}").format(
            start=literal(opening(first - timedelta(days=1), self.zone)),
            end=literal(cutoff(last, self.zone)),
            openings="ARRAY['-infinity'::timestamp]",
        )
        return _good(_fetch(connection, _where(text, "learner_id", [learner_id])), name)

    def _cohort(self, day: date) -> pa.Table:
        """The cohort's numbers at the cut-off of `day`, else of the last day before it; empty without any."""
        stored = sorted(
            date.fromisoformat(path.name.removeprefix("day=")) for path in (self.store.root / COHORT).glob("day=*")
        )
        for known in reversed([one for one in stored if one <= day]):
            version = self.store.current(COHORT, known)
            if version is None:
                continue
            if getattr(self._kept, "cohort_content", None) != version.content:
                self._kept.cohort = read_table(self.store.day_path(COHORT, known, version))
                self._kept.cohort_content = version.content
            rows: pa.Table = self._kept.cohort
            return rows
        return pa.table({"objective_key": pa.array([], pa.uint64()), "lapse_rate": pa.array([], pa.float64())})

    def _engine(self) -> Engine:
        if not hasattr(self._kept, "engine"):
            # One learner is little work: a second thread would cost more to wake than it does.
            self._kept.engine = Engine(duckdb.connect(":memory:", config={"threads": 1}))
        engine: Engine = self._kept.engine
        return engine

    @contextmanager
    def _reading(self) -> Iterator[adbc.Connection]:
        """The thread's connection, one transaction; opened again after any failure."""
        try:
            if not hasattr(self._kept, "connection"):
                self._kept.connection = adbc.connect(self.url)
                _execute(self._kept.connection, "SET TIME ZONE 'UTC'")
                self._kept.connection.commit()
            yield self._kept.connection
            self._kept.connection.rollback()
        except adbc_driver_manager.Error as error:
            if hasattr(self._kept, "connection"):
                # It may be gone already; what counts is that nobody uses it again.
                del self._kept.connection
            reason = str(error).split("\n")[0].replace(self.url, "the database")
            raise ExtractionError(f"Reading a learner's rows failed: {reason}") from None


def _good(rows: pa.Table, name: str) -> pa.Table:
    model = LOG_TABLES.get(name) or STATE_TABLES[name]
    split = split_valid(rows.to_pandas(), model)
    return rows if split.bad.empty else rows.take(pa.array(split.good.index.to_numpy()))


def _fetch(connection: adbc.Connection, text: str) -> pa.Table:
    with closing(connection.cursor()) as cursor:
        cursor.execute(text)
        return cursor.fetch_arrow_table()


def _execute(connection: adbc.Connection, text: str) -> None:
    with closing(connection.cursor()) as cursor:
        cursor.execute(text)


def _of(name: str, column: str, ids: Iterable[str]) -> str:
    return _where(query(name), column, ids)


def _where(text: str, column: str, ids: Iterable[str]) -> str:
    """The rows of an extraction query that belong to some ids; PostgreSQL moves the condition inwards."""
    listed = ", ".join("'" + one.replace("'", "''") + "'" for one in ids)
    return f"SELECT * FROM (\n{text}\n) AS extracted WHERE {column} IN ({listed or 'NULL'})"


def _ids(table: pa.Table) -> list[str]:
    found: list[str] = table["objective_id"].unique().drop_null().to_pylist()
    return found
