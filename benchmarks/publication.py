"""Publication of flagged predictions into the app's tables: the first night of their episodes, and the next.

.venv/bin/python -m benchmarks.publication [--predictions N] [--beside SHARE]
"""

import argparse
import multiprocessing
import os
import resource
import time
from dataclasses import fields
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import psycopg

from americano_assets.core.features.catalog import DATA_QUALITY, FEATURE_NAMES
from americano_assets.core.interventions.choose_interventions import Intervention
from americano_assets.core.interventions.signs import Indicator
from americano_assets.core.models.scorer import Scorer
from americano_assets.core.study_days.cutoff import Cutoff
from americano_assets.core.study_days.study_day import day_number
from americano_assets.resources.postgres.connection import connect
from americano_assets.stages.common.model_files import StoredModel
from americano_assets.stages.s6_publication.episode_ledger import StudyDay
from americano_assets.stages.s6_publication.transaction import (
    INDICATORS,
    PREDICTIONS,
    RECOMMENDATIONS,
    publish_day,
)
from benchmarks.cohort import LAST_DAY, TARGET, ZONE
from benchmarks.database import database, write_curriculum

OBJECTIVES = 300
# What a publication writes, with its keys.
_WRITTEN = {
    PREDICTIONS: ("id",),
    INDICATORS: ("id",),
    RECOMMENDATIONS: ("id",),
    "ml.published": ("table_name", "row_id"),
    "ml.episodes": ("prediction_id",),
    "ml.assignments": ("prediction_id",),
    "ml.intervention_actions": ("intervention_id",),
    "ml.alerts": ("id",),
}
THRESHOLD = 0.4
_FACTORS = '[{"feature": "retention_score", "weight": 0.8, "text": "You forgot half of it"}]'
_ID = "'c' || substr(md5('{kind}' || n), 1, 24)"
_SCORED = """
SELECT {id} AS prediction_id, 'learner-' || n // {objectives} AS learner_id,
  'objective-' || n % {objectives} AS objective_id, 'course-' || n % 6 AS course_id,
  {planned_day}::INTEGER AS planned_day, true AS planned,
  TIMESTAMP '{planned_at}' + to_hours((n % 20)::INTEGER) AS planned_at,
  0.4 + (hash(n, {night}) % 600000) / 1000000 AS probability, (hash(n) % 1000000) / 1000000 AS confidence,
  true AS flagged, false AS cold_start, '{factors}' AS factors, {features}, true AS observed_cognitive_load_indicator
FROM range({predictions}) t(n)
"""
_INDICATORS = """
SELECT {id} AS id, {prediction} AS prediction_id, 'LOW_RETENTION' AS indicator_type, 'MEDIUM' AS severity,
  '{{"value": 0.2}}' AS context FROM range({beside}) t(n)
"""
_INTERVENTIONS = """
SELECT {id} AS id, {prediction} AS prediction_id, 'SPACED_REPETITION_BOOST' AS intervention_type,
  'Review it tomorrow, in three days and in a week.' AS description, 'You forgot half of it.' AS reasoning,
  6::INTEGER AS priority, 6::INTEGER AS base_priority, NULL::VARCHAR AS related_objective_id,
  '{{"type": "SPACED_REPETITION_BOOST"}}' AS actions FROM range({beside}) t(n)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--predictions", type=int, default=1_500_000)
    parser.add_argument("--beside", type=float, default=0.0, help="share with an indicator and an intervention each")
    options = parser.parse_args()
    with database() as (url, _):
        write_curriculum(url, -(-options.predictions // OBJECTIVES), OBJECTIVES)
        for night in range(2):
            with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as alone:  # its peak is its own
                print(alone.apply(measure, (url, options.predictions, options.beside, night)), flush=True)


def measure(url: str, predictions: int, beside: float, night: int) -> str:
    """Publish one night's rows and say what it took."""
    day = LAST_DAY + timedelta(days=night)
    scored, indicators, interventions = _frames(predictions, round(beside * predictions), night)
    model = StoredModel("model", "rule_based", day, "d", TARGET, Scorer(None, 0.3, THRESHOLD))
    study_day = StudyDay(day, Cutoff.closing(day, ZONE, TARGET), model, f"inputs-{night}", "nightly", on_time=True)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    with connect(url) as connection:
        _keep(connection, "before")
        began, clock = _processor(connection), time.perf_counter()
        done = publish_day(connection, study_day, [scored], [indicators], [interventions])
        took, clock = _processor(connection) - began, time.perf_counter() - clock
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        yardstick, bare = ("UPDATE", _updated(connection)) if night else ("COPY", _copied(connection))
    return (
        f"night {night + 1}: {done.inserted:,} inserted, {done.refreshed:,} refreshed, {done.indicators:,} indicators, "
        f"{done.interventions:,} interventions: {clock:.0f} s, {took:.1f} s of the processor, "
        f"{predictions / took:,.0f} predictions/s, peak {peak:.2f} GB ({before:.2f} before); a bare {yardstick} of "
        f"every row that it wrote {bare:.1f} s: {took / bare:.1f} x; load {os.getloadavg()[0]:.1f}"
    )


