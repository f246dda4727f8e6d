"""No warning carries a reassuring reason, and none speaks of what was not observed."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from americano_assets.core.features.catalog import CURRICULUM_FEATURES, FEATURE_NAMES, FEATURES, MODEL_INPUTS
from americano_assets.core.models.explanations import (
    COHORT_TEXT,
    COLD_TEXT,
    factor_text,
    feature_contributions,
    model_reasons,
    rule_contributions,
)
from americano_assets.core.models.linear import LinearModel
from americano_assets.core.models.rule_based import VALIDATION_MEAN
from americano_assets.core.models.scorer import Scorer, explained, score
from americano_assets_tests.frames import feature_rows

# Said once more than in core/features/catalog.py on purpose: which words are good news is the thing under test.
REASSURING = {
    "You have been recalling this topic's cards well",
    "Your recall of this topic is steady",
    "You rarely have to start over on cards of this objective",
    "Your last sessions went well",
    "Your recent answers on this topic were strong",
    "What this builds on is mostly secure",
    "The groundwork for this objective is solid",
    "This objective is one of the easier ones",
    "This objective fits where you are in the topic",
    "Earlier objectives of this topic mostly went well",
    "The format of this objective suits you",
    "Your last day of study was light",
    "The exam is still some way off",
    "You worked on this topic recently",
    "Your plan for the coming days is light",
}
WORSE_WHEN_LOW = {"retention_score", "session_performance_score", "validation_score"}

unit = st.integers(0, 20).map(lambda twentieths: twentieths / 20)
learners_rows = st.lists(st.dictionaries(st.sampled_from(FEATURE_NAMES), unit, min_size=1), min_size=1, max_size=4)


def model_of(coefficient: dict[str, float], mean: dict[str, float] | float = 0.5) -> LinearModel:
    """A model with these coefficients, all others 0."""
    means = mean if isinstance(mean, dict) else dict.fromkeys(MODEL_INPUTS, mean)
    return LinearModel(
        MODEL_INPUTS,
        np.array([means[name] for name in MODEL_INPUTS]),
        np.full(len(MODEL_INPUTS), 0.3),
        np.array([coefficient.get(name, 0.0) for name in MODEL_INPUTS]),
        0.0,
        1.0,
    )


models = st.builds(
    model_of,
    st.fixed_dictionaries({name: st.sampled_from([-2.0, -0.5, 0.0, 0.5, 2.0]) for name in MODEL_INPUTS}),
    st.fixed_dictionaries(dict.fromkeys(MODEL_INPUTS, unit)),
)


def reasons(model: LinearModel | None, *rows: dict[str, float]) -> list[list[dict[str, object]]]:
    """The factors of each row."""
    scorer = Scorer(model, 0.3, 0.0)
    return [json.loads(text) for text in explained(score(feature_rows(*rows), scorer), scorer)["factors"]]


@given(st.none() | models, learners_rows)
def test_whatever_the_model_learned_no_reason_reassures_or_speaks_of_the_unobserved(
    model: LinearModel | None, rows: list[dict[str, float]]
) -> None:
    for row, factors in zip(rows, reasons(model, *rows), strict=True):
        assert factors
        for factor in factors:
            assert factor["text"] not in REASSURING
            if factor["text"] not in (COLD_TEXT, COHORT_TEXT):
                assert factor["feature"] in row
                assert factor["value"] == row[str(factor["feature"])]


@given(models, learners_rows)
def test_a_reason_is_about_the_side_of_the_models_mean_on_which_the_value_lies(
    model: LinearModel, rows: list[dict[str, float]]
) -> None:
    mean = dict(zip(model.inputs, model.mean, strict=True))
    for row, factors in zip(rows, reasons(model, *rows), strict=True):
        for name in {str(factor["feature"]) for factor in factors} & set(FEATURE_NAMES):
            assert (row[name] < mean[name]) if name in WORSE_WHEN_LOW else (row[name] > mean[name])


@given(models, learners_rows)
def test_a_reason_weighs_what_the_feature_weighs(model: LinearModel, rows: list[dict[str, float]]) -> None:
    frame = feature_rows(*rows)
    whole, told = feature_contributions(model, frame), model_reasons(model, frame)
    for name in FEATURE_NAMES:
        assert set(told[name]) <= {0.0, *whole[name]}


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.name)
def test_each_feature_worries_on_its_own_side(feature: object) -> None:
    (described,) = [one for one in FEATURES if one is feature]
    words = {described.higher_is, described.lower_is}
    assert described.worry in words - REASSURING
    assert len(words & REASSURING) == 1
    assert described.worse_when_low == (described.name in WORSE_WHEN_LOW)


def test_a_value_that_is_high_for_its_mean_is_told_although_it_is_low_for_its_range() -> None:
    model = model_of({"complexity_mismatch": 1.0}, 0.05)
    ((factor,),) = reasons(model, {"complexity_mismatch": 0.2, "validation_score": 0.5})
    assert factor == {
        "feature": "complexity_mismatch",
        "value": 0.2,
        "contribution": 0.5,
        "text": "This objective is a big step from where you are in the topic",
    }


def test_a_confounded_coefficient_gives_way_to_what_can_be_told() -> None:
    # Few who are behind have a full plan: the model took a light plan for a sign of risk.
    model = model_of({"workload_level": -2.0, "retention_score": -1.0})
    ((factor,),) = reasons(model, {"workload_level": 0.0, "retention_score": 0.2})
    assert factor["text"] == "Cards of this topic have been slipping lately"
    ((alone,),) = reasons(model, {"workload_level": 0.0, "retention_score": 0.8})
    assert alone["text"] == COHORT_TEXT


def test_what_was_not_observed_is_no_reason_however_much_its_absence_weighs() -> None:
    absent = {"observed_validation_score": -3.0, "validation_score": -1.0}
    ((factor,),) = reasons(model_of(absent, 0.9), {"session_performance_score": 0.5})
    assert factor["text"] == COHORT_TEXT


def test_what_the_rules_find_is_on_the_worrying_side() -> None:
    worst = {name: 0.0 if name in WORSE_WHEN_LOW else 1.0 for name in FEATURE_NAMES}
    best = {name: 1 - value for name, value in worst.items()}
    found = rule_contributions(feature_rows({**worst, VALIDATION_MEAN: 0.0}, {**best, VALIDATION_MEAN: 1.0}))
    assert all(evidence.tolist() == [1.0, 0.0] for evidence in found.values())
    assert all(factor_text(name) not in REASSURING for name in found)
    assert CURRICULUM_FEATURES & set(found)
