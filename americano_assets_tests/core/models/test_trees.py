"""Boosted trees: equal rows give equal bytes, shares add up to the log-odds, and no stranger's file is loaded."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from americano_assets.core.base.arrays import logit
from americano_assets.core.features.catalog import MODEL_INPUTS
from americano_assets.core.models.linear import input_values
from americano_assets.core.models.scorer import BASELINE, CALIBRATION, Scorer
from americano_assets.core.models.trees import TreeModel, UntrustedTreesError, load_classifier
from americano_assets.core.training.fit import BLEND, BOOSTING, LOGISTIC, fit_models
from americano_assets.core.training.fit_trees import PARAMETERS, fit_trees, outcomes
from americano_assets_tests.core.training.test_gate import CALIBRATION as OTHERS
from americano_assets_tests.core.training.test_gate import HELD_OUT, TRAIN


@pytest.fixture(scope="module")
def scorers() -> dict[str, Scorer]:
    return fit_models(TRAIN, OTHERS)


@pytest.mark.parametrize("name", [LOGISTIC, BOOSTING, BLEND])
def test_shares_add_up_before_and_after_calibration(name: str, scorers: dict[str, Scorer]) -> None:
    scorer, rows = scorers[name], HELD_OUT.head(300)
    assert scorer.model is not None
    parts = scorer.contributions(rows)
    calibration = parts.pop(CALIBRATION)
    np.testing.assert_allclose(sum(parts.values()), scorer.model.log_odds(rows), atol=1e-9)
    np.testing.assert_allclose(
        scorer.model.log_odds(rows) + calibration, logit(scorer.calibrator.probability(scorer.model.log_odds(rows)))
    )
    assert len(set(parts[BASELINE])) == 1


def test_the_blend_is_the_mean_of_both(scorers: dict[str, Scorer]) -> None:
    linear, trees, blend = (scorers[name].model for name in (LOGISTIC, BOOSTING, BLEND))
    assert linear is not None
    assert trees is not None
    assert blend is not None
    rows = HELD_OUT.head(100)
    np.testing.assert_allclose(blend.log_odds(rows), (linear.log_odds(rows) + trees.log_odds(rows)) / 2)
    np.testing.assert_allclose(blend.contributions(rows), (linear.contributions(rows) + trees.contributions(rows)) / 2)


def test_equal_rows_give_equal_bytes_and_they_score_alike(scorers: dict[str, Scorer]) -> None:
    model = scorers[BOOSTING].model
    assert isinstance(model, TreeModel)
    assert fit_trees(TRAIN).content == model.content
    back = Scorer.from_json(scorers[BLEND].to_json(), lambda name: scorers[BLEND].files()[name])
    np.testing.assert_array_equal(back.probability(HELD_OUT), scorers[BLEND].probability(HELD_OUT))


def test_weights_of_one_are_as_none_and_others_count() -> None:
    of_ones = HistGradientBoostingClassifier(random_state=0, early_stopping=False, **PARAMETERS)
    with threadpool_limits(1):
        of_ones.fit(input_values(TRAIN, MODEL_INPUTS), outcomes(TRAIN), sample_weight=np.ones(len(TRAIN)))
    values = input_values(HELD_OUT, MODEL_INPUTS)
    fitted = fit_trees(TRAIN.assign(weight=1.0), PARAMETERS).log_odds_of(values)
    np.testing.assert_array_equal(fitted, of_ones.decision_function(values))
    struggles_count_twice = TRAIN.assign(weight=np.where(TRAIN["struggled"], 2.0, 1.0))
    assert (fit_trees(struggles_count_twice, PARAMETERS).log_odds_of(values) - fitted).mean() > 0.3


def test_another_kind_of_object_and_a_damaged_file_are_not_loaded(scorers: dict[str, Scorer]) -> None:
    model = scorers[BOOSTING].model
    assert isinstance(model, TreeModel)
    regression = skops.io.dumps(LogisticRegression().fit([[0.0], [1.0]], [0, 1]))
    with pytest.raises(UntrustedTreesError, match="a LogisticRegression"):
        load_classifier(regression)
    with pytest.raises(UntrustedTreesError, match="not a file of trees"):
        load_classifier(model.content[:-200])
    stranger = skops.io.dumps(np.random.default_rng)
    with pytest.raises(UntrustedTreesError):
        replace(model, content=stranger).log_odds(HELD_OUT.head(1))


@pytest.mark.parametrize("name", [LOGISTIC, BOOSTING, BLEND])
def test_confidence_is_lower_where_errors_are_larger(name: str, scorers: dict[str, Scorer]) -> None:
    scorer = scorers[name]
    p = scorer.probability(HELD_OUT)
    wrong = (p >= 0.5) != HELD_OUT["struggled"].to_numpy(dtype=bool)
    bins = pd.qcut(scorer.confidence(HELD_OUT, p), 4, labels=False, duplicates="drop")
    errors = pd.Series(wrong).groupby(bins).mean().tolist()
    assert errors == sorted(errors, reverse=True)
    assert errors[0] > errors[-1] + 0.2
