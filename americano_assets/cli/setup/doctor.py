"""The command `doctor`: what stands in the way of a night, and what to do about it."""

import typer

from americano_assets.cli.display.terminal import say

commands = typer.Typer()


@commands.command(rich_help_panel="Database and tests")
def doctor() -> None:
    """Say what is wrong with home, database, rights, disk, ports, Dagster and MLflow, the worst first; changes nothing.

    Exit code 1 where something stops a night.
    """
    from americano_assets.cli.setup.examination import State, examine
    from americano_assets.installation import COMMAND
    from americano_assets.settings import load_settings

    settings = load_settings()
    found = examine(settings)
    shown = {State.STOPS: ("✗", "red"), State.WARNS: ("!", "yellow"), State.FINE: ("✓", "green")}
    for one in found:
        mark, style = shown[one.state]
        say(f" {one.message}", bold=f"{mark} {one.subject}:", style=style)
    stops = sum(one.state is State.STOPS for one in found)
    if stops:
        say(f"\n{stops} {'thing stops' if stops == 1 else 'things stop'} a night. Begin with the first.")
        raise typer.Exit(1)
    unless = (
        " unless a row is bad: none was looked at, and with AMERICANO_ON_INVALID=fail the first table with a bad one"
        " ends it and names the row"
        if settings.on_invalid == "fail"
        else ""
    )
    say(f"\nNothing stops a night{unless}: {COMMAND} nightly.")
