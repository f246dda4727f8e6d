"""The verdict says what the figures say, whichever that is; why another model does not score is the true reason."""

from typing import Any

import numpy as np
import pytest

from americano_assets.core.evaluation.figures import Figure, figures_with_intervals
from americano_assets.core.evaluation.folds import Fold, Judged
from americano_assets.core.evaluation.verdict import choice, next_step, says_something, verdict
from americano_assets.core.statistics.metrics import HELD_OUT_FIGURES


def figures(**values: float | str) -> dict[str, Any]:
    """What is not given is 0.5; text is a reason for no value."""
    found = {
        name: Figure(None, reason=value) if isinstance(value, str) else Figure(value, value - 0.02, value + 0.02)
        for name, value in ({name: values.get(name, 0.5) for name in HELD_OUT_FIGURES}).items()
    }
    return {"n": 1234, "learners": 56, **{name: figure.to_json() for name, figure in found.items()}}


def difference(low: float, high: float, other: str) -> dict[str, Any]:
    return {"other": other, "log_loss_difference": Figure((low + high) / 2, low, high).to_json()}


def report(*differences: dict[str, Any], chosen: tuple[str, ...] = ("blend",), **values: Any) -> dict[str, Any]:
    return {
        "champion": "blend",
        "models": {"blend": {"all": figures(**values)}},
        "differences": differences,
        "setting": "folds",
        "folds": [{"chosen": one} for one in chosen],
    }


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (-0.2, -0.1, "Better than every rule of thumb by log loss"),
        (-0.2, 0.1, "Not shown to be better than last outcome by log loss"),
        (0.1, 0.2, "Worse than last outcome by log loss"),
    ],
)
def test_the_verdict_compares_with_rules_of_thumb_by_their_intervals(low: float, high: float, words: str) -> None:
    found = report(
        difference(-0.2, -0.1, "running_mean"),
        difference(low, high, "last_outcome"),
        difference(0.3, 0.4, "gradient_boosting"),  # a model, no rule of thumb
        chosen=("blend", "blend", "rule_based"),
        auc_roc=0.8,
        recall=0.7,
    )
    first, second = verdict(found)
    assert first == (
        f"{words}: blend, which scores in 2 of 3 folds, has an AUC of 0.800 (0.780 to 0.820) on 1,234 rows of 56 "
        "learners whom it never saw."
    )
    assert second == (
        "It flags 50.0% of the rows: it finds 70.0% of the struggles, 50.0% of its flags are right, 50.0% of all "
        "rows are struggles."
    )


def test_the_verdict_does_not_call_known_learners_new_and_tells_no_share_of_few() -> None:
    found = report(recall="7 rows struggled; at least 30 are needed") | {"setting": "later weeks"}
    assert "on 1,234 rows of the last weeks of 56 learners." in verdict(found)[0]
    assert verdict(found)[0].startswith("Too few learners to compare with rules of thumb")
    assert verdict(found)[1] == (
        "It flags 50.0% of the rows: 50.0% of its flags are right, 50.0% of all rows are struggles; too few rows "
        "tell how many struggles it finds."
    )
    assert verdict(report(flagged_share=0.0, precision="no row is flagged"))[1].startswith("It flags nobody, and 50.0%")


def test_what_to_do_next_follows_from_the_comparison() -> None:
    better, worse = (report(difference(low, low + 0.1, "last_outcome")) for low in (-0.2, 0.1))
    assert next_step(better) == ("the model may go on; evaluate again once courses, cards or the term have changed.")
    told = next_step(worse | {"champion": "rule_based", "models": {"rule_based": worse["models"]["blend"]}})
    assert told is not None
    assert told.startswith("learners and weeks are what is missing")
    assert told.endswith("The rules' p is an order in which to look, no frequency.")


def test_what_cannot_be_told_is_no_evaluation() -> None:
    few = report(auc_roc="12 rows; at least 30 are needed")
    assert says_something(report())
    assert not says_something(few)
    assert verdict(few)[0] == "Nothing was evaluated: 12 rows; at least 30 are needed."
    none: dict[str, Any] = {
        "champion": None,
        "models": {},
        "shortcoming": ("the log spans 2 days", "Take a longer one."),
    }
    assert not says_something(none)
    assert next_step(none) is None, "the verdict says it"
    assert verdict(none) == ["Nothing was evaluated: the log spans 2 days.", "Take a longer one."]


def judged(chosen: str, *order: str) -> Judged:
    nothing = np.array([], dtype=np.int64)
    return Judged(Fold("one", nothing, nothing, nothing), chosen, "why", order, {}, {}, {}, {}, {})


def test_each_that_looks_better_is_told_with_the_reason_why_it_does_not_score() -> None:
    models = {
        "rule_based": {"all": figures(accuracy=0.6)},
        "logistic_regression": {"all": figures(auc_roc=0.6)},
        "gradient_boosting": {"all": figures()},
        "blend": {"all": figures(log_loss=0.4, auc_roc=0.9)},
        "last_outcome": {"all": figures(log_loss=0.45)},
        "always_no": {"all": figures(auc_roc="one p for all rows", log_loss=0.5004)},
    }
    folds = [
        judged("gradient_boosting", "gradient_boosting", "blend", "logistic_regression"),
        judged("gradient_boosting", "blend", "gradient_boosting", "logistic_regression"),
        judged("rule_based", "logistic_regression", "blend", "gradient_boosting"),
        judged("blend", "blend", "gradient_boosting", "logistic_regression"),
    ]
    rules = "the rules score only where the gate lets no trained model pass"
    closed, refused = "in 1 of 4 folds the gate let no trained model pass", "in 1 of 4 folds the gate refused this one"
    later = "of 4 folds another had the lower log loss on the calibration rows, which decide"
    better = "looks better on these rows"
    ours, thumb = "that of gradient boosting 0.500", "a rule of thumb is a yardstick and never scores"
    assert choice(folds, "gradient_boosting", models) == [
        f"rule based {better} (its accuracy is 0.600, {ours}; higher is better), but {rules}.",
        f"logistic regression {better} (its AUC is 0.600, {ours}; higher is better), but {closed}, in 3 {later}.",
        f"blend {better} (its log loss is 0.400, {ours}; lower is better), but {closed}, {refused}, in 1 {later}.",
        f"last outcome {better} (its log loss is 0.450, {ours}; lower is better), but {thumb}.",
    ]
    alone = {name: models[name] for name in ("gradient_boosting", "always_no")}
    assert choice(folds, "gradient_boosting", alone) == []


@pytest.mark.parametrize(("struggles", "flags"), [(29, 60), (60, 29), (40, 40)])
def test_no_share_of_fewer_than_thirty_rows_is_a_figure(struggles: int, flags: int) -> None:
    row = np.arange(200)
    found = figures_with_intervals(row < struggles, row / 200, row < flags, row, replicates=20)
    few = {name for name in ("recall", "precision", "f1_score") if found[name].value is None}
    assert few == {
        *(("recall", "f1_score") if struggles < 30 else ()),
        *(("precision", "f1_score") if flags < 30 else ()),
    }
    assert all("29 rows" in (found[name].reason or "") for name in few)
