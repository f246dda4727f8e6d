"""Every environment variable the project reads, typed and validated once."""

from pathlib import Path

from dotenv import dotenv_values
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from americano_assets.errors import AmericanoError
from americano_assets.installation import DOTENV, HOME_SETTINGS_FILE, is_a_demos_alone, stands_alone
from americano_assets.settings.fields import named_home
from americano_assets.settings.store import StoreFields

__all__ = ["Settings", "SettingsError", "load_settings", "named_home", "validated"]

# A home of a demo's or an import's has these to itself, whatever the environment or `.env` names for one's own nights.
_OF_ONES_OWN = (
    *("database_url", "americano_dagster_url", "mlflow_tracking_uri", "duckdb_db_path", "americano_alert_webhook"),
    "americano_digest_webhook",
    "americano_store",
)


class SettingsError(AmericanoError):
    """A setting has a value that the project cannot run with. The message names it and what is allowed."""


class Settings(StoreFields):
    """The configuration of one deployment.

    Sources, first wins: the process environment, `.env` (installation.DOTENV), `settings.env` in the home, by which
    later commands keep a demo's horizon and threshold, the defaults. In a home that is a demo's or an import's alone
    that goes first, and the databases are its own.
    """


def load_settings(home: Path | None = None, *, alone: bool = False) -> Settings:
    """Read and validate the environment, with `home` instead of `AMERICANO_HOME`; `alone`: it is to be of its own.

    Raises:
        SettingsError: A value is not allowed, or the home a demo's; the message names variable and rule, no value.
    """
    where = home or named_home()
    first: dict[str, object] = {} if home is None else {"americano_home": home}
    if alone or stands_alone(where):
        first |= {name.lower(): value for name, value in dotenv_values(where / HOME_SETTINGS_FILE).items()}
        first |= dict.fromkeys(_OF_ONES_OWN)
    settings = validated((where / HOME_SETTINGS_FILE, DOTENV), **first)
    if is_a_demos_alone(where) and not alone and settings.environment == "production":
        raise SettingsError(f"ENVIRONMENT=production: the home {where} is a demo's. Set AMERICANO_HOME to one's own.")
    return settings


def validated(files: tuple[Path, ...] | None = None, **values: object) -> Settings:
    """Settings of values, the environment and dotenv files; the first wins, and of files the last.

    Raises:
        SettingsError: As `load_settings`.
    """
    try:
        return Settings(_env_file=files, **values)  # type: ignore[call-arg,arg-type]
    except ValidationError as error:
        lines = [_line(e) for e in error.errors(include_input=False)]
        raise SettingsError("Wrong setting. " + "; ".join(lines)) from None


def _line(broken: ErrorDetails) -> str:
    # A rule over several settings has no place of its own, and names them itself.
    where = ".".join(map(str, broken["loc"])).upper()
    # A rule of ours is a sentence already; before it pydantic puts two words of its own.
    rule = str(broken["ctx"]["error"]) if broken["type"] == "value_error" else broken["msg"]
    return f"{where}: {rule}" if where else rule
