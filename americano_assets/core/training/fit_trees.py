"""Fits the gradient-boosting challenger. Scoring with it is in core/models/trees.py."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_limits

from americano_assets.core.base.arrays import BoolArray, FloatArray
from americano_assets.core.features.catalog import MODEL_INPUTS
from americano_assets.core.models.linear import input_values
from americano_assets.core.models.trees import TreeModel, canonical_bytes, tree_explainer

# Small trees, slowly, that look at three tenths of the inputs at each split: ratings and shares say much the same, and
# trees that always take the best of them follow its chances. docs/models.md has what was compared.
PARAMETERS = {
    "max_iter": 150,
    "learning_rate": 0.06,
    "max_leaf_nodes": 10,
    "max_features": 0.3,
    "l2_regularization": 1.0,
}
# A leaf holds at least a hundredth of the rows, within these bounds.
LEAF_SHARE, LEAST_LEAF, MOST_LEAF = 0.01, 50, 200
# A tree that is only grown from whole learners sees nothing new in more rows than these.
MOST_ROWS = 300_000


def fit_trees(train: pd.DataFrame, parameters: Mapping[str, float] | None = None) -> TreeModel:
    """Fit on the training learners' rows; the same rows give the same bytes.

    Args:
        train: MODEL_INPUTS, `struggled`, `learner_id`, and `weight` where rows weigh differently.
        parameters: Of HistGradientBoostingClassifier; by default PARAMETERS and leaves that suit the rows.
    """
    train = thinned(train, MOST_ROWS)
    if parameters is None:
        parameters = {**PARAMETERS, "min_samples_leaf": int(min(max(LEAF_SHARE * len(train), LEAST_LEAF), MOST_LEAF))}
    classifier = HistGradientBoostingClassifier(random_state=0, early_stopping=False, **parameters)
    # One thread: sums keep their order, and on a busy machine threads that wait for each other took ten times as long.
    with threadpool_limits(1):
        values, weight = input_values(train, MODEL_INPUTS), weights(train)
        # Where rows have weights, and be they ones, scikit-learn sorts every column anew for each of its 255 bounds: of
        # few rows that takes ten times as long as the trees, which are the same ones.
        classifier.fit(values, outcomes(train), sample_weight=None if (weight == 1).all() else weight)
        baseline = float(np.ravel(tree_explainer(classifier).expected_value)[0])
    return TreeModel(MODEL_INPUTS, values.mean(axis=0), baseline, canonical_bytes(classifier))


def thinned(rows: pd.DataFrame, most: int) -> pd.DataFrame:
    """At most about `most` rows: whole learners, drawn alike each time."""
    if len(rows) <= most:
        return rows
    learners = rows["learner_id"].drop_duplicates().sort_values()
    kept = learners.sample(frac=most / len(rows), random_state=0)
    return rows[rows["learner_id"].isin(kept)]


def outcomes(rows: pd.DataFrame) -> BoolArray:
    """Whether each row struggled, shape (n,)."""
    outcome: BoolArray = rows["struggled"].to_numpy(dtype=bool)
    return outcome


def weights(rows: pd.DataFrame) -> FloatArray:
    """How much each row counts, shape (n,): 1 unless the rows say otherwise."""
    found: FloatArray = rows["weight"].to_numpy(dtype=float) if "weight" in rows else np.ones(len(rows))
    return found
