"""A simulated cohort in a real PostgreSQL: the contract holds, every edge is there, nobody else's rows are mixed in."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pyarrow.parquet as pq
import pytest

from americano_assets.contract.compare import check
from americano_assets.contract.enums import EventType
from americano_assets.errors import AmericanoError
from americano_assets.loading.demo.oulad import load
from americano_assets.loading.demo.scenarios import cohort_demo
from americano_assets.loading.demo.simulator import Cohort, load_simulated, load_since, simulate, stored_arguments
from americano_assets.loading.demo.simulator.load import LOG_TABLES, STATE_TABLES
from americano_assets.loading.demo.simulator.rows.events import SEARCHED
from americano_assets.loading.demo.simulator.rows.state import PEOPLES_WORDS
from americano_assets.resources.postgres.connection import connect
from americano_assets.stages.common.schemas import LOG_TABLES as EXTRACTED_LOGS
from americano_assets.stages.common.schemas import STATE_TABLES as EXTRACTED_STATE
from americano_assets_tests.loading.demo.simulator.conftest import AFTER, END, contents
from americano_assets_tests.world import ClockedDeployment, read_world, world_settings

TABLES = (*STATE_TABLES, *LOG_TABLES)
EARLIER = datetime(2026, 2, 10, 15, tzinfo=UTC)
END_OF_IT = datetime(2026, 3, 1, 23, tzinfo=UTC)
Connection = psycopg.Connection[Any]


@pytest.fixture(scope="module")
def loaded(module_database: str, class_of_30: Cohort) -> Iterator[Connection]:
    """A database that holds the cohort, for tests that only read."""
    with connect(module_database, autocommit=True) as session:
        load_simulated(session, class_of_30, now=AFTER)
        yield session


@pytest.fixture
def connection(database: str) -> Iterator[Connection]:
    with connect(database, autocommit=True) as session:
        yield session


def one(connection: Connection, query: str) -> Any:
    row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]


def test_the_database_still_fits_the_contract(loaded: Connection) -> None:
    assert check(loaded) == []
    for table in TABLES:
        assert one(loaded, f"SELECT count(*) FROM {table} WHERE id !~ '^c[a-z0-9]{{24}}$'") == 0
        assert one(loaded, f"SELECT count(*) FROM {table}") > 0


def test_every_event_type_occurs(loaded: Connection) -> None:
    found = {row[0] for row in loaded.execute('SELECT DISTINCT "eventType"::text FROM behavioral_events')}
    assert found == set(map(str, EventType))


EDGES = {
    "a learner opted out of behavioural analysis": """FROM users WHERE NOT "behavioralAnalysisEnabled"
        AND "performanceTrackingEnabled" AND id IN (SELECT "userId" FROM reviews)""",
    "a learner opted out of performance tracking": """FROM users WHERE NOT "performanceTrackingEnabled"
        AND "behavioralAnalysisEnabled" AND id IN (SELECT "userId" FROM reviews)""",
    "a learner opted out of analytics": """FROM users WHERE NOT "includeInAnalytics" AND "behavioralAnalysisEnabled"
        AND id IN (SELECT "userId" FROM reviews)""",
    "a learner without a profile": """FROM users WHERE id IN (SELECT "userId" FROM missions)
        AND id NOT IN (SELECT "userId" FROM user_learning_profiles)""",
    "a profile without some shares": """FROM user_learning_profiles WHERE NOT "learningStyleProfile" ? 'visual'""",
    "a pause": """FROM behavioral_events WHERE "eventType" = 'SESSION_ENDED' AND "eventData"->>'eventType' = 'pause'""",
    "a self-assessment": """FROM behavioral_events WHERE "eventType" = 'VALIDATION_COMPLETED'
        AND "eventData" ? 'confidenceLevel' AND NOT "eventData" ? 'score'""",
    "a skipped validation, answered later": """FROM validation_responses s JOIN validation_responses a
        ON a."userId" = s."userId" AND a."promptId" = s."promptId" AND a."respondedAt" > s."respondedAt"
        WHERE s.skipped AND NOT a.skipped""",
    "a mission of today's shape": "FROM missions WHERE objectives->0->'objective' ? 'complexity'",
    "a mission of the older shape": "FROM missions WHERE objectives->0 ? 'objectiveId' AND NOT objectives->0 ? 'id'",
    "an open mission ahead": "FROM missions WHERE status = 'PENDING' AND date > '2026-03-05'",
    "a completed mission": "FROM missions WHERE status = 'COMPLETED' AND \"completedAt\" IS NOT NULL",
    "a mission begun": "FROM missions WHERE status = 'IN_PROGRESS' AND \"completedAt\" IS NULL",
    "a skipped mission": "FROM missions WHERE status = 'SKIPPED' AND \"completedAt\" IS NOT NULL",
    "an unfinished session": 'FROM study_sessions WHERE "completedAt" IS NULL',
    "a session past 23:00": """FROM study_sessions WHERE "startedAt"::time < '23:00'
        AND "completedAt"::time > '23:00'""",
    "a session far past the optimum": """FROM study_sessions JOIN user_learning_profiles USING ("userId")
        WHERE "durationMs" > 90000 * "optimalSessionDuration\"""",
    "a review recorded twice as an event": """FROM (SELECT FROM behavioral_events WHERE "eventType" = 'CARD_REVIEWED'
        GROUP BY "eventData"->>'reviewId' HAVING count(*) > 1
        AND max("eventData"->>'reviewId') IS NOT NULL) AS twice""",
    "a validation recorded twice as an event": """FROM (SELECT FROM behavioral_events
        WHERE "eventData" ? 'score' GROUP BY "eventData"->>'responseId' HAVING count(*) > 1) AS twice""",
    "a review's event that does not name it": """FROM behavioral_events WHERE "eventType" = 'CARD_REVIEWED'
        AND NOT "eventData" ? 'reviewId'""",
    "a review without an event": """FROM reviews WHERE id NOT IN
        (SELECT "eventData"->>'reviewId' FROM behavioral_events WHERE "eventData" ? 'reviewId')""",
    "an exam ahead": "FROM exams WHERE date > '2026-03-03'",
    "a search": f"""FROM behavioral_events WHERE "eventData"->>'query' LIKE '{SEARCHED}%'""",
    "a course shared by learners": """FROM (SELECT "courseId" FROM exams GROUP BY "courseId"
        HAVING count(DISTINCT "userId") > 2) AS shared""",
    "cards in a plausible state": """FROM cards WHERE "reviewCount" > 0 AND difficulty BETWEEN 1 AND 10
        AND stability > 0 AND retrievability BETWEEN 0.1 AND 1 AND "nextReviewAt" > "lastReviewedAt\"""",
}


