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
import pandas as pd
import pyarrow as pa
from dagster_duckdb import DuckDBResource
from pandera.pandas import DataFrameSchema

from americano_assets.core.study_days.cutoff import naive
from americano_assets.core.study_days.study_day import cutoff, days_between, opening, study_day_of
from americano_assets.resources.duckdb.connection import connected
from americano_assets.resources.memory import duckdb_options
from americano_assets.resources.parquet_store.atomic_files import move_into_place, written_beside
from americano_assets.settings import Settings
from americano_assets.stages.common.deployment import Deployment
from americano_assets.stages.common.dictionary.listed_tables import duckdb_types
from americano_assets.stages.common.schemas import FEATURES_TABLE, INTERACTIONS, LOG_TABLES, SCORED_PREDICTIONS
from americano_assets.stages.s4_predictions.matured import matured
from americano_assets.stages.s9_report.sql import query

SCHEMA = "research"
# What the tables of the file are made from: day files, and what their columns are where there is none yet.
_SOURCES: dict[str, DataFrameSchema] = {
    "behavioral_events": LOG_TABLES["behavioral_events"],
    "interactions": INTERACTIONS,
    "features": FEATURES_TABLE,
    "scored_predictions": SCORED_PREDICTIONS,
}
TABLES = ("events", "interactions", "features", "predictions", "outcomes", "experiment_phases")
_NO_TYPE = "VARCHAR"
_NO_MATURED = {
    **dict.fromkeys(("prediction_id", "learner_id", "objective_id", "course_id", "model_version"), _NO_TYPE),
    "planned_day": "INTEGER",
    "predicted_at": "TIMESTAMP",
    "window_end": "TIMESTAMP",
    "probability": "DOUBLE",
    "threshold": "DOUBLE",
    "struggled": "BOOLEAN",
}


@dataclass(frozen=True)
class Built:
    """The file, its rows by table, the last study day in it, and whose rows are in it."""

    path: Path
    rows: dict[str, int]
    through: date | None
    learners: int


@dataclass(frozen=True)
class Comparison:
    """Seconds that the same aggregation took on the file and on PostgreSQL, and whether it said the same."""

    duckdb_seconds: float
    postgres_seconds: float
    equal: bool


def research_file(settings: Settings) -> DuckDBResource:
    """Where the file of a deployment is, as Dagster's resource opens it."""
    return DuckDBResource(database=str(settings.analytics_path))


def build_analytics(deployment: Deployment, file: DuckDBResource | None = None) -> Built:
    """Rebuild the file from what is current, and swap it in; who has the old one open goes on reading that.

    Learners who may not be analysed, or left analytics, are not in it.

    Raises:
        StorageError: It could not be written; the old file stays.
    """
    file = file or research_file(deployment.settings)
    # A link stays one: what it leads to is replaced.
    path = Path(file.database).resolve()
    participants = [learner for learner, counts in deployment.analysable().items() if counts]
    with written_beside(path.parent) as temporary:
        with _connection(file, temporary) as connection:
            connection.register("participants", pa.table({"learner_id": pa.array(participants, pa.string())}))
            days = {name: _view(connection, deployment, name) for name in _SOURCES}
            through = max((day for found in days.values() for day in found), default=None)
            _view_outcomes(connection, deployment, max(days["interactions"], default=None))
            connection.execute(f"CREATE SCHEMA {SCHEMA}")
            rows = {name: _make(connection, name) for name in TABLES}
            _tell_about(connection, deployment, through)
        move_into_place(temporary, path)
    return Built(path, rows, through, len(participants))


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


def _view(connection: duckdb.DuckDBPyConnection, deployment: Deployment, name: str) -> list[date]:
    today = study_day_of(deployment.now(), deployment.zone)
    versions = deployment.store.current_days(name, days_between(deployment.first_day, today))
    if versions:
        listed = ", ".join("'" + path.replace("'", "''") + "'" for path in deployment.store.paths(name, versions))
        # Nights before a new feature lack its column.
        text = (
            f"FROM read_parquet([{listed}], hive_partitioning = true, hive_types_autocast = true, union_by_name = true)"
        )
    else:
        text = _no_rows({"day": "DATE", **duckdb_types(_SOURCES[name])})
    connection.execute(f"CREATE TEMP VIEW {name} AS {text}")
    return sorted(versions)


def _view_outcomes(connection: duckdb.DuckDBPyConnection, deployment: Deployment, last: date | None) -> None:
    with deployment.connect() as session:
        episodes = session.execute("SELECT * FROM ml.episodes")
        columns = [column.name for column in episodes.description or ()]
        rows = pd.DataFrame(episodes.fetchall(), columns=columns)
    types = {"planned_day": "DATE", "first_flagged_at": "TIMESTAMP", "refreshed_at": "TIMESTAMP"}
    types |= {"window_end": "TIMESTAMP", "outcome_at": "TIMESTAMP", "live": "BOOLEAN"}
    types |= dict.fromkeys(("first_probability", "probability", "threshold"), "DOUBLE")
    connection.register("ledger", pa.table({name: pa.array(rows[name].tolist(), from_pandas=True) for name in columns}))
    casts = ", ".join(f'"{name}"::{types.get(name, _NO_TYPE)} AS "{name}"' for name in columns)
    connection.execute(f"CREATE TEMP VIEW episodes AS SELECT {casts} FROM ledger")
    connection.execute(f"CREATE TEMP TABLE matured AS {_no_rows(_NO_MATURED)}")
    for part in matured(deployment, last, list(_NO_MATURED)) if last else ():
        connection.register("part", part)
        connection.execute("INSERT INTO matured BY NAME FROM part")
        connection.unregister("part")


def _make(connection: duckdb.DuckDBPyConnection, name: str) -> int:
    text = query(name)
    connection.execute(f"CREATE TABLE {SCHEMA}.{name} AS {text}")
    told = text.split("\n", 1)[0].removeprefix("-- ").replace("'", "''")
    connection.execute(f"COMMENT ON TABLE {SCHEMA}.{name} IS '{told}'")
    return int(connection.execute(f"SELECT count(*) FROM {SCHEMA}.{name}").fetchall()[0][0])


def _tell_about(connection: duckdb.DuckDBPyConnection, deployment: Deployment, through: date | None) -> None:
    settings = deployment.settings
    about: dict[str, Any] = {
        "built_at": naive(deployment.now()),
        "through_study_day": through,
        "timezone": settings.americano_timezone,
        "horizon_days": settings.americano_horizon_days,
        "struggle_below": settings.americano_struggle_below,
    }
    connection.execute(
        f"CREATE TABLE {SCHEMA}.about AS SELECT ?::TIMESTAMP AS built_at, ?::DATE AS through_study_day, "
        "?::VARCHAR AS timezone, ?::INTEGER AS horizon_days, ?::DOUBLE AS struggle_below",
        list(about.values()),
    )
    connection.execute(f"COMMENT ON TABLE {SCHEMA}.about IS 'When this file was built, and what counts as a struggle.'")


def _no_rows(columns: dict[str, str]) -> str:
    return "SELECT " + ", ".join(f'NULL::{kind} AS "{name}"' for name, kind in columns.items()) + " WHERE false"
