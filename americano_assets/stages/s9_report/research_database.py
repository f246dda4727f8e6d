"""The researchers' DuckDB file: everything of learners who allow it, rebuilt from Parquet and swapped in whole.

No step reads the file.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
from dagster_duckdb import DuckDBResource

from americano_assets.core.study_days.cutoff import naive
from americano_assets.core.study_days.study_day import cutoff, opening
from americano_assets.resources.duckdb.connection import connected
from americano_assets.resources.memory import duckdb_options
from americano_assets.resources.parquet_store.atomic_files import move_into_place, written_beside
from americano_assets.settings import Settings
from americano_assets.stages.common.deployment import Deployment
from americano_assets.stages.s9_report.research_tables import (
    ABOUT,
    MADE_FROM,
    PARTICIPANTS,
    SCHEMA,
    ResearchTables,
    made_by,
    take_over,
)
from americano_assets.stages.s9_report.sql import query

_TOLD = {
    ABOUT: "When this file was made, and what counts as a struggle.",
    PARTICIPANTS: "Whose rows are in this file, also those who have none.",
    MADE_FROM: "What each day was made from: what is as it was is not made again.",
}


@dataclass(frozen=True)
class Built:
    """The file.

    Attributes:
        path: Where it is.
        rows: By table.
        through: The last study day in it.
        learners: Whose rows are in it.
        anew: Nothing was taken over from the file before.
        days_made: By table the days that were made now.
    """

    path: Path
    rows: dict[str, int]
    through: date | None
    learners: int
    anew: bool
    days_made: dict[str, int]


@dataclass(frozen=True)
class Comparison:
    """Seconds that the same aggregation took on the file and on PostgreSQL, and whether it said the same."""

    duckdb_seconds: float
    postgres_seconds: float
    equal: bool


def research_file(settings: Settings) -> DuckDBResource:
    """Where the file of a deployment is, as Dagster's resource opens it."""
    return DuckDBResource(database=str(settings.analytics_path))


def build_analytics(
    deployment: Deployment, file: DuckDBResource | None = None, *, anew: bool = False, forgotten: str | None = None
) -> Built:
    """Bring the file up to what is current, and swap it in; who has the old one open goes on reading that.

    Learners who may not be analysed, or left analytics, are not in it.

    Args:
        deployment: The deployment.
        file: Where the file is.
        anew: Take nothing over from the old one.
        forgotten: A learner of whom nothing is taken over, also one who goes on taking part.

    Raises:
        StorageError: It could not be written; the old file stays.
    """
    file = file or research_file(deployment.settings)
    # A link stays one: what it leads to is replaced.
    path = Path(file.database).resolve()
    participants = [learner for learner, counts in deployment.analysable().items() if counts]
    with written_beside(path.parent) as temporary:
        known = [learner for learner in participants if learner != forgotten]
        anew = anew or not take_over(path, temporary, known)
        with _connection(file, temporary) as connection:
            tables = ResearchTables(connection, deployment, participants)
            rows = tables.bring_up_to_date()
            through = max((day for found in tables.days.values() for day in found), default=None)
            _tell_about(connection, deployment, through)
        move_into_place(temporary, path)
    return Built(path, rows, through, len(participants), anew, tables.days_made)


def compare_with_postgres(deployment: Deployment, built: Built) -> Comparison:
    """Time events by type, over the same learners and days, on the file and on the app's tables."""
    started = time.perf_counter()
    with connected(str(built.path), read_only=True) as connection:
        here = connection.execute(query("events_by_type")).fetchall()
    duckdb_seconds = time.perf_counter() - started
    last = built.through or deployment.first_day
    window = {
        "start": naive(opening(deployment.first_day, deployment.zone)),
        "end": naive(cutoff(last, deployment.zone)),
    }
    started = time.perf_counter()
    with deployment.connect() as session:
        there = session.execute(query("events_by_type_postgres").encode(), window).fetchall()
    return Comparison(duckdb_seconds, time.perf_counter() - started, here == there)


@contextmanager
def _connection(file: DuckDBResource, path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with file.model_copy(update={"database": str(path)}).get_connection() as connection:
        try:
            connection.execute("SET enable_progress_bar = false")
            for name, value in duckdb_options().items():
                connection.execute(f"SET {name} = '{value}'")
            yield connection
        finally:
            connection.close()  # Puts everything into the one file; the resource does not where the body raises.


def _tell_about(connection: duckdb.DuckDBPyConnection, deployment: Deployment, through: date | None) -> None:
    settings = deployment.settings
    about: dict[str, Any] = {
        "built_at": naive(deployment.now()),
        "through_study_day": through,
        "timezone": settings.americano_timezone,
        "horizon_days": settings.americano_horizon_days,
        "struggle_below": settings.americano_struggle_below,
        "made_by": made_by(),
    }
    connection.execute(
        f"CREATE OR REPLACE TABLE {SCHEMA}.{ABOUT} AS SELECT ?::TIMESTAMP AS built_at, ?::DATE AS through_study_day, "
        "?::VARCHAR AS timezone, ?::INTEGER AS horizon_days, ?::DOUBLE AS struggle_below, ?::VARCHAR AS made_by",
        list(about.values()),
    )
    for name, told in _TOLD.items():
        connection.execute(f"COMMENT ON TABLE {SCHEMA}.{name} IS '{told}'")
