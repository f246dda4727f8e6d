"""Builds interactions and session ends of study days from their log snapshots."""

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import pyarrow as pa

from americano_assets.core.base.validation import Checked
from americano_assets.core.study_days.study_day import day_number, days_between
from americano_assets.errors import AmericanoError
from americano_assets.resources.duckdb.connection import open_engine
from americano_assets.resources.parquet_store.store import Version
from americano_assets.stages.common.deployment import Deployment
from americano_assets.stages.common.schemas import INTERACTIONS, LOG_TABLES
from americano_assets.stages.s1_snapshots.fast_validation import checked_rows
from americano_assets.stages.s1_snapshots.input_manifest import DAY_TABLES, MEMORY_DAYS, graded_span
from americano_assets.stages.s1_snapshots.sql import query


def build_interactions(deployment: Deployment, days: Sequence[date]) -> tuple[dict[str, dict[date, Version]], Checked]:
    """Build both tables for consecutive study days, in one pass over their snapshots.

    The days of memory before the first are read too: an interaction that is recorded again counts once.

    Returns:
        The versions by table and day, and what the rules of interactions found.

    Raises:
        AmericanoError: A day has no log snapshot.
    """
    store = deployment.store
    result: dict[str, dict[date, Version]] = {}
    with open_engine() as engine:
        engine.calendar(days[-1], deployment.zone)
        for table in LOG_TABLES:
            current = store.current_days(table, days_between(days[0] - timedelta(days=MEMORY_DAYS), days[-1]))
            missing = [day for day in days if day not in current]
            if missing:
                raise AmericanoError(
                    f"{table}: {len(missing)} study days have no snapshot, the first is {missing[0]}. "
                    "Materialize log_snapshots for them first."
                )
            engine.view(table, store.paths(table, current))
        for table in DAY_TABLES:
            rows = engine.run(query(table), graded_span(days[0], days[-1]))
            if table == INTERACTIONS.name:
                found = checked_rows(rows, INTERACTIONS)
            result[table] = {
                day: store.put_day(table, day, part.to_batches(), rows.schema) for day, part in _by_day(rows, days)
            }
    return result, found


def _by_day(rows: pa.Table, days: Sequence[date]) -> list[tuple[date, pa.Table]]:
    numbers = rows.column("study_day").to_numpy()
    bounds = np.searchsorted(numbers, [day_number(day) for day in days] + [day_number(days[-1]) + 1])
    return [
        (day, rows.slice(first, last - first)) for day, first, last in zip(days, bounds[:-1], bounds[1:], strict=True)
    ]
