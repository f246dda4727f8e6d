"""The command `evaluate`: how good the models are on learners that they never saw."""

import json
import tempfile
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from americano_assets.cli.display.terminal import echo, progress_bars

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from americano_assets.evaluation.run import Options
    from americano_assets.settings import Settings

commands = typer.Typer()
_PANEL = "Evaluation"
# As many as folds: more of them are told by the bar alone.
_MOST_PORTIONS = 10


class Task(StrEnum):
    """What is foretold."""

    STRUGGLE = "struggle"
    NEXT_ANSWER = "next-answer"


@commands.command(rich_help_panel=_PANEL)
def evaluate(
    context: typer.Context,
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FILE]",
            help="An interaction log, Parquet (also a folder of it) or CSV: learner_id, objective_id, occurred_at (a "
            "timestamp, ISO or epoch), score (0-1, true or false, a percentage); optional course_id, kind, rating, "
            "duration_ms, card_id, item_id, session_id. Or an Anki collection. Without it, this deployment's own data.",
        ),
    ] = None,
    horizon_days: Annotated[
        int | None, typer.Option(min=1, max=60, help="H, days of the label window. Unset: as configured.")
    ] = None,
    struggle_below: Annotated[
        float | None, typer.Option(min=0, max=1, help="A mean score below is a struggle. Unset: as configured.")
    ] = None,
    timezone: Annotated[
        str | None,
        typer.Option(
            help="IANA zone of a log's times that name none, and where its study days end. Unset: such times are UTC, "
            "study days as configured."
        ),
    ] = None,
    names: Annotated[
        list[str] | None,
        typer.Option(
            "--map", metavar="OURS=THEIRS", help="A log's other name of a column: learner_id=user. Repeat it."
        ),
    ] = None,
    every_days: Annotated[int, typer.Option(min=1, max=90, help="Days between cut-offs of a log.")] = 7,
    setting: Annotated[
        str | None,
        typer.Option(
            help="Own data only. demo: other learners' earlier windows, all learners in five turns. hard: OULAD, "
            "trained on 2013, calibrated on 2014B, tested on students first seen in 2014J."
        ),
    ] = None,
    task: Annotated[
        Task,
        typer.Option(
            help="What is foretold: the struggle within a window (struggle), or each answer before it is given, as "
            "knowledge tracing does (next-answer)."
        ),
    ] = Task.STRUGGLE,
    max_rows: Annotated[
        int, typer.Option(min=1000, help="A log with more rows is evaluated on a sample of whole learners.")
    ] = 1_000_000,
    json_out: Annotated[Path | None, typer.Option("--json", metavar="OUT", help="Write the whole report.")] = None,
    rows_out: Annotated[
        Path | None,
        typer.Option("--rows", metavar="OUT.parquet", help="Write every row: features, label, fold, predictions."),
    ] = None,
) -> None:
    """Judge all models on learners they never saw, beside rules of thumb, on the same rows and with intervals."""
    from americano_assets.errors import AmericanoError
    from americano_assets.settings import load_settings

    settings = load_settings()  # Before imports that take seconds: a wrong value is told at once.
    for option, path in (("--json", json_out), ("--rows", rows_out)):
        if path is not None and not path.absolute().parent.is_dir():
            raise AmericanoError(f"{option} {path}: the folder {path.parent} does not exist.")
        if path is not None and file is not None and path.resolve() == file.resolve():
            raise AmericanoError(f"{option} {path} is the log itself, and would be written over: name another file.")
    if file is not None and setting is not None:
        raise AmericanoError("--setting is for the deployment's own data: leave it out, or leave FILE out.")
    if file is None and (names or any(one is not None for one in (horizon_days, struggle_below, timezone))):
        raise AmericanoError(
            "--horizon-days, --struggle-below, --timezone and --map are for a FILE; of the own data "
            "AMERICANO_HORIZON_DAYS, AMERICANO_STRUGGLE_BELOW and AMERICANO_TIMEZONE decide, since stored features and "
            "models depend on them."
        )
    if task is Task.NEXT_ANSWER and (setting is not None or rows_out is not None):
        raise AmericanoError("--setting and --rows are of --task struggle: of a next answer there are no rows.")
    from americano_assets.evaluation.run import evaluate_log, log_options
    from americano_assets.resources.memory import bound_memory

    options = None
    if file is not None:
        given = {"horizon_days": horizon_days, "struggle_below": struggle_below, "timezone": timezone}
        bound_memory(settings.americano_memory, settings.americano_home)
        options = log_options(settings, given, pairs(names or []), every_days, max_rows)
        from americano_assets.loading.imports.anki.collection import as_log
        from americano_assets.loading.imports.anki.files import is_anki

        if is_anki(file):
            folder = context.with_resource(tempfile.TemporaryDirectory(prefix="americano-anki-"))
            file = as_log(file, Path(folder), options.zone)
    if task is Task.NEXT_ANSWER:
        _next_answers(settings, file, options, max_rows, json_out)
        return
    from americano_assets.cli.display.evaluation import show
    from americano_assets.core.evaluation.report import report
    from americano_assets.evaluation.row_export import write_rows

    with progress_bars() as bars:
        steps = Steps(bars)
        if file is not None and options is not None:
            evaluated = evaluate_log(file, options, steps)
        else:
            from americano_assets.evaluation.own_data import evaluate_own
            from americano_assets.loading.demo.oulad.backgrounds import backgrounds_in

            evaluated = evaluate_own(settings, setting or "demo", steps, backgrounds_in)
        steps("figures and their intervals", 0, 1)
        found = report(evaluated)
        steps("figures and their intervals", 1, 1)
        if rows_out is not None:
            write_rows(evaluated, rows_out)
    if json_out is not None:
        json_out.write_text(json.dumps(found, indent=1, allow_nan=False) + "\n")
    show(found)
    if not found["evaluated"]:
        raise typer.Exit(1)


