"""The command `init`: writes `.env`, from options, or from questions where a person sits there."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from americano_assets.cli.display.terminal import echo

commands = typer.Typer()


@commands.command(rich_help_panel="Database and tests")
def init(
    database_url: Annotated[
        str | None, typer.Option(help="URL of the app's database; - reads it from standard input.")
    ] = None,
    timezone: Annotated[str | None, typer.Option(help="Time zone in which study days end at 23:00.")] = None,
    start_day: Annotated[str | None, typer.Option(help="First study day, YYYY-MM-DD.")] = None,
    horizon_days: Annotated[str | None, typer.Option(help="How far ahead a struggle is foreseen.")] = None,
    struggle_below: Annotated[str | None, typer.Option(help="A mean score below is a struggle, 0-1.")] = None,
    holdout_share: Annotated[str | None, typer.Option(help="Share from whom help is withheld by chance, 0-1.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Change values that the file has already.")] = False,
    file: Annotated[
        Path | None,
        typer.Option(help="What to write; unset: .env in the project's folder, or in the user's data folder."),
    ] = None,
) -> None:
    """Write the settings of one's own deployment into .env; without options, on a terminal, it asks."""
    from americano_assets.cli.setup.env_file import CHOICES, asked, overruled, proposed, read, require_valid, write
    from americano_assets.errors import AmericanoError
    from americano_assets.installation import COMMAND, DOTENV

    if database_url == "-":
        database_url = sys.stdin.readline().strip()
    options = (database_url, timezone, start_day, horizon_days, struggle_below, holdout_share)
    given = {name: value for name, value in zip(CHOICES, options, strict=True) if value}
    file = file or DOTENV
    held = read(file)
    asks = not given and sys.stdin.isatty()
    chosen = asked(held) if asks else given | proposed(held | given)
    require_valid(held | chosen)
    changed = [name for name, value in chosen.items() if held.get(name, value) != value]
    if changed and not (asks or overwrite):
        raise AmericanoError(
            f"{file} has another value of {', '.join(changed)} already: --overwrite changes it. Nothing was written."
        )
    new = {name: chosen[name] for name in CHOICES if name in chosen and held.get(name) != chosen[name]}
    rest = "everything else in it is as it was" if file.exists() else "the file is new"
    write(file, new)
    echo(f"{file}: {', '.join(new) or 'nothing'} written; {rest}.")
    for name in overruled(held | chosen):
        echo(f"{name} is set in the environment too, and the environment goes first.")
    echo(f"Next: {COMMAND} doctor says whether all is ready, {COMMAND} nightly makes the first predictions.")
