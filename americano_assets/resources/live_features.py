"""Features of one learner from the app's rows as they are now, between two nights.

Belongs here: reading a single learner, with the queries of the nightly snapshots, and running the nightly definitions
on it. Does not: any definition; numbers of the cohort, which the night of the last closed study day stored; scoring
(generation.py).

Imports neither dagster nor scikit-learn.
"""

import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import adbc_driver_manager
import adbc_driver_postgresql.dbapi as adbc
import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from americano_assets.core.elo import PAIR, State, advance, nobody
from americano_assets.core.moment import PLAN_AHEAD_DAYS, Moment, Target, naive
from americano_assets.core.study_day import cutoff, day_number, opening, study_day_of
from americano_assets.core.validation import split_valid
from americano_assets.errors import DatabaseLostError
from americano_assets.resources.arrow_rules import keeps_every_rule
from americano_assets.resources.cutoffs import COHORT, LOOK_BACK
from americano_assets.resources.database_url import is_lost
from americano_assets.resources.day_inputs import DAY_TABLES
from americano_assets.resources.elo_store import TABLE as ELO_TABLE
from americano_assets.resources.elo_store import answers_of, closing_key, state_of, table_of
from americano_assets.resources.engine import Engine
from americano_assets.resources.extraction import ExtractionError, literal
from americano_assets.resources.feature_steps import COHORT_STEPS
from americano_assets.resources.parquet_store import ParquetStore
from americano_assets.schemas import LOG_TABLES, STATE_TABLES
from americano_assets.sql import query

_OF_LEARNER = ("learners", "profiles", "planned_objectives", "exams")
_OF_OBJECTIVES = ("objectives", "prerequisites")
_NOBODY = {
    "cohort_lapses": pa.table({"objective_key": pa.array([], pa.uint64()), "lapse_rate": pa.array([], pa.float64())}),
    "cohort_record": pa.table(
        {
            "objective_key": pa.array([], pa.uint64()),
            **{name: pa.array([], pa.float64()) for name in ("n_learners", "first_nano", "n_30", "score_nano_30")},
        }
    ),
}
# How many nights may be missing before a learner is rated anew.
_RATINGS_BACK = 30


