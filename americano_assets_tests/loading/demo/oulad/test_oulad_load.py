"""Loading OULAD into a real PostgreSQL: all or nothing, once and later, beside nobody else's rows."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from americano_assets.core.base.ids import cuid
from americano_assets.errors import AmericanoError
from americano_assets.loading.demo.oulad.load import LoadReport, load
from americano_assets.loading.demo.oulad.tables import LOG_TABLES, SOURCE, STATE_TABLES
from americano_assets.resources.postgres.connection import connect
from americano_assets_tests.loading.demo.oulad.source import DUE, REFERENCE, Student, at, write_source

TABLES = (*STATE_TABLES, *LOG_TABLES)
STUDENTS = [
    Student(handed_in=DUE - 3),
    Student(handed_in=DUE + 2),
    Student(handed_in=DUE + 9),
    Student(handed_in=DUE + 9, score=None),
    Student(unregistered=DUE - 3),
    Student(unregistered=DUE + 2),
    Student(),
]


@pytest.fixture
def connection(database: str) -> Iterator[psycopg.Connection[Any]]:
    with connect(database, autocommit=True) as session:
        yield session


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    return write_source(tmp_path, STUDENTS)


def bring(connection: psycopg.Connection[Any], source: Path, now: datetime, learners: int | None = None) -> LoadReport:
    return load(connection, now=now, learners=learners, source=source, reference=REFERENCE)


def contents(connection: psycopg.Connection[Any]) -> dict[str, bytes]:
    """Every table as text, byte for byte."""
    dumps = {}
    for name in TABLES:
        statement = sql.SQL("COPY (SELECT * FROM {} ORDER BY id) TO STDOUT").format(sql.Identifier(name))
        with connection.cursor().copy(statement) as copy:
            dumps[name] = b"".join(bytes(block) for block in copy)
    return dumps


def one(connection: psycopg.Connection[Any], query: str, *parameters: object) -> Any:
    row = connection.execute(query.encode(), parameters).fetchone()
    assert row is not None
    return row[0]


def empty(connection: psycopg.Connection[Any]) -> None:
    connection.execute("TRUNCATE users, validation_prompts, behavioral_events, ml.demo_load CASCADE")


def mission_of(number: int) -> str:
    return cuid("oulad", "mission", f"101-{number}")


def test_loading_day_by_day_ends_where_a_single_load_does(connection: psycopg.Connection[Any], tiny: Path) -> None:
    for day in (DUE - 5, DUE - 3, DUE, DUE + 2, DUE + 7, DUE + 8, DUE + 9, DUE + 11):
        bring(connection, tiny, at(day, 23))
    day_by_day = contents(connection)
    empty(connection)
    bring(connection, tiny, at(DUE + 11, 23))
    assert day_by_day == contents(connection)


def test_real_students_in_two_loads_equal_one(connection: psycopg.Connection[Any]) -> None:
    learners = 120
    bring(connection, SOURCE, at(100, 9), learners)
    before = contents(connection)
    report = bring(connection, SOURCE, at(162, 23), learners)
    in_two = contents(connection)
    assert {name for name in TABLES if in_two[name] != before[name]} == {"missions", *LOG_TABLES}
    assert report.closed_missions
    empty(connection)
    bring(connection, SOURCE, at(162, 23), learners)
    assert in_two == contents(connection)
    assert one(connection, "SELECT count(*) FROM users") == learners + 1


def test_a_second_load_at_the_same_moment_or_before_changes_nothing(
    connection: psycopg.Connection[Any], tiny: Path
) -> None:
    bring(connection, tiny, at(DUE + 7))
    before = contents(connection)
    for now in (at(DUE + 7), at(DUE + 2)):
        report = bring(connection, tiny, now)
        assert contents(connection) == before
        assert (report.first, report.closed_missions, set(report.inserted.values())) == (False, 0, {0})
    assert one(connection, "SELECT loaded_through FROM ml.demo_load") == at(DUE + 7).replace(tzinfo=None)


def test_day_162_of_the_last_presentations_falls_on_the_day_of_the_first_load(
    connection: psycopg.Connection[Any], tiny: Path
) -> None:
    first = load(connection, now=at(162, 23, 30), source=tiny)
    assert one(connection, "SELECT min(date) FROM missions") == at(DUE).replace(tzinfo=None)
    later = load(connection, now=at(202), source=tiny)
    assert later.shift_days == first.shift_days
    assert later.inserted["validation_responses"] == 0


def test_what_an_app_or_its_user_changed_stays(connection: psycopg.Connection[Any], tiny: Path) -> None:
    bring(connection, tiny, at(DUE - 5))
    connection.execute("UPDATE missions SET status = 'IN_PROGRESS' WHERE id = %s", [mission_of(1)])
    connection.execute(
        """UPDATE missions SET objectives = objectives || '[{"objectiveId": "c1", "stranger": 1}]' WHERE id = %s""",
        [mission_of(2)],
    )
    report = bring(connection, tiny, at(DUE + 5))
    assert report.closed_missions == 3
    query = 'SELECT status, "completedAt", objectives FROM missions WHERE id = %s'
    [(status, completed_at, _)] = connection.execute(query, [mission_of(1)]).fetchall()
    assert (status, completed_at) == ("IN_PROGRESS", None)
    [(status, completed_at, objectives)] = connection.execute(query, [mission_of(2)]).fetchall()
    assert (status, completed_at) == ("COMPLETED", at(DUE + 2).replace(tzinfo=None))
    assert objectives[0]["completed"] is True
    assert objectives[1] == {"objectiveId": "c1", "stranger": 1}


def test_whoever_deleted_their_account_does_not_come_back(connection: psycopg.Connection[Any], tiny: Path) -> None:
    bring(connection, tiny, at(DUE - 5))
    deleted = cuid("oulad", "learner", "2")
    connection.execute("DELETE FROM users WHERE id = %s", [deleted])
    bring(connection, tiny, at(DUE + 20))
    assert all(deleted.encode() not in text for text in contents(connection).values())
    assert one(connection, "SELECT count(*) FROM validation_responses") == 5


@pytest.mark.parametrize(
    "row",
    [
        """INSERT INTO users VALUES ('c1', NULL, NULL, now(), true, true, true, now())""",
        """INSERT INTO behavioral_events (id, "userId", "eventType", "eventData")
        VALUES ('c1', 'c2', 'GRAPH_VIEWED', '{}')""",
    ],
)
def test_demo_data_are_never_mixed_with_an_apps_own(connection: psycopg.Connection[Any], tiny: Path, row: str) -> None:
    connection.execute(row.encode())
    before = contents(connection)
    with pytest.raises(AmericanoError, match="never mixed"):
        bring(connection, tiny, at(DUE))
    assert contents(connection) == before
    assert one(connection, "SELECT count(*) FROM ml.demo_load") == 0


def test_an_account_that_joined_the_demo_stops_later_loads(connection: psycopg.Connection[Any], tiny: Path) -> None:
    bring(connection, tiny, at(DUE - 5))
    connection.execute("INSERT INTO users VALUES ('c1', NULL, NULL, now(), true, true, true, now())")
    before = contents(connection)
    with pytest.raises(AmericanoError, match=r"users holds 1 accounts.*never mixed"):
        bring(connection, tiny, at(DUE + 5))
    assert contents(connection) == before


def test_a_sample_keeps_its_size_until_the_demo_starts_over(connection: psycopg.Connection[Any], tiny: Path) -> None:
    assert bring(connection, tiny, at(DUE), learners=3).learners == 3
    for other in (4, None):
        with pytest.raises(AmericanoError, match=r"holds 3 learners.*--fresh"):
            bring(connection, tiny, at(DUE + 1), learners=other)
    assert not bring(connection, tiny, at(DUE + 1), learners=3).first
    with pytest.raises(AmericanoError, match="at least 1 learner"):
        bring(connection, tiny, at(DUE + 1), learners=0)


def test_more_learners_than_there_are_is_all_of_them(connection: psycopg.Connection[Any], tiny: Path) -> None:
    assert bring(connection, tiny, at(DUE), learners=1000).learners == len(STUDENTS)
    assert not bring(connection, tiny, at(DUE)).first


def test_a_load_that_fails_leaves_nothing(connection: psycopg.Connection[Any], tiny: Path) -> None:
    told: list[str] = []

    def progress(table: str, rows: int) -> None:
        assert rows == one(connection, f"SELECT count(*) FROM {table}")
        told.append(table)
        if table == "missions":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load(connection, now=at(DUE), source=tiny, progress=progress)
    assert told == list(TABLES[:8])
    assert set(contents(connection).values()) == {b""}
    assert one(connection, "SELECT count(*) FROM ml.demo_load") == 0


def test_real_students_know_nothing_after_now(connection: psycopg.Connection[Any]) -> None:
    now = at(162, 23)
    report = load(connection, now=now, learners=200)
    for column, name in (
        ("respondedAt", "validation_responses"),
        ("timestamp", "behavioral_events"),
        ("completedAt", "missions"),
    ):
        assert one(connection, f'SELECT max("{column}") FROM {name}') <= now.replace(tzinfo=None)
    assert one(connection, "SELECT count(*) FROM missions WHERE date > %s", now.replace(tzinfo=None)) > 0
    assert one(connection, "SELECT count(*) FROM exams WHERE date > %s", now.replace(tzinfo=None)) > 0
    assert {name: one(connection, f"SELECT count(*) FROM {name}") for name in TABLES} == report.inserted
    graded = one(connection, "SELECT array_agg(\"eventData\"->>'responseId' ORDER BY 1) FROM behavioral_events")
    assert graded == one(connection, "SELECT array_agg(id ORDER BY 1) FROM validation_responses WHERE NOT skipped")
