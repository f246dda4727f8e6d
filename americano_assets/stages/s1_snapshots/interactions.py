"""Builds interactions and session ends of study days from their log snapshots."""

from collections import deque
from collections.abc import Iterator, Sequence
from datetime import date, timedelta

import numpy as np
import pyarrow as pa

from americano_assets.core.base.validation import Checked
from americano_assets.core.study_days.study_day import day_number, days_between
from americano_assets.errors import AmericanoError
from americano_assets.resources.duckdb.connection import open_engine
from americano_assets.resources.duckdb.learner_key import by_learner
from americano_assets.resources.memory import batch_rows
from americano_assets.resources.parquet_store.store import Version
from americano_assets.stages.common.deployment import Deployment
from americano_assets.stages.common.schemas import INTERACTIONS, LOG_TABLES
from americano_assets.stages.s1_snapshots.fast_validation import checked_rows
from americano_assets.stages.s1_snapshots.input_manifest import DAY_TABLES, MEMORY_DAYS, graded_span
from americano_assets.stages.s1_snapshots.sql import query


def build_interactions(deployment: Deployment, days: Sequence[date]) -> tuple[dict[str, dict[date, Version]], Checked]:
    """Build both tables for consecutive study days, in one pass over their snapshots, with a day in memory.

    The days of memory before the first are read too: an interaction that is recorded again counts once.

    Returns:
        The versions by table and day, and what the rules of interactions found.

    Raises:
        AmericanoError: A day has no log snapshot.
    """
    store = deployment.store
    result: dict[str, dict[date, Version]] = {}
    found = Checked(str(INTERACTIONS.name), 0)
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
            rows = engine.batches(query(table), batch_rows(), graded_span(days[0], days[-1]))
            result[table] = {}
            for day, part in _by_day(rows, days):
                if table == INTERACTIONS.name:
                    found += checked_rows(part, INTERACTIONS)
                result[table][day] = store.put_day(table, day, part.to_batches(), part.schema, by_learner)
    return result, found


def _by_day(rows: pa.RecordBatchReader, days: Sequence[date]) -> Iterator[tuple[date, pa.Table]]:
    """The rows of each of `days`, of rows that come sorted by day."""
    held, coming = rows.schema.empty_table(), deque(days)
    for batch in rows:
        held = pa.concat_tables([held, pa.Table.from_batches([batch])])
        # A later day has begun: no more of this one will come.
        while len(held) and coming and day_number(coming[0]) < held["study_day"][-1].as_py():
            part, held = _cut(held, coming[0])
            yield coming.popleft(), part
    for day in coming:
        part, held = _cut(held, day)
        yield day, part


def _cut(rows: pa.Table, day: date) -> tuple[pa.Table, pa.Table]:
    until = int(np.searchsorted(rows["study_day"].to_numpy(), day_number(day), side="right"))
    return rows.slice(0, until), rows.slice(until)
