"""What `.env` of one's own deployment holds: choices, each with what it means, and none of them twice."""

import os
from datetime import date
from pathlib import Path
from textwrap import wrap
from typing import Any

import psycopg
import typer
from dotenv import dotenv_values, set_key

from americano_assets.cli.display.terminal import echo
from americano_assets.errors import AmericanoError
from americano_assets.resources.parquet_store.atomic_files import move_into_place, written_beside
from americano_assets.resources.postgres.connection import connect
from americano_assets.resources.postgres.urls import connection_parameters, libpq_url
from americano_assets.settings import Settings, validated
from americano_assets.stages.s1_snapshots.snapshots import log_begins

Values = dict[str, str]
_URL, _ZONE, _START = "DATABASE_URL", "AMERICANO_TIMEZONE", "AMERICANO_START_DAY"
CHOICES = (
    *(_URL, _ZONE, _START),
    *("AMERICANO_HORIZON_DAYS", "AMERICANO_STRUGGLE_BELOW", "AMERICANO_HOLDOUT_SHARE"),
)


def read(file: Path) -> Values:
    """What the file sets; nothing where it is not there."""
    return {name: value for name, value in dotenv_values(file).items() if value}


def asked(held: Values) -> Values:
    """Answers to a question a choice; Enter takes what stands in brackets.

    Args:
        held: What the file sets already.
    """
    answers: Values = {}
    for name in CHOICES:
        echo(f"\n{_explained(name)}")
        known = held | answers
        before = held.get(name) or _proposal(name, known) or ""
        while True:
            answer = _ask(name, before)
            try:
                require_valid(known | {name: answer})
            except AmericanoError as error:
                echo(str(error))
            else:
                break
        if answer:
            answers[name] = answer
    return answers


def _ask(name: str, before: str) -> str:
    if name != _URL:
        return str(typer.prompt(name, default=before))
    # A password is in it: what is typed is not shown, nor is that of what stands there already.
    shown = _without_password(before) if before else "the embedded server"
    return str(typer.prompt(f"{name}, hidden [{shown}]", default=before, hide_input=True, show_default=False))


def proposed(known: Values) -> Values:
    """Values of the choices that are not known yet."""
    found = {name: _proposal(name, known) for name in CHOICES if name not in known}
    return {name: value for name, value in found.items() if value is not None}


def _proposal(name: str, known: Values) -> str | None:
    """The default, and of the first study day that of the database's own log."""
    begins = _log_begins(known) if name == _START else None
    default = begins or Settings.model_fields[name.lower()].default
    return None if default is None else str(default)


def _log_begins(known: Values) -> date | None:
    """The first study day of which the database's log tells; None where there is none, or it cannot be asked."""
    if _URL not in known:
        return None
    settings = _settings({name: value for name, value in known.items() if name in (_URL, _ZONE)})
    try:
        with connect(libpq_url(known[_URL])) as connection:
            return log_begins(connection, settings.zone)
    except AmericanoError as error:
        echo(f"When the log begins is not known. {error}", err=True)
    except psycopg.Error:
        echo("When the log begins is not known: its tables are not in the database, or may not be read.", err=True)
    return None


def require_valid(values: Values) -> None:
    """Refuse what the project could not run with.

    Raises:
        AmericanoError: Names the setting and the rule, never the value.
    """
    _settings({name: value for name, value in values.items() if name.lower() in Settings.model_fields and value})
    if values.get(_URL):
        connection_parameters(libpq_url(values[_URL]))


def _settings(values: Values) -> Settings:
    lowered: dict[str, Any] = {name.lower(): value for name, value in values.items()}
    return validated(**lowered)


def overruled(values: Values) -> list[str]:
    """Choices of which the environment has another value."""
    return [name for name in CHOICES if os.environ.get(name) and os.environ[name] != values.get(name)]


def write(file: Path, new: Values) -> None:
    """Write values into the file in one step, each new one below what it means; only its owner can read it.

    Raises:
        AmericanoError: A value has signs that would be read as something else.
    """
    file = file.resolve()  # A link stays one.
    with written_beside(file.parent) as temporary:
        temporary.touch(mode=0o600)
        before = file.read_text().rstrip("\n") if file.exists() else ""
        temporary.write_text(f"{before}\n" if before else "")
        held = dotenv_values(temporary)
        for name, value in new.items():
            if name not in held:
                with temporary.open("a") as text:
                    text.write("\n" if text.tell() else "")
                    text.writelines(f"# {line}\n" for line in _explained(name).splitlines())
            set_key(temporary, name, value, quote_mode="auto")
        written = dotenv_values(temporary)
        if wrong := [name for name, value in new.items() if written.get(name) != value]:
            raise AmericanoError(f"{wrong[0]} has signs that .env cannot hold: in a URL write $ as %24.")
        move_into_place(temporary, file)


def _explained(name: str) -> str:
    return "\n".join(wrap(Settings.model_fields[name.lower()].description or "", 116))


def _without_password(url: str) -> str:
    parts = connection_parameters(libpq_url(url))
    return " ".join(f"{name}={parts[name]}" for name in ("host", "port", "dbname", "user") if name in parts)
