"""A cohort as large as wanted, written straight into the Parquet store: what a night finds there before it computes."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa

from americano_assets.core.study_days.cutoff import Cutoff, Target, naive
from americano_assets.core.study_days.study_day import day_number, days_between, opening
from americano_assets.resources.parquet_store.store import ParquetStore
from americano_assets.stages.s1_snapshots.input_manifest import latest_inputs
from americano_assets.stages.s1_snapshots.state_snapshots import StateSnapshot, record_snapshot
from americano_assets.stages.s2_features.point_in_time import PointInTimeTables

ZONE = ZoneInfo("UTC")
TARGET = Target(7, 0.65)
LAST_DAY = date(2026, 3, 9)
COURSES = 6
# A visit is an objective's cards, one after another; a tenth of all interactions are validations.
CARDS = 4
VISITS_IN_180_DAYS = 10 / 3

_ID = "'c' || substr(md5('{kind}' || {number}), 1, 24)"
_VISITS = """
    SELECT l::INTEGER AS l, o::INTEGER AS o, (hash(l, o, v) % {days})::INTEGER AS d
    FROM range({learners}) a(l), range({objectives}) b(o), range({most}) c(v)
    WHERE v < {mean} - 1 OR hash(o, l, v, 'kept') % 1000 < 1000 * ({mean} - v)
    ORDER BY d, l
