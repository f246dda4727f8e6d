"""The command `import`: logs and Anki collections of anybody's into a home of their own."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from americano_assets.cli.display.terminal import echo, progress_bars, say
from americano_assets.installation import COMMAND

if TYPE_CHECKING:
    from americano_assets.loading.imports.flow import Imported, Loaded

commands = typer.Typer()
_PANEL = "Setup"


@commands.command("import", rich_help_panel=_PANEL)
def import_(
    context: typer.Context,
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE…",
            help="Interaction logs, as `evaluate` reads them (Parquet or CSV: learner_id, objective_id, occurred_at,"
            " score, …), or Anki collections (.colpkg, .apkg, .anki2).",
        ),
    ],
    plans: Annotated[
        Path | None,
        typer.Option(help="Parquet or CSV of what is planned: learner_id, objective_id, due_on."),
    ] = None,
    names: Annotated[
        list[str] | None,
        typer.Option(
            "--map", metavar="OURS=THEIRS", help="A file's other name of a column: learner_id=user. Repeat it."
        ),
    ] = None,
    timezone: Annotated[
        str | None,
        typer.Option(
            help="IANA zone of times that name none, and where study days end. Unset: such times are UTC, study days as"
            " configured; later imports keep to the first one's."
        ),
    ] = None,
    horizon_days: Annotated[
        int | None, typer.Option(min=1, max=60, help="H, days of the label window. Unset: as configured.")
    ] = None,
    struggle_below: Annotated[
        float | None, typer.Option(min=0.01, max=0.99, help="A mean score below is a struggle. Unset: as configured.")
    ] = None,
    learner: Annotated[str | None, typer.Option(help="Anki: whose collection it is; any name. Without it, me.")] = None,
    tags: Annotated[
        str | None,
        typer.Option(
            metavar="TAG", help='Anki: objectives are the tags below this one ("": all tags), instead of decks.'
        ),
    ] = None,
    into_this_database: Annotated[
        bool,
        typer.Option("--into-this-database", help="Not into one of its own, but into the one that DATABASE_URL names."),
    ] = False,
) -> None:
    """Load interaction logs or Anki collections into a database of their own; what is there already is not doubled."""
    from americano_assets.cli.evaluate import pairs
    from americano_assets.cli.home import of_an_import

    settings, options = of_an_import(context.find_root().params["home"], into_this_database=into_this_database)
    from americano_assets.cli.evaluate import Steps
    from americano_assets.loading.imports.flow import Request, import_files

    given = {"horizon_days": horizon_days, "struggle_below": struggle_below, "timezone": timezone}
    request = Request(files, plans, pairs(names or []), given, learner, tags, into_this_database)
    with progress_bars() as bars:
        imported = import_files(settings, request, Steps(bars))
    _tell(imported, f"{COMMAND} {options}")


def _tell(imported: "Imported", call: str) -> None:
    for one in imported.files:
        _tell_file(one)
    settings = imported.settings
    zone, below, days = settings.americano_timezone, settings.americano_struggle_below, settings.americano_horizon_days
    say(f"A struggle is a mean score below {below:g} within {days} study days, which end at 23:00 in {zone}.")
    if imported.before_start:
        say(
            f"{imported.before_start:,} interactions are of before {settings.americano_start_day}, and no night reads"
            " them: set AMERICANO_START_DAY to an earlier day.",
            style="yellow",
        )
    if imported.read_again is not None:
        first, last = imported.read_again
        say(
            f"Study days {first} to {last} were read before, and something in them is new. To have them read again:",
            style="yellow",
        )
        echo(f"  {call}backfill --from {first} --to {last} --history-only")
    night = "nightly" if imported.night is None else f"nightly --day {imported.night}"
    what = "read it, train, predict; then whom to help first"
    if imported.night is not None:
        what = "the night of the log's last day, since nobody has studied lately; read it, train, predict"
    commands = {
        f"{call}{night}": what,
        f"{call}report --open": "the night on one page",
        f"{call}dev": "Dagster's UI, the API and MLflow on this machine",
        f"{call}stop": "stop the embedded database",
    }
    say("", bold="\nWhat to do next")
    for command, told in commands.items():
        echo(f"  {command:<{max(map(len, commands))}}  {told}")


def _tell_file(one: "Loaded") -> None:
    totals, written = one.totals, one.written
    if totals:
        courses = f" of {_count(totals['courses'], 'course')}" if totals["courses"] else ""
        say(
            f": {_count(totals['interactions'], 'interaction')} of {_count(totals['learners'], 'learner')} on"
            f" {_count(totals['objectives'], 'objective')}{courses}, study days {one.first} to {one.last}.",
            bold=one.name,
        )
    else:
        say(f": {_count(written.rows, 'plan')}.", bold=one.name)
    there = written.rows - written.new - written.changed
    say(f"{written.new:,} are new, {written.changed:,} say something else than before, {there:,} were there already.")
    for why, n in one.left_out.items():
        say(f"Left out: {why}: {n:,}.")
    for sentence in one.told:
        say(sentence)


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" + ("" if number == 1 else "s")
