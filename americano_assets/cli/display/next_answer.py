"""The report on next answers on the terminal."""

from collections.abc import Mapping
from typing import Any

from rich.table import Column

from americano_assets.cli.display.terminal import Table, say
from americano_assets.core.evaluation.verdict import words

_TITLES = {"auc_roc": "AUC", "accuracy": "accuracy", "log_loss": "log loss", "brier": "Brier", "ece": "ECE"}
_PARTS = {
    "all": "All answers of learners never seen",
    "first_on_objective": "The learner's first answer on the objective",
    "answered_before": "Answered before",
}


def show(report: Mapping[str, Any]) -> None:
    """Print the report: what was judged, each way of foretelling with its intervals, notes."""
    every = report["models"]["ratings"]["all"]
    rate = every["base_rate"]["value"]
    say(
        f": {every['n']:,} answers of {every['learners']:,} of {report['learners']:,} learners are foretold, each "
        "before it is given"
        + ("." if rate is None else f"; {rate:.1%} are right, a score from {report['right_from']:g} on being one")
        + ("" if rate is None else f" ({report['set_by']})."),
        bold=report["source"]["name"],
    )
    for sentence in report["conversions"]:
        say(f"• {sentence}")
    for part, title in _PARTS.items():
        if part != "all" and every["n"] == report["models"]["ratings"][part]["n"]:
            continue
        table = Table(
            "",
            *(Column(words(model), justify="right", no_wrap=True) for model in report["models"]),
            title=f"\n{title}: {report['models']['ratings'][part]['n']:,}",
        )
        for name, shown in _TITLES.items():
            table.add(shown, *(_figure(parts[part][name]) for parts in report["models"].values()))
        missing = {one[part][name]["reason"] for one in report["models"].values() for name in _TITLES} - {None}
        table.show(f"—: {'; '.join(sorted(missing))}" if missing else None)
    say("In brackets: 95 % intervals over learners.", style="dim")
    for note in report["notes"]:
        say(f"• {note}", style="dim")


def _figure(figure: Mapping[str, Any]) -> str:
    if figure["value"] is None:
        return "—"
    bounds = "" if figure["low"] is None else f" ({figure['low']:.3f}-{figure['high']:.3f})"
    return f"{figure['value']:.3f}{bounds}"
