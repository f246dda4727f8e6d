"""Staged rows are what was given: values, types, counts."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import psycopg
import pytest

from americano_assets.resources.postgres.staging import Staging, like, typed
from americano_assets.stages.s6_publication.app_rows import PREDICTION_COLUMNS
from americano_assets_tests.world import at

AWKWARD = 'it\'s "quoted", back\\slash, {curly} 100 % %(not)s %s\ttab\nline é 🫀 \\N $1 -- no comment'
DOCUMENT = '[{"text": "it\'s \\"quoted\\" \\u00e9 \\\\ é 100 %", "value": 0.30000000000000004, "none": null}]'
FULL = (
    "one",
    AWKWARD,
    "o",
    None,
    0.1 + 0.2,
    1e-300,
    "PENDING",
    '{"a": 1e-06}',
    DOCUMENT,
    at("2026-03-09 23:00:00.001"),
)
NULLS = ("two", "", "o", "null", 0.0, 1.0, "MISSED", None, "[]", at("2026-03-09 23:00"))
ROWS = [(*row, at("2026-03-09 23:00"), False) for row in (FULL, NULLS)]
EPISODE = "name text, kinds text[], day date, n integer, sure boolean"
EPISODES = [("a", ["x", AWKWARD, "NULL", "{}"], date(2026, 3, 9), 7, True), (AWKWARD, [], None, None, None)]


@pytest.fixture
def staging(database: str) -> Iterator[Staging]:
    with psycopg.connect(database) as connection:
        yield Staging(connection)


def rows(staging: Staging, statement: str, **parameters: Any) -> list[tuple[Any, ...]]:
    return staging.execute(statement, parameters or None).fetchall()


def test_values_are_read_as_they_were_given(staging: Staging) -> None:
    staging.put("predictions", like("struggle_predictions"), PREDICTION_COLUMNS, ROWS, key="id")
    names = ", ".join(f'"{column}"' for column in PREDICTION_COLUMNS)
    found = rows(staging, f'SELECT {names}, "actualOutcome" FROM predictions ORDER BY "id"')
    full, nulls = ([*row[:7], *row[9:]] for row in found)
    assert full == [*ROWS[0][:7], *ROWS[0][9:], None]
    assert nulls == [*ROWS[1][:7], *ROWS[1][9:], None]
    assert found[0][7:9] == (
        {"a": 1e-06},
        [{"text": 'it\'s "quoted" é \\ é 100 %', "value": 0.30000000000000004, "none": None}],
    )
    assert found[1][7:9] == (None, [])


def test_a_default_of_the_table_is_none_of_a_staged_row(staging: Staging) -> None:
    staging.put("predictions", like("struggle_predictions"), ("id",), [("one",)])
    assert rows(staging, 'SELECT "predictionStatus", "interventionApplied" FROM predictions') == [(None, None)]


def test_types_of_ones_own(staging: Staging) -> None:
    staging.put("episodes", typed(EPISODE), ("name", "kinds", "day", "n", "sure"), EPISODES)
    assert rows(staging, "SELECT name, kinds, day, n, sure FROM episodes ORDER BY n") == EPISODES
    assert rows(staging, "SELECT pg_typeof(name)::text, pg_typeof(kinds)::text FROM episodes LIMIT 1") == [
        ("text", "text[]")
    ]


def test_rows_are_counted_dropped_kept_and_replaced(staging: Staging) -> None:
    shape = typed('"id" text, n integer')
    staging.put("few", shape, ("id", "n"), [(name, place) for place, name in enumerate("abcd")])
    assert staging.count("few") == 4
    staging.drop("few", "s.n = 0", "s.\"id\" = 'd'", "s.n > 7")
    assert rows(staging, 'SELECT "id" FROM few ORDER BY 1') == [("b",), ("c",)]
    assert staging.count("few") == 2
    staging.keep("twice", "SELECT 2 * n AS doubled FROM few WHERE n > 1")
    assert rows(staging, "SELECT doubled FROM twice") == [(4,)]
    assert staging.count("twice") == 1
    for staged in ([("z", 1)], []):
        staging.put("few", shape, ("id", "n"), staged)
        assert rows(staging, 'SELECT "id" FROM few') == [row[:1] for row in staged]
        assert staging.count("few") == len(staged)
        staging.keep("twice", "SELECT 2 * n AS doubled FROM few")
        assert staging.count("twice") == len(staged)
    staging.drop("few", "true")
