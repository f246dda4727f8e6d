"""A fitted gradient-boosting model: scoring and explaining with it. Fitting is in core/training/fit_trees.py.

The trees are kept as bytes in skops' format, written in one canonical form, so that equal trees are equal bytes and
can be named by their content. Loading checks every type in the file against TRUSTED before it builds anything.
scikit-learn, skops and shap are imported inside functions: who scores with a linear model never pays for them.
"""

import io
import json
import re
import zipfile
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from americano_assets.core.base.arrays import FloatArray
from americano_assets.core.models.fast_trees import Forest
from americano_assets.core.models.linear import input_values

TRUSTED = ("sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",)
# From so many rows on trees are summed by compiled code, which takes a moment to load; the sums are the same.
COMPILED_FROM = 2_000
_SCHEMA = "schema.json"
_EPOCH = (1980, 1, 1, 0, 0, 0)
# skops names parts by their address in memory, which differs from process to process.
_ADDRESS = re.compile(r'(?<="__id__": )\d+|\d+(?=\.npy")')


class UntrustedTreesError(Exception):
    """The bytes are no trees that may be loaded; the message says what is in them."""


@dataclass(frozen=True)
class TreeModel:
    """Boosted trees over the log-odds.

    Attributes:
        inputs: Names of the columns, in the order in which the trees know them.
        mean: Mean of each input over the training rows, shape (inputs,): what a row's values are told against.
        baseline: Log-odds to which a row's contributions are added (shap's expected value).
        content: The classifier in skops' format.
    """

    inputs: tuple[str, ...]
    mean: FloatArray
    baseline: float
    content: bytes

    @cached_property
    def classifier(self) -> Any:
        """The scikit-learn classifier; loading it runs no code of the file's."""
        return load_classifier(self.content)

    def log_odds(self, rows: pd.DataFrame) -> FloatArray:
        """Shape (n,)."""
        return self.log_odds_of(input_values(rows, self.inputs))

    def log_odds_of(self, values: FloatArray) -> FloatArray:
        """Shape (n,), of `input_values`."""
        if not len(values):
            return np.zeros(0)
        if len(values) >= COMPILED_FROM and self._forest is not None:
            return self._forest.log_odds(values)
        few: FloatArray = self.classifier.decision_function(values)
        return few

    def contributions(self, rows: pd.DataFrame) -> FloatArray:
        """Each input's share of the log-odds, shape (n, inputs); with the baseline they add up to it.

        Shapley values over the trees' own paths (Lundberg et al., Nature Machine Intelligence 2020), as shap computes
        them. They cost about a millisecond a row: ask for the rows that someone will read.
        """
        if rows.empty:
            return np.zeros((0, len(self.inputs)))
        values: FloatArray = np.asarray(
            self._explainer.shap_values(input_values(rows, self.inputs), check_additivity=False)
        )
        return values

    @cached_property
    def _forest(self) -> Forest | None:
        return Forest.of(self.classifier)

    @cached_property
    def _explainer(self) -> Any:
        return tree_explainer(self.classifier)


def tree_explainer(classifier: Any) -> Any:
    """The explainer of a classifier: shap's, along the trees' own paths, without background rows."""
    import shap

    return shap.TreeExplainer(classifier, feature_perturbation="tree_path_dependent")


def canonical_bytes(classifier: Any) -> bytes:
    """A classifier in skops' format; the same trees give the same bytes."""
    import skops.io

    source = zipfile.ZipFile(io.BytesIO(skops.io.dumps(classifier)))
    schema = source.read(_SCHEMA).decode()
    numbers: dict[str, str] = {}
    schema = _ADDRESS.sub(lambda found: numbers.setdefault(found.group(), str(len(numbers))), schema)
    # Keys come in the order of the object's attributes; sorting them would break references to what comes first.
    json.loads(schema)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as target:
        for name in sorted((n for n in source.namelist() if n != _SCHEMA), key=lambda n: int(numbers[n[:-4]])):
            target.writestr(zipfile.ZipInfo(f"{numbers[name[:-4]]}.npy", _EPOCH), source.read(name))
        target.writestr(zipfile.ZipInfo(_SCHEMA, _EPOCH), schema)
    return buffer.getvalue()


def load_classifier(content: bytes) -> Any:
    """Build the classifier that `canonical_bytes` wrote.

    Raises:
        UntrustedTreesError: A type outside TRUSTED is in the bytes, or they are no such file.
    """
    import skops.io
    from sklearn.ensemble import HistGradientBoostingClassifier

    try:
        strangers = set(skops.io.get_untrusted_types(data=content)) - set(TRUSTED)
        if strangers:
            raise UntrustedTreesError(f"{len(strangers)} types that are not trusted, the first is {min(strangers)}")
        classifier = skops.io.loads(content, trusted=list(TRUSTED))
    except UntrustedTreesError:
        raise
    except Exception as error:  # A damaged archive breaks in as many ways as it can be damaged.
        raise UntrustedTreesError(f"not a file of trees ({type(error).__name__})") from error
    if not isinstance(classifier, HistGradientBoostingClassifier):
        raise UntrustedTreesError(f"a {type(classifier).__name__}, not gradient-boosted trees")
    return classifier
