"""Scores, confidence and reasons of a night's rows."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from americano_assets.core.features.catalog import (
    EXTENDED,
    EXTENDED_NAMES,
    FEATURE_NAMES,
    FEATURES,
    OBSERVED_NAMES,
    select_list,
)
from americano_assets.core.models.explanations import COLD_TEXT, FACTORS_SHOWN, factors_json
from americano_assets.core.models.objective_prior import ObjectivePrior
from americano_assets.core.models.risk import risk_level
from americano_assets.core.models.scorer import Scorer, confidence, score
from americano_assets_tests.frames import feature_rows, scored_rows


def test_risk_is_cut_at_forty_and_seventy() -> None:
    assert [risk_level(p) for p in (0, 0.399999, 0.4, 0.699999, 0.7, 1)] == [
        "LOW",
        "LOW",
        "MEDIUM",
        "MEDIUM",
        "HIGH",
        "HIGH",
    ]


def test_a_cold_start_gets_its_objectives_prior_and_nobody_else() -> None:
    cold, warm = {"content_complexity": 0.9}, {"retention_score": 0.4}
    prior = ObjectivePrior(0.5, {}, {"objective-1": 0.11, "objective-2": 0.22, "objective-3": 0.33})
    plain = Scorer(None, 0.95, 0.5)
    scorer = replace(plain, prior=prior)
    of_rules = float(plain.probability(feature_rows(warm))[0])
    for rows, expected in (
        ((cold, warm, cold), [0.11, of_rules, 0.33]),
        ((warm, warm), [of_rules, of_rules]),
        ((cold, cold), [0.11, 0.22]),
    ):
        assert scorer.probability(feature_rows(*rows)).tolist() == expected


def test_a_row_is_flagged_at_the_threshold_unless_nothing_is_known_of_the_learner() -> None:
    rows = feature_rows({"retention_score": 0.4}, {"retention_score": 0.9}, {"content_complexity": 0.9})
    p = Scorer(None, 0.95, 0.5).probability(rows)
    scored = score(rows, Scorer(None, 0.95, float(p[0])))
    assert scored["probability"].iloc[2] == 0.95
    assert scored["cold_start"].tolist() == [False, False, True]
    assert scored["flagged"].tolist() == [True, False, False]


def test_confidence_is_the_likelier_side_times_what_was_observed() -> None:
    found = confidence(np.array([0.9, 0.1, 0.5, 0.8]), np.array([1.0, 1.0, 1.0, 0.5]))
    assert found.tolist() == [0.9, 0.9, 0.5, 0.4]


def test_an_episode_keeps_its_id_from_night_to_night() -> None:
    tonight = scored_rows([{"retention_score": 0.2}])
    tomorrow = score(feature_rows({"retention_score": 0.6}), Scorer(None, 0.3, 0.5))
    assert tonight["prediction_id"].tolist() == tomorrow["prediction_id"].tolist()
    postponed = score(feature_rows({"planned_day": 20524}), Scorer(None, 0.3, 0.5))
    assert postponed["prediction_id"].tolist() != tonight["prediction_id"].tolist()


def test_reasons_are_the_largest_positive_contributions_in_order() -> None:
    rows = feature_rows({"retention_score": 0.1, "historical_struggle_score": 0.9, "days_until_exam": 0.8})
    contributions = {
        "retention_score": np.array([0.5]),
        "historical_struggle_score": np.array([2.0]),
        "days_until_exam": np.array([0.1]),
        "workload_level": np.array([0.3]),
        "validation_score": np.array([-3.0]),
    }
    (text,) = factors_json(contributions, rows, np.array([False]))
    factors = json.loads(text)
    assert [one["feature"] for one in factors] == ["historical_struggle_score", "retention_score", "workload_level"]
    assert len(factors) == FACTORS_SHOWN
    assert factors[0] == {
        "feature": "historical_struggle_score",
        "value": 0.9,
        "contribution": 2.0,
        "text": "Earlier objectives of this topic were often hard for you",
    }


def test_a_cold_start_says_so_and_nothing_about_the_learner() -> None:
    (factor,) = json.loads(scored_rows([{}])["factors"].iloc[0])
    assert (factor["feature"], factor["text"]) == ("cold_start", COLD_TEXT)


@pytest.mark.parametrize("threshold", [0.4, 0.2, 0.0])
def test_whoever_is_flagged_is_told_why(threshold: float) -> None:
    # A threshold chosen for its recall may lie below the rules' own bands.
    scored = scored_rows([{"retention_score": value / 20} for value in range(21)], threshold)
    assert scored["flagged"].any()
    assert all(json.loads(factors) for factors in scored.loc[scored["flagged"], "factors"])


def test_every_feature_has_a_text_for_either_side() -> None:
    assert len(FEATURES) == 15
    listed = FEATURES + EXTENDED
    assert all(feature.higher_is and feature.lower_is for feature in listed)
    assert len({feature.higher_is for feature in listed}) == len(listed)


def test_the_query_selects_each_feature_each_bit_and_the_quality_in_this_order() -> None:
    names = [line.rsplit(" AS ", 1)[1] for line in select_list().split(",\n")]
    assert names == [*FEATURE_NAMES, *OBSERVED_NAMES, "data_quality", *EXTENDED_NAMES]


def test_a_night_without_candidates_scores_to_nothing() -> None:
    nothing = score(feature_rows({}).head(0), Scorer(None, 0.3, 0.5))
    assert nothing.empty
    assert isinstance(nothing, pd.DataFrame)
