"""Which home a command works on, and says so where it is none of one's own; the commands `home show`, `home adopt`."""

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from americano_assets.cli.display.terminal import echo
from americano_assets.installation import COMMAND

if TYPE_CHECKING:
    from americano_assets.settings import Settings

_VARIABLE = "AMERICANO_HOME"
_OULAD, _SIMULATED = "oulad", "simulated"
NAMES = {"demo": _OULAD, _OULAD: _OULAD, _SIMULATED: _SIMULATED}
# They work on no home; a demo and an import choose their own.
_HOMELESS = ("schema", "init", "test", "demo", "import")

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
    """Have this process, and all that it starts, work on a home; said on standard error where it is none of one's own.

    Raises:
        AmericanoError: The demo, or the import, that is wanted is not there.
    """
    from americano_assets.installation import stands_alone
    from americano_assets.resources.home.chosen import own_home, usual_home
    from americano_assets.resources.home.folder import is_demo_home
    from americano_assets.settings import load_settings

    if wanted is not None:
        os.environ[_VARIABLE] = str(_named(wanted, makes=command == "import"))
    if command in _HOMELESS:
        return
    home = usual_home()
    if is_demo_home(home) or stands_alone(home):
        os.environ[_VARIABLE] = str(home)
        is_passed_over = stands_alone(home) and load_settings(own_home()).database_url is not None
        _say(home, load_settings(home), "; DATABASE_URL is passed over" if is_passed_over else "")


def _named(wanted: str, *, makes: bool) -> Path:
    from americano_assets.errors import AmericanoError
    from americano_assets.installation import is_an_imports
    from americano_assets.resources.home.chosen import DEMOS, IMPORTED, own_home
    from americano_assets.resources.home.folder import is_demo_home

    if wanted == IMPORTED:
        home = own_home() / IMPORTED
        if not makes and not is_an_imports(home):
            raise AmericanoError(f"Nothing was imported into {home} yet: {COMMAND} import FILE does that.")
        return home
    if wanted not in NAMES:
        return Path(wanted).expanduser().absolute()
    cohort, own = NAMES[wanted], own_home()
    if not is_demo_home(own) and is_demo_home(home := own / DEMOS / cohort):
        return home
    from americano_assets.loading.demo.homes import home_of  # It loads all that demos are made with.

    if not is_demo_home(home := home_of(cohort)):
        how = "" if cohort == _OULAD else f" --cohort {cohort}"
        raise AmericanoError(f"There is no demo in {home} yet: {COMMAND} demo{how} makes it.")
    return home


def _say(home: Path, settings: "Settings", more: str = "") -> None:
    from americano_assets.installation import is_an_imports

    whose = "home of what was imported," if is_an_imports(home) else "demo's home"
    which = "a database of its own" if settings.database_url is None else "the database of DATABASE_URL"
    echo(f"americano: On the {whose} {home}, with {which}{more}.", err=True)


def of_a_demo(cohort: str, given: str | None = None, *, into_this_database: bool) -> "tuple[Settings, str]":
    """The settings of a demo that is to be loaded, and the options by which later commands find it.

    Args:
        cohort: Whom it shows.
        given: What --home says.
        into_this_database: Whoever asks means the database that `DATABASE_URL` names.

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
    if given is not None:
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


def of_an_import(given: str | None = None, *, into_this_database: bool) -> "tuple[Settings, str]":
    """The settings of the home into which files are imported, and the options by which later commands find it.

    Args:
        given: What --home says.
        into_this_database: Whoever asks means the database that `DATABASE_URL` names.

    Raises:
        AmericanoError: They may not be loaded there.
    """
    from americano_assets.installation import is_an_imports
    from americano_assets.resources.home.chosen import IMPORTED, own_home
    from americano_assets.settings import load_settings, named_home

    own = own_home()
    before = load_settings(own)
    home = named_home() if given is not None else own
    if given is None and not into_this_database and not is_an_imports(own):
        home = own / IMPORTED
    from americano_assets.loading.imports.homes import require_allowed

    settings = load_settings(home, alone=not into_this_database)
    require_allowed(settings, into_this_database=into_this_database)
    os.environ[_VARIABLE] = str(home)
    options = "" if given is None else f"--home {shlex.quote(str(given))} "
    if given is None and home == own / IMPORTED:
        options = f"--home {IMPORTED} "
    which = "a database of its own" if settings.database_url is None else "the database of DATABASE_URL"
    spared = settings.database_url is None and before.database_url is not None
    more = "; DATABASE_URL is left alone (--into-this-database fills it)" if spared else ""
    echo(f"americano: Importing into the home {home}, with {which}{more}.", err=True)
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
