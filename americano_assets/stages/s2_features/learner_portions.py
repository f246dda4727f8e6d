"""Of how many learners the features of training cut-offs are made, so that a long past does not cost what a night does.

A night's own features are of all learners. Those of cut-offs that no night kept are made for training alone: of a
portion in which there are more rows than may teach, the same on every night until there are twice as many.
"""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from americano_assets.core.statistics.learner_draw import Portion, key_bound, portion_of
from americano_assets.resources.duckdb.learner_key import keys_of
from americano_assets.stages.s2_features.feature_engine import open_feature_engine
from americano_assets.stages.s2_features.night_results import FEATURES_AT
from americano_assets.stages.s2_features.sql import query

if TYPE_CHECKING:
    from americano_assets.stages.s2_features.point_in_time import PointInTimeTables


def training_portion(tables: "PointInTimeTables", cutoffs: Sequence[date], most: int) -> Portion | None:
    """The portion for the cut-offs of a training set of at most `most` rows; None where so few cannot be exceeded.

    Outcomes are counted in the log itself: which of them are of candidates is not known before there are features.
    """
    recorded = tables.results.portion(most)
    if recorded is not None:
        return recorded
    days = timedelta(days=1), timedelta(days=tables.target.horizon_days)
    windows = [tables.within("interactions", cutoff + days[0], cutoff + days[1]) for cutoff in cutoffs]
    if sum(version.rows for window in windows for version in window.values()) <= most:
        tables.results.record_portion(None)
        return None
    counted = []
    with open_feature_engine() as engine:
        for window in filter(None, windows):
            engine.view("interactions", tables.store.paths("interactions", window))
            counted.append(engine.run(query("learner_outcomes")))
    totals = pa.concat_tables(counted).group_by("learner_key").aggregate([("outcomes", "sum")]).sort_by("learner_key")
    portion = portion_of(totals["learner_key"].to_numpy(), totals["outcomes_sum"].to_numpy().astype(np.int64), most)
    tables.results.record_portion(portion)
    return portion


def of_larger_portions(
    tables: "PointInTimeTables", cutoffs: Sequence[date], halvings: int
) -> Iterator[tuple[date, pa.Table]]:
    """The rows of a portion at those cut-offs of which a larger one is kept: a night's own is, of all learners."""
    for cutoff in cutoffs:
        keys = (tables.feature_key(cutoff, halvings=fewer) for fewer in reversed(range(halvings)))
        kept = next(filter(None, (tables.store.remembered(FEATURES_AT, key) for key in keys)), None)
        if kept is not None:
            batches = tables.store.batches(FEATURES_AT, kept.content)
            inside = [one.filter(pa.array(keys_of(one["learner_id"]) < key_bound(halvings))) for one in batches]
            yield cutoff, pa.Table.from_batches(inside)
