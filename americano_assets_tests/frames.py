"""Feature rows as a night's query would give them, for tests of what is computed from them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from americano_assets.core.features.catalog import (
    DATA_QUALITY,
    EXTENDED,
    EXTENDED_NAMES,
    FEATURE_NAMES,
    FEATURES,
    OBSERVED_NAMES,
)
from americano_assets.core.models.rule_based import VALIDATION_MEAN
from americano_assets.core.models.scorer import Scorer, score

PLANNED_AT = pd.Timestamp("2026-03-12 09:00")
PLANNED_DAY = 20523  # 2026-03-11: the study day that opens then holds PLANNED_AT
NEUTRAL = {feature.name: 0.1 if feature.neutral is None else feature.neutral for feature in FEATURES + EXTENDED}


def feature_row(number: int, **values: Any) -> dict[str, Any]:
    """One row; a feature that is named was observed, every other column may be named too."""
    observed = {f"observed_{name}": name in values for name in FEATURE_NAMES}
    return {
        "learner_id": f"learner-{number}",
        "objective_id": f"objective-{number}",
        "course_id": "anatomy",
        "planned_at": PLANNED_AT,
        "planned_day": PLANNED_DAY,
        "planned": True,
        VALIDATION_MEAN: np.nan,
        "unmastered_prerequisites": [],
        "cohort_lapse_rate": None,
        **NEUTRAL,
        **observed,
        DATA_QUALITY: sum(observed.values()) / len(FEATURE_NAMES),
        **values,
    }


def feature_rows(*rows: Mapping[str, Any]) -> pd.DataFrame:
    """A frame of rows as `feature_row` takes them, numbered from 1."""
    frame = pd.DataFrame([feature_row(number, **row) for number, row in enumerate(rows, start=1)])
    return frame.astype(dict.fromkeys((*FEATURE_NAMES, *EXTENDED_NAMES, DATA_QUALITY, VALIDATION_MEAN), float)).astype(
        dict.fromkeys(OBSERVED_NAMES, bool)
    )


def scored_rows(rows: Sequence[Mapping[str, Any]], threshold: float = 0.4, cohort_rate: float = 0.3) -> pd.DataFrame:
    """Rows scored by the rules."""
    return score(feature_rows(*rows), Scorer(None, cohort_rate, threshold))


# A name as somebody could type it into the app: markup of each output, controls of a terminal, a turned direction.
HOSTILE = "=1+1 [/b] \x1b]0;owned\x07 \u202e<img src=x> | `a` _b_ *c* [d](http://e.f) $\\foo$ & <!channel>\r\nnext"


def is_still(text: str) -> bool:
    """Whether nothing in a text commands a terminal or turns the direction of what stands around it."""
    return not any(hidden in text for hidden in "\x1b\x07\r\u202e")
