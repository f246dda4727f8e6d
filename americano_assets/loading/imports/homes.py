"""Where what is imported may lie: a home of its own, or a database that is told to be filled and holds nothing else."""

from collections.abc import Mapping
from typing import Any
from zoneinfo import available_timezones

import psycopg
from dotenv import dotenv_values
from psycopg import sql

from americano_assets.contract.tables import READ
from americano_assets.errors import AmericanoError
from americano_assets.evaluation.log_reader import UTC_ZONE
from americano_assets.installation import HOME_SETTINGS_FILE, is_an_imports
from americano_assets.loading.demo.homes import require_every_column
from americano_assets.loading.imports.app_rows import OWNER
from americano_assets.resources.home.folder import is_demo_home, is_home, used_names, write_import_values
from americano_assets.settings import Settings

# In which zone times that name none were read: another would double their rows.
_TIMES = "IMPORTED_TIMES_ZONE"
_ZONE, _START, _HOLDOUT = "AMERICANO_TIMEZONE", "AMERICANO_START_DAY", "AMERICANO_HOLDOUT_SHARE"
_TARGET = {"horizon_days": "AMERICANO_HORIZON_DAYS", "struggle_below": "AMERICANO_STRUGGLE_BELOW"}


def require_allowed(settings: Settings, *, into_this_database: bool) -> None:
    """Refuse a home in which something else is, and production; looks into no database.

    Args:
        settings: Of the home.
        into_this_database: Whoever asks means the database of one's own home.

    Raises:
        AmericanoError: It does not belong there.
    """
    home = settings.americano_home
    if into_this_database:
        if settings.environment == "production":
            raise AmericanoError(
                "ENVIRONMENT=production: nothing is imported beside an app's own learners. Without --into-this-database"
                " the files get a home and a database of their own."
            )
        require_every_column(settings)
        return
    if is_an_imports(home):
        return
    if is_demo_home(home):
        raise AmericanoError(f"The home {home} is a demo's: leave --home out, or name another folder.")
    if is_home(home) or (home.is_dir() and used_names(home)):
        raise AmericanoError(
            f"The home {home} holds something else than imports, and would mix with them: leave --home out, or name an"
            " empty folder. Nothing was changed."
        )


def require_own(connection: psycopg.Connection[Any]) -> None:
    """Refuse a database in which an app's own rows are.

    Raises:
        AmericanoError: A table holds rows, and nothing was ever imported into it.
    """
    if connection.execute("SELECT 1 FROM users WHERE id = %s", [OWNER]).fetchone():
        return
    for table in READ:
        if connection.execute(sql.SQL("SELECT 1 FROM {} LIMIT 1").format(sql.Identifier(table.name))).fetchone():
            raise AmericanoError(
                f"The table {table.name} already holds rows that were not imported: files are never mixed with an app's"
                " own rows. Import into an empty database, or without --into-this-database."
            )


def settled(settings: Settings, given: Mapping[str, Any], *, into_this_database: bool) -> tuple[Settings, str]:
    """The settings by which files are read, and in which zone times are that name none.

    Args:
        settings: Of the home.
        given: horizon_days, struggle_below, timezone; None where nothing was given.
        into_this_database: Whoever asks means the database of one's own home, whose settings decide.

    Raises:
        AmericanoError: No such zone; or another than what is there was read in; or an option where a setting decides.
    """
    zone = given["timezone"]
    if zone is not None and zone not in available_timezones():
        raise AmericanoError(f"--timezone {zone}: no IANA time zone; one is Europe/Berlin.")
    if into_this_database:
        if wrong := next((name for name, value in given.items() if value is not None and name != "timezone"), None):
            raise AmericanoError(
                f"--{wrong.replace('_', '-')} is for a home of its own; here {_TARGET[wrong]} decides, as in every"
                " night."
            )
        return settings, zone or UTC_ZONE
    found = _stored(settings)
    if found and zone not in (None, found[_TIMES]):
        raise AmericanoError(
            f"--timezone {zone}: what was imported before was read in {found[_TIMES]}, and its rows would be there"
            " twice. Leave --timezone out, or import into another home (--home PATH)."
        )
    decided = {_TARGET[name].lower(): value for name, value in given.items() if name in _TARGET and value is not None}
    if zone is not None:
        decided[_ZONE.lower()] = zone
    return settings.model_copy(update=decided), found.get(_TIMES) or zone or UTC_ZONE


def settle(settings: Settings, times: str, first_day: object) -> None:
    """Have what was decided decide in the home from the next command on; nobody is held out unless it says so."""
    found = _stored(settings)
    first = min(str(first_day), found.get(_START, str(first_day)))
    kept = {_ZONE: settings.americano_timezone, **{one: getattr(settings, one.lower()) for one in _TARGET.values()}}
    write_import_values(
        settings.americano_home,
        {**kept, _START: first, _HOLDOUT: found.get(_HOLDOUT, "0"), _TIMES: times}
        | {name: value for name, value in found.items() if name not in {*kept, _START}},
    )


def _stored(settings: Settings) -> dict[str, str]:
    home = settings.americano_home
    if not is_an_imports(home):
        return {}
    return {name: value for name, value in dotenv_values(home / HOME_SETTINGS_FILE).items() if value}
