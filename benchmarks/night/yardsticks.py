"""What the same rows cost by the plainest means, right after a night: what its stages' seconds are measured against.

Of files: DuckDB's scan of all that a stage asked for, and its COPY of all that the stage stored. Of PostgreSQL: COPY of
the app's rows to nowhere where the log or the state is read; COPY of as many rows as were inserted into a table with
the same indexes, and a plain UPDATE ... FROM of as many as were updated, where a stage writes.
"""

import os
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import psycopg

from americano_assets.core.models.linear import input_values
from americano_assets.core.models.log_odds import BlendModel
from americano_assets.core.models.trees import TreeModel
from americano_assets.core.study_days.cutoff import naive
from americano_assets.core.study_days.study_day import cutoff, opening
from americano_assets.stages.common.model_files import ModelStore, model_of_day
from americano_assets.stages.common.schemas import LOG_TABLES
from americano_assets.stages.s1_snapshots.assets import STATE_SOURCES
from americano_assets.stages.s1_snapshots.snapshots import refreshed_days
from benchmarks.cohort import ZONE
from benchmarks.night.home import DeploymentOf, app_session
from benchmarks.night.one_night import Step

_STAMPS = {
    "reviews": "reviewedAt",
    "validation_responses": "respondedAt",
    "study_sessions": "completedAt",
    "behavioral_events": "timestamp",
}
_NOWHERE = "COPY ({}) TO STDOUT (FORMAT binary)"
# So many rows of a table, and reasons, are measured at most; more are told from them.
_LARGEST, _EXPLAINED = 500_000, 5_000


@dataclass(frozen=True)
class Scoring:
    """Of a night's candidates: how many are flagged, and seconds.

    Attributes:
        flagged: Rows.
        predicted: scikit-learn's own answer of the trees that score, for every candidate.
        reasons: Reasons of every flagged row, from those of some thousand.
        contributions: What the model itself gives of them.
    """

    flagged: int
    predicted: float
    reasons: float
    contributions: float


@dataclass(frozen=True)
class Yardstick:
    """Seconds of the plainest means, by step."""

    seconds: dict[str, float]
    scoring: Scoring


def measured(home: DeploymentOf, day: date, steps: Sequence[Step], spare: Path) -> Yardstick:
    """The yardsticks of a night's steps."""
    seconds: dict[str, float] = defaultdict(float)
    with duckdb.connect(":memory:") as files, app_session(home.settings.americano_home) as app:
        files.execute("SET enable_progress_bar = false")
        for step in steps:
            seconds[step.name] += _of_files(files, step, spare)
            for table, (inserted, updated, _) in step.written.items():
                seconds[step.name] += _of_table(app, table, inserted, updated)
        for name in {step.name for step in steps}:
            seconds[name] += _reading(app, name, day, home.settings.americano_start_day)
    return Yardstick(dict(seconds), _scoring(home, day))


def _of_files(files: duckdb.DuckDBPyConnection, step: Step, spare: Path) -> float:
    took = 0.0
    for listed, text in (
        (step.read, "SELECT bit_xor(hash(COLUMNS(*))) FROM {}"),
        (step.stored, f"COPY (FROM {{}}) TO '{spare}' (FORMAT parquet, COMPRESSION zstd)"),
    ):
        by_table: dict[str, list[str]] = defaultdict(list)
        for path in filter(os.path.exists, listed):
            by_table[_table_of(Path(path))].append(path)
        for paths in by_table.values():
            text_of = text.format(f"read_parquet({paths!r}, union_by_name = true, hive_partitioning = false)")
            took += _seconds(partial(lambda query: files.execute(query).fetchall(), text_of))
            spare.unlink(missing_ok=True)
    return took


def _table_of(path: Path) -> str:
    folder = path.parent
    return str(folder.parent if folder.name.startswith("day=") else folder)


def _of_table(app: psycopg.Connection[Any], table: str, inserted: int, updated: int) -> float:
    """Seconds of COPY and of UPDATE ... FROM of so many of the table's newest rows."""
    took = 0.0
    if inserted:
        took += _scaled(inserted, lambda rows: _copied(app, table, rows))
    if updated:
        took += _scaled(updated, lambda rows: _updated(app, table, rows))
    return took


def _scaled(rows: int, work: Callable[[int], float]) -> float:
    some = min(rows, _LARGEST)
    return work(some) * rows / some


