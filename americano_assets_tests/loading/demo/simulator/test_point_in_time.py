"""Whatever happens at or after a cut-off leaves the features at it byte for byte as they were: on a whole cohort.

Real rows of every table, at random cut-offs, also within an open day; every column of the features table. Small worked
examples of the same are in `stages/s2_features/test_point_in_time.py`.
"""

import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from americano_assets.core.features.catalog import MODEL_INPUTS
from americano_assets.core.study_days.cutoff import naive
from americano_assets.core.study_days.study_day import cutoff
from americano_assets.loading.demo.simulator import Cohort, load_simulated
from americano_assets.loading.demo.simulator.draw.timing import ZONE
from americano_assets.stages.s1_snapshots.snapshots import snapshot_state
from americano_assets.stages.s2_features.day_tables import latest_tables
from americano_assets_tests.loading.demo.simulator.conftest import END
from americano_assets_tests.world import ClockedDeployment, read_world, world_settings

LONG_AFTER = datetime(2026, 3, 20, tzinfo=UTC)
READ_DAYS, READ_AGAIN_DAYS = 24, 3
DAY_MS = 86_400_000
LOGS = {
    "behavioral_events": "timestamp",
    "reviews": "reviewedAt",
    "validation_responses": "respondedAt",
    "study_sessions": "completedAt",
}
CHANGING = (*LOGS, "exams", "missions")
# What a row at or after the cut-off might say as well.
OTHERWISE = {
    "behavioral_events": """"sessionPerformanceScore" = 0,
        "eventData" = "eventData" || '{"rating": "AGAIN", "score": 0}'""",
    "reviews": """rating = 'AGAIN', "stabilityAfter" = 1, "timeSpentMs" = 1""",
    "validation_responses": "score = 1 - score, skipped = NOT skipped",
    "study_sessions": """"durationMs" = 14400000, "startedAt" = "startedAt" - interval '2 hours'""",
}


class Future:
    """Changes rows that a cut-off must not see, each by a draw of its own id."""

    def __init__(self, connection: psycopg.Connection[Any], at: datetime, seed: int) -> None:
        self._connection = connection
        self._names = {"at": f"'{naive(at).isoformat(sep=' ')}'::timestamp", "seed": str(seed)}

    def restore(self) -> None:
        """Everything as it was loaded."""
        for table in (*LOGS, "missions", "exams"):
            self._run(f"DELETE FROM {table}")
        for table in ("missions", "exams", "study_sessions", "reviews", "validation_responses", "behavioral_events"):
            self._run(f"INSERT INTO {table} SELECT * FROM saved.{table}")

    def change_logs(self) -> int:
        """Delete, alter and add rows of every log at or after the cut-off; returns how many."""
        changed = 0
        for table, stamp in LOGS.items():
            late = f'"{stamp}" >= {{at}}'
            changed += self._run(f"DELETE FROM {table} WHERE {late} AND {{draw}} < 30")
            # What moves stays in the future; some of it becomes another learner's.
            changed += self._run(
                f"UPDATE {table} SET {OTHERWISE[table]}, \"{stamp}\" = {{at}} + {{draw}} * interval '1 hour' "
                f"WHERE {late} AND {{draw}} BETWEEN 30 AND 60"
            )
            changed += self._run(
                f'UPDATE {table} SET "userId" = (SELECT max(id) FROM users WHERE "behavioralAnalysisEnabled" '
                f'AND "performanceTrackingEnabled") WHERE {late} AND {{draw}} BETWEEN 61 AND 70'
            )
            # Of what happened before, too: told once more, at the cut-off itself or after it.
            again = (
                f"jsonb_build_object('id', r.id || '-again', '{stamp}', {{at}} + ({{draw}} / 4) * interval '1 second')"
            )
            changed += self._run(
                f"INSERT INTO {table} SELECT (jsonb_populate_record(r, {again})).* FROM {table} r WHERE {{draw}} < 20"
            )
        changed += self._run('UPDATE study_sessions SET "completedAt" = {at} WHERE "completedAt" IS NULL')
        return changed

    def change_exams(self) -> int:
        """Exams created at or after the cut-off, and what the app overwrites in cards and objectives."""
        changed = self._run('DELETE FROM exams WHERE "createdAt" >= {at} AND {draw} < 50')
        changed += self._run("""UPDATE exams SET date = {at} + interval '1 hour' WHERE "createdAt" >= {at}""")
        soon = "jsonb_build_object('id', r.id || '-again', 'date', {at} + interval '1 hour', 'createdAt', {at})"
        changed += self._run(
            f"INSERT INTO exams SELECT (jsonb_populate_record(r, {soon})).* FROM exams r WHERE {{draw}} < 50"
        )
        self._run('UPDATE cards SET stability = {seed}, difficulty = 9, "lapseCount" = 9, "lastReviewedAt" = {at}')
        self._run(
            """UPDATE learning_objectives
            SET "masteryLevel" = 'MASTERED', "weaknessScore" = 1, "lastStudiedAt" = {at}"""
        )
        return changed

    def change_missions(self) -> int:
        """Missions that the snapshot of the cut-off does not hold, and what became later of those that it holds."""
        soon = "jsonb_build_object('id', r.id || '-again', 'date', {at} + interval '1 day', 'status', 'PENDING')"
        changed = self._run(
            f"INSERT INTO missions SELECT (jsonb_populate_record(r, {soon})).* FROM missions r WHERE {{draw}} < 30"
        )
        changed += self._run("""UPDATE missions SET status = 'COMPLETED', "completedAt" = {at} WHERE {draw} > 60""")
        return changed

    def change_the_past(self) -> None:
        """One moment before the cut-off: this must show."""
        clone = """jsonb_build_object('id', r.id || '-before', 'reviewedAt', {at} - interval '1 millisecond')"""
        self._run(f"INSERT INTO reviews SELECT (jsonb_populate_record(r, {clone})).* FROM reviews r WHERE {{draw}} < 5")

    def _run(self, statement: str) -> int:
        for name, value in {"draw": "(abs(hashtext(id || {seed}::text)) % 100)", **self._names}.items():
            statement = statement.replace(f"{{{name}}}", value)
        return self._connection.execute(statement.encode()).rowcount