"""
_INTERACTIONS = """
    WITH drawn AS (
      SELECT l, o, card, hash(l, o, card, {day}) AS h, hash(l, {day}) % 60000000 + o * 60000 + card * 15000 AS into_day
      FROM visits, range({cards}) r(card) WHERE d = {d}
    ),
    named AS (
      SELECT *, {learner} AS learner_id, {objective} AS objective_id, {course} AS course_id,
        'c' || substr(md5(concat_ws(' ', l, o, card, {day})), 1, 24) AS source_id,
        CASE WHEN card = 3 AND h % 10 < 4 THEN 'validation' ELSE 'review' END AS kind,
        (h // 10) % 100 AS luck, (h // 1000) % 100 < 5 AS often_skipped, (h // 100000) % 1000 AS milliseconds
      FROM drawn
    )
    SELECT md5_number_lower(learner_id) AS learner_key, md5_number_lower(objective_id) AS objective_key,
      md5_number_lower(course_id) AS course_key, md5_number_lower(concat(o, kind, card)) AS item_key,
      md5_number_lower(concat(l, ' ', {day})) AS session_key,
      learner_id, objective_id, course_id, kind,
      TIMESTAMP '{opens_at}' + to_milliseconds((into_day + milliseconds)::BIGINT) AS occurred_at,
      {day}::INTEGER AS study_day, (into_day + milliseconds)::INTEGER AS into_day,
      CASE WHEN kind = 'review' THEN (luck >= 30)::DOUBLE WHEN often_skipped THEN 0.0 ELSE luck / 100.0 END AS score,
      CASE WHEN kind = 'review' THEN
        CASE WHEN luck < 30 THEN 'AGAIN' WHEN luck < 45 THEN 'HARD' WHEN luck < 85 THEN 'GOOD' ELSE 'EASY' END
      END AS rating,
      kind = 'validation' AND often_skipped AS skipped,
      CASE WHEN kind = 'review' THEN 'reviews' ELSE 'validation_responses' END AS source, source_id
    FROM named
    ORDER BY study_day, learner_key, occurred_at, source, source_id
"""
_SESSION_ENDS = """
    SELECT md5_number_lower(learner_id) AS learner_key, md5_number_lower(concat(l, ' ', {day})) AS session_key,
      learner_id, 'c' || substr(md5(concat(l, ' ', {day})), 1, 24) AS session_id,
      TIMESTAMP '{opens_at}' + to_milliseconds(into_day::BIGINT) AS occurred_at,
      {day}::INTEGER AS study_day, into_day::INTEGER AS into_day,
      (1200000 + h % 2400000)::DOUBLE AS duration_ms,
      CASE WHEN h % 3 > 0 THEN (h % 101) / 100.0 END AS performance,
      'study_sessions' AS source, session_id AS source_id
    FROM (SELECT DISTINCT l, {learner} AS learner_id, hash(l, {day}, 'end') AS h,
        hash(l, {day}) % 60000000 + 19000000 AS into_day FROM visits WHERE d = {d})
    ORDER BY study_day, learner_key, occurred_at, source, source_id
"""


def _id(kind: str, number: str) -> str:
    return _ID.format(kind=kind, number=number)


_NAMES = {
    "learner": _id("learner", "l"),
    "objective": _id("objective", "o"),
    "course": _id("course", f"(o % {COURSES})"),
    "builds_on": _id("objective", f"(o - {COURSES} * k)"),
    "mission": _id("mission", "(l || ' ' || o % 6)"),
    "exam": _id("exam", "(l || ' ' || o)"),
}
_STATE = {
    "learners": "SELECT {learner} AS learner_id, l % 50 > 0 AS in_analytics, TIMESTAMP '2024-01-01' AS created_at "
    "FROM range({learners}) t(l)",
    "objectives": "SELECT {objective} AS objective_id, {course} AS course_id, "
    "['BASIC', 'INTERMEDIATE', 'ADVANCED'][1 + o % 3] AS complexity, o % 4 = 0 AS is_high_yield, "
    "['Read an x-ray', 'Treat a patient', 'Name the parts'][1 + o % 3] AS objective_text, '' AS tags, "
    "true AS has_card FROM range({objectives}) t(o)",
    "prerequisites": "SELECT {objective} AS objective_id, {builds_on} AS prerequisite_id, 1.0::DOUBLE / k AS strength "
    "FROM range({objectives}) t(o), range(1, 4) r(k) WHERE o >= {courses} * k",
    "planned_objectives": "SELECT {mission} AS mission_id, {learner} AS learner_id, "
    "{at} + to_hours((10 + 24 * (o % 6))::INTEGER) AS planned_at, 'PENDING' AS status, "
    "NULL::TIMESTAMP AS completed_at, {objective} AS objective_id, false AS objective_completed "
    "FROM range({learners}) t(l), range({objectives}) u(o)",
    "exams": "SELECT {exam} AS exam_id, {learner} AS learner_id, {course} AS course_id, "
    "{at} + to_days((10 + o * 9)::INTEGER) AS exam_at, TIMESTAMP '2025-01-01' AS created_at "
    "FROM range({learners}) t(l), range({courses}) u(o)",
    "profiles": "SELECT {learner} AS learner_id, (30 + l % 30)::INTEGER AS optimal_session_minutes, "
    "(l % 7) / 7.0 AS visual, (l % 5) / 5.0 AS reading, (l % 3) / 3.0 AS kinesthetic, "
    "'[]' AS preferred_study_times FROM range({learners}) t(l)",
}


@dataclass(frozen=True)
class Size:
    """How much of everything. `days` of history end with LAST_DAY; interactions a day do not depend on it."""

    learners: int
    objectives: int
    days: int

    @classmethod
    def scaled(cls, scale: float, days: int = 180) -> "Size":
        """5,000 learners and 300 objectives at scale 1; fewer learners below."""
        return cls(max(1, round(5000 * scale)), 300, days)

    @property
    def first_day(self) -> date:
        """The first study day with rows."""
        return LAST_DAY - timedelta(days=self.days - 1)


def write_cohort(store: ParquetStore, size: Size) -> int:
    """Write interactions, session ends and state, as the night's earlier steps would have; returns interactions."""
    total = 0
    with generator(size) as connection:
        for day in days_between(size.first_day, LAST_DAY):
            for table, text in (("interactions", _INTERACTIONS), ("session_ends", _SESSION_ENDS)):
                rows = connection.sql(text.format(**day_values(size, day))).to_arrow_table()
                total += len(rows) if table == "interactions" else 0
                store.put_day(table, day, rows.to_batches(), rows.schema)
        state = {name: store.put_whole(name, table).content for name, table in state_tables(connection, size).items()}
    record_snapshot(store, StateSnapshot(cutoff_at() + timedelta(minutes=5), state))
    return total


@contextmanager
def generator(size: Size) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with `visits` (l, o, d): which learner works on which objective on which day, all by number."""
    mean = VISITS_IN_180_DAYS * size.days / 180
    with duckdb.connect(":memory:") as connection:
        text = _VISITS.format(
            learners=size.learners, objectives=size.objectives, days=size.days, mean=mean, most=int(mean) + 1
        )
        connection.execute(f"CREATE TEMP TABLE visits AS {text}")
        yield connection


def day_values(size: Size, day: date) -> dict[str, Any]:
    """What the queries of a day are filled in with."""
    opens_at = naive(opening(day, ZONE)).isoformat(sep=" ")
    d = (day - size.first_day).days
    return {**_NAMES, "d": d, "day": day_number(day), "opens_at": opens_at, "cards": CARDS}


def state_tables(connection: duckdb.DuckDBPyConnection, size: Size) -> dict[str, pa.Table]:
    """Curriculum, profiles and plans: every learner has every objective in a mission of the coming week."""
    at = f"TIMESTAMP '{naive(cutoff_at()).isoformat(sep=' ')}'"
    values = {**_NAMES, "learners": size.learners, "objectives": size.objectives, "courses": COURSES, "at": at}
    made = {name: text.format(**values) for name, text in _STATE.items()}
    return {name: connection.sql(text).to_arrow_table() for name, text in made.items()}


def moment() -> Cutoff:
    """The cut-off of LAST_DAY."""
    return Cutoff.closing(LAST_DAY, ZONE, TARGET)


def cutoff_at() -> datetime:
    """The same as an instant."""
    return moment().at


def night(root: Path, size: Size) -> PointInTimeTables:
    """The tables of the night that follows LAST_DAY."""
    store = ParquetStore(root)
    now = datetime.combine(LAST_DAY + timedelta(days=3), datetime.min.time(), UTC)
    return PointInTimeTables(store, latest_inputs(store, LAST_DAY, size.first_day), ZONE, TARGET, now)
