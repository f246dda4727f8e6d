"""Commands about the database and the code itself: `schema`, `check-db`, `db-url`, `stop`, `test`."""

from typing import Annotated

import typer

from americano_assets.cli.display.terminal import Table, echo, say

commands = typer.Typer()
_PANEL = "Database and tests"
# Each keeps a PostgreSQL, Dagster and the models' libraries in memory: about 1.5 GB.
_MOST_TEST_WORKERS = 4


@commands.command(rich_help_panel=_PANEL)
def schema(
    sql: Annotated[bool, typer.Option("--sql", help="Statements that make the tables in an empty database.")] = False,
    written: Annotated[bool, typer.Option(help="With --sql: only those that are written, beside views.")] = False,
    views: Annotated[
        bool, typer.Option("--views", help="Views without rows, to be filled in over other tables.")
    ] = False,
    prisma: Annotated[bool, typer.Option("--prisma", help="A schema.prisma.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="A page for a reader, with the JSON's shapes.")] = False,
) -> None:
    """Print what the app's tables must look like: what is read, written, optional, with types and meanings."""
    from americano_assets.contract.printed.ddl import ddl, empty_views
    from americano_assets.contract.printed.markdown import markdown as page
    from americano_assets.contract.printed.prisma import prisma_schema

    if sql + views + prisma + markdown != 1 or (written and not sql):
        raise typer.BadParameter("Say one of --sql (or --sql --written), --views, --prisma, --markdown.")
    echo(ddl(written=written) if sql else empty_views() if views else prisma_schema() if prisma else page(), nl=False)


@commands.command("check-db", rich_help_panel=_PANEL)
def check_db() -> None:
    """Compare the app's database with the contract; exit code 1 if the pipeline could not run on it."""
    from americano_assets.contract.compare import check
    from americano_assets.contract.views import look_into
    from americano_assets.resources.home.folder import demo_sentence
    from americano_assets.resources.home.standing import standing
    from americano_assets.resources.postgres.connection import app_url, bootstrap, connect
    from americano_assets.settings import load_settings

    settings = load_settings()
    with connect(app_url(settings), autocommit=True) as connection:
        strange = standing(connection, settings).obstacle(claims=False)
        if settings.database_url is None and not strange:
            bootstrap(connection)  # One that was never used has no tables yet: to be told so would help nobody.
        differences = check(connection)
        if not any(difference.severity == "error" for difference in differences):
            differences += look_into(connection)
        name = connection.info.dbname
    for sentence in filter(None, (strange, demo_sentence(settings))):
        echo(sentence)
    errors = sum(difference.severity == "error" for difference in differences)
    if differences:
        table = Table("", "where", "what", title=f'Database "{name}" and the contract')
        for difference in differences:
            style = "red" if difference.severity == "error" else "yellow"
            table.add(difference.severity, difference.where, difference.message, style=style)
        table.show()
    if errors:
        say(f'The pipeline cannot run on database "{name}": {errors} of {len(differences)} are errors.')
    if errors or strange:
        raise typer.Exit(1)
    warnings = f", with {len(differences)} warnings" if differences else ""
    say(f'Database "{name}" matches the contract{warnings}.')


@commands.command("db-url", rich_help_panel=_PANEL)
def db_url() -> None:
    """Print the URL of the app's database for psql or Prisma; starts the embedded server if need be."""
    from americano_assets.resources.postgres.connection import app_url, prepare
    from americano_assets.settings import load_settings

    settings = load_settings()
    echo(app_url(settings) if settings.database_url else prepare(settings, claims=False))


@commands.command(rich_help_panel=_PANEL)
def stop() -> None:
    """Stop the embedded PostgreSQL server of the home, and say where others of the same user's run."""
    import shlex

    from americano_assets.installation import COMMAND
    from americano_assets.resources.home.chosen import beside, own_home
    from americano_assets.resources.postgres.embedded.processes import live_postmaster
    from americano_assets.resources.postgres.embedded.server import EmbeddedServer
    from americano_assets.settings import load_settings

    home = load_settings().americano_home
    stopped = EmbeddedServer(home).stop()
    echo(f"The embedded PostgreSQL of {home} {'has stopped' if stopped else 'was not running'}.")
    for other in (own_home(), *beside(own_home())):
        if other != home and live_postmaster(EmbeddedServer(other).data) is not None:
            echo(f"That of {other} runs: {COMMAND} --home {shlex.quote(str(other))} stop ends it.")


@commands.command(
    "test", rich_help_panel=_PANEL, context_settings={"allow_extra_args": True, "ignore_unknown_options": True}
)
def run_tests(
    pytest_arguments: Annotated[list[str] | None, typer.Argument(help="Passed on to pytest.")] = None,
) -> None:
    """Run the tests that need neither node nor a browser, and take seconds; on several processors side by side."""
    import os

    import pytest

    from americano_assets.errors import AmericanoError
    from americano_assets.installation import IS_CHECKOUT, PROJECT_ROOT

    if not IS_CHECKOUT:
        raise AmericanoError("The tests are in the project's repository, not in the package: clone it to run them.")
    os.chdir(PROJECT_ROOT)
    chosen = ["-m", "not node and not browser and not long and not full"]
    # Each worker has a database server of its own; a file's tests share what its fixtures made, so they stay together.
    # One worker more than there are processors: a third of the time is waited, for servers and killed processes.
    workers = min((os.cpu_count() or 1) + 1, _MOST_TEST_WORKERS)
    # Files by their names: by the number of their tests, those with one test of minutes would come last, one at a time.
    side_by_side = ["-n", str(workers), "--dist", "loadfile", "--no-loadscope-reorder"]
    raise typer.Exit(int(pytest.main([*chosen, *side_by_side, *(pytest_arguments or [])])))
