"""Reads an interaction log of anybody's (Parquet or CSV), checks each row, and stages it in the order of study days."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import psutil

from americano_assets.errors import AmericanoError
from americano_assets.evaluation.sql import query
from americano_assets.stages.common.schemas import KINDS, RATINGS

REQUIRED = ("learner_id", "objective_id", "occurred_at", "score")
OPTIONAL = ("course_id", "kind", "rating", "duration_ms", "card_id", "item_id", "session_id")
_CSV = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".txt")
_PARQUET = (".parquet", ".pq")
_EXAMPLES = 3
_MOST_MEMORY = 4 * 1024**3
# An epoch beyond this counts milliseconds: as seconds it would be the year 5138.
_FIRST_MS = 100_000_000_000


class LogError(AmericanoError):
    """The log cannot be evaluated; the message names file, column, rule, count and examples."""


@dataclass(frozen=True)
class StagedLog:
    """A log that kept every rule.

    Attributes:
        path: The staged rows (evaluation/sql/staged.sql).
        totals: evaluation/sql/log_totals.sql.
        notes: What was decided where the log left it open.
    """

    path: Path
    totals: dict[str, Any]
    notes: list[str]


@dataclass(frozen=True)
class _Rule:
    column: str
    rule: str
    broken: str


_RULES = (
    _Rule("learner_id", "not empty", "learner_id IS NULL"),
    _Rule("objective_id", "not empty", "objective_id IS NULL"),
    _Rule("occurred_at", "ISO 8601, or an epoch in seconds or milliseconds", "occurred_at IS NULL"),
    _Rule(
        "occurred_at",
        "between 1990 and 2100",
        "occurred_at < TIMESTAMP '1990-01-01' OR occurred_at >= TIMESTAMP '2100-01-01'",
    ),
    _Rule("kind", "review, validation or empty", f"kind NOT IN {KINDS}"),
    _Rule("rating", f"{', '.join(RATINGS)}, 1-4 or empty", "rating IS NULL AND raw_rating IS NOT NULL"),
    _Rule(
        "score", "a number from 0 to 1", "NOT COALESCE(score BETWEEN 0 AND 1, kind = 'review' AND raw_score IS NULL)"
    ),
    _Rule("score", "given, unless a review has a rating", "raw_score IS NULL AND (kind <> 'review' OR rating IS NULL)"),
    _Rule(
        "duration_ms",
        "a number not below 0, or empty",
        "raw_duration IS NOT NULL AND NOT COALESCE(duration_ms >= 0, false)",
    ),
)
_RAW = {
    "learner_id": "raw_learner",
    "objective_id": "raw_objective",
    "occurred_at": "raw_time",
    "kind": "raw_kind",
    "rating": "raw_rating",
    "score": "raw_score",
    "duration_ms": "raw_duration",
}


@contextmanager
def bounded(connection: duckdb.DuckDBPyConnection, folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection in UTC that spills to `folder` before it takes more than half of the memory, or 4 GB."""
    limit = min(_MOST_MEMORY, psutil.virtual_memory().total // 2)
    connection.execute(f"SET memory_limit = '{limit // 1024**2}MiB'")
    connection.execute(f"SET temp_directory = {quoted(folder)}")
    connection.execute("SET TimeZone = 'UTC'")
    yield connection


def stage_log(connection: duckdb.DuckDBPyConnection, path: Path, folder: Path) -> StagedLog:
    """Check a log and write it in the order of study days.

    Args:
        connection: With `calendar` (resources/duckdb/connection.py), in UTC.
        path: The log.
        folder: Where to write.

    Raises:
        LogError: It cannot be read, lacks a column, is empty, or a row breaks a rule.
    """
    normal = folder / "normal.parquet"
    try:
        source = _open(connection, path)
        _check(connection, source, path)
        connection.execute(f"COPY (SELECT * EXCLUDE ({_raw_columns()}) FROM ({source})) TO {quoted(normal)}")
    except duckdb.Error as error:
        raise LogError(f"{path.name} cannot be read: {_first_line(error)}") from None
    connection.execute(f"CREATE OR REPLACE TEMP VIEW normal AS FROM read_parquet({quoted(normal)})")
    [totals] = connection.sql(query("log_totals")).to_arrow_table().to_pylist()
    [(several,)] = connection.execute(query("several_courses")).fetchall()
    staged = folder / "staged.parquet"
    connection.execute(f"COPY ({query('staged')}) TO {quoted(staged)} (ROW_GROUP_SIZE 122880)")
    normal.unlink()
    return StagedLog(staged, totals, _notes(totals, several))


def quoted(path: Path) -> str:
    """A path as SQL text."""
    return "'" + str(path).replace("'", "''") + "'"


def _open(connection: duckdb.DuckDBPyConnection, path: Path) -> str:
    """The query that gives the log's rows with one type a column, raw values beside them."""
    if not path.exists():
        raise LogError(f"{path} does not exist.")
    name = path.name.lower()
    if path.is_dir() or not name.endswith(_CSV + _PARQUET):
        raise LogError(f"{path.name} is neither {', '.join(_PARQUET)} nor {', '.join(_CSV)}: convert it first.")
    if path.stat().st_size == 0:
        raise LogError(f"{path.name} is empty.")
    if name.endswith(_CSV):
        table = f"read_csv({quoted(path)}, all_varchar = true, header = true)"
        reader = f"SELECT *, row_number() OVER () AS log_row FROM {table}"
    else:
        reader = f"SELECT *, file_row_number + 1 AS log_row FROM read_parquet({quoted(path)}, file_row_number = true)"
    types = {row[0].lower(): row[1] for row in connection.execute(f"DESCRIBE {reader}").fetchall()}
    missing = [column for column in REQUIRED if column not in types]
    if missing:
        there = ", ".join(column for column in types if column not in ("log_row", "file_row_number"))
        raise LogError(
            f"{path.name} has no column {' and no '.join(missing)}; it has {there}. "
            f"Needed are {', '.join(REQUIRED)}; optional {', '.join(OPTIONAL)}."
        )
    return _normal(reader, types)


def _normal(reader: str, types: Mapping[str, str]) -> str:
    def text(column: str) -> str:
        return f"nullif(trim({column}::VARCHAR), '')" if column in types else "NULL::VARCHAR"

    epoch = (
        f"CASE WHEN abs(e) >= {_FIRST_MS} THEN make_timestamp((round(e * 1000))::BIGINT) "
        "ELSE make_timestamp((round(e * 1000000))::BIGINT) END"
    )
    kind = types["occurred_at"]
    if kind.startswith(("TIMESTAMP", "DATE")):
        at = "occurred_at AT TIME ZONE 'UTC'" if "TIME ZONE" in kind else "occurred_at::TIMESTAMP"
    else:
        at = (
            f"CASE WHEN isfinite(e) AND abs(e) < 1e14 THEN {epoch} "
            "ELSE try_cast(raw_time AS TIMESTAMPTZ) AT TIME ZONE 'UTC' END"
        )
    ratings = " ".join(f"WHEN '{number}' THEN '{name}'" for number, name in enumerate(RATINGS, start=1))
    return f"""
    WITH raw AS (
      SELECT log_row, occurred_at, {text("occurred_at")} AS raw_time, {text("learner_id")} AS raw_learner,
        {text("objective_id")} AS raw_objective, {text("course_id")} AS course_id, {text("kind")} AS raw_kind,
        {text("rating")} AS raw_rating, {text("score")} AS raw_score, {text("duration_ms")} AS raw_duration,
        {text("card_id")} AS card_id, {text("item_id")} AS item_id, {text("session_id")} AS session_id
      FROM ({reader})
    ),
    typed AS (
      SELECT * EXCLUDE (occurred_at, card_id, item_id), raw_learner AS learner_id, raw_objective AS objective_id,
        {at} AS occurred_at,
        COALESCE(lower(raw_kind), 'validation') AS kind,
        CASE WHEN upper(raw_rating) IN {RATINGS} THEN upper(raw_rating)
          ELSE CASE raw_rating {ratings} END END AS given_rating,
        try_cast(raw_score AS DOUBLE) AS score, try_cast(raw_duration AS DOUBLE) AS duration_ms,
        COALESCE(item_id, card_id, raw_objective) AS item_id
      FROM (SELECT *, try_cast(raw_time AS DOUBLE) AS e FROM raw)
    )
    SELECT * EXCLUDE (given_rating, e),
      CASE WHEN given_rating IS NULL AND raw_rating IS NULL AND kind = 'review' AND score IS NOT NULL
        THEN CASE WHEN score < 0.5 THEN 'AGAIN' ELSE 'GOOD' END ELSE given_rating END AS rating,
      raw_rating IS NULL AND kind = 'review' AS rating_from_score
    FROM typed
    """


def _check(connection: duckdb.DuckDBPyConnection, source: str, path: Path) -> None:
    """Judge every row by every rule in one pass.

    Raises:
        LogError: There is no row, or one that breaks a rule; all broken rules are told.
    """
    counts = ", ".join(
        f"count(*) FILTER ({rule.broken}), arg_min(COALESCE({_RAW[rule.column]}, '(empty)'), log_row, {_EXAMPLES}) "
        f"FILTER ({rule.broken}), min(log_row) FILTER ({rule.broken})"
        for rule in _RULES
    )
    row = connection.execute(f"SELECT count(*), {counts} FROM ({source})").fetchone()
    assert row is not None
    if row[0] == 0:
        raise LogError(f"{path.name} has no rows.")
    told = [
        f"{rule.column}: {count:,} of {row[0]:,} rows break «{rule.rule}» "
        f"(first in row {first:,}; e.g. {', '.join(dict.fromkeys(examples))})"
        for rule, (count, examples, first) in zip(
            _RULES, zip(row[1::3], row[2::3], row[3::3], strict=True), strict=True
        )
        if count
    ]
    if told:
        raise LogError(f"{path.name}: {'; '.join(told)}. Correct these rows, or leave them out.")


def _raw_columns() -> str:
    return ", ".join(["log_row", *_RAW.values()])


def _notes(totals: Mapping[str, Any], several_courses: int) -> list[str]:
    notes = []
    if totals["courses"] == 0:
        notes.append("The log names no courses: all objectives count as one course.")
    if several_courses:
        notes.append(
            f"{several_courses:,} objectives stand in more than one course; each counts to the first of them by name."
        )
    if totals["ratings_from_scores"]:
        notes.append(
            f"{totals['ratings_from_scores']:,} reviews have no rating: AGAIN where the score is below 0.5, else GOOD."
        )
    return notes


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