def _copied(app: psycopg.Connection[Any], table: str, rows: int) -> float:
    some = f"SELECT * FROM {table} ORDER BY ctid DESC LIMIT {rows}"
    with app.cursor().copy(_NOWHERE.format(some).encode()) as copy:
        pieces = [bytes(piece) for piece in copy]
    app.execute(f"CREATE TABLE bare (LIKE {table} INCLUDING ALL)".encode())
    try:
        began = time.perf_counter()
        with app.cursor().copy(f"COPY bare ({_columns(app, table)}) FROM STDIN (FORMAT binary)".encode()) as copy:
            for piece in pieces:
                copy.write(piece)
        return time.perf_counter() - began
    finally:
        app.execute("DROP TABLE bare")


def _updated(app: psycopg.Connection[Any], table: str, rows: int) -> float:
    """All columns but the key's, of rows that stand in a table with the same indexes."""
    names = _columns(app, table)
    key = app.execute(
        "SELECT array_agg(quote_ident(a.attname)) FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid "
        "AND a.attnum = ANY (i.indkey) WHERE i.indrelid = %s::regclass AND i.indisprimary",
        [table],
    ).fetchone()
    keys = list(key[0]) if key and key[0] else []
    changed = [name for name in names.split(", ") if name not in keys]
    same = " AND ".join(f"t.{name} = s.{name}" for name in keys)
    if not keys or not changed:
        return 0.0
    app.execute(f"CREATE TABLE bare (LIKE {table} INCLUDING ALL)".encode())
    try:
        app.execute(
            f"INSERT INTO bare ({names}) OVERRIDING SYSTEM VALUE SELECT {names} FROM {table} "
            f"ORDER BY ctid DESC LIMIT {rows}".encode()
        )
        app.execute("CREATE TEMPORARY TABLE same AS SELECT * FROM bare")
        app.execute("ANALYZE bare, same")
        began = time.perf_counter()
        listed = ", ".join(f"{name} = s.{name}" for name in changed)
        app.execute(f"UPDATE bare t SET {listed} FROM same s WHERE {same}".encode())
        return time.perf_counter() - began
    finally:
        app.execute("DROP TABLE IF EXISTS same, bare")


def _columns(app: psycopg.Connection[Any], table: str) -> str:
    found = app.execute(
        "SELECT quote_ident(attname) FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 "
        "AND NOT attisdropped ORDER BY attnum",
        [table],
    ).fetchall()
    return ", ".join(row[0] for row in found)


def _reading(app: psycopg.Connection[Any], step: str, day: date, first: date) -> float:
    """Seconds of COPY to nowhere of the app's rows that a step reads."""
    if step in ("log_snapshots", "night_log"):
        nights = refreshed_days(day, first)
        start, end = (first, nights[0] - timedelta(days=1)) if step == "log_snapshots" else (nights[0], day)
        within = f"BETWEEN '{naive(opening(start, ZONE))}' AND '{naive(cutoff(end, ZONE))}'"
        texts = [f'SELECT * FROM {name} WHERE "{_STAMPS[name]}" {within}' for name in LOG_TABLES]
    elif step == "state_snapshots":
        texts = [f"SELECT * FROM {name}" for name in STATE_SOURCES]
    else:
        return 0.0
    began = time.perf_counter()
    for text in texts:
        with app.cursor().copy(_NOWHERE.format(text).encode()) as copy:
            for _ in copy:
                pass
    return time.perf_counter() - began


def _scoring(home: DeploymentOf, day: date) -> Scoring:
    """What scikit-learn, and the model alone, take for a night's candidates, and how many are flagged."""
    scorer = model_of_day(home.store, ModelStore(home.settings.models_root), day).scorer
    version = home.store.current("scored_predictions", day)
    if version is None or scorer.model is None:
        return Scoring(0, 0.0, 0.0, 0.0)
    with duckdb.connect(":memory:") as connection:
        path = home.store.day_path("scored_predictions", day, version)
        scored = f"read_parquet('{path}')"
        flagged = int(connection.sql(f"SELECT count(*) FROM {scored} WHERE flagged").fetchall()[0][0])
        told = connection.sql(f"FROM {scored} WHERE flagged LIMIT {_EXPLAINED}").df()
        listed = ", ".join(scorer.model.inputs)
        values = input_values(connection.sql(f"SELECT {listed} FROM {scored}").df(), scorer.model.inputs)
    parts = scorer.model.parts if isinstance(scorer.model, BlendModel) else (scorer.model,)
    trees = [part.classifier for part in parts if isinstance(part, TreeModel)]
    share = flagged / max(len(told), 1)
    scorer.factors(told.head(10))  # Loads what explains.
    model = scorer.model
    return Scoring(
        flagged,
        _seconds(lambda: [one.predict_proba(values) for one in trees]),
        share * _seconds(lambda: scorer.factors(told)),
        share * _seconds(lambda: model.contributions(told)),
    )


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
