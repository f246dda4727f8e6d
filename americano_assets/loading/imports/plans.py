"""Reads a file of plans: who was to know which objective by which day."""

from dataclasses import replace
from pathlib import Path

import duckdb
import pyarrow as pa

from americano_assets.evaluation.log_columns import conversions, normal
from americano_assets.evaluation.log_file import LogError, LogFile, Shape, open_file
from americano_assets.evaluation.log_reader import UTC_ZONE, Reading, Rule, check_rows, damaged

SHAPE = Shape(("learner_id", "objective_id", "due_on"), (), "due_on")
_TIME = "occurred_at"
_EXAMPLES = 3
_RULES = (
    Rule("learner_id", "not empty", "learner_id IS NULL"),
    Rule("objective_id", "not empty", "objective_id IS NULL"),
    Rule("due_on", "a date, ISO 8601, or an epoch in s, ms, µs or ns", f"{_TIME} IS NULL"),
    Rule("due_on", "between 1990 and 2100", f"year({_TIME}) NOT BETWEEN 1990 AND 2099"),
)


def read_plans(
    connection: duckdb.DuckDBPyConnection, path: Path, folder: Path, reading: Reading, zone: str
) -> list[str]:
    """Check a file of plans and make `plans` (learner_id, objective_id, due_on) of it.

    Args:
        connection: Where to.
        path: Parquet or CSV, as a log.
        folder: Where to keep what was parsed.
        reading: What it does not say itself.
        zone: Whose days they are.

    Returns:
        How values were read, in sentences.

    Raises:
        LogError: It cannot be read, lacks a column, is empty, or a row breaks a rule.
    """
    try:
        file = _open(connection, path, folder, reading)
        connection.execute(f"SET TimeZone = '{reading.zone}'")
        as_times = replace(
            file,
            columns={_TIME if ours == SHAPE.time else ours: theirs for ours, theirs in file.columns.items()},
            types={_TIME if ours == SHAPE.time else ours: kind for ours, kind in file.types.items()},
        )
        source = normal(as_times)
        _, told = check_rows(connection, source, path, conversions(reading.zone, 1), _RULES)
        connection.execute(
            "CREATE OR REPLACE TEMP TABLE plans AS SELECT DISTINCT learner_id, objective_id,"
            f" CASE WHEN no_offset THEN timezone('{reading.zone}', timezone('UTC', {_TIME}))"
            f" ELSE timezone('{zone}', timezone('UTC', {_TIME})) END::DATE AS due_on FROM ({source})"
        )
    except duckdb.Error as error:
        raise damaged(path, error) from None
    finally:
        connection.execute(f"SET TimeZone = '{UTC_ZONE}'")
    return [*file.told, *(sentence.replace(_TIME, SHAPE.time) for sentence in told)]


def _open(connection: duckdb.DuckDBPyConnection, path: Path, folder: Path, reading: Reading) -> LogFile:
    """The file, whose columns have the log's names or ours."""
    names = {ours: theirs for ours, theirs in reading.names.items() if ours in SHAPE.required}
    try:
        return open_file(connection, path, folder, names, SHAPE)
    except LogError:
        if not names:
            raise
        return open_file(connection, path, folder, {}, SHAPE)


def keep_known(connection: duckdb.DuckDBPyConnection, learners: pa.Table, path: Path) -> dict[str, int]:
    """Make `planned` of the plans whose learner and objective are there; say how many were left out, and why.

    Args:
        connection: With `plans` and `places`.
        learners: The learners (learner_id) that are there.
        path: The file, for messages.

    Raises:
        LogError: None is left.
    """
    connection.register("learners_there", learners)
    left_out: dict[str, int] = {}
    for what, known in (("learner_id", "learners_there"), ("objective_id", "places")):
        row = connection.execute(
            f"SELECT count(*), list_sort(list(DISTINCT {what}))[:{_EXAMPLES}]"
            f" FROM (FROM plans WHERE {what} NOT IN (SELECT {what} FROM {known}))"
        ).fetchone()
        assert row is not None
        if row[0]:
            whose = "learners" if what == "learner_id" else "objectives"
            left_out[f"plans for {whose} that no imported log names ({', '.join(row[1])})"] = row[0]
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE planned AS SELECT *, 0 AS cards FROM plans"
        " WHERE learner_id IN (SELECT learner_id FROM learners_there)"
        " AND objective_id IN (SELECT objective_id FROM places)"
    )
    if connection.execute("SELECT count(*) FROM planned").fetchone() == (0,):
        why = "; ".join(f"{n:,} {what}" for what, n in left_out.items())
        raise LogError(f"{path.name}: no plan is left: {why}. Names must be those of the log. Nothing was loaded.")
    return left_out
