"""Staged rows are what was given: values, types, counts."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import psycopg
import pyarrow as pa
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


def test_batches_are_read_as_the_same_rows_one_by_one(staging: Staging) -> None:
    batches = [pa.record_batch(dict(zip(PREDICTION_COLUMNS, zip(row), strict=True))) for row in ROWS]
    staging.put("one_by_one", like("struggle_predictions", sure="boolean"), PREDICTION_COLUMNS, ROWS, key="id")
    staging.put_batches("batches", like("struggle_predictions", sure="boolean"), [*batches, batches[0].slice(1)])
    assert staging.count("batches") == len(ROWS)
    assert rows(staging, "SELECT to_jsonb(b)::text FROM batches b ORDER BY 1") == rows(
        staging, "SELECT to_jsonb(o)::text FROM one_by_one o ORDER BY 1"
    )
    # A statement may run while batches are made.
    counted = (
        pa.record_batch({"n": [found]}) for _ in range(2) for (found,) in rows(staging, "SELECT count(*) FROM counts")
    )
    staging.put_batches("counts", typed("n integer"), counted)
    assert rows(staging, "SELECT n FROM counts ORDER BY 1") == [(0,), (1,)]


def test_a_default_of_the_table_is_none_of_a_staged_row(staging: Staging) -> None:
    staging.put("predictions", like("struggle_predictions"), ("id",), [("one",)])
    assert rows(staging, 'SELECT "predictionStatus", "interventionApplied" FROM predictions') == [(None, None)]


def test_types_of_ones_own(staging: Staging) -> None:
    staging.put("episodes", typed(EPISODE), ("name", "kinds", "day", "n", "sure"), EPISODES)
    assert rows(staging, "SELECT name, kinds, day, n, sure FROM episodes ORDER BY n") == EPISODES
    assert rows(staging, "SELECT pg_typeof(name)::text, pg_typeof(kinds)::text FROM episodes LIMIT 1") == [
        ("text", "text[]")
    ]


def test_rows_are_counted_kept_and_replaced(staging: Staging) -> None:
    shape = typed('"id" text, n integer')
    staging.put("few", shape, ("id", "n"), [(name, place) for place, name in enumerate("abcd")])
    assert staging.count("few") == 4
    staging.keep("twice", "SELECT 2 * n AS doubled FROM few WHERE n > 2")
    assert rows(staging, "SELECT doubled FROM twice") == [(6,)]
    assert staging.count("twice") == 1
    for staged in ([("z", 1)], []):
        staging.put("few", shape, ("id", "n"), staged)
        assert rows(staging, 'SELECT "id" FROM few') == [row[:1] for row in staged]
        assert staging.count("few") == len(staged)
        staging.keep("twice", "SELECT 2 * n AS doubled FROM few")
        assert staging.count("twice") == len(staged)
