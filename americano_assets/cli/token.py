"""Commands about the HTTP service's bearer tokens: `token create`, `list`, `revoke`."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from americano_assets.cli.display.terminal import Table, echo

token = typer.Typer(no_args_is_help=True, help="Bearer tokens of the HTTP service.")
_NAME = Annotated[str, typer.Argument(help="What you call it, for instance app-2026-11.")]


@token.command()
def create(
    name: _NAME,
    learner: Annotated[str | None, typer.Option(help="Bind it to one learner's id; else it opens all rows.")] = None,
    adviser: Annotated[
        bool,
        typer.Option("--adviser", help="Make it an adviser's: it opens the morning list of courses, nothing else."),
    ] = False,
    course: Annotated[
        list[str] | None, typer.Option(help="A course of the adviser's, by id, code or name; may be given repeatedly.")
    ] = None,
    days: Annotated[int | None, typer.Option(min=1, help="Days until it ends; else when it is revoked.")] = None,
) -> None:
    """Make a token and print it. It is shown this once; only its hash is kept."""
    if adviser != bool(course) or (adviser and learner is not None):
        raise typer.BadParameter("--adviser takes at least one --course and no --learner; --course needs --adviser.")
    from americano_assets.api.tokens import create_token
    from americano_assets.resources.postgres.connection import connect, prepare
    from americano_assets.settings import load_settings

    now = datetime.now(UTC)
    with connect(prepare(load_settings(), claims=False)) as connection:
        made = create_token(
            connection,
            name,
            now,
            learner_id=learner,
            courses=course or None,
            expires_at=now + timedelta(days=days) if days else None,
        )
    echo(made)


@token.command("list")
def list_() -> None:
    """Show all tokens by name; never the tokens themselves."""
    from americano_assets.api.tokens import tokens
    from americano_assets.resources.postgres.connection import connect, prepare
    from americano_assets.settings import load_settings

    now = datetime.now(UTC)
    with connect(prepare(load_settings(), claims=False)) as connection:
        found = tokens(connection)
    if not found:
        echo("No token was ever made: outside production the service lets everybody in.")
        return
    table = Table("name", "opens", "made", "ends", "state")
    for one in found:
        ends = f"{one.expires_at:%Y-%m-%d %H:%M}" if one.expires_at else "—"
        opens = one.learner_id or "every learner's rows"
        if one.courses is not None:
            opens = f"the morning list of {', '.join(one.courses)}"
        table.add(one.name, opens, f"{one.created_at:%Y-%m-%d %H:%M}", ends, one.state(now))
    table.show()


@token.command()
def revoke(name: _NAME) -> None:
    """End a token. Running workers notice within ten seconds."""
    from americano_assets.api.tokens import revoke_token
    from americano_assets.resources.postgres.connection import connect, prepare
    from americano_assets.settings import load_settings

    with connect(prepare(load_settings(), claims=False)) as connection:
        revoke_token(connection, name, datetime.now(UTC))
    echo(f'Token "{name}" is revoked.')
