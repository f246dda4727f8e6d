"""The rules: what fires them, what never does, and the band of p that each leads to."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from americano_assets.core.features.catalog import CURRICULUM_FEATURES, FEATURE_NAMES
from americano_assets.core.models.risk import risk_level
from americano_assets.core.models.rule_based import VALIDATION_MEAN, cold_start, fired, rule_based_probability
from americano_assets_tests.frames import feature_rows

COHORT = 0.31
WARM = {"session_performance_score": 0.6}  # behaviour that no rule reads
EXTREMES = {
    "retention_score": 0.0,
    "prerequisite_gap_count": 1.0,
    "complexity_mismatch": 0.9,
    "historical_struggle_score": 1.0,
    "content_type_mismatch": 0.6,
    "cognitive_load_indicator": 1.0,
}
shares = st.floats(0, 1).map(lambda value: round(value, 4))
some_features = st.dictionaries(st.sampled_from((*FEATURE_NAMES, VALIDATION_MEAN)), shares, max_size=8)


def p_of(**values: Any) -> float:
    return float(rule_based_probability(feature_rows({**WARM, **values}), COHORT)[0])


@pytest.mark.parametrize(
    ("values", "level"),
    [
        ({VALIDATION_MEAN: 0.49}, "HIGH"),
        ({"retention_score": 0.49}, "HIGH"),
        ({"prerequisite_gap_count": 0.51}, "HIGH"),
        ({"complexity_mismatch": 0.41}, "HIGH"),
        ({"historical_struggle_score": 0.61}, "HIGH"),
        ({VALIDATION_MEAN: 0.5}, "MEDIUM"),
        ({VALIDATION_MEAN: 0.69}, "MEDIUM"),
        ({"retention_score": 0.5}, "MEDIUM"),
        ({"retention_score": 0.69}, "MEDIUM"),
        ({"prerequisite_gap_count": 0.5}, "MEDIUM"),
        ({"prerequisite_gap_count": 0.21}, "MEDIUM"),
        ({"historical_struggle_score": 0.6}, "MEDIUM"),
        ({"historical_struggle_score": 0.46}, "MEDIUM"),
        ({"content_type_mismatch": 0.6}, "MEDIUM"),
        ({"cognitive_load_indicator": 0.71}, "MEDIUM"),
        ({VALIDATION_MEAN: 0.7}, "LOW"),
        ({"retention_score": 0.7}, "LOW"),
        ({"prerequisite_gap_count": 0.2}, "LOW"),
        ({"complexity_mismatch": 0.4}, "LOW"),
        ({"historical_struggle_score": 0.45}, "LOW"),
        ({"content_type_mismatch": 0.3}, "LOW"),
        ({"cognitive_load_indicator": 0.7}, "LOW"),
        ({}, "LOW"),
    ],
)
def test_each_rule_leads_to_its_band(values: dict[str, float], level: str) -> None:
    assert risk_level(p_of(**values)) == level


@pytest.mark.parametrize("feature", EXTREMES)
def test_what_was_not_observed_fires_nothing(feature: str) -> None:
    rows = feature_rows(WARM)
    rows[feature] = EXTREMES[feature]
    assert not any(evidence.any() for evidence in fired(rows).values())
    assert rule_based_probability(rows, COHORT)[0] == p_of()
    assert p_of(**{feature: EXTREMES[feature]}) > p_of()


@settings(max_examples=25)
@given(some_features, some_features)
def test_a_cold_start_gets_the_cohorts_rate_whatever_the_plan_says(
    plan: dict[str, float], behaviour: dict[str, float]
) -> None:
    only_plan = {name: value for name, value in plan.items() if name in CURRICULUM_FEATURES}
    rows = feature_rows(only_plan, {**behaviour, **WARM})
    assert cold_start(rows).tolist() == [True, False]
    assert rule_based_probability(rows, COHORT)[0] == COHORT


@settings(max_examples=25)
@given(some_features, st.sampled_from(["retention_score", VALIDATION_MEAN]), shares, shares)
def test_worse_retention_and_answers_never_lower_p(
    others: dict[str, float], feature: str, one: float, other: float
) -> None:
    worse, better = sorted((one, other))
    assert p_of(**{**others, feature: worse}) >= p_of(**{**others, feature: better})


@settings(max_examples=25)
@given(some_features)
def test_the_band_says_which_rules_fired(values: dict[str, float]) -> None:
    rows = feature_rows({**WARM, **values})
    any_fired = any(evidence[0] > 0 for evidence in fired(rows).values())
    p = rule_based_probability(rows, COHORT)[0]
    assert 0 <= p < 1
    assert (risk_level(p) != "LOW") == any_fired


def test_p_rises_within_a_band_with_the_evidence() -> None:
    falling = [p_of(retention_score=value) for value in np.linspace(0, 0.499, 20)]
    assert falling == sorted(falling, reverse=True)
    assert len(set(falling)) == 20
    assert p_of(retention_score=0.2, historical_struggle_score=0.8) > p_of(retention_score=0.2)
