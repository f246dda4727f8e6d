"""The model card: what the models are for, what they were judged on, how good they were, where they fail."""

from collections.abc import Mapping, Sequence
from typing import Any

from americano_assets.core.base.escaping import markdown

_FIGURES = (
    ("base_rate", "base rate"),
    ("auc_roc", "AUC"),
    ("accuracy", "accuracy"),
    ("flagged_share", "flagged"),
    ("precision", "precision"),
    ("recall", "recall"),
    ("log_loss", "log loss"),
    ("ece", "ECE"),
)
_PARTS = (
    ("all", "All rows"),
    ("without_cold_starts", "Without cold starts"),
    ("without_never_active", "Without learners who never do anything"),
)
_TARGETS = {"accuracy": (0.75, "above"), "recall": (0.70, "above"), "auc_roc": (0.86, "at least")}
_ECE_TARGET = {"demo": 0.03, "hard": 0.05}
_HEAD = """# Model card

Written by `./americano model-card`; do not edit. [Evaluation](evaluation.md) says how the figures come about,
[features](features.md) what the models read.

- **What for**: to foresee which learning objectives a student will struggle with within the next {horizon} study days,
  so that help comes in time. Not for grading, admission, or any decision about a person.
- **A struggle**: at least 3 reviews or 1 graded validation in the window, and a mean score below {below:g}, or at
  least 3 AGAIN that are at least 30 % of the reviews. p means P(struggle | studied).
- **Data**: {source}, as known at study day {day}: {rows:,} rows with a known outcome of {learners:,} learners, of which
  {base} struggled.
- **Not read by any model**: gender, age, region, disability, deprivation, final results. Gender and age band are used
  to show figures by, below and in Dagster, nowhere else.
"""


def model_card(reports: Sequence[Mapping[str, Any]]) -> str:
    """The page as Markdown.

    Args:
        reports: Of the settings, the one that ships first.
    """
    first = reports[0]
    data, target = first["data"], first["target"]
    parts = [
        _HEAD.format(
            horizon=target["horizon_days"],
            below=target["struggle_below"],
            source=markdown(first["source"]["name"]),
            day=data["study_day"],
            rows=data["rows"],
            learners=data["row_learners"],
            base="an untold share (of fewer than 30 rows)" if data["base_rate"] is None else f"{data['base_rate']:.1%}",
        )
    ]
    for report in reports:
        parts.extend(_setting(report))
    parts.append(
        "## Limits\n\n"
        "- Learners of whom nothing is known get the cohort's rate and are never flagged: recall on cold starts is 0.\n"
        "- Which trained model the gate is asked about first is decided on calibration learners; whether it scores, or "
        "the next after it, on the rows that they are reported on. Its figures are slightly flattered by that, and its "
        "intervals do not know it.\n"
        "- Learners who never do anything are easy to foresee and flatter every figure: see the rows without them.\n"
        "- Probabilities hold for cohorts like the ones calibrated on. Where the struggle rate shifts between "
        "presentations, they are off by that shift until a retraining.\n"
        "- Scores count from the hand-in on, although students learn them about a week later.\n"
        "- Outcomes of students who were helped teach a model that help was not needed.\n"
    )
    return "\n".join(parts)


def _setting(report: Mapping[str, Any]) -> list[str]:
    champion = report["champion"]
    models = report["models"]
    lines = [
        f"## Setting `{report['setting']}`\n",
        *(f"- {markdown(note)}" for note in report["notes"]),
        f"- Scores: **{_words(champion)}**{_how_often(report)}: {markdown(report['folds'][0]['why'])}.",
        f"- Its threshold: {_threshold(report)}.\n",
    ]
    for part, title in _PARTS:
        lines += [f"**{title}** (95 % intervals over learners)\n", *_table([(n, m[part]) for n, m in models.items()])]
    lines += _targets(report)
    lines += [
        "**Log loss of the one that scores minus another's**, same rows; below 0 it is better\n",
        "| than | difference | 95 % |",
        "| --- | --- | --- |",
    ]
    for one in report["differences"]:
        figure = one["log_loss_difference"]
        if figure["value"] is not None:
            interval = f"{figure['low']:+.4f} to {figure['high']:+.4f}"
            lines.append(f"| {_words(one['other'])} | {figure['value']:+.4f} | {interval} |")
    lines.append("")
    for name in dict.fromkeys(one["slice"] for one in report["slices"]):
        lines.append(f"**{_words(champion)} by {_words(name)}**\n")
        lines += _table([(one["value"], one["figures"]) for one in report["slices"] if one["slice"] == name])
    return lines


def _how_often(report: Mapping[str, Any]) -> str:
    chosen = [fold["chosen"] for fold in report["folds"]]
    if len(chosen) == 1:
        return ""
    return f" in {chosen.count(report['champion'])} of {len(chosen)} trainings; in the first"


def _threshold(report: Mapping[str, Any]) -> str:
    if report["champion"] is None:
        return "none"
    first = report["models"][report["champion"]]["folds"][0]
    return f"{first['threshold']:.3f}; {first['threshold_told']}"


def _targets(report: Mapping[str, Any]) -> list[str]:
    """Each model that a target is asked of beside what it reached; a miss stands there as a miss."""
    aimed = {**_TARGETS, "ece": (_ECE_TARGET.get(report["setting"], 0.05), "at most")}
    lines = [
        "**Targets**\n",
        "| model | " + " | ".join(f"{name} {how} {at:g}" for name, (at, how) in aimed.items()) + " |",
    ]
    lines.append("| --- |" + " --- |" * len(aimed))
    for name, model in report["models"].items():
        told = []
        for figure, (at, how) in aimed.items():
            value = model["all"][figure]["value"]
            if value is None:
                told.append("—")
                continue
            met = value <= at if how == "at most" else value >= at if how == "at least" else value > at
            told.append(f"{value:.3f} {'met' if met else 'missed'}")
        lines.append(f"| {_words(name)} | " + " | ".join(told) + " |")
    return [*lines, ""]


def _table(rows: Sequence[tuple[str, Mapping[str, Any]]]) -> list[str]:
    lines = [
        "| | n | " + " | ".join(title for _, title in _FIGURES) + " |",
        "| --- | ---: |" + " --- |" * len(_FIGURES),
    ]
    for name, figures in rows:
        cells = [_cell(figures[key]) for key, _ in _FIGURES]
        lines.append(f"| {_words(name)} | {figures['n']:,} | " + " | ".join(cells) + " |")
    return [*lines, ""]


def _cell(figure: Mapping[str, Any]) -> str:
    if figure["value"] is None:
        return "—"
    interval = "" if figure["low"] is None else f" ({figure['low']:.3f}-{figure['high']:.3f})"
    return f"{figure['value']:.3f}{interval}"


def _words(name: str | None) -> str:
    return markdown((name or "none").replace("_", " "))
