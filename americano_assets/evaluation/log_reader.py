"""Reads an interaction log of anybody's (Parquet or CSV), checks each row, and stages it in the order of study days."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from americano_assets.evaluation.log_columns import KEPT, RAW, conversions, full_score, normal
from americano_assets.evaluation.log_file import LogError, open_file, quoted
from americano_assets.evaluation.sql import query
from americano_assets.resources.memory import memory_bound
from americano_assets.stages.common.schemas import KINDS, RATINGS

_EXAMPLES = 3
_MOST_MEMORY = 2 * 1024**3
UTC_ZONE = "UTC"


@dataclass(frozen=True)
class Reading:
    """How a log is to be read where it does not say so itself.

    Attributes:
        zone: Time zone of times without an offset.
        names: The log's own name of a column of ours, where it differs.
    """

    zone: str = UTC_ZONE
    names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class StagedLog:
    """A log that kept every rule.

    Attributes:
        path: The staged rows (evaluation/sql/staged.sql).
        totals: evaluation/sql/log_totals.sql.
        conversions: What was decided of values that could be read otherwise, a sentence each.
        notes: What was decided where the log left it open.
    """

    path: Path
    totals: dict[str, Any]
    conversions: list[str]
    notes: list[str]


@dataclass(frozen=True)
class Rule:
    """What every row must keep: of a column, in words, and the condition in SQL by which it is broken."""

    column: str
    rule: str
    broken: str


RULES = (
    Rule("learner_id", "not empty", "learner_id IS NULL"),
    Rule("objective_id", "not empty", "objective_id IS NULL"),
    Rule("occurred_at", "ISO 8601, or an epoch in s, ms, µs or ns", "occurred_at IS NULL"),
    Rule(
        "occurred_at",
        "between 1990 and 2100",
        "occurred_at < TIMESTAMP '1990-01-01' OR occurred_at >= TIMESTAMP '2100-01-01'",
    ),
    Rule("kind", "review, validation or empty", f"kind NOT IN {KINDS}"),
    Rule("rating", f"{', '.join(RATINGS)}, 1-{len(RATINGS)} or empty", "rating IS NULL AND raw_rating IS NOT NULL"),
    Rule(
        "score",
        "0 to 1, true or false, or a percentage",
        "NOT COALESCE(score BETWEEN 0 AND 1, kind = 'review' AND raw_score IS NULL)",
    ),
    Rule("score", "given, unless a review has a rating", "raw_score IS NULL AND (kind <> 'review' OR rating IS NULL)"),
    Rule(
        "duration_ms",
        "a number not below 0, or empty",
        "raw_duration IS NOT NULL AND NOT COALESCE(duration_ms >= 0, false)",
    ),
)


@contextmanager
def bounded(connection: duckdb.DuckDBPyConnection, folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection in UTC that spills to `folder` before it takes more than half of what this process may, or 2 GB."""
    limit = min(_MOST_MEMORY, memory_bound() // 2)
    connection.execute(f"SET memory_limit = '{limit // 1024**2}MiB'")
    connection.execute(f"SET temp_directory = {quoted(folder)}")
    connection.execute("SET TimeZone = 'UTC'")
    yield connection


def stage_log(connection: duckdb.DuckDBPyConnection, path: Path, folder: Path, reading: Reading) -> StagedLog:
    """Check a log and write it in the order of study days.

    Args:
        connection: With `calendar` (resources/duckdb/connection.py), in UTC.
        path: The log.
        folder: Where to write.
        reading: What the log does not say itself.

    Raises:
        LogError: It cannot be read, lacks a column, is empty, or a row breaks a rule.
    """
    try:
        file = open_file(connection, path, folder, reading.names)
        connection.execute(f"SET TimeZone = '{reading.zone}'")
        scores = connection.execute(
            "SELECT max(score_number), count(*) FILTER (score_number > 1), count(*) FILTER (score_number > 0) "
            f"FROM ({normal(file)}) WHERE NOT percent_sign"
        ).fetchall()
        full = full_score(*scores[0])
        source = normal(file, full)
        rows, told = check_rows(connection, source, path, conversions(reading.zone, full))
        equal = _keep(connection, source, folder / "normal.parquet", rows)
    except duckdb.Error as error:
        raise damaged(path, error) from None
    finally:
        connection.execute(f"SET TimeZone = '{UTC_ZONE}'")
    [totals] = connection.sql(query("log_totals")).to_arrow_table().to_pylist()
    [(several,)] = connection.execute(query("several_courses")).fetchall()
    staged = folder / "staged.parquet"
    connection.execute(f"COPY ({query('staged')}) TO {quoted(staged)} (ROW_GROUP_SIZE 122880)")
    (folder / "normal.parquet").unlink()
    return StagedLog(staged, totals, [*file.told, *told, *equal], _notes(totals, several))


def _keep(connection: duckdb.DuckDBPyConnection, source: str, path: Path, rows: int) -> list[str]:
    """Write the rows, equal ones once, as `normal`; say how many said the same as another.

    Where all times are whole days nothing tells a second answer from a second record of one: then all are kept.
    """
    kept = f"{', '.join(KEPT)} FROM ({source})"
    connection.execute(f"COPY (SELECT DISTINCT {kept}) TO {quoted(path)}")
    connection.execute(f"CREATE OR REPLACE TEMP VIEW normal AS FROM read_parquet({quoted(path)})")
    [(different, hours)] = connection.execute(
        "SELECT count(*), bool_or((occurred_at AT TIME ZONE 'UTC')::TIMESTAMP::TIME <> '00:00'::TIME) FROM normal"
    ).fetchall()
    if different == rows:
        return []
    told = f"{rows - different:,} of {rows:,} rows say the same as another in every column that is read: "
    if hours:
        return [f"{told}they are taken for a second record of it, and left out."]
    connection.execute(f"COPY (SELECT {kept}) TO {quoted(path)}")
    return [f"{told}they count, since times are whole days, and may be answers of their own."]


def check_rows(
    connection: duckdb.DuckDBPyConnection,
    source: str,
    path: Path,
    told_of: Mapping[str, str],
    rules: Sequence[Rule] = RULES,
) -> tuple[int, list[str]]:
    """Judge every row by every rule in one pass, and count what is converted.

    Args:
        connection: Where the file was opened.
        source: The query of `normal`.
        path: The file, for messages.
        told_of: Of `conversions`.
        rules: The rules.

    Returns:
        How many rows there are, and a sentence for each conversion that was made.

    Raises:
        LogError: There is no row, or one that breaks a rule; all broken rules are told.
    """
    counts = ", ".join(
        f"count(*) FILTER ({rule.broken}), arg_min(COALESCE({RAW[rule.column]}, '(empty)'), log_row, {_EXAMPLES}) "
        f"FILTER ({rule.broken}), min(log_row) FILTER ({rule.broken})"
        for rule in rules
    )
    converted = ", ".join(f"count(*) FILTER ({done})" for done in told_of)
    row = connection.execute(f"SELECT count(*), {converted}, {counts} FROM ({source})").fetchone()
    assert row is not None
    total, numbers, broken = row[0], row[1 : 1 + len(told_of)], row[1 + len(told_of) :]
    if total == 0:
        raise LogError(f"{path.name} has no rows.")
    told = [
        f"{rule.column}: {count:,} of {total:,} rows break «{rule.rule}» "
        f"(first in row {first:,}; e.g. {', '.join(dict.fromkeys(examples))})"
        for rule, (count, examples, first) in zip(
            rules, zip(broken[::3], broken[1::3], broken[2::3], strict=True), strict=True
        )
        if count
    ]
    if told:
        raise LogError(f"{path.name}: {'; '.join(told)}. Correct these rows, or leave them out.")
    return total, [told.format(n=n) for told, n in zip(told_of.values(), numbers, strict=True) if n]


def _notes(totals: Mapping[str, Any], several_courses: int) -> list[str]:
    notes = []
    if totals["courses"] == 0:
        notes.append("The log names no courses: all objectives count as one course.")
    if several_courses:
        notes.append(
            f"{several_courses:,} objectives stand in more than one course; each counts to the first of them by name."
        )
    return notes


def damaged(path: Path, error: Exception) -> LogError:
    """The error of a file that DuckDB cannot read."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return LogError(f"{path.name} cannot be read: {lines[0] if lines else type(error).__name__}")
