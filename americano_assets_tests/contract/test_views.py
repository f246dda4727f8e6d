"""Views in place of the app's tables: what `check-db` says of them, and what it has no need to say."""

import os
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from americano_assets.contract import READ
from americano_assets.contract.compare import check
from americano_assets.contract.grants import grants, missing_grants
from americano_assets.contract.printed.ddl import ddl, empty_views
from americano_assets.contract.views import MANY_ROWS, look_into
from americano_assets_tests.cli.test_cli import run

_ANSWERS = """
CREATE TABLE answers (number int, student int, exercise text, points int, at bigint);
INSERT INTO answers SELECT n, n % 3, 'one', 100, 1760000000 + n FROM generate_series(1, 30) n;
"""
# The least that makes sense of them: everything else stays empty.
_OVER_ANSWERS = """
DROP VIEW users;
CREATE VIEW users AS SELECT student::text AS "id", timestamp '2025-01-01' AS "createdAt",
  true AS "behavioralAnalysisEnabled", true AS "includeInAnalytics", true AS "performanceTrackingEnabled"
  FROM answers GROUP BY student;
DROP VIEW validation_prompts;
CREATE VIEW validation_prompts AS SELECT exercise AS "id", NULL AS "objectiveId" FROM answers GROUP BY exercise;
DROP VIEW validation_responses;
CREATE VIEW validation_responses AS SELECT number::text AS "id", exercise AS "promptId", NULL AS "sessionId",
  student::text AS "userId", points / 100::float AS "score", false AS "skipped",
  to_timestamp(at) AT TIME ZONE 'UTC' AS "respondedAt" FROM answers;
"""


@pytest.fixture
def views(empty_database: str) -> Iterator[psycopg.Connection[Any]]:
    """Tables that are written, and views without rows for those that are read, as the command prints them."""
    with psycopg.connect(empty_database, autocommit=True) as connection:
        connection.execute((ddl(written=True) + empty_views()).encode())
        yield connection


def test_views_as_they_are_printed_beside_the_written_tables_are_all_that_is_needed(
    views: psycopg.Connection[Any],
) -> None:
    kinds = dict(views.execute("SELECT relname, relkind::text FROM pg_class WHERE relkind IN ('r', 'v')").fetchall())
    assert {kinds[table.name] for table in READ} == {"v"}
    assert check(views) == []
    assert look_into(views) == []


def test_the_printed_views_say_what_belongs_into_each_column() -> None:
    for table in READ:
        for column in table.extracted:
            assert column.meaning in empty_views(), column.name
    assert "AGAIN, HARD, GOOD, EASY" in empty_views()
    assert 'REFERENCES "learning_objectives"' not in ddl(written=True)
    assert 'REFERENCES "struggle_predictions"' in ddl(written=True)
    assert run("schema", "--views").stdout == empty_views()
    assert run("schema", "--sql", "--written").stdout == ddl(written=True)
    assert run("schema", "--views", "--written").returncode == 2


def test_a_sound_view_gives_no_warning_for_what_only_tables_declare(views: psycopg.Connection[Any]) -> None:
    views.execute((_ANSWERS + _OVER_ANSWERS).encode())
    assert check(views) == []
    assert look_into(views) == []


STRUCTURE = [
    (
        'CREATE VIEW exams AS SELECT 1 AS "id"',
        "exams.id",
        'The type is integer; text is expected. In the view: (…)::text AS "id".',
    ),
    (
        'CREATE VIEW exams AS SELECT now() AS "date"',
        "exams.date",
        "In the view: (…) AT TIME ZONE 'UTC' AS \"date\".",
    ),
    (
        'CREATE VIEW exams AS SELECT 1760000000 AS "date"',
        "exams.date",
        "In the view: to_timestamp(seconds since 1970) AT TIME ZONE 'UTC' AS \"date\".",
    ),
    (
        "CREATE VIEW exams AS SELECT 'one' AS userId",
        "exams.userId",
        'There is userid: write "userId", with the quotes.',
    ),
]