def _frames(predictions: int, beside: int, night: int) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    names = [*FEATURE_NAMES, DATA_QUALITY]
    features = ", ".join(f"(hash(n, '{name}', {night}) % 1000001) / 1000000 AS {name}" for name in names)
    with duckdb.connect(":memory:") as connection:
        connection.execute("SET enable_progress_bar = false")
        prediction = _ID.format(kind="prediction")
        values = {
            "objectives": OBJECTIVES,
            "planned_day": day_number(LAST_DAY) + 4,
            "planned_at": (LAST_DAY + timedelta(days=5)).isoformat(),
            "night": night,
            "factors": _FACTORS,
            "features": features,
        }
        scored = connection.sql(_SCORED.format(id=prediction, predictions=predictions, **values)).df()
        some = {"beside": beside, "prediction": prediction}
        indicators = connection.sql(_INDICATORS.format(id=_ID.format(kind="indicator"), **some)).df()
        interventions = connection.sql(_INTERVENTIONS.format(id=_ID.format(kind="intervention"), **some)).df()
    assert set(indicators) == {one.name for one in fields(Indicator)}
    assert set(interventions) == {one.name for one in fields(Intervention)}
    return scored, indicators, interventions


def _processor(connection: psycopg.Connection[Any]) -> float:
    """Seconds of the processor that this process and PostgreSQL's for it have taken: others' load is not in them."""
    stat = Path(f"/proc/{connection.info.backend_pid}/stat").read_text().rsplit(")", 1)[1].split()
    return time.process_time() + (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")


def _copied(connection: psycopg.Connection[Any]) -> float:
    """What it takes to COPY every row of the tables that were written into such tables, with indexes and references."""
    took = 0.0
    for table in _WRITTEN:
        with connection.cursor().copy(f"COPY {table} TO STDOUT (FORMAT binary)".encode()) as copy:
            pieces = list(copy)
        _like(connection, table, "bare")
        began = _processor(connection)
        with connection.cursor().copy(f"COPY bare.{_name(table)} FROM STDIN (FORMAT binary)".encode()) as copy:
            for piece in pieces:
                copy.write(piece)
        connection.commit()
        took += _processor(connection) - began
    return took


def _keep(connection: psycopg.Connection[Any], schema: str) -> None:
    """Keep the tables as they are, in a schema of their own."""
    for table in _WRITTEN:
        _like(connection, table, schema)
        connection.execute(f"INSERT INTO {schema}.{_name(table)} SELECT * FROM {table}".encode())
    connection.commit()


def _updated(connection: psycopg.Connection[Any]) -> float:
    """What it takes to bring what was kept to the rows as they are now, those alone that differ."""
    took = 0.0
    for table in _WRITTEN:
        kept, key = f"before.{_name(table)}", _WRITTEN[table]
        columns = [one.name for one in connection.execute(f"SELECT * FROM {table} LIMIT 0".encode()).description or []]
        same = " AND ".join(f'k."{column}" = n."{column}"' for column in key)
        connection.execute(
            f"CREATE TEMPORARY TABLE now AS SELECT n.* FROM {table} n JOIN {kept} k ON {same} "
            "WHERE to_jsonb(n) <> to_jsonb(k)".encode()
        )
        connection.execute("ANALYZE now")
        connection.execute(f"ANALYZE {kept}".encode())
        began = _processor(connection)
        assigned = ", ".join(f'"{column}" = n."{column}"' for column in columns if column not in key)
        connection.execute(f"UPDATE {kept} k SET {assigned} FROM now n WHERE {same}".encode())
        connection.commit()
        took += _processor(connection) - began
        connection.execute("DROP TABLE now")
    return took


def _like(connection: psycopg.Connection[Any], table: str, schema: str) -> None:
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}".encode())
    copy = f"{schema}.{_name(table)}"
    connection.execute(f"DROP TABLE IF EXISTS {copy}; CREATE TABLE {copy} (LIKE {table} INCLUDING ALL)".encode())
    references = connection.execute(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'f' AND conrelid = %s::regclass", [table]
    ).fetchall()
    for (reference,) in references:
        connection.execute(f"ALTER TABLE {copy} ADD {reference}".encode())
    connection.commit()


def _name(table: str) -> str:
    return table.removeprefix("ml.")


if __name__ == "__main__":
    main()
