"""Puts the study days of the log into another number of buckets of learners.

A day's contents are written first, and one pointer switches all of them. What a night recorded of its inputs goes on
naming what it read, so its rerun gives the same bytes; results of past cut-offs are computed anew by the next night.
"""

from collections.abc import Iterable

from americano_assets.resources.duckdb.connection import open_engine
from americano_assets.resources.duckdb.learner_key import by_learner
from americano_assets.resources.home.alone import working_alone
from americano_assets.resources.memory import batch_rows
from americano_assets.resources.parquet_store.names import parts_of
from americano_assets.resources.parquet_store.store import ParquetStore
from americano_assets.stages.common.deployment import Deployment
from americano_assets.stages.common.schemas import LOG_TABLES
from americano_assets.stages.maintenance.sql import query
from americano_assets.stages.s1_snapshots.input_manifest import DAY_TABLES


def rebucket(deployment: Deployment, buckets: int) -> int:
    """Have every stored day in so many buckets; a second call finishes what a killed one began.

    Args:
        deployment: The deployment; no run of it may be in progress.
        buckets: How many.

    Returns:
        How many days of tables were written anew.

    Raises:
        AmericanoError: A file is missing or cut off, or `forget` or `prune` is at work here.
    """
    with working_alone(deployment.settings):
        by_id, by_key = (_rebucket(deployment.store, *one, buckets) for one in _SORTED_BY)
    return by_id + by_key


# As the queries of extraction and grading sort a day.
_SORTED_BY: tuple[tuple[Iterable[str], str], ...] = ((LOG_TABLES, "learner_id"), (DAY_TABLES, "learner_key"))


def _rebucket(store: ParquetStore, tables: Iterable[str], learner: str, buckets: int) -> int:
    moved = 0
    for table in tables:
        for day, version in store.current_days(table, store.days(table)).items():
            if len(parts_of(version.content)) == buckets:
                continue
            with open_engine() as engine:
                paths = store.paths(table, {day: version})
                rows = engine.batches(query("rebucketed").format(learner=learner), batch_rows(), {"paths": paths})
                store.put_day(table, day, rows, rows.schema, by_learner, buckets)
            moved += 1
    return moved
