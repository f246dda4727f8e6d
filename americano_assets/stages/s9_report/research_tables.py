"""The tables of the researchers' file by day: what is new or was changed is made, the rest stays as it stands.

What each day was made from is kept in the file itself. A new file and one that goes on are made by the same steps: of
a new one every day is missing.
"""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa
from pandera.pandas import DataFrameSchema
from psycopg import sql

from americano_assets.core.study_days.study_day import days_between, study_day_of
from americano_assets.resources.duckdb.connection import connected
from americano_assets.resources.parquet_store.store import Version, hash_values
from americano_assets.resources.postgres.arrow_session import arrow_reading
from americano_assets.stages.common.deployment import Deployment
from americano_assets.stages.common.dictionary.listed_tables import duckdb_types
from americano_assets.stages.common.schemas import FEATURES_TABLE, INTERACTIONS, LOG_TABLES, SCORED_PREDICTIONS
from americano_assets.stages.s1_snapshots.postgres_reader import reading_errors
from americano_assets.stages.s4_predictions.matured import matured
from americano_assets.stages.s9_report.sql import query

SCHEMA = "research"
# What the tables of the file are made from: day files, and what their columns are where there is none yet.
DAY_TABLES: Mapping[str, tuple[str, DataFrameSchema]] = {
    "events": ("behavioral_events", LOG_TABLES["behavioral_events"]),
    "interactions": ("interactions", INTERACTIONS),
    "features": ("features", FEATURES_TABLE),
    "predictions": ("scored_predictions", SCORED_PREDICTIONS),
}
OUTCOMES, PHASES, PARTICIPANTS, MADE_FROM, ABOUT = "outcomes", "experiment_phases", "participants", "made_from", "about"
TABLES = (*DAY_TABLES, OUTCOMES, PHASES)
# Stored rows that are sorted and written together.
ROWS_AT_ONCE = 500_000
_UNFLAGGED = "unflagged_outcomes"
_LEDGER = sql.SQL(
    "SELECT prediction_id, user_id, learning_objective_id, course_id, planned_day, first_flagged_at, refreshed_at, "
    "window_end, probability, threshold, model_version, live, outcome FROM ml.episodes WHERE {condition}"
)
_MATURED = (
    *("prediction_id", "learner_id", "objective_id", "course_id", "planned_day", "predicted_at", "window_end"),
    *("probability", "threshold", "model_version", "struggled"),
)


def made_by() -> str:
    """A key of what the queries say by which the file is made."""
    return hash_values([query(name) for name in (*TABLES, _UNFLAGGED)])


def take_over(old: Path, new: Path, participants: Sequence[str]) -> bool:
    """Begin a new file with what the old one has of those who still take part.

    Where somebody has left, the rest is written anew: a row that is only deleted could be found in the file's bytes.

    Returns:
        False: nothing is taken over, as it was made by other queries, cannot be read, or was changed by somebody.
    """
    if not old.exists():
        return False
    try:
        with connected(str(old), read_only=True) as connection:
            tables = {row[0] for row in connection.execute(f"SHOW TABLES FROM {SCHEMA}").fetchall()}
            if tables != {*TABLES, PARTICIPANTS, MADE_FROM, ABOUT} or not _is_whole(connection):
                return False
            before = {row[0] for row in connection.execute(f"FROM {SCHEMA}.{PARTICIPANTS}").fetchall()}
        if before <= set(participants):
            shutil.copyfile(old, new)
            return True
        with connected(str(new)) as connection:
            connection.register("remaining", pa.table({"learner_id": pa.array(participants, pa.string())}))
            path = str(old).replace("'", "''")
            connection.execute(f"ATTACH '{path}' AS old (READ_ONLY); CREATE SCHEMA {SCHEMA}")
            for name in tables:
                of_learners = "" if name in (MADE_FROM, ABOUT) else " SEMI JOIN remaining USING (learner_id)"
                connection.execute(f"CREATE TABLE {SCHEMA}.{name} AS FROM old.{SCHEMA}.{name}{of_learners}")
        return True
    except duckdb.Error:
        new.unlink(missing_ok=True)
        return False