@pytest.mark.parametrize(("view", "where", "words"), STRUCTURE, ids=[where for _, where, _ in STRUCTURE])
def test_what_is_wrong_with_a_views_columns_is_told_with_what_to_write(
    views: psycopg.Connection[Any], view: str, where: str, words: str
) -> None:
    views.execute(f"DROP VIEW exams; {view}".encode())
    (found,) = (one for one in check(views) if one.where == where)
    assert found.severity == "error"
    assert words in found.message


def test_a_view_in_place_of_a_written_table_is_refused(views: psycopg.Connection[Any]) -> None:
    views.execute(
        "ALTER TABLE struggle_indicators RENAME TO kept; CREATE VIEW struggle_indicators AS SELECT * FROM kept"
    )
    (found,) = check(views)
    assert (found.severity, found.where) == ("error", "struggle_indicators")
    assert "schema --sql --written" in found.message


ROWS = [
    (
        "UPDATE answers SET points = 700 WHERE student = 1",
        "warning",
        "validation_responses.score",
        "10 of 30 rows of the view are not within 0 and 1: they are set aside as bad.",
    ),
    (
        "UPDATE answers SET number = 7 WHERE number < 7",
        "warning",
        "validation_responses.id",
        "6 of 30 rows of the view repeat what another one has",
    ),
    (
        "UPDATE answers SET points = NULL WHERE student = 0",
        "warning",
        "validation_responses.score",
        "10 of 30 rows of the view have none",
    ),
    (
        (
            "CREATE OR REPLACE VIEW validation_prompts AS"
            ' SELECT \'exercise \' || exercise AS "id", NULL AS "objectiveId" FROM answers GROUP BY exercise'
        ),
        "warning",
        "validation_responses.promptId",
        "All 30 rows of the view name what is not in validation_prompts",
    ),
    (
        (
            "DROP VIEW learning_objectives; CREATE VIEW learning_objectives AS"
            " SELECT '1' AS \"id\", 'l' AS \"lectureId\","
            ' \'o\' AS "objective", true AS "isHighYield", \'easy\' AS "complexity", \'{}\'::text[] AS "boardExamTags"'
        ),
        "warning",
        "learning_objectives.complexity",
        "label that is not in the contract: objectives with it are of unknown complexity",
    ),
    (
        (
            'CREATE OR REPLACE VIEW validation_responses AS SELECT number::text AS "id", exercise AS "promptId",'
            ' NULL AS "sessionId", student::text AS "userId", (points || \'of 100\')::float AS "score", false AS'
            ' "skipped", to_timestamp(at) AT TIME ZONE \'UTC\' AS "respondedAt" FROM answers'
        ),
        "error",
        "validation_responses",
        "Reading it fails, and so will a night: invalid input syntax for type double precision.",
    ),
]


@pytest.mark.parametrize(("planted", "severity", "where", "words"), ROWS, ids=[words[:40] for *_, words in ROWS])
def test_what_no_catalogue_says_is_found_in_the_rows(
    views: psycopg.Connection[Any], planted: str, severity: str, where: str, words: str
) -> None:
    views.execute((_ANSWERS + _OVER_ANSWERS + planted).encode())
    found = {one.where: one for one in look_into(views)}
    assert where in found, found
    assert found[where].severity == severity
    assert words in found[where].message
    assert "of 100" not in found[where].message


def test_the_command_tells_it(views: psycopg.Connection[Any], empty_database: str) -> None:
    views.execute((_ANSWERS + _OVER_ANSWERS + "UPDATE answers SET points = NULL").encode())
    done = run("check-db", DATABASE_URL=empty_database, COLUMNS="200")
    assert done.returncode == 0, done.stderr
    assert "All 30 rows of the view have none" in " ".join(done.stdout.split())


