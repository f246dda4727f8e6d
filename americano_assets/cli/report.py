"""The command `report`: where the nightly report is, or its opening in a browser."""

from datetime import datetime
from typing import Annotated

import typer

from americano_assets.cli.display.terminal import echo

commands = typer.Typer()


@commands.command(rich_help_panel="Pipeline")
def report(
    day: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="Study day; without it the newest report."),
    ] = None,
    open_: Annotated[bool, typer.Option("--open", help="Show it in the browser.")] = False,
) -> None:
    """Print where the nightly report is: who needs help, how good predictions were, what helped, how sound data is."""
    from americano_assets.errors import AmericanoError
    from americano_assets.settings import load_settings
    from americano_assets.stages.s9_report.page.files import report_path

    settings = load_settings()
    path = report_path(settings, day.date() if day else None)
    if not path.is_file():
        when = f" for study day {day.date()}" if day else ""
        raise AmericanoError(f"There is no report{when} in {path.parent}: `americano nightly` writes one.")
    echo(str(path))
    if open_:
        typer.launch(path.as_uri())
