"""What whole study days say, derived once from their interactions and kept: a night need not read the log again."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta

import numpy as np

from americano_assets.core.base.canonical import canonical_sql
from americano_assets.core.study_days.study_day import day_number
from americano_assets.resources.parquet_store.store import QUICK, ParquetStore, Version, digest_of, hash_values
from americano_assets.stages.s2_features.feature_engine import open_feature_engine
from americano_assets.stages.s2_features.query_plan import BLOCKS, DAY_TOTALS, derived_definition
from americano_assets.stages.s2_features.sql import query

# So many interactions at once are brought to days, so that the first night of a long log needs no more memory.
_DERIVED_AT_ONCE = 4_000_000
# Study days of a block, counted from 1970-01-01: few files to read, and few days to sort again after a late row.
_BLOCK_DAYS = 32


def derived_paths(store: ParquetStore, table: str, versions: Mapping[date, Version]) -> list[str]:
    """Files of one of DERIVED_TABLES for study days, made where they are missing.

    Args:
        store: The store.
        table: The table.
        versions: The content of each day's interactions.
    """
    definition = derived_definition(table)
    keys = {day: hash_values(definition, version.content) for day, version in versions.items()}
    kept = {day: store.remembered(table, key) for day, key in keys.items()}
    for part in _parts([day for day, version in kept.items() if version is None], versions):
        with open_feature_engine() as engine:
            engine.view("interactions", store.paths("interactions", {day: versions[day] for day in part}))
            rows = engine.derive(table)
        numbers = rows.column("study_day").to_numpy()
        for day in part:
            first, last = np.searchsorted(numbers, [day_number(day), day_number(day) + 1])
            kept[day] = store.remember(table, keys[day], store.put_whole(table, rows.slice(first, last - first), QUICK))
    return [str(store.whole_path(table, one.content)) for _, one in sorted(kept.items()) if one is not None]


def block_start(day: date) -> date:
    """The first study day of a day's block."""
    return day - timedelta(days=day_number(day) % _BLOCK_DAYS)


def total_paths(store: ParquetStore, versions: Mapping[date, Version]) -> list[str]:
    """Files of DAY_TOTALS for study days, made where they are missing: of blocks that are over, and of later days.

    Args:
        store: The store.
        versions: The content of each day's interactions; of the first block, all.
    """
    last = max(versions)
    blocks: dict[date, dict[date, Version]] = {}
    for day, version in sorted(versions.items()):
        blocks.setdefault(block_start(day), {})[day] = version
    paths: list[str] = []
    for first, days in blocks.items():
        whole = first + timedelta(days=_BLOCK_DAYS - 1) <= last
        paths += [_block_path(store, days)] if whole else derived_paths(store, DAY_TOTALS, days)
    return paths


def _block_path(store: ParquetStore, days: Mapping[date, Version]) -> str:
    key = hash_values(canonical_sql(query(BLOCKS)), derived_definition(DAY_TOTALS), digest_of(dict(days)))
    kept = store.remembered(BLOCKS, key)
    if kept is None:
        with open_feature_engine() as engine:
            engine.view(f"{DAY_TOTALS}_kept", derived_paths(store, DAY_TOTALS, days))
            kept = store.remember(BLOCKS, key, store.put_whole(BLOCKS, engine.run(query(BLOCKS)), QUICK))
    return str(store.whole_path(BLOCKS, kept.content))


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
