"""An evaluation's report on the terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Column

from americano_assets.cli.display.terminal import Table, say
from americano_assets.core.evaluation.verdict import next_step, words

_COLUMNS = (
    ("auc_roc", "AUC"),
    ("accuracy", "acc."),
    ("flagged_share", "flag."),
    ("precision", "prec."),
    ("recall", "recall"),
    ("log_loss", "loss"),
    ("ece", "ECE"),
)

# A longer name is cut, or there would be no room for its figures.
_NAME_WIDTH = 22
_MOST_REASONS = 3
# Of a model that flags nobody each table says so by itself.
_NOBODY_FLAGGED = "no row is flagged"


def show(report: Mapping[str, Any]) -> None:
    """Print the report: the verdict, what was judged, the models beside the rules of thumb, folds, slices, notes."""
    first, *then = report["verdict"]
    say(f" {' '.join(then)}\n", bold=first)
    _show_headline(report)
    models = report["models"]
    if models:
        champion = report["champion"]
        title = "The last weeks" if report["setting"] == "later weeks" else "Learners never seen (loss: log loss)"
        _show_table(title, [(name, part["all"]) for name, part in models.items()], champion)
        for sentence in report["choice"]:
            say(f"• {sentence}")
        for part, title in (
            ("without_cold_starts", "Without cold starts"),
            ("cold_starts", "Cold starts alone"),
            ("without_never_active", "Without learners who never do anything"),
        ):
            shown = [(name, one[part]) for name, one in models.items()]
            if shown[0][1]["n"] not in (0, models[champion]["all"]["n"]):
                _show_table(title, shown, champion)
        _show_intervals(champion, models[champion]["all"])
        folds = models[champion]["folds"]
        if len(report["folds"]) > 1:
            _show_table(f"{words(champion)} by fold", [(fold["fold"], fold["figures"]) for fold in folds])
        _show_differences(report["differences"])
        for name in dict.fromkeys(one["slice"] for one in report["slices"]):
            parts = [(one["value"], one["figures"]) for one in report["slices"] if one["slice"] == name]
            _show_table(f"{words(champion)} by {words(name)}", parts)
        for fold in folds:
            if fold["threshold"] is not None:
                say(f"{fold['fold']}: threshold {fold['threshold']:.3f}, {fold['threshold_told']}.", style="dim")
        for fold in report["folds"]:
            if fold["chosen"] == "rule_based":
                say(f"{fold['fold']}: {fold['why']}.", style="dim")
    for note in report["notes"]:
        say(f"• {note}", style="dim")
    if (step := next_step(report)) is not None:
        say(f" {step}", bold="What to do next:")


def _show_headline(report: Mapping[str, Any]) -> None:
    data, target = report["data"], report["target"]
    by = target["set_by"]
    rate = "" if data["base_rate"] is None else f", of which {data['base_rate']:.1%} are struggles"
    if data.get("interactions") is not None:
        say(
            f"{data['interactions']:,} interactions of {data['learners']:,} learners with {data['objectives']:,} "
            f"objectives, {data['first_at'][:10]} to {data['last_at'][:10]}, {data['cutoffs']:,} cut-offs."
        )
    say(f": {data['rows']:,} rows of {data['row_learners']:,} learners{rate}.", bold=report["source"]["name"])
    say(
        f"A struggle is a mean score below {target['struggle_below']:g} ({by['struggle_below']}) within "
        f"{target['horizon_days']} days ({by['horizon_days']}); study days end at 23:00 in {target['timezone']} "
        f"({by['timezone']}); cut-offs lie {target['every_days']} days apart."
    )
    for sentence in report["conversions"]:
        say(f"• {sentence}")


def _show_table(title: str, rows: Sequence[tuple[str, Mapping[str, Any]]], champion: str | None = None) -> None:
    if all(figures[key]["value"] is None for _, figures in rows for key, _ in _COLUMNS):
        say(f"\n{title}: {'; '.join(dict.fromkeys(figures['log_loss']['reason'] for _, figures in rows))}.")
        return
    table = Table(
        Column("", no_wrap=True, max_width=_NAME_WIDTH),
        Column("n", justify="right", no_wrap=True),
        *_titles(),
        title=f"\n{title}",
    )
    for name, figures in rows:
        values = [_number(figures[key]["value"]) for key, _ in _COLUMNS]
        table.add(words(name), f"{figures['n']:,}", *values, style="bold" if name == champion else None)
    table.show(_footnote(rows))


def _footnote(rows: Sequence[tuple[str, Mapping[str, Any]]]) -> str | None:
    """Why figures are missing, and of which rows of a table where it is not all of them."""
    names: dict[str, list[str]] = {}
    for name, figures in rows:
        untold = (figures[key]["reason"] for key, _ in _COLUMNS if figures[key]["value"] is None)
        for reason in sorted(set(untold) - {_NOBODY_FLAGGED, None}):
            names.setdefault(reason, []).append(words(name))
    told = [reason if len(of) == len(rows) else f"{', '.join(of)}: {reason}" for reason, of in names.items()]
    more = f"; and {len(told) - _MOST_REASONS:,} more" if len(told) > _MOST_REASONS else ""
    return f"—: {'; '.join(told[:_MOST_REASONS])}{more}" if told else None


def _show_intervals(name: str, figures: Mapping[str, Any]) -> None:
    if all(figures[key]["low"] is None for key, _ in _COLUMNS):
        return
    title = f"\n{words(name)}: 95 % intervals over {figures['learners']:,} learners"
    table = Table("", *_titles(), title=title)
    for bound in ("low", "high"):
        table.add(bound, *(_number(figures[key][bound]) for key, _ in _COLUMNS))
    table.show()


def _show_differences(differences: Sequence[Mapping[str, Any]]) -> None:
    table = Table(
        *("than", Column("difference", justify="right"), "95 %"),
        title="\nLog loss of the champion minus another's, same rows (below 0: the champion is better)",
    )
    for one in differences:
        figure = one["log_loss_difference"]
        interval = figure["reason"] if figure["low"] is None else f"{figure['low']:+.4f} … {figure['high']:+.4f}"
        value = "—" if figure["value"] is None else f"{figure['value']:+.4f}"
        table.add(words(one["other"]), value, interval)
    table.show()


def _titles() -> list[Column]:
    return [Column(title, justify="right", no_wrap=True) for _, title in _COLUMNS]


def _number(value: float | None) -> str:
    return "—" if value is None else f"{value:.3f}"
