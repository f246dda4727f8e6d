"""Many rows are summed over the trees as scikit-learn sums them: to the last bit, unknown values included."""

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from americano_assets.core.base.arrays import FloatArray
from americano_assets.core.models import trees
from americano_assets.core.models.fast_trees import MOST_LEAVES, Forest
from americano_assets.core.training.fit_trees import fit_trees
from americano_assets_tests.core.training.test_gate import HELD_OUT, TRAIN


def classifier(leaves: int, values: FloatArray) -> HistGradientBoostingClassifier:
    outcome = (np.nan_to_num(values[:, 0]) + values[:, 1] * values[:, 2] > 0.6) ^ np.isnan(values[:, 0])
    return HistGradientBoostingClassifier(
        max_iter=7, max_leaf_nodes=leaves, min_samples_leaf=2, early_stopping=False
    ).fit(values, outcome)


def drawn(n: int, *, unknown: float) -> FloatArray:
    generator = np.random.default_rng(n)
    # Ten values each, so that many rows lie exactly on a threshold's neighbour.
    values = generator.integers(0, 10, size=(n, 3)) / 10
    values[generator.uniform(size=values.shape) < unknown] = np.nan
    return values


@pytest.mark.parametrize("n", [1, 511, 512, 513, 3000])
@pytest.mark.parametrize("leaves", [2, 15, MOST_LEAVES])
@pytest.mark.parametrize("unknown", [0.0, 0.2])
def test_sums_are_those_of_scikit_learn_to_the_last_bit(n: int, leaves: int, unknown: float) -> None:
    fitted = classifier(leaves, drawn(2000, unknown=unknown))
    forest = Forest.of(fitted)
    assert forest is not None
    # Values that training never saw unknown, beyond its range, and at its thresholds.
    for values in (drawn(n, unknown=0.3), drawn(n, unknown=0) * 4 - 1, np.full((n, 3), np.inf)):
        np.testing.assert_array_equal(forest.log_odds(values), fitted.decision_function(values))
        np.testing.assert_array_equal(forest.log_odds(np.asfortranarray(values)), fitted.decision_function(values))


@pytest.mark.parametrize("unknown", [0.0, 0.2])
def test_a_threshold_itself_passes(unknown: float) -> None:
    fitted = classifier(6, drawn(2000, unknown=unknown))
    forest = Forest.of(fitted)
    assert forest is not None
    limits = np.concatenate([nodes.nodes["num_threshold"] for (nodes,) in fitted._predictors])
    at = np.repeat(limits[:, None], 3, axis=1)
    np.testing.assert_array_equal(forest.log_odds(at), fitted.decision_function(at))


def test_trees_that_do_not_fit_are_left_to_scikit_learn() -> None:
    assert Forest.of(classifier(MOST_LEAVES + 1, np.random.default_rng(0).uniform(size=(3000, 3)))) is None
    values = np.random.default_rng(0).integers(0, 4, size=(500, 3)).astype(float)
    of_kinds = HistGradientBoostingClassifier(max_iter=2, categorical_features=[0]).fit(values, values[:, 0] == 2)
    assert Forest.of(of_kinds) is None


def test_few_rows_and_many_score_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    model = fit_trees(TRAIN)
    by_scikit_learn = model.log_odds(HELD_OUT)
    monkeypatch.setattr(trees, "COMPILED_FROM", len(HELD_OUT))
    # What scikit-learn would do is no longer there to be asked.
    monkeypatch.setattr(HistGradientBoostingClassifier, "decision_function", None)
    np.testing.assert_array_equal(model.log_odds(HELD_OUT), by_scikit_learn)