def test_a_view_that_reads_a_large_table_whole_for_one_day_is_told_until_its_expression_has_an_index(
    views: psycopg.Connection[Any],
) -> None:
    views.execute((_ANSWERS + _OVER_ANSWERS).encode())
    views.execute(
        f"INSERT INTO answers SELECT n + 30, 1, 'one', 100, 1760000000 + n FROM generate_series(1, {MANY_ROWS}) n;"
        " ANALYZE answers"
    )
    (found,) = look_into(views)
    assert (found.kind, found.where) == ("plan", "validation_responses")
    assert f"looks at all {MANY_ROWS + 30:,} rows of answers" in found.message
    views.execute("CREATE INDEX ON answers ((to_timestamp(at) AT TIME ZONE 'UTC')); ANALYZE answers")
    assert look_into(views) == []
    # It is of no use where all rows have to be looked at for another reason, and enough where others are joined.
    answered = views.execute("SELECT pg_get_viewdef('validation_responses')").fetchall()[0][0].rstrip(";")
    views.execute(
        f"CREATE OR REPLACE VIEW validation_responses AS SELECT * FROM ({answered} ORDER BY 1 OFFSET 0) a".encode()
    )
    assert [one.kind for one in look_into(views)] == ["plan"]
    views.execute("CREATE TABLE more AS SELECT number FROM answers; ANALYZE more")
    views.execute(f"CREATE OR REPLACE VIEW validation_responses AS {answered} JOIN more USING (number)".encode())
    assert look_into(views) == []


def test_a_view_that_takes_too_long_is_told_and_leaves_the_time_limit_as_it_was(
    views: psycopg.Connection[Any],
) -> None:
    views.execute((_ANSWERS + _OVER_ANSWERS).encode())
    views.execute(
        'CREATE OR REPLACE VIEW users AS SELECT student::text AS "id", timestamp \'2025-01-01\' AS "createdAt",'
        ' pg_sleep(1) IS NOT NULL AS "behavioralAnalysisEnabled", true AS "includeInAnalytics",'
        ' true AS "performanceTrackingEnabled" FROM answers GROUP BY student'
    )
    found = look_into(views, seconds=0.2)
    assert ("users", "Its rows were not counted within 0.2 seconds") in {
        (one.where, one.message.partition(",")[0]) for one in found
    }
    assert views.execute("SHOW statement_timeout").fetchone() == ("0",)


@pytest.mark.parametrize(
    ("given", "refused"),
    [
        ("", "permission denied for view validation_responses"),
        (
            "GRANT SELECT ON validation_responses TO {role}; ALTER VIEW validation_responses OWNER TO {role}",
            "table answers",
        ),
    ],
    ids=["the view itself", "what is behind it"],
)
def test_a_right_that_lacks_is_told_by_what_it_is_to(views: psycopg.Connection[Any], given: str, refused: str) -> None:
    role = f"narrow_{os.getpid()}"
    views.execute((_ANSWERS + _OVER_ANSWERS + f"CREATE ROLE {role}; {given.format(role=role)}").encode())
    try:
        views.execute(f"SET ROLE {role}".encode())
        (found,) = (one for one in look_into(views) if one.where == "validation_responses")
    finally:
        views.execute(f"RESET ROLE; DROP OWNED BY {role} CASCADE; DROP ROLE {role}".encode())
    assert found.severity == "error"
    assert refused in found.message


def test_no_right_to_write_is_missed_to_views_that_cannot_be_written(views: psycopg.Connection[Any]) -> None:
    role = f"reader_{os.getpid()}"
    given = "\n".join(line for line in grants(role).splitlines() if not line.startswith("GRANT UPDATE"))
    views.execute(f"CREATE ROLE {role}; {given}".encode())
    try:
        views.execute(f"SET ROLE {role}".encode())
        assert missing_grants(views) == []
        views.execute("RESET ROLE; CREATE TABLE plans AS SELECT * FROM missions; DROP VIEW missions")
        views.execute(
            f"CREATE VIEW missions AS SELECT * FROM plans; GRANT SELECT ON missions TO {role}; SET ROLE {role}".encode()
        )
        (missing,) = missing_grants(views)
        assert missing.startswith('GRANT UPDATE ("objectives") ON "missions"')
    finally:
        views.execute(f"RESET ROLE; DROP OWNED BY {role} CASCADE; DROP ROLE {role}".encode())
