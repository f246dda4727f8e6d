"""Which home a command works on, and says so where it is a demo's; the commands `home show`, `home adopt`."""

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click
import typer

from americano_assets.cli.display.terminal import echo
from americano_assets.installation import COMMAND

if TYPE_CHECKING:
    from americano_assets.settings import Settings

_VARIABLE = "AMERICANO_HOME"
_OULAD, _SIMULATED = "oulad", "simulated"
NAMES = {"demo": _OULAD, _OULAD: _OULAD, _SIMULATED: _SIMULATED}
# They work on no home; a demo chooses its own.
_HOMELESS = ("schema", "init", "test", "demo")

commands = typer.Typer(no_args_is_help=True, help="The home, and the one database that it belongs to.")


@commands.command()
def show() -> None:
    """Show which database the home belongs to, and whether DATABASE_URL leads there; exit code 1 if they do not fit."""
    from americano_assets.resources.home.folder import demo_sentence
    from americano_assets.resources.home.standing import standing
    from americano_assets.resources.postgres.connection import app_url, connect
    from americano_assets.settings import load_settings

    settings = load_settings()
    with connect(app_url(settings), autocommit=True) as connection:
        found = standing(connection, settings)
        host = connection.info.host
    here = found.database
    server = (
        f", server {here.system_identifier}" if here.system_identifier else ", on a server that does not tell which"
    )
    echo(f"Home: {found.home}")
    echo(f"Database: {here.database_name} at {host}{server}")
    if found.in_home is None:
        echo("The home belongs to no database yet: the first write binds it.")
    else:
        echo(f"The home belongs to: {found.in_home.database.database_name}, as {found.in_home.id}")
    echo(f"Models: {len(found.models_here)} in the home, {len(found.models_there)} known to the database")
    if sentence := demo_sentence(settings):
        echo(sentence)
    if obstacle := found.obstacle():
        echo(obstacle)
        raise typer.Exit(1)
    echo("They fit each other.")


@commands.command()
def adopt() -> None:
    """Bind home and database to each other, whatever either belonged to: after a restore or a move."""
    from americano_assets.resources.postgres.connection import bind_anew
    from americano_assets.settings import load_settings

    bind_anew(load_settings())


def home_first(arguments: list[str]) -> list[str]:
    """`--home` belongs to every command, so it may stand behind one too; what `test` is given is pytest's."""
    for at, argument in enumerate(arguments if arguments[:1] != ["test"] else []):
        if argument == "--":
            break
        if argument == "--home" or argument.startswith("--home="):
            end = at + 1 + (argument == "--home")
            return [*arguments[at:end], *arguments[:at], *arguments[end:]]
    return arguments


def choose(command: str | None, wanted: str | None) -> None:
    """Have this process, and all that it starts, work on a home; where it is a demo's, say so on standard error.

    Raises:
        AmericanoError: The demo that is wanted is not there.
    """
    from americano_assets.installation import is_a_demos_alone
    from americano_assets.resources.home.chosen import own_home, usual_home
    from americano_assets.resources.home.folder import is_demo_home
    from americano_assets.settings import load_settings

    if wanted is not None:
        os.environ[_VARIABLE] = str(_named(wanted))
    if command in _HOMELESS:
        return
    home = usual_home()
    if is_demo_home(home):
        os.environ[_VARIABLE] = str(home)
        is_passed_over = is_a_demos_alone(home) and load_settings(own_home()).database_url is not None
        _say(home, load_settings(home), "; DATABASE_URL is passed over" if is_passed_over else "")


def _named(wanted: str) -> Path:
    from americano_assets.errors import AmericanoError
    from americano_assets.loading.demo.homes import home_of
    from americano_assets.resources.home.folder import is_demo_home

    if wanted not in NAMES:
        return Path(wanted).expanduser().absolute()
    cohort = NAMES[wanted]
    if not is_demo_home(home := home_of(cohort)):
        how = "" if cohort == _OULAD else f" --cohort {cohort}"
        raise AmericanoError(f"There is no demo in {home} yet: {COMMAND} demo{how} makes it.")
    return home


def _say(home: Path, settings: "Settings", more: str = "") -> None:
    which = "a database of its own" if settings.database_url is None else "the database of DATABASE_URL"
    echo(f"americano: On the demo's home {home}, with {which}{more}.", err=True)


def of_a_demo(cohort: str, *, into_this_database: bool) -> "tuple[Settings, str]":
    """The settings of a demo that is to be loaded, and the options by which later commands find it.

    Raises:
        AmericanoError: It may not be loaded there.
    """
    from americano_assets.resources.home.chosen import DEMOS, own_home
    from americano_assets.settings import load_settings

    own = own_home()
    before = load_settings(own)  # Ahead of imports that take seconds: a wrong value is told at once.
    from americano_assets.loading.demo.homes import home_of, of_its_own, require_allowed
    from americano_assets.resources.home.folder import open_home

    home = own if into_this_database else home_of(cohort)
    settings = load_settings(home, alone=not into_this_database)
    settings = settings.model_copy(update={name.lower(): value for name, value in of_its_own(settings).items()})
    require_allowed(settings, into_this_database=into_this_database)
    options = ""
    context = click.get_current_context(silent=True)
    if context is not None and context.find_root().params.get("home") is not None:
        options = f"--home {shlex.quote(str(home))} "
    elif home != own:  # Also where there is none of the user's own yet: what is printed stays true once there is.
        options = f"--home {'demo' if cohort == _OULAD else cohort} "
    if home != own:
        for folder in (own, own / DEMOS):  # Whoever runs the server for root passes through them.
            open_home(folder, make=True)
    os.environ[_VARIABLE] = str(home)
    spared = settings.database_url is None and before.database_url is not None
    _say(home, settings, "; DATABASE_URL is left alone (--into-this-database fills it)" if spared else "")
    return settings, options


def to_remove(cohort: str | None) -> "Settings":
    """The settings of the demo that is to be removed: of the cohort, else of the last one."""
    from americano_assets.resources.home.chosen import last_demo, own_home
    from americano_assets.resources.home.folder import is_demo_home
    from americano_assets.settings import load_settings

    own = own_home()
    if cohort is not None:
        from americano_assets.loading.demo.homes import home_of

        return load_settings(home_of(cohort))
    names_one = load_settings(own).database_url is not None
    return load_settings(own if names_one and is_demo_home(own) else last_demo() or own)
