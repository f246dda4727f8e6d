"""How the label windows before a cut-off ended for each learner's objectives, worked out once and kept.

Nights that lie H days apart look back on the same windows but one.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from americano_assets.core.study_days.cutoff import LOOK_BACK_DAYS, Cutoff
from americano_assets.core.study_days.study_day import day_number
from americano_assets.resources.parquet_store.row_writer import QUICK
from americano_assets.resources.parquet_store.store import ParquetStore, Version, digest_of, hash_values
from americano_assets.stages.s2_features.day_aggregates import derived_paths
from americano_assets.stages.s2_features.feature_engine import open_feature_engine
from americano_assets.stages.s2_features.query_plan import DERIVED_TABLES, WINDOWS, window_definition


def window_paths(store: ParquetStore, day: date, moment: Cutoff, versions: Mapping[date, Version]) -> list[Path]:
    """Files of the windows before the cut-off of a closed study day, made where they are missing; none without rows.

    Args:
        store: The store.
        day: The study day.
        moment: Its cut-off.
        versions: The content of each day's interactions.
    """
    windows = _windows(day, moment.target.horizon_days, versions)
    definition = hash_values(window_definition(), moment.target.horizon_days, moment.target.struggle_below)
    keys = {closes: hash_values(definition, digest_of(days)) for closes, days in windows.items()}
    kept = store.remembered_all(WINDOWS, keys)
    missing = [closes for closes in keys if closes not in kept]
    if missing:
        days = {one: version for closes in missing for one, version in windows[closes].items()}
        with open_feature_engine() as engine:
            for table in DERIVED_TABLES:
                engine.view(f"{table}_kept", derived_paths(store, table, days))
            rows = engine.windows(moment)
        numbers = rows.column("closes_day").to_numpy()
        for closes in missing:
            first, last = np.searchsorted(numbers, [day_number(closes), day_number(closes) + 1])
            kept[closes] = store.remember(
                WINDOWS, keys[closes], store.put_whole(WINDOWS, rows.slice(first, last - first), QUICK)
            )
    return store.whole_paths(WINDOWS, [one for _, one in sorted(kept.items())])


def _windows(day: date, horizon_days: int, versions: Mapping[date, Version]) -> dict[date, dict[date, Version]]:
    """By the day on which each window closes, the contents of its days. One without any says nothing."""
    found: dict[date, dict[date, Version]] = {}
    for back in range(LOOK_BACK_DAYS // horizon_days):
        closes = day + timedelta(days=1 - back * horizon_days)
        days = [closes - timedelta(days=one) for one in range(1, horizon_days + 1)]
        contents = {one: versions[one] for one in days if one in versions}
        if contents:
            found[closes] = contents
    return found
