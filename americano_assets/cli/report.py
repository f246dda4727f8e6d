"""What a night leaves to people: the commands `report`, `today`."""

from datetime import UTC, datetime
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


@commands.command(rich_help_panel="Pipeline")
def today(
    course: Annotated[str | None, typer.Option(help="Only this course, by id, code or name.")] = None,
    csv: Annotated[bool, typer.Option("--csv", help="As CSV on standard output, without notes.")] = False,
) -> None:
    """Whom to help first today, by course: why, what to do, since when, what was done; advisers open GET /today."""
    from americano_assets.api.morning_list.reading import AT_A_GLANCE, IN_A_FILE, ONE_COURSE, list_now
    from americano_assets.api.tokens import course_id
    from americano_assets.cli.display.morning_list import show_list, written
    from americano_assets.resources.postgres.connection import connect, prepare
    from americano_assets.settings import load_settings

    settings = load_settings()
    url = prepare(settings, claims=False)
    chosen = None
    if course is not None:
        with connect(url) as connection:
            chosen = [course_id(connection, course)]
    at_most = IN_A_FILE if csv else AT_A_GLANCE if chosen is None else ONE_COURSE
    found = list_now(settings, url, datetime.now(UTC), courses=chosen, at_most=at_most)
    if csv:
        echo(written(found), nl=False)
        cut = sum(one.waiting - len(one.listed) for one in found.sections)
        if cut and found.capacity is None:
            echo(f"{cut:,} learners more wait: the file has {at_most:,} of a course at most.", err=True)
    else:
        show_list(found)
