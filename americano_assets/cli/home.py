"""Commands about the home: `home show`, `home adopt`."""

import typer

from americano_assets.cli.display.terminal import echo

commands = typer.Typer(no_args_is_help=True, help="The home, and the one database that it belongs to.")


@commands.command()
def show() -> None:
    """Show which database the home belongs to, and whether DATABASE_URL leads there; exit code 1 if they do not fit."""
    from americano_assets.resources.home.claim import standing
    from americano_assets.resources.home.folder import demo_sentence
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
