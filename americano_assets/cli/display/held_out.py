"""How good the day's models were on rows that they never saw, beside rules of thumb on the same rows."""

from collections.abc import Mapping
from datetime import date

import pandas as pd
from rich.table import Column

from americano_assets.cli.display.terminal import Table, say
from americano_assets.core.evaluation.baselines import last_outcome
from americano_assets.core.evaluation.figures import figures_with_intervals
from americano_assets.core.statistics.metrics import LEAST_ROWS, figures_of_enough
from americano_assets.core.training.train import CHAMPION
from americano_assets.errors import AmericanoError
from americano_assets.evaluation.log_tables import with_record
from americano_assets.settings import Settings
from americano_assets.stages.common.deployment import Deployment
from americano_assets.stages.s2_features.day_tables import day_tables

Figures = Mapping[str, float | None]
FIGURES = (
    ("auc_roc", "AUC"),
    ("accuracy", "accuracy"),
    ("precision", "precision"),
    ("recall", "recall"),
    ("brier", "Brier"),
    ("log_loss", "log loss"),
    ("ece", "ECE"),
)
# Of these the lower is the better.
_LOSSES = ("brier", "log_loss", "ece")


def show_held_out(settings: Settings, day: date, scoring: tuple[str, float] | None) -> None:
    """The figures of the training that the day's model comes from, or of how few rows there are none.

    Args:
        settings: The deployment's.
        day: The study day.
        scoring: Type and threshold of the model that scored it.
    """
    deployment = Deployment(settings, claims=False)
    # As measured at the day's own training: a champion that stays is older than that.
    recorded = deployment.store.manifest(day, "model")
    if scoring is None or recorded is None:
        return
    model_type, threshold = scoring
    summary = recorded["summary"]
    chosen, counts = summary.get("chosen", model_type), summary["rows"]
    n, why = int(counts["test_rows"]), f"{summary['why'][:1].upper()}{summary['why'][1:]}"
    if n < LEAST_ROWS:
        say(f"\nHeld out, and seen by no model: {n} rows; figures take {LEAST_ROWS}. {why}.")
        return
    measured: dict[str, Figures] = {name: with_enough(one, n) for name, one in summary["figures"].items()}
    base = measured[chosen]["base_rate"]
    assert base is not None
    table = Table(
        Column("model", no_wrap=True),
        *(title for _, title in FIGURES),
        title=f"\nNever seen: {n:,} rows of {counts['test_learners']:,.0f} learners",
    )
    for name, values in measured.items():
        table.add(name.replace("_", " "), *_cells(values), style="bold" if name == chosen else None)
    trained = date.fromisoformat(recorded.get("trained_for") or day.isoformat())
    rows = _training_rows(deployment, trained, n)
    if thumb := _last_outcome(deployment, trained, rows):
        table.add("last outcome", *_cells(thumb), style="dim")
    table.add("always no", *_cells({"accuracy": 1 - base, "recall": 0.0}), style="dim")
    table.show()
    told = f": {summary['threshold_told']}" if "threshold_told" in summary else ""  # else of an earlier version
    say(
        f"{'Last outcome flags whoever struggled the last time. ' if thumb else ''}Base rate {base:.3f}; cold starts"
        f" {counts.get('test_cold_share', 0):.1%} of these rows;"
        f" {'the champion is a ' + model_type.replace('_', ' ') + ', ' if chosen == CHAMPION else ''}"
        f"threshold {threshold:.3f}, chosen on other learners and earlier weeks, which may struggle more or less{told}."
    )
    for sentences in (
        _which(trained, rows),
        _by_chance(deployment, recorded["model_version"], rows),
        _rule_looks_better(measured[chosen], thumb or {}),
        _others_look_better(measured, chosen),
        f"{why}.",
    ):
        if sentences:
            say(sentences)


def with_enough(values: Figures, n: float) -> Figures:
    """Figures without shares of fewer than LEAST_ROWS: a training of a version before kept them too."""
    base, precision, recall = values.get("base_rate"), values.get("precision"), values.get("recall")
    struggles = n * (base or 0)
    flags = struggles * recall / precision if precision and recall is not None else 0
    few = {"precision"} if flags < LEAST_ROWS - 0.5 else set()
    few |= {"recall"} if struggles < LEAST_ROWS - 0.5 else set()
    return {name: None if name in few else value for name, value in values.items()}


