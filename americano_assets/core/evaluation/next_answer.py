"""Each answer foretold before it is given, of learners never seen: by the ratings alone, and by a regression on them.

The task of knowledge tracing (Corbett, Anderson, UMUAI 4:253, 1994); docs/results/next-answer.md has what is published.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from americano_assets.core.base.arrays import BoolArray, FloatArray, IntArray, sigmoid
from americano_assets.core.evaluation.figures import Figure, figures_with_intervals
from americano_assets.core.evaluation.folds import FOLDS
from americano_assets.core.evaluation.report import ONE_FOR_ALL, replicates
from americano_assets.core.features.skill_update import TOLD_NAMES

SCHEMA = "americano-next-answer/1"
RATINGS, LOGISTIC, ONE_RATE = "ratings", "logistic_regression", "one_rate"
FIGURES = ("auc_roc", "accuracy", "log_loss", "brier", "ece")
_LIKELIER = 0.5
_PAIR, _PRACTICE = TOLD_NAMES.index("pair"), TOLD_NAMES.index("practice")


@dataclass(frozen=True)
class Answered:
    """Answers that are fitted on or judged, in the order in which they were given.

    Attributes:
        learner: Place of whose it is in an order that says nothing of them, shape (n,).
        right: Whether it was right, shape (n,).
        told: What the ratings knew before it (skill_update.TOLD_NAMES), shape (n, 8).
    """

    learner: IntArray
    right: BoolArray
    told: npt.NDArray[np.float32]

    @classmethod
    def of(cls, parts: Sequence["Answered"]) -> "Answered":
        """Several, one after the other; at least one."""
        learner, right, told = zip(*((one.learner, one.right, one.told) for one in parts), strict=True)
        return cls(np.concatenate(learner), np.concatenate(right), np.concatenate(told))

    def some(self, chosen: BoolArray) -> "Answered":
        """Those chosen, shape (n,)."""
        return Answered(self.learner[chosen], self.right[chosen], self.told[chosen])

    @property
    def is_first(self) -> BoolArray:
        """The learner never answered the objective before, shape (n,): neither it nor its practice is known."""
        first: BoolArray = (self.told[:, _PAIR] == 0) & (self.told[:, _PRACTICE] == 0)
        return first


@dataclass(frozen=True)
class Foretold:
    """The answers of a fold's learners, and the p of a right one that each way gave, by name."""

    answers: Answered
    probability: Mapping[str, FloatArray]


def is_tested(learner: IntArray, fold: int) -> BoolArray:
    """Whether the learner is one of those whom nothing of a fold has seen, shape (n,)."""
    tested: BoolArray = learner % FOLDS == fold
    return tested


def averaged_log_odds(told: npt.NDArray[np.float32]) -> FloatArray:
    """Log-odds of a right answer by the ratings, averaged over what is not known of them (MacKay 1992), shape (n,)."""
    known = told.astype(np.float64)
    log_odds: FloatArray = known[:, :-1].sum(axis=1) / np.sqrt(1 + np.pi / 8 * known[:, -1])
    return log_odds


def foretell(answers: Answered, fold: int) -> Foretold:
    """Fit on the learners that a fold does not test, and foretell each answer of those that it does.

    Args:
        answers: With what the ratings knew that no tested learner's answer has moved but as their own.
        fold: 0 to FOLDS - 1.
    """
    tested = is_tested(answers.learner, fold)
    taught, judged = answers.some(~tested), answers.some(tested)
    # A rate that a part of the learners never or always reached is no certainty.
    rate = (taught.right.sum() + 1) / (len(taught.right) + 2)
    said = {
        RATINGS: sigmoid(averaged_log_odds(judged.told)),
        LOGISTIC: np.full(len(judged.right), rate),
        ONE_RATE: np.full(len(judged.right), rate),
    }
    if taught.right.any() and not taught.right.all() and len(judged.right):
        regression = make_pipeline(StandardScaler(), LogisticRegression(solver="newton-cholesky"))
        regression.fit(_inputs(taught), taught.right)
        said[LOGISTIC] = regression.predict_proba(_inputs(judged))[:, 1]
    return Foretold(judged, {name: p.round(6) for name, p in said.items()})


def next_answer_report(folds: Sequence[Foretold], facts: Mapping[str, Any]) -> dict[str, Any]:
    """Figures of each way, with intervals over learners, as JSON-able values.

    Args:
        folds: What was foretold; each answer in one of them.
        facts: Parts of the report that the answers do not tell.
    """
    answers = Answered.of([one.answers for one in folds])
    first = answers.is_first
    parts = {"all": np.ones(len(first), dtype=bool), "first_on_objective": first, "answered_before": ~first}
    models = {
        name: {
            part: _figures(name, answers.some(chosen), np.concatenate([one.probability[name] for one in folds])[chosen])
            for part, chosen in parts.items()
        }
        for name in (RATINGS, LOGISTIC, ONE_RATE)
    }
    return {"schema": SCHEMA, **facts, "models": models}


def _inputs(answers: Answered) -> FloatArray:
    return np.column_stack([answers.told.astype(np.float64), averaged_log_odds(answers.told)])


def _figures(name: str, answers: Answered, p: FloatArray) -> dict[str, Any]:
    found = figures_with_intervals(
        answers.right, p, p >= _LIKELIER, answers.learner, replicates=replicates(len(answers.learner))
    )
    if name == ONE_RATE:  # Folds differ in it: that their order ranks answers would be an accident.
        found["auc_roc"] = Figure(None, reason=ONE_FOR_ALL)
    return {
        "n": len(answers.learner),
        "learners": len(np.unique(answers.learner)),
        **{name: found[name].to_json() for name in ("base_rate", *FIGURES)},
    }