def _is_whole(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether it was made by today's queries, and has the rows that were written."""
    told = connection.execute(f"SELECT made_by FROM {SCHEMA}.{ABOUT}").fetchall()
    rows = dict(
        connection.execute(
            f"SELECT table_name, sum(row_count)::BIGINT FROM {SCHEMA}.{MADE_FROM} GROUP BY ALL"
        ).fetchall()
    )
    counted = {name: _count(connection, name, "live IS NOT NULL" if name == OUTCOMES else "true") for name in TABLES}
    return told == [(made_by(),)] and all(counted[name] == rows.get(name, 0) for name in (*DAY_TABLES, OUTCOMES))


class ResearchTables:
    """The tables in a file that is being made; nobody reads it yet."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, deployment: Deployment, participants: list[str]) -> None:
        """Make what is missing of the tables, and say who takes part.

        Args:
            connection: To the file.
            deployment: The deployment.
            participants: Whose rows the file holds; rows of nobody else are in it.
        """
        self._connection = connection
        self._deployment = deployment
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
        connection.execute(
            f"CREATE TABLE IF NOT EXISTS {SCHEMA}.{MADE_FROM} "
            "(table_name VARCHAR, day DATE, content VARCHAR, row_count BIGINT)"
        )
        connection.execute(f"CREATE TABLE IF NOT EXISTS {SCHEMA}.{PARTICIPANTS} (learner_id VARCHAR)")
        before = {row[0] for row in connection.execute(f"FROM {SCHEMA}.{PARTICIPANTS}").fetchall()}
        self._everybody = pa.table({"learner_id": pa.array(sorted(participants), pa.string())})
        # Who came back has rows of days that have not changed.
        self._new = pa.table({"learner_id": pa.array(sorted(set(participants) - before), pa.string())})
        self._admit(self._everybody)
        connection.execute(f"CREATE OR REPLACE TABLE {SCHEMA}.{PARTICIPANTS} AS FROM participants")
        self.days: dict[str, dict[date, Version]] = {}
        self.days_made: dict[str, int] = {}
        self._contents: dict[str, dict[date, str]] = {}

    def bring_up_to_date(self) -> dict[str, int]:
        """Make each table what it would be if it were made from nothing; the rows of each."""
        for name in DAY_TABLES:
            self._bring_days(name)
        self._bring_outcomes(max(self.days["interactions"], default=None))
        self._connection.execute(f"CREATE OR REPLACE TABLE {SCHEMA}.{PHASES} AS {query(PHASES)}")
        self._record()
        return {name: finish(self._connection, name) for name in TABLES}

    def _bring_days(self, name: str) -> None:
        source, schema = DAY_TABLES[name]
        store, deployment = self._deployment.store, self._deployment
        today = study_day_of(deployment.now(), deployment.zone)
        versions = store.current_days(source, days_between(deployment.first_day, today))
        self.days[name] = versions
        self._connection.execute(
            f"CREATE OR REPLACE TEMP VIEW {source} AS {_no_rows({'day': 'DATE', **duckdb_types(schema)})}"
        )
        if not versions:
            self._connection.execute(f"CREATE TABLE IF NOT EXISTS {SCHEMA}.{name} AS {query(name)}")
        changed = self._changed(name, {day: version.content for day, version in versions.items()}, "study_day")
        self._insert_days(name, {day: versions[day] for day in changed})
        if len(self._new):
            self._admit(self._new)
            self._insert_days(name, {day: version for day, version in versions.items() if day not in changed})
            self._admit(self._everybody)

    def _insert_days(self, name: str, versions: Mapping[date, Version]) -> None:
        source, _ = DAY_TABLES[name]
        for portion in _portions(versions):
            listed = ", ".join(
                "'" + path.replace("'", "''") + "'" for path in self._deployment.store.paths(source, portion)
            )
            # Nights before a new feature lack its column.
            self._connection.execute(
                f"CREATE OR REPLACE TEMP VIEW {source} AS FROM read_parquet([{listed}], hive_partitioning = true, "
                "hive_types_autocast = true, union_by_name = true)"
            )
            self._connection.execute(f"CREATE TABLE IF NOT EXISTS {SCHEMA}.{name} AS {query(name)} LIMIT 0")
            known = {row[0] for row in self._connection.execute(f"DESCRIBE {SCHEMA}.{name}").fetchall()}
            for column, kind, *_ in self._connection.execute(f"DESCRIBE {query(name)}").fetchall():
                if column not in known:
                    self._connection.execute(f'ALTER TABLE {SCHEMA}.{name} ADD COLUMN "{column}" {kind}')
            self._connection.execute(f"INSERT INTO {SCHEMA}.{name} BY NAME {query(name)}")

    def _bring_outcomes(self, last: date | None) -> None:
        """Those of the ledger by planned day; the others, which are of the last 90 days alone, all of them."""
        connection = self._connection
        with self._ledger(sql.SQL("false")):
            connection.execute(f"CREATE TABLE IF NOT EXISTS {SCHEMA}.{OUTCOMES} AS {query(OUTCOMES)}")
        with self._deployment.connect() as session:
            contents = dict(session.execute(query("ledger_days")).fetchall())
        changed = self._changed(OUTCOMES, contents, "planned_day", " AND live IS NOT NULL")
        judged = sql.SQL("outcome IS NOT NULL AND planned_day = ANY ({})")
        self._insert_judged(judged.format(changed))
        if others := sorted(set(contents).difference(changed)) if len(self._new) else []:
            self._admit(self._new)
            of_new = sql.SQL(" AND user_id = ANY ({})").format(self._new["learner_id"].to_pylist())
            self._insert_judged(judged.format(others) + of_new)
            self._admit(self._everybody)
        connection.execute(f"DELETE FROM {SCHEMA}.{OUTCOMES} WHERE live IS NULL")
        if last is None:
            return
        with self._ledger(sql.SQL("outcome IS NULL")):
            connection.execute("CREATE OR REPLACE TEMP TABLE open_episodes AS SELECT prediction_id FROM episodes")
        for part in matured(self._deployment, last, _MATURED):
            connection.register("matured", part)
            connection.execute(f"INSERT INTO {SCHEMA}.{OUTCOMES} BY NAME {query(_UNFLAGGED)}")
            connection.unregister("matured")

    def _insert_judged(self, condition: sql.Composable) -> None:
        with self._ledger(condition):
            self._connection.execute(f"INSERT INTO {SCHEMA}.{OUTCOMES} BY NAME {query(OUTCOMES)}")

    @contextmanager
    def _ledger(self, condition: sql.Composable) -> Iterator[None]:
        """Have rows of ml.episodes be read once as `episodes`, as they come."""
        url = self._deployment.url
        with reading_errors("ml.episodes", url), arrow_reading(url) as reading, closing(reading.cursor()) as cursor:
            cursor.execute(_LEDGER.format(condition=condition).as_string())
            self._connection.register("episodes", cursor.fetch_record_batch())
            yield
            self._connection.unregister("episodes")

    def _admit(self, learners: pa.Table) -> None:
        self._connection.register("participants", learners)

    def _changed(self, name: str, contents: Mapping[date, str], column: str, further: str = "") -> list[date]:
        """Let go of days that are no more what they were made from; which are to be made, in order."""
        told = self._connection.execute(f"SELECT day, content FROM {SCHEMA}.{MADE_FROM} WHERE table_name = ?", [name])
        before = dict(told.fetchall())
        stale = [day for day, content in before.items() if contents.get(day) != content]
        if stale:
            self._connection.execute(
                f"DELETE FROM {SCHEMA}.{name} WHERE {column} IN (SELECT unnest(?)){further}", [stale]
            )
        self._contents[name] = dict(contents)
        changed = sorted(day for day, content in contents.items() if before.get(day) != content)
        self.days_made[name] = len(changed)
        return changed

    def _record(self) -> None:
        """Keep what each day was made from, and how many rows it has."""
        connection = self._connection
        connection.execute(f"DELETE FROM {SCHEMA}.{MADE_FROM}")
        for name, contents in self._contents.items():
            day, only = ("planned_day", "live IS NOT NULL") if name == OUTCOMES else ("study_day", "true")
            connection.register(
                "contents", pa.table({"day": pa.array([*contents], pa.date32()), "content": [*contents.values()]})
            )
            connection.execute(
                f"INSERT INTO {SCHEMA}.{MADE_FROM} SELECT '{name}', day, content, COALESCE(n, 0) "
                f"FROM contents LEFT JOIN (SELECT {day} AS day, count(*) AS n FROM {SCHEMA}.{name} "
                f"WHERE {only} GROUP BY ALL) USING (day) ORDER BY day"
            )
            connection.unregister("contents")


def finish(connection: duckdb.DuckDBPyConnection, name: str) -> int:
    """Say in the file what a table is; its rows."""
    told = query(name).split("\n", 1)[0].removeprefix("-- ").replace("'", "''")
    connection.execute(f"COMMENT ON TABLE {SCHEMA}.{name} IS '{told}'")
    return _count(connection, name, "true")


def _count(connection: duckdb.DuckDBPyConnection, name: str, condition: str) -> int:
    return int(connection.execute(f"SELECT count(*) FROM {SCHEMA}.{name} WHERE {condition}").fetchall()[0][0])


def _portions(versions: Mapping[date, Version]) -> Iterator[dict[date, Version]]:
    """Days in order, of ROWS_AT_ONCE rows together or one day that has more."""
    portion: dict[date, Version] = {}
    for day, version in sorted(versions.items()):
        if portion and sum(one.rows for one in portion.values()) + version.rows > ROWS_AT_ONCE:
            yield portion
            portion = {}
        portion[day] = version
    if portion:
        yield portion


def _no_rows(columns: Mapping[str, str]) -> str:
    return "SELECT " + ", ".join(f'NULL::{kind} AS "{name}"' for name, kind in columns.items()) + " WHERE false"