def figure(value: float | None) -> str:
    """A figure to three digits, or that there is none."""
    return "—" if value is None else f"{value:.3f}"


def _cells(values: Figures) -> list[str]:
    return [figure(values.get(name)) for name, _ in FIGURES]


def _better(other: Figures, own: Figures) -> list[str]:
    """Figures by which another looks better than the model that scores, each with both values."""
    found = []
    for name, title in FIGURES:
        theirs, ours = other.get(name), own.get(name)
        if theirs is None or ours is None or round(theirs, 3) == round(ours, 3):
            continue
        if (theirs < ours) is (name in _LOSSES):
            found.append(f"{title} ({theirs:.3f}, not {ours:.3f})")
    return found


def _rule_looks_better(own: Figures, thumb: Figures) -> str:
    """Why the model scores where a figure speaks for the rule of thumb; empty where none does."""
    better = _better(thumb, own)
    if not better:
        return ""
    told = f"Last outcome, which is no model, looks better by {', '.join(better)}"
    finds, found = thumb.get("recall"), own.get("recall")
    if finds is not None and found is not None and finds < found:
        told += (
            f". It finds {finds:.0%} of the struggles, and the model {found:.0%}: the threshold is set to find most of"
            " them, and pays with false alarms"
        )
    elif len(better) > len(_better(own, thumb)):
        told += ": on these rows the model that scores is of little use"
    return f"{told}."


def _others_look_better(measured: Mapping[str, Figures], chosen: str) -> str:
    """Why the model that scores does, where AUC or log loss speaks for another; empty where neither does."""
    looks = {
        name.replace("_", " "): [
            one for one in _better(values, measured[chosen]) if one.startswith(("AUC", "log loss"))
        ]
        for name, values in measured.items()
    }
    told = "; ".join(f"{name} by {' and '.join(better)}" for name, better in looks.items() if better)
    if not told:
        return ""
    return (
        f"Of the models another looks better: {told}. It takes over where its log loss on these rows is lower beyond"
        " chance, its ECE is sound, and its list is of use."
    )


def _training_rows(deployment: Deployment, day: date, n: int) -> pd.DataFrame | None:
    """The rows of the training, of which `n` were held out; None where these are not what is stored of the day."""
    stored = deployment.store.read_day("training_set", day)
    rows: pd.DataFrame | None = None if stored is None else stored.to_pandas()
    return rows if rows is not None and int((rows["split"] == "test").sum()) == n else None


def _which(trained: date, rows: pd.DataFrame | None) -> str:
    """Whose rows were held out, and of when."""
    told = f"Never seen: these models, the newest trained for study day {trained}, learned from other learners,"
    if rows is None:
        return f"{told} in earlier weeks."
    cutoffs = pd.to_datetime(rows.loc[rows["split"] == "test", "cutoff_day"])
    return f"{told} before the cut-offs of these rows, {cutoffs.min():%Y-%m-%d} to {cutoffs.max():%Y-%m-%d}."


def _by_chance(deployment: Deployment, version: str, rows: pd.DataFrame | None) -> str:
    """Within which bounds the figures of the model that scores lie; empty where it or the rows are gone."""
    if rows is None:
        return ""
    try:
        scorer = deployment.models.load(version).scorer
    except AmericanoError:
        return ""
    test = rows[rows["split"] == "test"]
    p = scorer.probability(test)
    found = figures_with_intervals(
        test["struggled"].to_numpy(dtype=bool), p, scorer.flagged(test, p), pd.factorize(test["learner_id"])[0]
    )
    told = [
        f"{title} {one.low:.3f} to {one.high:.3f}"
        for name, title in FIGURES
        if (one := found[name]).low is not None and one.high is not None
    ]
    return f"Of what scores, with other learners drawn like these (95 %): {', '.join(told)}." if told else ""


def _last_outcome(deployment: Deployment, day: date, rows: pd.DataFrame | None) -> Figures | None:
    """Figures of the rule of thumb on the rows of the training; None where these are not known."""
    if rows is None:
        return None
    known = with_record(day_tables(deployment, day), rows[rows["split"].isin(["train", "test"])])
    train, test = (known[known["split"] == name] for name in ("train", "test"))
    rule = last_outcome(train)
    p, struggled = rule.probability(test), test["struggled"].to_numpy(dtype=bool)
    assert rule.flagged is not None
    return figures_of_enough(struggled, p, rule.flagged(test, p))