@pytest.fixture(scope="module")
def school(module_database: str, class_of_30: Cohort) -> Iterator[psycopg.Connection[Any]]:
    """A database that holds the cohort, and a copy of it beside."""
    with psycopg.connect(module_database, autocommit=True) as connection:
        load_simulated(connection, class_of_30, now=LONG_AFTER)
        connection.execute("CREATE SCHEMA saved")
        for table in CHANGING:
            connection.execute(f"CREATE TABLE saved.{table} AS TABLE {table}".encode())
        yield connection


def test_the_future_of_a_whole_cohort_changes_no_byte(
    school: psycopg.Connection[Any], module_database: str, tmp_path: Path
) -> None:
    def features_at(deployment: ClockedDeployment, day: date, *, plans: bool) -> tuple[str, int]:
        known_days = deployment.store.root.exists()
        first = day - timedelta(days=READ_AGAIN_DAYS if known_days else READ_DAYS)
        read_world(deployment, first.isoformat(), (day + timedelta(days=1)).isoformat(), plans=plans)
        version = latest_tables(deployment, day).features([day])[day]
        columns = deployment.store.read_whole("features_at", version.content).column_names
        assert set(MODEL_INPUTS) <= set(columns)
        return version.content, version.rows

    # Few examples, each of thousands of rows. Without shrinking: every one reads the school anew.
    @settings(max_examples=2, phases=(Phase.explicit, Phase.reuse, Phase.generate))
    @example(days_back=9, into_day=0, seed=1)
    @example(days_back=12, into_day=DAY_MS // 2, seed=2)
    @given(days_back=st.integers(3, 20), into_day=st.integers(1, DAY_MS - 1), seed=st.integers(1, 10**6))
    def check(days_back: int, into_day: int, seed: int) -> None:
        opened = END - timedelta(days=days_back)
        at = cutoff(opened, ZONE) + timedelta(milliseconds=into_day)
        # At 0 ms into it a study day has just closed; later the next one is open.
        day = opened if into_day == 0 else opened + timedelta(days=1)
        shutil.rmtree(tmp_path)
        deployment = ClockedDeployment(world_settings(module_database, tmp_path), at)
        future = Future(school, at, seed)
        future.restore()
        known = features_at(deployment, day, plans=True)
        assert known[1] > 100
        assert future.change_logs() > 1000
        assert future.change_exams() > 10
        assert features_at(deployment, day, plans=True) == known
        assert future.change_missions() > 100
        if into_day == 0:
            deployment.clock = at + timedelta(days=2)
            snapshot_state(deployment)
        assert features_at(deployment, day, plans=False) == known
        future.change_the_past()
        assert features_at(deployment, day, plans=False) != known

    check()
