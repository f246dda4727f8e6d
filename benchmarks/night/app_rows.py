"""The app's rows of the cohort, made by DuckDB and copied into PostgreSQL: the same rows for the same size.

Every past visit of an objective was planned; for the week to come every learner plans every objective, so that each
night has all pairs for candidates. Learners, objectives and pairs differ, so that there is something to foresee. A
fiftieth of what happens reaches the app one to three days late.
"""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb
import psycopg

from americano_assets.core.study_days.cutoff import naive
from americano_assets.core.study_days.study_day import opening
from benchmarks.cohort import CARDS, COURSES, VISITS_IN_180_DAYS, ZONE

HISTORY_DAYS = 180
LATER_NIGHTS = 2
_WEEK = 7
# Of visits that fall on one day of a pair one remains.
_DRAWN_TWICE = 1.02
# So many days' rows are in a temporary file at once.
_DAYS_AT_ONCE = 30

_MACROS = """
CREATE MACRO id(kind, n) AS 'c' || substr(md5(kind || ' ' || n), 1, 24);
CREATE MACRO row_id(kind, day, n) AS 'c' || lpad(day::VARCHAR, 4, '0') || substr(md5(kind || ' ' || n), 1, 20);
CREATE MACRO draw(a, b, salt) AS (hash(a, b, salt) % 100000) / 100000.0;
-- The sum of three draws is near enough to normal: mean 0, standard deviation 1.
CREATE MACRO bell(a, b, salt) AS
  2 * (draw(a, b, salt || '1') + draw(a, b, salt || '2') + draw(a, b, salt || '3') - 1.5);
CREATE MACRO p_right(l, o) AS 1 / (1 + exp(-(1.75 + 0.9 * bell(l, 0, 'able') + 0.8 * bell(0, o, 'easy')
  + 0.5 * bell(l, o, 'pair'))));
CREATE MACRO opens_at(d) AS TIMESTAMP '{first}' + to_days(d::INTEGER);
CREATE MACRO late(l, o, d) AS CASE WHEN hash(l, o, d, 'late') % 50 = 0 THEN 1 + hash(l, o, d, 'by') % 3 ELSE 0 END;
CREATE MACRO session_ms(l, d) AS hash(l, d) % 60000000;
"""
# As benchmarks.cohort's, over the later days too.
_VISITS = """
CREATE TABLE visits AS
SELECT DISTINCT l::INTEGER AS l, o::INTEGER AS o, (hash(l, o, v) % {days})::INTEGER AS d
FROM range({learners}) a(l), range({objectives}) b(o), range({most}) c(v)
WHERE v < {mean} - 1 OR hash(o, l, v, 'kept') % 1000 < 1000 * ({mean} - v)
ORDER BY d, l
"""
# What the app came to know on the days from {first_day} to {last_day}.
_ANSWERS = """
CREATE OR REPLACE TEMP TABLE answers AS
SELECT *, opens_at(d) + to_milliseconds((session_ms(l, d) + o * 60000 + card * 15000 + h % 1000)::BIGINT) AS happened,
  card = 3 AND h % 10 < 4 AS validated, draw(l, o, d || ' ' || card) < p_right(l, o) AS is_right
FROM (
  SELECT l, o, d, card, hash(l, o, d, card) AS h FROM visits, range({cards}) r(card)
  WHERE d BETWEEN {first_day} - 3 AND {last_day} AND d + late(l, o, d) BETWEEN {first_day} AND {last_day}
)
"""
_SESSIONS = """
CREATE OR REPLACE TEMP TABLE sessions AS
SELECT DISTINCT l, d, opens_at(d) + to_milliseconds(session_ms(l, d)::BIGINT) AS starts_at,
  (1200000 + hash(l, d, 'long') % 2400000)::INTEGER AS ms
FROM visits WHERE d BETWEEN {first_day} AND {last_day}
"""
_MISSION = """
SELECT id('mission', l || ' ' || day) AS id, id('learner', l) AS "userId", opens_at(day) + INTERVAL 11 HOUR AS date,
  status, 60 AS "estimatedMinutes",
  CASE WHEN status = 'COMPLETED' THEN opens_at(day) + INTERVAL 22 HOUR END AS "completedAt",
  '[' || string_agg('{{"id": "' || id('objective', o) || '", "completed": ' || (status = 'COMPLETED') || '}}',
    ', ' ORDER BY o) || ']' AS objectives
FROM ({planned}) GROUP BY ALL
"""
_PAST_MISSIONS = (
    "SELECT DISTINCT l, o, d AS day, 'COMPLETED' AS status FROM visits WHERE d BETWEEN {first_day} AND {last_day}"
)
_COMING_MISSIONS = """
SELECT l, o, day, 'PENDING' AS status
FROM range({learners}) a(l), range({objectives}) b(o), range({plan_from}, {plan_to} + 1) c(day) WHERE day % 7 = o % 7
"""
_STATE = {
    "users": """
      SELECT id('learner', l) AS id, opens_at(-60) AS "createdAt", true AS "behavioralAnalysisEnabled",
        l % 50 > 0 AS "includeInAnalytics", true AS "performanceTrackingEnabled", opens_at(-60) AS "updatedAt"
      FROM range({learners}) t(l)""",
    "courses": """
      SELECT id('course', c) AS id, id('learner', 0) AS "userId", 'Course ' || c AS name, opens_at(-60) AS "updatedAt"
      FROM range({courses}) t(c)""",
    "lectures": """
      SELECT id('lecture', c) AS id, id('learner', 0) AS "userId", id('course', c) AS "courseId", 'Lecture' AS title,
        '{{}}' AS "topicTags", opens_at(-60) AS "uploadedAt", 'f' AS "fileName", 'f' AS "fileUrl", 0 AS "fileSize"
      FROM range({courses}) t(c)""",
    "learning_objectives": """
      SELECT id('objective', o) AS id, id('lecture', o % {courses}) AS "lectureId",
        ['Read an x-ray', 'Treat a patient', 'Name the parts'][1 + o % 3] || ' ' || o AS objective,
        o % 4 = 0 AS "isHighYield",
        ['BASIC', 'INTERMEDIATE', 'ADVANCED'][1 + o % 3] AS complexity, '{{}}' AS "boardExamTags",
        opens_at(-60) AS "createdAt", 'BEGINNER' AS "masteryLevel", 0 AS "totalStudyTimeMs", 0.0 AS "weaknessScore"
      FROM range({objectives}) t(o)""",
    "objective_prerequisites": """
      SELECT id('prerequisite', o || ' ' || k) AS id, id('objective', o) AS "objectiveId",
        id('objective', o - {courses} * k) AS "prerequisiteId", 1.0::DOUBLE / k AS strength
      FROM range({objectives}) t(o), range(1, 4) r(k) WHERE o >= {courses} * k""",
    "cards": """
      SELECT id('card', o || ' ' || k) AS id, id('course', o % {courses}) AS "courseId",
        id('objective', o) AS "objectiveId", 'BASIC' AS "cardType", opens_at(-60) AS "createdAt", 5.0 AS difficulty,
        5.0 AS stability, 0.9 AS retrievability, 0 AS "reviewCount", 0 AS "lapseCount", 'f' AS front, 'b' AS back
      FROM range({objectives}) t(o), range({cards}) r(k)""",
    "validation_prompts": """
      SELECT id('prompt', o) AS id, 'CLINICAL_REASONING' AS "promptType", 'concept' AS "conceptName",
        id('objective', o) AS "objectiveId", 'text' AS "promptText" FROM range({objectives}) t(o)""",
    "exams": """
      SELECT id('exam', l || ' ' || c) AS id, id('learner', l) AS "userId", 'Exam' AS name,
        opens_at({history}) + to_days((10 + c * 9)::INTEGER) AS date, id('course', c) AS "courseId",
        '{{}}' AS "coverageTopics",
        opens_at(-30) AS "createdAt", opens_at(-30) AS "updatedAt"
      FROM range({learners}) t(l), range({courses}) u(c)""",
    "user_learning_profiles": """
      SELECT id('profile', l) AS id, id('learner', l) AS "userId",
        '[{{"dayOfWeek": 1, "startHour": 18, "endHour": 21, "effectiveness": 0.8}}]' AS "preferredStudyTimes",
        40 AS "averageSessionDuration", (30 + l % 30)::INTEGER AS "optimalSessionDuration",
        '{{}}' AS "contentPreferences",
        '{{"visual": 0.' || l % 5 || ', "reading": 0.' || l % 4 || '}}' AS "learningStyleProfile",
        '{{}}' AS "personalizedForgettingCurve", opens_at(-30) AS "lastAnalyzedAt", 0.5 AS "dataQualityScore"
      FROM range({learners}) t(l)""",
}
_LOG = {
    "study_sessions": """
      SELECT id('session', l || ' ' || d) AS id, id('learner', l) AS "userId", starts_at AS "startedAt",
        starts_at + to_milliseconds(ms) AS "completedAt", ms AS "durationMs", 20 AS "reviewsCompleted",
        0 AS "newCardsStudied" FROM sessions""",
    "reviews": """
      SELECT row_id('review', d, concat_ws(' ', l, o, card)) AS id, id('learner', l) AS "userId",
        id('card', o || ' ' || card) AS "cardId", id('session', l || ' ' || d) AS "sessionId",
        CASE WHEN NOT is_right THEN 'AGAIN' ELSE ['HARD', 'GOOD', 'GOOD', 'EASY'][(1 + (h // 10) % 4)::INTEGER] END
          AS rating,
        (4000 + h % 20000)::INTEGER AS "timeSpentMs", happened AS "reviewedAt", 5.0 AS "difficultyBefore",
        3.0 AS "stabilityBefore", 5.0 AS "difficultyAfter", 1.0 + (h // 100) % 30 AS "stabilityAfter"
      FROM answers WHERE NOT validated""",
    "validation_responses": """
      SELECT row_id('validation', d, concat_ws(' ', l, o, card)) AS id, id('prompt', o) AS "promptId",
        id('session', l || ' ' || d) AS "sessionId", id('learner', l) AS "userId",
        CASE WHEN h % 20 = 0 THEN 0.0 WHEN is_right THEN 0.7 + (h // 100) % 30 / 100.0 ELSE (h // 100) % 60 / 100.0 END
          AS score, h % 20 = 0 AS skipped, happened AS "respondedAt",
        '' AS "userAnswer", '' AS "aiEvaluation", happened AS "updatedAt"
      FROM answers WHERE validated""",
    # Every session's end, and a tenth of the reviews once more.
    "behavioral_events": """
      SELECT row_id('end', d, l) AS id, id('learner', l) AS "userId", 'SESSION_ENDED' AS "eventType",
        '{{"sessionId": "' || id('session', l || ' ' || d) || '", "durationMs": ' || ms || '}}' AS "eventData",
        starts_at + to_milliseconds(ms) AS timestamp, (hash(l, d, 'score') % 101)::INTEGER AS "sessionPerformanceScore"
      FROM sessions
      UNION ALL
      SELECT row_id('event', d, concat_ws(' ', l, o, card)), id('learner', l), 'CARD_REVIEWED',
        concat('{{"sessionId": "', id('session', l || ' ' || d), '", "cardId": "', id('card', o || ' ' || card),
          '", "reviewId": "', row_id('review', d, concat_ws(' ', l, o, card)), '", "rating": "',
          CASE WHEN is_right THEN 'GOOD' ELSE 'AGAIN' END, '"}}'),
        happened + INTERVAL 1 SECOND, NULL
      FROM answers WHERE NOT validated AND h % 10 = 5""",
}


