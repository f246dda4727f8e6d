"""What in a learner's own record speaks for a struggle: observed features past a threshold."""

from dataclasses import dataclass
from itertools import repeat

import numpy as np
import pandas as pd

from americano_assets.core.base.arrays import BoolArray, FloatArray
from americano_assets.core.base.ids import cuids


@dataclass(frozen=True)
class Sign:
    """What fires an indicator: an observed feature past a threshold.

    Attributes:
        indicator: IndicatorType, or None where the sign only leads to an intervention.
        feature: Column.
        threshold: Fires past it.
        extreme: Where the severity is at its highest.
    """

    indicator: str | None
    feature: str
    threshold: float
    extreme: float

    def fires(self, rows: pd.DataFrame) -> BoolArray:
        """Whether the feature was observed and is past the threshold, shape (n,)."""
        values = rows[self.feature].to_numpy(dtype=float)
        past: BoolArray = values < self.threshold if self.extreme < self.threshold else values > self.threshold
        observed: BoolArray = rows[f"observed_{self.feature}"].to_numpy(dtype=bool)
        return past & observed

    def depth(self, rows: pd.DataFrame) -> FloatArray:
        """How far past the threshold, 0 (not, or just there) to 1 (at the extreme), shape (n,)."""
        values = rows[self.feature].to_numpy(dtype=float)
        depth: FloatArray = np.clip((values - self.threshold) / (self.extreme - self.threshold), 0.0, 1.0)
        return depth


RETENTION = Sign("LOW_RETENTION", "retention_score", 0.5, 0.0)
LAPSES = Sign("LOW_RETENTION", "review_lapse_rate", 0.3, 1.0)
PREREQUISITES = Sign("PREREQUISITE_GAP", "prerequisite_gap_count", 0.5, 1.0)
COMPLEXITY = Sign("COMPLEXITY_MISMATCH", "complexity_mismatch", 0.4, 0.9)
OVERLOAD = Sign("COGNITIVE_OVERLOAD", "cognitive_load_indicator", 0.7, 1.0)
HISTORY = Sign("HISTORICAL_STRUGGLE_PATTERN", "historical_struggle_score", 0.6, 1.0)
# Fires at 0.6, the value of the lowest-ranked format.
FORMAT = Sign(None, "content_type_mismatch", 0.6 - 1e-9, 1.0)
SIGNS = (RETENTION, LAPSES, PREREQUISITES, COMPLEXITY, OVERLOAD, HISTORY, FORMAT)
# What a scored row has to have for its signs.
SIGN_COLUMNS = (
    "prediction_id",
    "cohort_lapse_rate",
    *(name for sign in SIGNS for name in (sign.feature, f"observed_{sign.feature}")),
)


@dataclass(frozen=True)
class Indicator:
    """A row of struggle_indicators."""

    id: str
    prediction_id: str
    indicator_type: str
    severity: str
    context: str


def signs_of(rows: pd.DataFrame) -> dict[Sign, BoolArray]:
    """Which signs fire in scored rows, shape (n,) each.

    Lapses count only above what the cohort has on the same objective.
    """
    fired = {sign: sign.fires(rows) for sign in SIGNS}
    # Nobody's rate is unknown: then they count.
    fired[LAPSES] &= ~(
        rows[LAPSES.feature].to_numpy(dtype=float) <= rows["cohort_lapse_rate"].to_numpy(dtype=float, na_value=np.nan)
    )
    return fired


def indicators_of(rows: pd.DataFrame) -> pd.DataFrame:
    """The indicators of scored rows, row after row, one of a type in each, with the deepest sign's severity.

    Args:
        rows: Columns SIGN_COLUMNS.

    Returns:
        As Indicator.
    """
    fired = signs_of(rows)
    predictions = rows["prediction_id"].to_numpy(dtype=object)
    found: list[pd.DataFrame] = []
    for kind in dict.fromkeys(sign.indicator for sign in SIGNS if sign.indicator):
        own = [sign for sign in SIGNS if sign.indicator == kind]
        depth = np.array([np.where(fired[sign], sign.depth(rows), -1.0) for sign in own])
        deepest = depth.argmax(axis=0)
        for place, sign in enumerate(own):
            at = np.flatnonzero(fired[sign] & (deepest == place))
            values = rows[sign.feature].to_numpy(dtype=float)[at].tolist()
            found.append(
                pd.DataFrame(
                    {
                        "prediction_id": predictions[at],
                        "indicator_type": kind,
                        "severity": severity(depth[place, at]),
                        "context": [
                            f'{{"feature": "{sign.feature}", "value": {round(value, 6)!r},'
                            f' "threshold": {sign.threshold!r}}}'
                            for value in values
                        ],
                    },
                    index=at,
                )
            )
    return in_order(found, "indicator", list(Indicator.__dataclass_fields__))


def in_order(found: list[pd.DataFrame], kind: str, columns: list[str]) -> pd.DataFrame:
    """Parts whose index is the row that each of their rows is of, as one frame in that order, with ids by type."""
    rows = pd.concat(found).sort_index(kind="stable")
    ids = cuids(zip(repeat(kind), rows["prediction_id"], rows[f"{kind}_type"]))
    return rows.assign(id=pd.Series(ids, index=rows.index, dtype=object))[columns].reset_index(drop=True)


def severity(depth: FloatArray) -> list[str]:
    """LOW, MEDIUM or HIGH by thirds of the way from the threshold to the extreme, of each of n."""
    return [("LOW", "MEDIUM", "HIGH")[min(int(third), 2)] for third in (depth * 3).tolist()]
