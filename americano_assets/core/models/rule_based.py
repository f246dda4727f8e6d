"""The rule-based model: thresholds that a teacher can read. It scores until a trained model beats it.

An unobserved feature fires no rule. Within a band p rises with the evidence; a cold start gets the cohort's rate.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from americano_assets.core.base.arrays import BoolArray, FloatArray
from americano_assets.core.features.catalog import CURRICULUM_FEATURES, FEATURE_NAMES
from americano_assets.core.models.risk import HIGH_RISK, MEDIUM_RISK

VALIDATION_MEAN = "validation_mean_180"
# Not 1: the rules have never been that sure and right.
_BAND_TOP = 0.95


@dataclass(frozen=True)
class Rule:
    """Fires where an observed `feature` is past `threshold`; the evidence grows from 0 there to 1 at `extreme`."""

    feature: str
    threshold: float
    extreme: float

    def evidence(self, rows: pd.DataFrame) -> FloatArray:
        """Shape (n,): below 0 where the rule does not fire, NaN where the feature was not observed."""
        value = rows[self.feature].to_numpy(dtype=float)
        if self.feature != VALIDATION_MEAN:
            value = np.where(rows[f"observed_{self.feature}"].to_numpy(dtype=bool), value, np.nan)
        past: FloatArray = (value - self.threshold) / (self.extreme - self.threshold)
        return past


HIGH_RULES = (
    Rule(VALIDATION_MEAN, 0.5, 0.0),
    Rule("retention_score", 0.5, 0.0),
    Rule("prerequisite_gap_count", 0.5, 1.0),
    Rule("complexity_mismatch", 0.4, 1.0),
    Rule("historical_struggle_score", 0.6, 1.0),
)
MEDIUM_RULES = (
    Rule(VALIDATION_MEAN, 0.7, 0.5),
    Rule("retention_score", 0.7, 0.5),
    Rule("prerequisite_gap_count", 0.2, 0.5),
    Rule("historical_struggle_score", 0.45, 0.6),
    Rule("content_type_mismatch", 0.6 - 1e-9, 1.0),
    Rule("cognitive_load_indicator", 0.7, 1.0),
)


def cold_start(rows: pd.DataFrame) -> BoolArray:
    """Shape (n,): rows of which nothing is known but the curriculum and the plan."""
    unknown: BoolArray = np.ones(len(rows), dtype=bool)
    for name in FEATURE_NAMES:
        if name not in CURRICULUM_FEATURES:
            unknown &= ~rows[f"observed_{name}"].to_numpy(dtype=bool)
    return unknown


def rule_based_probability(rows: pd.DataFrame, cohort_rate: float) -> FloatArray:
    """Probability p of the rules, shape (n,).

    Args:
        rows: Features with their observed bits and `validation_mean_180`.
        cohort_rate: Struggle rate of the cohort (0-1), the answer for a cold start.
    """
    high, low_of_high = _strength(rows, HIGH_RULES)
    medium, low_of_medium = _strength(rows, MEDIUM_RULES)
    # How near the nearest rule is, where none fires: 0 far away, 1 at its threshold.
    near = np.clip(1 + np.fmax(low_of_high, low_of_medium), 0, 1)
    p = np.where(
        high > 0,
        HIGH_RISK + (_BAND_TOP - HIGH_RISK) * high,
        np.where(medium > 0, MEDIUM_RISK + (HIGH_RISK - MEDIUM_RISK) * 0.99 * medium, 0.99 * MEDIUM_RISK * near),
    )
    p = np.where(cold_start(rows), cohort_rate, p)
    rounded: FloatArray = np.round(np.clip(p, 0, 1), 6)
    return rounded


def fired(rows: pd.DataFrame) -> dict[str, FloatArray]:
    """Evidence (0-1; 0 where it did not fire) of each feature's strongest rule, shape (n,) each."""
    strongest: dict[str, FloatArray] = {}
    for rule in HIGH_RULES + MEDIUM_RULES:
        evidence = np.clip(np.nan_to_num(rule.evidence(rows), nan=0.0), 0, 1)
        strongest[rule.feature] = np.fmax(strongest.get(rule.feature, np.zeros(len(rows))), evidence)
    return strongest


def _strength(rows: pd.DataFrame, rules: tuple[Rule, ...]) -> tuple[FloatArray, FloatArray]:
    """Joint evidence of the rules that fire (noisy or), and the nearest miss of those that do not (-1 far, 0 near)."""
    evidence = np.column_stack([rule.evidence(rows) for rule in rules])
    firing = np.clip(np.nan_to_num(evidence, nan=0.0), 0, 1)
    joint: FloatArray = 1 - np.prod(1 - firing, axis=1)
    misses = np.where(np.isnan(evidence) | (evidence > 0), -1.0, np.clip(evidence, -1, 0))
    return joint, misses.max(axis=1)
