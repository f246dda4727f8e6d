"""What links a training to the code and to the run that it belongs to."""

import subprocess
from functools import cache
from urllib.parse import urlsplit, urlunsplit

from americano_assets.installation import IS_CHECKOUT, PROJECT_ROOT
from americano_assets.resources.postgres.connection import mlflow_uri
from americano_assets.settings import Settings

_SECONDS = 10


@cache
def git_commit() -> str | None:
    """The commit of the project's code, with -dirty where a file of it was changed; None outside of a repository.

    What a package is installed in may lie inside another project's.
    """
    if not IS_CHECKOUT:
        return None
    command = ["git", "-C", str(PROJECT_ROOT), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=_SECONDS)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None


def mlflow_run_url(settings: Settings, experiment_id: str, run_id: str) -> str:
    """Where a run is shown to people: as configured, on the tracking server, or in the MLflow of `dev`. No password."""
    uri = urlsplit(settings.americano_mlflow_address or mlflow_uri(settings))
    if uri.scheme in ("http", "https"):
        port = f":{uri.port}" if uri.port else ""
        base = urlunsplit((uri.scheme, f"{uri.hostname}{port}", uri.path.rstrip("/"), "", ""))
    else:
        base = f"http://127.0.0.1:{settings.americano_mlflow_port}"
    return f"{base}/#/experiments/{experiment_id}/runs/{run_id}"


def dagster_run_url(settings: Settings, run_id: str) -> str:
    """Where a run is shown to people: in the Dagster as configured, or in the one that `americano dev` starts."""
    base = settings.americano_dagster_address or f"http://127.0.0.1:{settings.americano_dagster_port}"
    return f"{base.rstrip('/')}/runs/{run_id}"