@pytest.mark.parametrize("edge", EDGES)
def test_the_edge_is_there(loaded: Connection, edge: str) -> None:
    assert one(loaded, f"SELECT count(*) {EDGES[edge]}") > 0


def test_peoples_words_are_never_extracted(loaded: Connection, module_database: str, tmp_path: Path) -> None:
    deployment = ClockedDeployment(world_settings(module_database, tmp_path / "home"), AFTER)
    read_world(deployment, "2026-02-20", "2026-03-01")
    assert {*EXTRACTED_LOGS, *EXTRACTED_STATE} <= {path.name for path in deployment.store.root.iterdir()}
    assert one(loaded, f"SELECT count(*) FROM cards WHERE front = '{PEOPLES_WORDS}'") > 0
    for path in deployment.store.root.rglob("*.parquet"):
        values = str(pq.read_table(path).to_pydict())
        assert SEARCHED not in values
        assert PEOPLES_WORDS not in values


def test_only_what_happened_by_now_is_loaded(connection: Connection, class_of_30: Cohort) -> None:
    load_simulated(connection, class_of_30, now=EARLIER)
    for table, column in (
        ("reviews", "reviewedAt"),
        ("validation_responses", "respondedAt"),
        ("behavioral_events", "timestamp"),
        ("study_sessions", "startedAt"),
        ("study_sessions", "completedAt"),
        ("missions", "completedAt"),
        ("exams", "createdAt"),
        ("cards", "lastReviewedAt"),
        ("learning_objectives", "lastStudiedAt"),
    ):
        latest = one(connection, f'SELECT max("{column}") FROM {table}')
        assert EARLIER - timedelta(days=30) < latest.replace(tzinfo=UTC) <= EARLIER, table
    assert one(connection, "SELECT count(*) FROM missions WHERE date > '2026-02-12' AND status <> 'PENDING'") == 0


def test_what_was_sent_late_comes_with_a_later_load(connection: Connection) -> None:
    cohort = simulate(learners=100, days=30, seed=1, end=END)
    load_simulated(connection, cohort, now=AFTER)
    before = {table: one(connection, f"SELECT count(*) FROM {table}") for table in LOG_TABLES}
    report = load_since(connection, cohort, now=AFTER + timedelta(days=5))
    assert report.inserted["reviews"] > 0
    assert report.inserted["behavioral_events"] > 0
    after = {table: one(connection, f"SELECT count(*) FROM {table}") for table in LOG_TABLES}
    assert after == {table: before[table] + report.inserted[table] for table in LOG_TABLES}
    assert one(connection, 'SELECT max("timestamp") FROM behavioral_events').replace(tzinfo=UTC) < AFTER
    assert set(load_since(connection, cohort, now=AFTER + timedelta(days=9)).inserted.values()) == {0}


def test_loads_day_by_day_end_as_a_single_load(connection: Connection, loaded: Connection, class_of_30: Cohort) -> None:
    load_simulated(connection, class_of_30, now=EARLIER)
    for now in (EARLIER + timedelta(days=1), EARLIER + timedelta(hours=30), END_OF_IT, AFTER):
        load_since(connection, class_of_30, now=now)
    assert contents(connection) == contents(loaded)
    assert not load_since(connection, class_of_30, now=EARLIER).inserted
    assert contents(connection) == contents(loaded)


