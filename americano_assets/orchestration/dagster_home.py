"""Dagster's home: a folder of the deployment's, with the project's dagster.yaml in force."""

import os
from pathlib import Path

from americano_assets.errors import AmericanoError
from americano_assets.installation import CONFIGURATION
from americano_assets.resources.home.folder import open_home
from americano_assets.resources.postgres.connection import connect, dagster_url
from americano_assets.settings import Settings

# The module of the definitions, and by Dagster's custom the name of their code location.
DEFINITIONS = "americano_assets.definitions"
HOME_VARIABLE = "DAGSTER_HOME"
URL_VARIABLE = "AMERICANO_DAGSTER_URL"
_FILE = "dagster.yaml"


def dagster_home(settings: Settings) -> Path:
    """Where Dagster keeps its configuration, and what steps print."""
    return settings.americano_home / "dagster"


def prepare_dagster_home(settings: Settings) -> Path:
    """Make `<home>/dagster`, put dagster.yaml in force there, and point this process and its children to it.

    Sets `DAGSTER_HOME` and `AMERICANO_DAGSTER_URL`; a `DAGSTER_HOME` from outside is not used.

    Raises:
        AmericanoError: The home cannot be written, or Dagster's database does not answer.
    """
    open_home(settings.americano_home)
    url = dagster_url(settings)
    connect(url, setting=URL_VARIABLE).close()
    home = dagster_home(settings)
    try:
        home.mkdir(parents=True, exist_ok=True)
        wanted = (CONFIGURATION / _FILE).read_bytes()
        in_force = home / _FILE
        if not in_force.exists() or in_force.read_bytes() != wanted:
            # Renamed into place: another process may be reading it.
            temporary = home / f".{_FILE}.{os.getpid()}"
            temporary.write_bytes(wanted)
            temporary.replace(in_force)
    except OSError as error:
        raise AmericanoError(
            f"Dagster's home {home} cannot be written ({error.strerror}): set AMERICANO_HOME to a folder that can."
        ) from None
    os.environ[HOME_VARIABLE] = str(home)
    os.environ[URL_VARIABLE] = url
    return home
