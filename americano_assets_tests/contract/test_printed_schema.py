"""What `americano schema` prints: a database made by it is accepted, and what it says of each column holds."""

import json
import re
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest

from americano_assets.contract import READ, TABLES, table
from americano_assets.contract.compare import check
from americano_assets.contract.declaration import SqlType
from americano_assets.contract.printed.markdown import markdown
from americano_assets.contract.printed.prisma import prisma_schema
from americano_assets.installation import PROJECT_ROOT
from americano_assets.stages.s1_snapshots.postgres_reader import state_query
from americano_assets.stages.s1_snapshots.sql import query
from americano_assets_tests.cli.test_cli import run
from americano_assets_tests.world import World, at


def test_the_sql_makes_a_database_that_check_db_accepts_with_and_without_what_is_optional(empty_database: str) -> None:
    done = run("schema", "--sql")
    assert done.returncode == 0, done.stderr
    with psycopg.connect(empty_database, autocommit=True) as connection:
        connection.execute(done.stdout.encode())
        assert check(connection) == []
        for each in READ:
            for column in each.columns:
                if column.meaning.startswith(("Optional", "Never read")):
                    connection.execute(f'ALTER TABLE "{each.name}" DROP COLUMN "{column.name}" CASCADE'.encode())
        assert check(connection) == []


@pytest.mark.parametrize(
    ("option", "page", "text"),
    [
        ("--markdown", "docs/app-tables.md", markdown()),
        ("--prisma", "examples/nextjs/prisma/schema.prisma", prisma_schema()),
    ],
)
def test_what_is_kept_in_the_project_is_what_is_printed(option: str, page: str, text: str) -> None:
    assert (PROJECT_ROOT / page).read_text() == text, f"./americano schema {option} > {page}"


def test_the_command_prints_one_of_them_and_asks_which() -> None:
    assert run("schema", "--prisma").stdout == prisma_schema()
    assert run("schema").returncode == 2


def test_every_table_every_column_and_all_json_that_is_read_is_explained() -> None:
    assert [each.name for each in TABLES if not each.description] == []
    columns = [(f"{each.name}.{column.name}", column) for each in TABLES for column in each.extracted]
    assert [name for name, column in columns if not column.description] == []
    of_json = [(name, column) for name, column in columns if column.type is SqlType.JSONB]
    # Numbers by a feature's name, and what an indicator saw: the columns' own words say it all.
    alone = {"struggle_predictions.featureVector", "struggle_indicators.context"}
    assert {name for name, column in of_json if column.shape is None} == alone


def _example(table_name: str, column: str) -> Any:
    shape = table(table_name).column(column).shape
    assert shape is not None
    return json.loads(shape.example)


def test_the_examples_of_json_are_read_as_they_say(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        world = World(connection)
        world.learner("one")
        world.insert(
            "missions", userId="one", date=at("2026-03-10 09:00"), objectives=_example("missions", "objectives")
        )
        planned = connection.execute(state_query("planned_objectives", ZoneInfo("UTC")).encode()).fetchall()
        assert [row[5:] for row in planned] == [
            ("c8k1objective000000000001", False, True),
            ("c8k1objective000000000002", True, True),
        ]
        style, times = (
            _example("user_learning_profiles", name) for name in ("learningStyleProfile", "preferredStudyTimes")
        )
        world.insert("user_learning_profiles", userId="one", learningStyleProfile=style, preferredStudyTimes=times)
        ((_, _, _, visual, reading, kinesthetic, text, *read),) = connection.execute(
            query("tables/profiles").encode()
        ).fetchall()
        assert ((visual, reading, kinesthetic), json.loads(text), read) == ((0.5, 0.3, 0.1), times, [True, True])


def test_every_key_of_an_event_that_is_named_is_read_and_the_other_way_round() -> None:
    shape = table("behavioral_events").column("eventData").shape
    assert shape is not None
    read = re.findall(r'"eventData"->>?\'(\w+)\'', query("tables/behavioral_events"))
    assert sorted(name for name, _, _ in shape.keys) == sorted(read)
