"""What whole study days say, derived once from their interactions and kept: a night need not read the log again."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path

import numpy as np

from americano_assets.core.study_days.study_day import day_number
from americano_assets.resources.parquet_store.row_writer import QUICK
from americano_assets.resources.parquet_store.store import ParquetStore, Version, hash_values
from americano_assets.stages.s2_features.feature_engine import open_feature_engine
from americano_assets.stages.s2_features.query_plan import derived_definition

# So many interactions at once are brought to days, so that the first night of a long log needs no more memory.
_DERIVED_AT_ONCE = 4_000_000


def derived_paths(store: ParquetStore, table: str, versions: Mapping[date, Version]) -> list[Path]:
    """Files of one of DERIVED_TABLES for study days, made where they are missing.

    Args:
        store: The store.
        table: The table.
        versions: The content of each day's interactions.
    """
    definition = derived_definition(table)
    keys = {day: hash_values(definition, version.content) for day, version in versions.items()}
    kept = store.remembered_all(table, keys)
    for part in _parts(keys.keys() - kept, versions):
        with open_feature_engine() as engine:
            engine.view("interactions", store.paths("interactions", {day: versions[day] for day in part}))
            rows = engine.derive(table)
        numbers = rows.column("study_day").to_numpy()
        for day in part:
            first, last = np.searchsorted(numbers, [day_number(day), day_number(day) + 1])
            kept[day] = store.remember(table, keys[day], store.put_whole(table, rows.slice(first, last - first), QUICK))
    return store.whole_paths(table, [one for _, one in sorted(kept.items())])


def _parts(days: Iterable[date], versions: Mapping[date, Version]) -> Iterator[list[date]]:
    """Days in order, cut where their interactions get too many to be taken at once."""
    part: list[date] = []
    rows = 0
    for day in sorted(days):
        if part and rows + versions[day].rows > _DERIVED_AT_ONCE:
            yield part
            part, rows = [], 0
        part.append(day)
        rows += versions[day].rows
    if part:
        yield part