@dataclass(frozen=True)
class Load:
    """What a loading wrote: rows by table."""

    rows: dict[str, int]

    @property
    def interactions(self) -> int:
        """Graded answers."""
        return self.rows["reviews"] + self.rows["validation_responses"]


class Cohort:
    """The rows of so many learners and objectives; open it with `made`."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, folder: Path, learners: int, objectives: int, last_day: date
    ) -> None:
        self._duckdb, self._folder = connection, folder
        self._sizes = {"learners": learners, "objectives": objectives, "courses": COURSES, "cards": CARDS}
        self._sizes["history"] = HISTORY_DAYS
        first = naive(opening(last_day - timedelta(days=HISTORY_DAYS - 1), ZONE))
        connection.execute("SET enable_progress_bar = false")
        connection.execute(_MACROS.format(first=first.isoformat(sep=" ")))
        mean = _DRAWN_TWICE * VISITS_IN_180_DAYS * (HISTORY_DAYS + LATER_NIGHTS) / HISTORY_DAYS
        text = _VISITS.format(**self._sizes, days=HISTORY_DAYS + LATER_NIGHTS, mean=mean, most=int(mean) + 1)
        connection.execute(text)

    def load_history(self, app: psycopg.Connection[tuple[object, ...]]) -> Load:
        """Curriculum, learners, 180 days of log, and plans for the week to come."""
        rows = {name: self._copied(app, name, text) for name, text in _STATE.items()}
        for first in range(0, HISTORY_DAYS, _DAYS_AT_ONCE):
            self._add_days(app, first, min(first + _DAYS_AT_ONCE, HISTORY_DAYS) - 1, rows)
        self._plan(app, HISTORY_DAYS, HISTORY_DAYS + _WEEK - 1, rows)
        app.execute("ANALYZE")
        return Load(rows)

    def load_day(self, app: psycopg.Connection[tuple[object, ...]], later: int) -> Load:
        """The `later`-th study day after the history: what happened, what came late, the plan one day on."""
        day, rows = HISTORY_DAYS + later - 1, dict[str, int]()
        app.execute(
            "UPDATE missions SET status = 'COMPLETED', \"completedAt\" = date + interval '11 hours' "
            "WHERE status = 'PENDING' AND date < "
            "(SELECT min(date) + interval '1 day' FROM missions WHERE status = 'PENDING')"
        )
        self._add_days(app, day, day, rows, planned=False)
        self._plan(app, day + _WEEK, day + _WEEK, rows)
        app.execute("ANALYZE")
        return Load(rows)

    def _add_days(
        self,
        app: psycopg.Connection[tuple[object, ...]],
        first: int,
        last: int,
        rows: dict[str, int],
        *,
        planned: bool = True,
    ) -> None:
        span = {**self._sizes, "first_day": first, "last_day": last}
        self._duckdb.execute(_ANSWERS.format(**span))
        self._duckdb.execute(_SESSIONS.format(**span))
        texts = dict(_LOG)
        if planned:
            texts["missions"] = _MISSION.format(planned=_PAST_MISSIONS.format(**span))
        for name, text in texts.items():
            rows[name] = rows.get(name, 0) + self._copied(app, name, text)

    def _plan(self, app: psycopg.Connection[tuple[object, ...]], first: int, last: int, rows: dict[str, int]) -> None:
        planned = _COMING_MISSIONS.format(**self._sizes, plan_from=first, plan_to=last)
        rows["missions"] = rows.get("missions", 0) + self._copied(app, "missions", _MISSION.format(planned=planned))

    def _copied(self, app: psycopg.Connection[tuple[object, ...]], table: str, text: str) -> int:
        """Rows of a query into a table, by a file: DuckDB writes and PostgreSQL reads as fast as they can."""
        path = self._folder / f"{table}.csv"
        query = text if table == "missions" else text.format(**self._sizes)
        columns = ", ".join(f'"{row[0]}"' for row in self._duckdb.execute(f"DESCRIBE {query}").fetchall())
        rows = self._duckdb.execute(f"COPY ({query}) TO '{path}' (FORMAT csv, HEADER false, FORCE_QUOTE *)").fetchall()
        statement = f"COPY {table} ({columns}) FROM STDIN (FORMAT csv)"
        with path.open("rb") as file, app.cursor().copy(statement.encode()) as copy:
            while piece := file.read(1 << 20):
                copy.write(piece)
        path.unlink()
        return int(rows[0][0])


@contextmanager
def made(learners: int, objectives: int, last_day: date, folder: Path) -> Iterator[Cohort]:
    """The cohort whose history ends with `last_day`; its temporary files are in `folder`."""
    with tempfile.TemporaryDirectory(dir=folder) as own, duckdb.connect(f"{own}/cohort.duckdb") as connection:
        yield Cohort(connection, Path(own), learners, objectives, last_day)


def unchecked(connection: psycopg.Connection[tuple[object, ...]]) -> psycopg.Connection[tuple[object, ...]]:
    """The same session, which checks no foreign key: the rows are of one making."""
    connection.execute("SET session_replication_role = replica")
    return connection


def told(sizes: Mapping[str, int]) -> str:
    """Rows by table, in words."""
    return ", ".join(f"{rows:,} {table}" for table, rows in sizes.items())