def test_a_later_load_keeps_what_the_app_and_its_users_changed(connection: Connection, class_of_30: Cohort) -> None:
    load_simulated(connection, class_of_30, now=EARLIER)
    gone = class_of_30.learner_ids[0]
    connection.execute("DELETE FROM users WHERE id = %s", (gone,))
    connection.execute("DELETE FROM courses WHERE id IN (SELECT id FROM courses ORDER BY id LIMIT 1)")
    connection.execute("UPDATE missions SET status = 'SKIPPED', \"completedAt\" = date WHERE status = 'PENDING'")
    halved = """UPDATE missions SET objectives = objectives - 0 WHERE status = 'IN_PROGRESS'
        AND jsonb_array_length(objectives) > 1 RETURNING id, objectives"""
    changed = connection.execute(halved.encode()).fetchall()
    assert changed
    skipped = connection.execute("SELECT id FROM missions WHERE status = 'SKIPPED'").fetchall()
    report = load_since(connection, class_of_30, now=AFTER)
    assert report.closed_missions > 0
    assert one(connection, f"SELECT count(*) FROM users WHERE id = '{gone}'") == 0
    assert one(connection, f"SELECT count(*) FROM behavioral_events WHERE \"userId\" = '{gone}'") == 0
    assert one(connection, "SELECT count(*) FROM courses") == 5
    assert set(skipped) <= set(connection.execute("SELECT id FROM missions WHERE status = 'SKIPPED'").fetchall())
    for mission, objectives in changed:
        assert one(connection, f"SELECT objectives FROM missions WHERE id = '{mission}'") == objectives


def test_a_second_load_changes_nothing_and_another_cohort_is_refused(connection: Connection) -> None:
    def cohort(**other: Any) -> Cohort:
        return simulate(**{"learners": 8, "days": 30, "seed": 1, **other}, end=END)

    assert stored_arguments(connection) is None
    rows: dict[str, int] = {}
    first = load_simulated(connection, cohort(), now=AFTER, progress=rows.__setitem__)
    assert (first.first, first.learners, first.inserted) == (True, 8, rows)
    assert stored_arguments(connection) == cohort().arguments
    before = contents(connection)
    assert not load_simulated(connection, cohort(), now=AFTER + timedelta(days=1)).first
    for other in ({"seed": 2}, {"learners": 9}, {"days": 31}):
        with pytest.raises(AmericanoError, match=r"8 learners over 30 days up to 2026-03-01 with seed 1.*--fresh"):
            load_simulated(connection, cohort(**other), now=AFTER)
    assert contents(connection) == before


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("INSERT INTO users VALUES ('c1', NULL, NULL, now(), true, true, true, now())", "The table users already"),
        (
            "INSERT INTO ml.demo_load (cohort, shift_days, learners, loaded_through) VALUES ('oulad', 0, 5, now())",
            "5 learners of oulad.*--fresh",
        ),
    ],
)
def test_nothing_is_mixed_with_other_rows(connection: Connection, statement: str, expected: str) -> None:
    connection.execute(statement.encode())
    before = contents(connection)
    with pytest.raises(AmericanoError, match=expected):
        load_simulated(connection, simulate(learners=1, days=30, seed=1, end=END), now=AFTER)
    assert contents(connection) == before


def test_a_cohort_of_days_to_come_is_refused(connection: Connection) -> None:
    cohort = simulate(learners=1, days=30, seed=1, end=END)
    with pytest.raises(AmericanoError, match="begins on 2026-01-31, after 2025-12-24"):
        load_simulated(connection, cohort, now=datetime(2025, 12, 24, tzinfo=UTC))
    assert one(connection, "SELECT count(*) FROM users") == 0


def test_the_demo_keeps_to_the_cohort_that_is_there(connection: Connection) -> None:
    evening = datetime(2026, 3, 2, 22, tzinfo=UTC)  # the last closed study day is that of 28 February
    assert cohort_demo.load(connection, now=evening, learners=6, days=30, seed=3).first
    stored = stored_arguments(connection)
    assert stored is not None
    assert (stored.learners, stored.days, stored.seed, stored.end) == (6, 30, 3, date(2026, 2, 28))
    before = contents(connection)
    again = cohort_demo.load(connection, now=evening)
    assert (again.first, contents(connection)) == (False, before)
    later = cohort_demo.load(connection, now=evening + timedelta(days=3))
    assert later.inserted["reviews"] > 0
    assert later.inserted["missions"] > 0
    assert stored_arguments(connection) == stored
    with pytest.raises(AmericanoError, match=r"seed 3, not of .* with seed 4: ask for the former again.*--fresh"):
        cohort_demo.load(connection, now=evening, seed=4)
    with pytest.raises(AmericanoError, match=r"help of 1.3 logits, not of .* help of 0 logits"):
        cohort_demo.load(connection, now=evening, help_logits=0)
    with pytest.raises(AmericanoError, match=r"6 learners of the simulated cohort.*--cohort simulated.*--fresh"):
        load.load(connection, now=evening, learners=6)
