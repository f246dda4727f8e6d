"""The `americano` command."""

import os
import sys
from typing import Annotated

import typer

from americano_assets.cli import archive, data, evaluate, home, pipeline, report, runs, services, single_case
from americano_assets.cli.display.terminal import fail
from americano_assets.cli.home import choose, home_first
from americano_assets.cli.model import model
from americano_assets.cli.setup import database, doctor, importing, init, store
from americano_assets.cli.token import token
from americano_assets.errors import AmericanoError
from americano_assets.installation import __version__
from americano_assets.resources.parquet_store.atomic_files import private_files

app = typer.Typer(
    name="americano",
    help="Foresees which learning objectives a student will struggle with, and measures whether acting on it helped.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _tell_version(asked: bool) -> None:
    if asked:
        print(f"americano {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    context: typer.Context,
    home: Annotated[
        str | None,
        typer.Option(
            metavar="PATH|demo|simulated|imported",
            help="The home to work on, instead of AMERICANO_HOME: one's own, a demo's, or that of what was imported."
            " Without a home or database of one's own it is that of the demo or import that ran last.",
        ),
    ] = None,
    _version: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    choose(context.invoked_subcommand, home)


app.add_typer(pipeline.commands)
app.add_typer(report.commands)
app.add_typer(evaluate.commands)
app.add_typer(single_case.commands)
app.add_typer(services.commands)
app.add_typer(runs.commands)
app.add_typer(init.commands)
app.add_typer(importing.commands)
app.add_typer(doctor.commands)
app.add_typer(database.commands)
app.add_typer(data.commands)
app.add_typer(data.dataset, name="dataset", rich_help_panel=data.PANEL)
app.add_typer(archive.commands, name="archive", rich_help_panel=data.PANEL)
app.add_typer(home.commands, name="home", rich_help_panel=data.PANEL)
app.add_typer(store.commands, name="store", rich_help_panel=data.PANEL)
app.add_typer(model, name="model", rich_help_panel="Evaluation")
app.add_typer(token, name="token", rich_help_panel="Servers")


def main() -> None:
    """Run the command line; an expected error is one red line on stderr and its exit code, never a traceback."""
    private_files()
    try:
        app(prog_name="americano", args=home_first(sys.argv[1:]))
    except AmericanoError as error:
        _end(str(error), error.exit_code)
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except BrokenPipeError:
        # Whoever read our output has left (`americano … | head`); Python must not complain of it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None
    except Exception as error:
        if (full := _full_disk(error)) is not None:
            _end(full, 1)
        psycopg = sys.modules.get("psycopg")
        if psycopg is None or not isinstance(error, psycopg.OperationalError):
            raise
        # A statement of ours ran into it; messages of the server name no password.
        reason = " ".join(str(error).split()).rstrip(".")
        _end(f"The database could not go on: {reason}. Check that it runs and run the command again.", 1)


def _full_disk(error: BaseException | None) -> str | None:
    """What to tell where an error, or one behind it, is a full disk, be it PostgreSQL's."""
    from americano_assets.resources.parquet_store.atomic_files import full_disk

    while error is not None:
        if (full := full_disk(str(error))) is not None:
            return full
        error = error.__cause__ or error.__context__
    return None


def _end(message: str, code: int) -> None:
    fail(message)
    raise SystemExit(code)
