"""An evaluation in two sentences, and why the model that scores does where another looks better on the same rows."""

from collections.abc import Mapping, Sequence
from typing import Any

from americano_assets.core.evaluation.baselines import ALWAYS_NO, LAST_OUTCOME, RUNNING_MEAN
from americano_assets.core.evaluation.folds import Judged
from americano_assets.core.training.fit import RULES

# In the order of a table.
YARDSTICKS = (RUNNING_MEAN, LAST_OUTCOME, ALWAYS_NO)
# What a reader would compare models by, most telling first: its words, and whether more of it is better.
_COMPARED = {"log_loss": ("log loss", False), "auc_roc": ("AUC", True), "accuracy": ("accuracy", True)}
_DIGITS = 3
_BEATS_ALL = "Better than every rule of thumb by log loss"
# What is told of flags, and how it is called where it cannot be.
_ON_FLAGS = {
    "recall": ("it finds {} of the struggles", "how many struggles it finds"),
    "precision": ("{} of its flags are right", "how many of its flags are right"),
}
_SHARES = ("flagged_share", "base_rate", *_ON_FLAGS)


def says_something(report: Mapping[str, Any]) -> bool:
    """Whether the rows tell how good the model that scores is."""
    champion = report["champion"]
    return champion is not None and report["models"][champion]["all"]["auc_roc"]["value"] is not None


def verdict(report: Mapping[str, Any]) -> list[str]:
    """Two sentences: whether the model that scores is of use, and what it does; or why that cannot be told.

    Args:
        report: With `champion`, `models`, `differences`, `folds`, `setting`, and `shortcoming` where there is one.
    """
    champion = report["champion"]
    if not says_something(report):
        reason, advice = report.get("shortcoming") or (
            report["models"][champion]["all"]["auc_roc"]["reason"] if champion else "there is no row",
            "Take more days, or more learners.",
        )
        return [f"Nothing was evaluated: {reason}.", advice]
    figures = report["models"][champion]["all"]
    learners = f"{figures['learners']:,} learners"
    whose = f"the last weeks of {learners}" if report["setting"] == "later weeks" else f"{learners} whom it never saw"
    often = [fold["chosen"] for fold in report["folds"]]
    where = f" in {often.count(champion)} of {len(often)} folds" if len(often) > 1 else ""
    auc = figures["auc_roc"]
    interval = "" if auc["low"] is None else f" ({auc['low']:.3f} to {auc['high']:.3f})"
    first = (
        f"{_compared(report['differences'])}: {words(champion)}, which scores{where}, has an AUC of "
        f"{auc['value']:.3f}{interval} on {figures['n']:,} rows of {whose}."
    )
    return [first, _flags(figures)]


def next_step(report: Mapping[str, Any]) -> str | None:
    """What to do after reading it; None where nothing was evaluated, of which the verdict says it already."""
    if not says_something(report):
        return None
    if _compared(report["differences"]) == _BEATS_ALL:
        return "the model may go on; evaluate again once courses, cards or the term have changed."
    reading = " The rules' p is an order in which to look, no frequency." if report["champion"] == RULES else ""
    return (
        "learners and weeks are what is missing: let the log grow, and evaluate again in some weeks. The gate compares"
        f" anew at each training, and nothing has to be set for it.{reading}"
    )


def choice(judged: Sequence[Judged], champion: str | None, models: Mapping[str, Any]) -> list[str]:
    """Why the one that scores does, a sentence for each other that looks better.

    Args:
        judged: Fold by fold what was chosen.
        champion: What scores.
        models: The report's figures by model.
    """
    if champion is None:
        return []
    told = []
    for other in models:
        better = _better(models[other]["all"], models[champion]["all"], champion)
        if better:
            told.append(f"{words(other)} looks better on these rows ({better}), but {_reason(judged, other)}.")
    return told


def words(name: str) -> str:
    """A model's name as a reader has it."""
    return name.replace("_", " ")


def _compared(differences: Sequence[Mapping[str, Any]]) -> str:
    known = {one["other"]: one["log_loss_difference"] for one in differences if one["other"] in YARDSTICKS}
    known = {words(name): figure for name, figure in known.items() if figure["low"] is not None}
    if not known:
        return "Too few learners to compare with rules of thumb"
    worse = [name for name, figure in known.items() if figure["low"] > 0]
    if worse:
        return f"Worse than {' and '.join(worse)} by log loss"
    unsure = [name for name, figure in known.items() if figure["high"] >= 0]
    if unsure:
        return f"Not shown to be better than {' and '.join(unsure)} by log loss"
    return _BEATS_ALL


def _flags(figures: Mapping[str, Any]) -> str:
    known = {name: f"{one['value']:.1%}" for name in _SHARES if (one := figures[name])["value"] is not None}
    struggles = f"{known['base_rate']} of all rows are struggles"
    if not figures["flagged_share"]["value"]:
        return f"It flags nobody, and {struggles}."
    told = [sentence.format(known[name]) for name, (sentence, _) in _ON_FLAGS.items() if name in known]
    untold = [what for name, (_, what) in _ON_FLAGS.items() if name not in known]
    ending = f"; too few rows tell {' and '.join(untold)}" if untold else ""
    return f"It flags {known['flagged_share']} of the rows: {', '.join([*told, struggles])}{ending}."


def _better(other: Mapping[str, Any], champion: Mapping[str, Any], name: str) -> str | None:
    """The first figure by which another looks better at the digits that are shown; None where none is.

    Args:
        other: Figures of the other.
        champion: Figures of the one that scores.
        name: Which that is.
    """
    for key, (told, is_more_better) in _COMPARED.items():
        values = [one[key]["value"] for one in (other, champion)]
        if None not in values:
            theirs, ours = (round(value, _DIGITS) for value in values)
            if theirs != ours and (theirs > ours) == is_more_better:
                wanted = "higher" if is_more_better else "lower"
                both = f"is {theirs:.{_DIGITS}f}, that of {words(name)} {ours:.{_DIGITS}f}"
                return f"its {told} {both}; {wanted} is better"
    return None


def _reason(judged: Sequence[Judged], other: str) -> str:
    if other in YARDSTICKS:
        return "a rule of thumb is a yardstick and never scores"
    if other == RULES:
        return "the rules score only where the gate lets no trained model pass"
    by_rules, refused, later = 0, 0, 0
    for one in judged:
        if one.chosen == RULES:
            by_rules += 1
        elif one.chosen != other and other in one.order:
            is_before = one.order.index(other) < one.order.index(one.chosen)
            refused, later = refused + is_before, later + (not is_before)
    parts = [
        (by_rules, "the gate let no trained model pass"),
        (refused, "the gate refused this one"),
        (later, "another had the lower log loss on the calibration rows, which decide"),
    ]
    where = f"in {{}} of {len(judged)} folds " if len(judged) > 1 else ""
    return ", ".join(f"{where.format(n)}{told}" for n, told in parts if n)