class LiveFeatures:
    """Computes features of single learners. One for a process: each thread keeps a connection and an engine warm."""

    def __init__(
        self, url: str, store: ParquetStore, zone: ZoneInfo, target: Target, *, statement_seconds: float = 0
    ) -> None:
        """Nothing is opened yet.

        Args:
            url: The app's database.
            store: What the nights stored.
            zone: Of the study day.
            target: What is predicted.
            statement_seconds: The longest that the database may take for one query; 0: as long as it takes.
        """
        self.url = url
        self.statement_seconds = statement_seconds
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
            DatabaseLostError: The database does not answer, or the connection that was kept is not good any more: the
                next call opens another.
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
        _grade(engine, logs, first, today)
        self._kept.state = {name: _good(rows, name) for name, rows in state.items()}
        engine.set_state(self._kept.state)
        self._rate(engine, learner_id, now, state["learners"])
        return engine.features(
            Moment(now, self.zone, self.target),
            from_later_state=False,
            pairs=pairs,
            plan_ahead_days=plan_ahead_days,
            cohort=self._cohort(today - timedelta(days=1)),
        )

    def profile(self, learner_id: str) -> dict[str, Any]:
        """The learner's profile as a row of the state table; empty without one. Raises as `of_learner`."""
        with self._reading() as connection:
            rows = _fetch(connection, _of("extract/profiles", "learner_id", [learner_id])).to_pylist()
        return rows[0] if rows else {}

    def objectives(self, *, ids: Iterable[str] = (), course_ids: Iterable[str] = ()) -> pa.Table:
        """Objectives as they are now, by id and of whole topics, each once. Raises as `of_learner`."""
        with self._reading() as connection:
            topics = _fetch(connection, _of("extract/objectives", "course_id", sorted(set(course_ids))))
            more = sorted(set(ids).difference(_ids(topics)))
            named = _fetch(connection, _of("extract/objectives", "objective_id", more))
        return _good(pa.concat_tables([topics, named]), "objectives")

    def engine_knowing(self, objectives: pa.Table) -> Engine:
        """The engine with what this thread's last `of_learner` read, and with more objectives known beside it."""
        state = dict(self._kept.state)
        known = pc.is_in(objectives["objective_id"], state["objectives"]["objective_id"].combine_chunks())
        state["objectives"] = pa.concat_tables([state["objectives"], objectives.filter(pc.invert(known))])
        engine = self._engine()
        engine.set_state(state)
        return engine

    def graded(self, learner_id: str, first: date, last: date) -> Engine:
        """An engine that holds the learner's interactions of study days, as the app's rows are now.

        It is the thread's own: good until the next call.

        Raises:
            ExtractionError: The database could not be read.
        """
        engine = self._engine()
        engine.calendar(date(last.year + 1, 12, 31), self.zone)
        with self._reading() as connection:
            logs = {name: self._log(connection, name, learner_id, first, last) for name in LOG_TABLES}
        _grade(engine, logs, first, last)
        return engine

    def _rate(self, engine: Engine, learner_id: str, now: datetime, learners: pa.Table) -> None:
        """Register the ratings: the last closed cut-off's, and the learner's own as they have moved since."""
        today = study_day_of(now, self.zone)
        ((key,),) = engine.connection.execute("SELECT md5_number_lower(?)", [learner_id]).fetchall()
        closed, state = self._ratings(today - timedelta(days=1), key)
        since = engine.run(
            "SELECT study_day, learner_key, objective_key, item_key, score FROM interactions "
            "WHERE study_day > $closed AND occurred_at < $now ORDER BY study_day, occurred_at, source, source_id",
            {"closed": day_number(closed), "now": naive(now)},
        )
        counted = np.array([key] if any(learners["in_analytics"].to_pylist()) else [], np.uint64)
        engine.register("elo", table_of(advance(state, answers_of(since), counted, close=False)))

    def _ratings(self, day: date, key: int) -> tuple[date, State]:
        """Ratings at the closing of `day`, else of the last day before it that has any, without other learners'."""
        for back in range(_RATINGS_BACK):
            closed = day - timedelta(days=back)
            version = self.store.remembered(ELO_TABLE, closing_key(closed))
            if version is None:
                continue
            # The whole version: a content keeps its name when somebody is forgotten, with fewer rows.
            if getattr(self._kept, "elo_version", None) != version:
                self._kept.elo = self.store.read_whole(ELO_TABLE, version.content)
                self._kept.elo_version = version
            rows: pa.Table = self._kept.elo
            own = pc.equal(rows["key"], pa.scalar(key, pa.uint64()))
            return closed, state_of(rows.filter(pc.or_(own, pc.greater(rows["level"], PAIR))))
        return day, nobody()

    def _log(self, connection: adbc.Connection, name: str, learner_id: str, first: date, last: date) -> pa.Table:
        # Sorted for streaming into files; of one learner the queries sort themselves.
        unsorted, _, _ = query(f"extract/{name}").rpartition("ORDER BY")
        text = unsorted.format(
            start=literal(opening(first - timedelta(days=1), self.zone)),
            end=literal(cutoff(last, self.zone)),
            openings="ARRAY['-infinity'::timestamp]",
        )
        return _good(_fetch(connection, _where(text, "learner_id", [learner_id])), name)

    def _cohort(self, day: date) -> tuple[date, dict[str, pa.Table]]:
        """What all learners show at the cut-off of `day`, else of the last day before it, and that day."""
        first, *_ = COHORT_STEPS
        folders = (self.store.root / COHORT / first).glob("day=*")
        stored = sorted(date.fromisoformat(path.name.removeprefix("day=")) for path in folders)
        known = next((one for one in reversed(stored) if one <= day), None)
        if known is None:
            return day, _NOBODY
        if getattr(self._kept, "cohort_day", None) != known:
            found = {name: self.store.read_day(f"{COHORT}/{name}", known) for name in COHORT_STEPS}
            self._kept.cohort = {name: _NOBODY[name] if rows is None else rows for name, rows in found.items()}
            self._kept.cohort_day = known
        return known, self._kept.cohort

    def _engine(self) -> Engine:
        if not hasattr(self._kept, "engine"):
            # One learner is little work: a second thread would cost more to wake than it does.
            self._kept.engine = Engine(duckdb.connect(":memory:", config={"threads": 1}), few_rows=True)
        engine: Engine = self._kept.engine
        return engine

    @contextmanager
    def _reading(self) -> Iterator[adbc.Connection]:
        """The thread's connection, one transaction; opened again after any failure."""
        try:
            if not hasattr(self._kept, "connection"):
                self._kept.connection = adbc.connect(self.url)
                _execute(self._kept.connection, "SET TIME ZONE 'UTC'")
                _execute(self._kept.connection, f"SET statement_timeout = {round(self.statement_seconds * 1000)}")
                self._kept.connection.commit()
            yield self._kept.connection
            self._kept.connection.rollback()
        except BaseException as error:
            self._drop()
            if not isinstance(error, adbc_driver_manager.Error):
                raise
            reason = str(error).split("\n")[0].replace(self.url, "the database")
            if is_lost(error.sqlstate) and error.status_code == adbc_driver_manager.AdbcStatusCode.IO:
                raise DatabaseLostError(f"The database went away while a learner's rows were read: {reason}") from None
            raise ExtractionError(f"Reading a learner's rows failed: {reason}") from None

    def _drop(self) -> None:
        """Let go of the thread's connection, whatever state it is in."""
        connection = self._kept.__dict__.pop("connection", None)
        if connection is not None:
            with suppress(adbc_driver_manager.Error):
                connection.close()


def _grade(engine: Engine, logs: Mapping[str, pa.Table], first: date, last: date) -> None:
    """Make interactions and session ends of what was read of the log."""
    for name, rows in logs.items():
        engine.register(f"{name}_read", rows)
        engine.connection.execute(
            f"CREATE OR REPLACE TEMP VIEW {name} AS SELECT r.*, c.day FROM {name}_read r ASOF JOIN "
            f"(FROM calendar WHERE day >= DATE '{first}' - 1) c ON r.occurred_at >= c.opens_at"
        )
    for name in DAY_TABLES:
        text = query(name)
        if name == "interactions":
            # Of rows sorted as a day's file is.
            text = f"SELECT *, row_number() OVER () AS place FROM ({text})"
        engine.make(name, text, {"first_day": first, "last_day": last})


def _good(rows: pa.Table, name: str) -> pa.Table:
    model = LOG_TABLES.get(name) or STATE_TABLES[name]
    if keeps_every_rule(rows, model):
        return rows
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
