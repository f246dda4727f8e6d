"""An evaluation's report on the terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Column, Table

_COLUMNS = (
    ("auc_roc", "AUC"),
    ("accuracy", "acc."),
    ("precision", "prec."),
    ("recall", "recall"),
    ("brier", "Brier"),
    ("log_loss", "loss"),
    ("ece", "ECE"),
)


def show(report: Mapping[str, Any]) -> None:
    """Print the report: what was judged, the models beside the rules of thumb, folds, slices, notes."""
    console = Console()
    console.print(_headline(report))
    models = report["models"]
    if models:
        champion = report["champion"]
        console.print(
            _table(
                "The last weeks" if report["setting"] == "later weeks" else "Learners never seen (loss: log loss)",
                [(name, part["all"]) for name, part in models.items()],
                champion,
            )
        )
        for part, title in (
            ("without_cold_starts", "Without cold starts"),
            ("cold_starts", "Cold starts alone"),
            ("without_never_active", "Without learners who never do anything"),
        ):
            shown = [(name, one[part]) for name, one in models.items()]
            if shown[0][1]["n"] not in (0, models[champion]["all"]["n"]):
                console.print(_table(title, shown, champion))
        console.print(_intervals(champion, models[champion]["all"]))
        if len(report["folds"]) > 1:
            console.print(
                _table(f"{_words(champion)} by fold", [(f["fold"], f["figures"]) for f in models[champion]["folds"]])
            )
        console.print(_differences(report["differences"]))
        for name in dict.fromkeys(one["slice"] for one in report["slices"]):
            parts = [(one["value"], one["figures"]) for one in report["slices"] if one["slice"] == name]
            console.print(_table(f"{_words(champion)} by {_words(name)}", parts))
        for fold in report["folds"]:
            if fold["chosen"] == "rule_based":
                console.print(f"[dim]{fold['fold']}: {fold['why']}.[/]")
    for note in report["notes"]:
        console.print(f"[dim]• {note}[/]")


def _headline(report: Mapping[str, Any]) -> str:
    data, target = report["data"], report["target"]
    rate = "no base rate" if data["base_rate"] is None else f"base rate {data['base_rate']:.3f}"
    text = (
        f"[bold]{report['source']['name']}[/]: {data['rows']:,} rows of {data['row_learners']:,} learners, {rate}. "
        f"A struggle is a mean score below {target['struggle_below']:g} within {target['horizon_days']} days."
    )
    if data.get("interactions") is not None:
        text = (
            f"{data['interactions']:,} interactions of {data['learners']:,} learners with {data['objectives']:,} "
            f"objectives, {data['first_at'][:10]} to {data['last_at'][:10]}, {data['cutoffs']:,} cut-offs.\n{text}"
        )
    return text


def _table(title: str, rows: Sequence[tuple[str, Mapping[str, Any]]], champion: str | None = None) -> Table:
    table = _plain(title, Column("", no_wrap=True), Column("n", justify="right", no_wrap=True), *_titles())
    for name, figures in rows:
        values = [_number(figures[key]["value"]) for key, _ in _COLUMNS]
        table.add_row(_words(name), f"{figures['n']:,}", *values, style="bold" if name == champion else None)
    missing = {
        figures[key]["reason"] for _, figures in rows for key, _ in _COLUMNS if figures[key]["value"] is None
    } - {"no row is flagged", None}
    if missing:
        table.caption = "—: " + "; ".join(sorted(missing)[:3])
        table.caption_justify = "left"
    return table


def _intervals(name: str, figures: Mapping[str, Any]) -> Table:
    table = _plain(f"{_words(name)}: 95 % intervals over {figures['learners']:,} learners", *_titles())
    bounds = []
    for key, _ in _COLUMNS:
        low, high = figures[key]["low"], figures[key]["high"]
        bounds.append("—" if low is None else f"{low:.3f}\n{high:.3f}")
    table.add_row(*bounds)
    return table


def _differences(differences: Sequence[Mapping[str, Any]]) -> Table:
    table = _plain(
        "Log loss of the champion minus another's, same rows (below 0: the champion is better)",
        *("than", Column("difference", justify="right"), "95 %"),
    )
    for one in differences:
        figure = one["log_loss_difference"]
        interval = figure["reason"] if figure["low"] is None else f"{figure['low']:+.4f} … {figure['high']:+.4f}"
        value = "—" if figure["value"] is None else f"{figure['value']:+.4f}"
        table.add_row(_words(one["other"]), value, interval)
    return table


def _plain(title: str, *columns: Column | str) -> Table:
    return Table(
        *columns,
        title=f"\n{title}",
        title_justify="left",
        box=SIMPLE_HEAD,
        collapse_padding=True,
        show_edge=False,
        pad_edge=False,
    )


def _titles() -> list[Column]:
    return [Column(title, justify="right", no_wrap=True) for _, title in _COLUMNS]


def _words(name: str) -> str:
    return name.replace("_", " ")


def _number(value: float | None) -> str:
    return "—" if value is None else f"{value:.3f}"