@commands.command("model-card", rich_help_panel=_PANEL)
def model_card(
    out: Annotated[Path, typer.Option(metavar="OUT.md", help="Where to write it.")] = Path("docs/model-card.md"),
) -> None:
    """Write the model card from this deployment's own data: figures with intervals, slices, limits."""
    from americano_assets.errors import AmericanoError
    from americano_assets.settings import load_settings

    settings = load_settings()
    if not out.absolute().parent.is_dir():
        raise AmericanoError(f"--out {out}: the folder {out.parent} does not exist.")
    from americano_assets.core.evaluation.model_card import model_card as page
    from americano_assets.core.evaluation.report import report
    from americano_assets.evaluation.own_data import evaluate_own
    from americano_assets.loading.demo.oulad.backgrounds import backgrounds_in

    with progress_bars() as bars:
        evaluated = [evaluate_own(settings, "demo", Steps(bars), backgrounds_in)]
        if evaluated[0].facts["source"]["name"] == "OULAD":
            evaluated.append(evaluate_own(settings, "hard", Steps(bars), backgrounds_in))
        out.write_text(page([report(one) for one in evaluated]))
    echo(f"Written: {out}")


def _next_answers(
    settings: "Settings", file: Path | None, options: "Options | None", max_rows: int, json_out: Path | None
) -> None:
    from americano_assets.cli.display.next_answer import show
    from americano_assets.evaluation.next_answer import next_answers_of_log, next_answers_of_own

    with progress_bars() as bars:
        if file is not None and options is not None:
            found = next_answers_of_log(file, options, Steps(bars))
        else:
            found = next_answers_of_own(settings, max_rows, Steps(bars))
    if json_out is not None:
        json_out.write_text(json.dumps(found, indent=1, allow_nan=False) + "\n")
    show(found)


def pairs(names: list[str]) -> dict[str, str]:
    """What --map says: a column of ours to the log's name of it."""
    from americano_assets.errors import AmericanoError

    pairs = {}
    for one in names:
        ours, sign, theirs = one.partition("=")
        if not sign or not ours or not theirs or ours in pairs:
            raise AmericanoError(f"--map {one}: say it as OURS=THEIRS, once a column: learner_id=user.")
        pairs[ours] = theirs
    return pairs


class Steps:
    """One bar a step."""

    def __init__(self, bars: "Progress") -> None:
        self.bars = bars
        self.tasks: dict[str, TaskID] = {}

    def __call__(self, step: str, done: int, total: int) -> None:
        """Tell a step, how far it is, and of how much."""
        if step not in self.tasks:
            self.tasks[step] = self.bars.add_task(step.capitalize(), total=total)
        portion = f"{done + 1:,} of {total:,}" if 1 < total <= _MOST_PORTIONS and done < total else ""
        self.bars.update(self.tasks[step], completed=done, total=total, step=portion)
