"""Features of one learner from the app's rows as they are now, between two nights.

Imports neither dagster nor scikit-learn.
"""

import threading
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from americano_assets.core.features.skill_ratings import State, advance, initial_state
from americano_assets.core.features.skill_update import ITEM, PAIR
from americano_assets.core.study_days.cutoff import PLAN_AHEAD_DAYS, Cutoff, Target, naive
from americano_assets.core.study_days.study_day import day_number, study_day_of
from americano_assets.resources.duckdb.calendar import calendar_until
from americano_assets.resources.duckdb.connection import connected
from americano_assets.resources.parquet_store.content_files import require_undamaged
from americano_assets.resources.parquet_store.store import ParquetStore
from americano_assets.stages.s1_snapshots.input_manifest import DAY_TABLES, graded_span
from americano_assets.stages.s1_snapshots.learner_reader import (
    OF_LEARNER,
    OF_OBJECTIVES,
    LiveRows,
    objective_ids,
)
from americano_assets.stages.s1_snapshots.sql import query
from americano_assets.stages.s2_features.feature_engine import FeatureEngine
from americano_assets.stages.s2_features.point_in_time import COHORT, LOOK_BACK
from americano_assets.stages.s2_features.query_plan import COHORT_STEPS
from americano_assets.stages.s2_features.skill_ratings import (
    ANSWER_COLUMNS,
    RATINGS_SCHEMA,
    answers_of,
    closing_key,
    state_of,
    table_of,
)
from americano_assets.stages.s2_features.skill_ratings import TABLE as RATINGS_TABLE

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
    """Computes features of single learners. One for a process: each thread that calls keeps an engine warm."""

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
        self.store = store
        self.zone = zone
        self.target = target
        self._rows = LiveRows(url, zone, statement_seconds=statement_seconds)
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
            pairs: As FeatureEngine.features: these pairs instead of the learner's candidates.
            plan_ahead_days: Candidates are planned within so many study days.

        Raises:
            DatabaseLostError: The database does not answer, or a connection that was kept is not good any more: the
                next call opens another.
            ExtractionError: The database could not be read.
        """
        today = study_day_of(now, self.zone)
        first = today - LOOK_BACK
        engine = self._engine(today)
        with self._rows.reading() as rows:
            logs = rows.logs(learner_id, first, today)
            state = {name: rows.of_learner(name, learner_id) for name in OF_LEARNER}
            naming = [state["planned_objectives"], *logs.values()] + ([] if pairs is None else [pairs])
            named = objective_ids(naming)
            state |= {name: rows.of_objectives(name, named) for name in OF_OBJECTIVES}
        engine.set_state(state)
        self._kept.state = state
        _grade(engine, logs, first, today, self._calendar(today))
        self._rate(engine, learner_id, now, state["learners"])
        return engine.features(
            Cutoff(now, self.zone, self.target),
            from_later_state=False,
            pairs=pairs,
            plan_ahead_days=plan_ahead_days,
            cohort=self._cohort(today - timedelta(days=1)),
        )

    def profile(self) -> dict[str, Any]:
        """Of this thread's last `of_learner`, the learner's profile as a row of the state table; empty without one."""
        rows: list[dict[str, Any]] = self._kept.state["profiles"].to_pylist()
        return rows[0] if rows else {}

    def objectives(self, *, ids: Iterable[str] = (), course_ids: Iterable[str] = ()) -> pa.Table:
        """Objectives as they are now, by id and of whole topics, each once. Raises as `of_learner`."""
        with self._rows.reading() as rows:
            topics = rows.of_topics(course_ids)
            named = rows.of_objectives("objectives", set(ids) - objective_ids([topics]))
        return pa.concat_tables([topics, named])

    def engine_knowing(self, objectives: pa.Table) -> FeatureEngine:
        """The engine with what this thread's last `of_learner` read, and with more objectives known beside it."""
        state = dict(self._kept.state)
        known = pc.is_in(objectives["objective_id"], state["objectives"]["objective_id"].combine_chunks())
        state["objectives"] = pa.concat_tables([state["objectives"], objectives.filter(pc.invert(known))])
        engine: FeatureEngine = self._kept.engine
        engine.set_state(state)
        return engine

    def graded(self, learner_id: str, first: date, last: date) -> FeatureEngine:
        """An engine that holds the learner's interactions of study days, as the app's rows are now.

        It is the thread's own: good until the next call.

        Raises:
            ExtractionError: The database could not be read.
        """
        engine = self._engine(last)
        with self._rows.reading() as rows:
            logs = rows.logs(learner_id, first, last)
        _grade(engine, logs, first, last, self._calendar(last))
        return engine

    def _rate(self, engine: FeatureEngine, learner_id: str, now: datetime, learners: pa.Table) -> None:
        """Register the ratings: the last closed cut-off's, and the learner's own as they have moved since."""
        today = study_day_of(now, self.zone)
        ((key,),) = engine.connection.execute("SELECT md5_number_lower(?)", [learner_id]).fetchall()
        closed, state = self._ratings(engine, today - timedelta(days=1), key)
        since = engine.run(
            f"SELECT {', '.join(ANSWER_COLUMNS)} FROM interactions "
            "WHERE study_day > $closed AND occurred_at < $now ORDER BY study_day, occurred_at, source, source_id",
            {"closed": day_number(closed), "now": naive(now)},
        )
        counted = np.array([key] if any(learners["in_analytics"].to_pylist()) else [], np.uint64)
        rated = table_of(advance(state, answers_of(since), counted, close=False))
        # No feature reads the items, of which there are most.
        engine.register("ratings", rated.filter(pc.not_equal(rated["level"], ITEM)))

    def _ratings(self, engine: FeatureEngine, day: date, key: int) -> tuple[date, State]:
        """Ratings at the closing of `day`, else of the last day before it that has any, without other learners'."""
        for back in range(_RATINGS_BACK):
            closed = day - timedelta(days=back)
            version = self.store.remembered(RATINGS_TABLE, closing_key(closed))
            if version is None:
                continue
            path = self.store.whole_path(RATINGS_TABLE, version.content)
            # The whole version: a content keeps its name when somebody is forgotten, with fewer rows.
            if getattr(self._kept, "ratings_version", None) != version:
                self._kept.shared_ratings = _stored_ratings(engine, path, f"level > {PAIR}")
                self._kept.ratings_version = version
            # Sorted by level and learner: of each level one row group is read, however many learners there are.
            own = _stored_ratings(engine, path, f"level <= {PAIR} AND key = $key::UBIGINT", key=key)
            return closed, state_of(pa.concat_tables([own, self._kept.shared_ratings]))
        return day, initial_state()

    def _cohort(self, day: date) -> tuple[date, dict[str, pa.Table]]:
        """What all learners show at the cut-off of `day`, else of the last day before it, and that day."""
        first, *_ = COHORT_STEPS
        known = next((one for one in reversed(self.store.days(f"{COHORT}/{first}")) if one <= day), None)
        if known is None:
            return day, _NOBODY
        if getattr(self._kept, "cohort_day", None) != known:
            found = {name: self.store.read_day(f"{COHORT}/{name}", known) for name in COHORT_STEPS}
            self._kept.cohort = {name: _NOBODY[name] if rows is None else rows for name, rows in found.items()}
            self._kept.cohort_day = known
        return known, self._kept.cohort

    def _engine(self, day: date) -> FeatureEngine:
        """This thread's engine, knowing the calendar."""
        if not hasattr(self._kept, "engine"):
            # One learner is little work: a second thread would cost more to wake than it does.
            self._kept.engine = FeatureEngine(connected(threads=1), few_rows=True)
        engine: FeatureEngine = self._kept.engine
        calendar = self._calendar(day)
        if getattr(self._kept, "calendar", None) is not calendar:
            engine.register("calendar", calendar)
            self._kept.calendar = calendar
        return engine

    def _calendar(self, day: date) -> pa.Table:
        """Reaches well past a day."""
        return calendar_until(date(day.year + 1, 12, 31), self.zone)


def _stored_ratings(engine: FeatureEngine, path: Path, which: str, **parameters: int) -> pa.Table:
    """Rows of a file of ratings, in its order."""
    names = ", ".join(f'"{name}"' for name in RATINGS_SCHEMA.names)
    try:
        return engine.run(f"SELECT {names} FROM read_parquet($path) WHERE {which}", {"path": str(path), **parameters})
    except duckdb.Error:
        require_undamaged([path])
        raise


def _grade(engine: FeatureEngine, logs: Mapping[str, pa.Table], first: date, last: date, days: pa.Table) -> None:
    """Make interactions and session ends of what was read of the log; `days` is the calendar."""
    opens = days["opens_at"].to_numpy()
    for name, rows in logs.items():
        place = np.searchsorted(opens, rows["occurred_at"].to_numpy(), side="right") - 1
        engine.register(name, rows.append_column("day", days["day"].take(pa.array(place))))
    for name in DAY_TABLES:
        text = query(name)
        if name == "interactions":
            # Of rows sorted as a day's file is.
            text = f"SELECT *, row_number() OVER () AS place FROM ({text})"
        engine.make(name, text, graded_span(first, last))
