"""The contract: what the bootstrap lays out, and which differences of a live database are found."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

import americano_assets
from americano_assets.contract import READ, TABLES, table
from americano_assets.contract.compare import check, server_differences
from americano_assets.contract.declaration import prisma_name
from americano_assets.contract.printed.ddl import ddl
from americano_assets.resources.postgres.connection import bootstrap, connect

_PACKAGE = Path(americano_assets.__file__).parent


@pytest.fixture
def live(database: str) -> Iterator[psycopg.Connection[Any]]:
    with connect(database) as connection:
        yield connection
        connection.rollback()


def test_what_the_bootstrap_makes_matches_the_contract(live: psycopg.Connection[Any]) -> None:
    assert check(live) == []


def test_every_table_of_an_empty_database_is_missing(empty_database: str) -> None:
    with connect(empty_database) as connection:
        found = check(connection)
    assert {difference.where for difference in found} == {each.name for each in TABLES}
    assert {difference.severity for difference in found} == {"error"}


def test_the_bootstrap_is_done_once(empty_database: str) -> None:
    with connect(empty_database) as connection:
        assert bootstrap(connection)
        assert not bootstrap(connection)


PREDICTIONS = "struggle_predictions"
HAND_MADE = (
    f'ALTER TABLE "{PREDICTIONS}" DROP CONSTRAINT "{PREDICTIONS}_learningObjectiveId_fkey",'
    ' ADD FOREIGN KEY ("learningObjectiveId") REFERENCES "learning_objectives" ON DELETE SET NULL'
)
HAND_MADE_INTERVENTIONS = (
    'ALTER TABLE "intervention_recommendations" DROP CONSTRAINT "intervention_recommendations_predictionId_fkey",'
    ' ADD FOREIGN KEY ("predictionId") REFERENCES "struggle_predictions" ON DELETE CASCADE'
)
DIFFERENCES = [
    ('DROP TABLE "exams"', "error", "table", "exams", "missing"),
    ('ALTER TABLE "reviews" DROP COLUMN "rating"', "error", "column", "reviews.rating", "missing"),
    (
        'ALTER TABLE "reviews" ALTER COLUMN "timeSpentMs" TYPE text',
        "error",
        "type",
        "reviews.timeSpentMs",
        "text; integer",
    ),
    (
        'ALTER TABLE "reviews" ALTER COLUMN "reviewedAt" TYPE timestamptz',
        "error",
        "type",
        "reviews.reviewedAt",
        "timestamp with time zone; timestamp(3) without",
    ),
    (
        'ALTER TABLE "missions" ALTER COLUMN "objectives" TYPE json',
        "error",
        "type",
        "missions.objectives",
        "json; jsonb",
    ),
    (
        "ALTER TYPE \"EventType\" RENAME VALUE 'SESSION_ENDED' TO 'SESSION_OVER'",
        "error",
        "enum label",
        "EventType",
        "SESSION_ENDED",
    ),
    (
        'ALTER TABLE "reviews" ALTER COLUMN "cardId" DROP NOT NULL',
        "warning",
        "nullability",
        "reviews.cardId",
        "may be NULL",
    ),
    (
        f'ALTER TABLE "{PREDICTIONS}" ALTER COLUMN "acknowledgedAt" SET NOT NULL',
        "error",
        "nullability",
        f"{PREDICTIONS}.acknowledgedAt",
        "NOT NULL",
    ),
    (
        f'ALTER TABLE "{PREDICTIONS}" ADD COLUMN "tenant" text NOT NULL',
        "error",
        "column",
        f"{PREDICTIONS}.tenant",
        "no row can be inserted",
    ),
    (
        f'ALTER TABLE "{PREDICTIONS}" DROP CONSTRAINT "struggle_predictions_pkey" CASCADE',
        "error",
        "key",
        PREDICTIONS,
        "primary key",
    ),
    (
        'ALTER TABLE "struggle_indicators" DROP CONSTRAINT "struggle_indicators_predictionId_fkey"',
        "warning",
        "foreign key",
        "struggle_indicators.predictionId",
        "no foreign key to struggle_predictions: rows stay",
    ),
    (
        'ALTER TABLE "reviews" DROP CONSTRAINT "reviews_pkey"',
        "warning",
        "key",
        "reviews",
        "rows may be doubled",
    ),
    (
        'ALTER TABLE "intervention_recommendations" ALTER COLUMN "description" TYPE varchar(40)',
        "warning",
        "type",
        "intervention_recommendations.description",
        "a longer text would fail",
    ),
    (
        f'ALTER TABLE "{PREDICTIONS}" ALTER COLUMN "predictionConfidence" TYPE real',
        "error",
        "type",
        f"{PREDICTIONS}.predictionConfidence",
        "double precision is expected",
    ),
    (
        f'ALTER TABLE "{PREDICTIONS}" ALTER COLUMN "topicId" TYPE "CardType" USING NULL',
        "error",
        "type",
        f"{PREDICTIONS}.topicId",
        "CardType",
    ),
    (
        'ALTER TYPE "Severity" RENAME TO "Weight"; ALTER TYPE "Weight" RENAME VALUE \'LOW\' TO \'MINOR\'',
        "error",
        "enum label",
        "Weight",
        "LOW",
    ),
    (
        HAND_MADE,
        "warning",
        "foreign key",
        f"{PREDICTIONS}.learningObjectiveId",
        "with a lecture, for instance) will fail",
    ),
    (
        f'DROP INDEX "{PREDICTIONS}_topicId_idx"',
        "warning",
        "index",
        PREDICTIONS,
        "no index over (topicId)",
    ),
    (
        'DROP INDEX "objective_prerequisites_objectiveId_prerequisiteId_key"',
        "warning",
        "index",
        "objective_prerequisites",
        "no unique index",
    ),
]


@pytest.mark.parametrize(
    ("planted", "severity", "kind", "where", "words"), DIFFERENCES, ids=[case[0][:60] for case in DIFFERENCES]
)
def test_a_planted_difference_is_named(
    live: psycopg.Connection[Any], planted: str, severity: str, kind: str, where: str, words: str
) -> None:
    live.execute(planted.encode())
    (found,) = (difference for difference in check(live) if difference.kind == kind)
    assert (found.severity, found.where) == (severity, where)
    assert words in found.message


HARMLESS = [
    'CREATE TABLE "stranger" ("id" int)',
    'ALTER TABLE "reviews" ADD COLUMN "more" text NOT NULL',
    f'ALTER TABLE "{PREDICTIONS}" ADD COLUMN "tenant" text NOT NULL DEFAULT \'one\'',
    "ALTER TYPE \"EventType\" ADD VALUE 'NEW_THING'",
    'ALTER TABLE "validation_responses" ALTER COLUMN "confidenceLevel" TYPE integer',
    HAND_MADE_INTERVENTIONS,
    f'DROP INDEX "{PREDICTIONS}_userId_idx"',  # A longer index begins with the same column.
    # What is neither read nor written has no type, no label and need not be there.
    'ALTER TABLE "analysis_runs" ALTER COLUMN "analysisType" TYPE "CardType" USING NULL',
    'ALTER TABLE "analysis_runs" ALTER COLUMN "status" TYPE integer USING 0',
    'ALTER TABLE "learning_objectives" DROP COLUMN "masteryLevel", DROP COLUMN "createdAt"',
    'ALTER TABLE "objective_prerequisites" DROP COLUMN "id"',
    "ALTER TYPE \"EventType\" RENAME VALUE 'SEARCH_PERFORMED' TO 'SEARCHED'",
    "ALTER TYPE \"InterventionType\" RENAME VALUE 'FOCUS_SESSION' TO 'FOCUS'",
    # Enum and text are one on reading, and so are types that hold the same values.
    'ALTER TABLE "reviews" ALTER COLUMN "rating" TYPE text',
    'ALTER TABLE "behavioral_events" ALTER COLUMN "experimentPhase" TYPE "CardType" USING NULL',
    'ALTER TYPE "ReviewRating" RENAME TO "Rating"',
    'ALTER TABLE "reviews" ALTER COLUMN "reviewedAt" TYPE timestamp(6), ALTER COLUMN "timeSpentMs" TYPE bigint',
    # How the app's own tables hang together is the app's affair.
    'ALTER TABLE "cards" DROP CONSTRAINT "cards_lectureId_fkey"',
    'ALTER TABLE "exams" DROP CONSTRAINT "exams_courseId_fkey", ADD FOREIGN KEY ("courseId") REFERENCES "courses"',
]


@pytest.mark.parametrize("planted", HARMLESS)
def test_what_is_not_in_the_contract_is_ignored(live: psycopg.Connection[Any], planted: str) -> None:
    live.execute(planted.encode())
    assert check(live) == []


def test_text_instead_of_enums_in_hand_made_prediction_tables_is_no_difference(live: psycopg.Connection[Any]) -> None:
    for name, column in (
        ("struggle_predictions", "predictionStatus"),
        ("struggle_indicators", "indicatorType"),
        ("struggle_indicators", "severity"),
        ("intervention_recommendations", "interventionType"),
        ("intervention_recommendations", "status"),
    ):
        live.execute(f'ALTER TABLE "{name}" ALTER "{column}" DROP DEFAULT, ALTER "{column}" TYPE text'.encode())
    assert check(live) == []
    # An enum that nothing uses any more says nothing about what can be read or written.
    live.execute("ALTER TYPE \"Severity\" RENAME VALUE 'LOW' TO 'MINOR'")
    assert check(live) == []


def test_a_schema_other_than_public_is_compared_where_the_url_says_so(empty_database: str) -> None:
    with connect(empty_database) as connection:
        connection.execute("CREATE SCHEMA app")
        connection.execute("SET search_path = app")
        bootstrap(connection)
        assert check(connection) == []
        connection.execute("SET search_path = public")
        assert len(check(connection)) == len(TABLES)


@pytest.mark.parametrize(("version", "errors"), [(130_012, 1), (140_000, 0), (180_004, 0)])
def test_servers_older_than_14_are_refused(version: int, errors: int) -> None:
    assert len(list(server_differences(version))) == errors


def test_names_are_those_of_prisma() -> None:
    assert prisma_name("cards", ("lectureId",), "fkey") == "cards_lectureId_fkey"
    long = prisma_name(PREDICTIONS, ("userId", "predictionStatus", "predictedStruggleProbability"), "idx")
    assert long == "struggle_predictions_userId_predictionStatus_predictedStrug_idx"
    assert len(long) == 63


def test_defaults_and_actions_are_those_of_prisma(live: psycopg.Connection[Any]) -> None:
    rows = live.execute(
        "SELECT table_name || '.' || column_name, column_default FROM information_schema.columns"
        " WHERE table_schema = 'public' AND column_default IS NOT NULL"
    ).fetchall()
    defaults = dict(rows)
    assert defaults["users.createdAt"] == "CURRENT_TIMESTAMP"
    assert defaults["struggle_predictions.predictionStatus"] == "'PENDING'::\"PredictionStatus\""
    assert not {name for name in defaults if name.endswith((".id", ".updatedAt"))}
    actions = live.execute("SELECT DISTINCT update_rule FROM information_schema.referential_constraints").fetchall()
    assert actions == [("CASCADE",)]


def test_deleting_an_account_leaves_the_rows_we_wrote(live: psycopg.Connection[Any]) -> None:
    references = live.execute(
        "SELECT conrelid::regclass::text FROM pg_constraint WHERE contype = 'f' AND confrelid = 'users'::regclass"
    ).fetchall()
    assert not {name for (name,) in references} & {each.name for each in TABLES if each.written}


def test_words_names_and_addresses_are_never_extracted() -> None:
    private = {f"{each.name}.{column.name}" for each in TABLES for column in each.columns if column.private}
    assert private == {
        "users.email",
        "users.name",
        "lectures.fileName",
        "lectures.fileUrl",
        "cards.front",
        "cards.back",
        "validation_prompts.promptText",
        "validation_responses.userAnswer",
        "validation_responses.aiEvaluation",
    }
    extracted = {f"{each.name}.{column.name}" for each in TABLES for column in each.extracted}
    assert not extracted & private
    assert "users.updatedAt" not in extracted


def test_the_declaration_knows_its_tables() -> None:
    assert table("reviews").column("rating").extracted
    with pytest.raises(KeyError):
        table("stranger")
    with pytest.raises(KeyError):
        table("reviews").column("stranger")
    assert len(re.findall("CREATE TABLE", ddl())) == len(TABLES)


def test_no_column_is_declared_as_read_of_which_no_query_has_the_name() -> None:
    code = {path: path.read_text() for suffix in ("sql", "py") for path in _PACKAGE.rglob(f"*.{suffix}")}
    texts = [text for path, text in code.items() if not {"contract", "demo", "ml"} & set(path.parts)]
    stray = [
        f"{each.name}.{column.name}"
        for each in READ
        for column in each.extracted
        if not any(f'"{column.name}"' in text and re.search(rf"\b{each.name}\b", text) for text in texts)
    ]
    assert stray == []
