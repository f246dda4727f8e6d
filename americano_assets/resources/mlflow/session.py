"""MLflow as this deployment uses it. Its import takes seconds, so it happens inside functions."""

import contextlib
import logging
import os
import warnings
from collections.abc import Iterator
from typing import Any

from americano_assets.errors import AmericanoError
from americano_assets.resources.parquet_store.atomic_files import full_disk
from americano_assets.resources.postgres.connection import mlflow_uri
from americano_assets.settings import Settings

# MLflow's own defaults wait four minutes for a server that does not answer, and a night does not depend on it.
_DEFAULTS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
}


class TrackingError(AmericanoError):
    """MLflow could not be reached or refused; the message holds no URL."""


@contextlib.contextmanager
def session(settings: Settings) -> Iterator[Any]:
    """The module `mlflow` on the deployment's store; a run that is open when anything goes wrong ends as failed.

    Raises:
        TrackingError: MLflow could not be used.
    """
    for setting, value in _DEFAULTS.items():
        os.environ.setdefault(setting, value)
    import mlflow
    import mlflow.sklearn

    logging.getLogger("mlflow").setLevel(logging.ERROR)
    logging.getLogger("alembic").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        # What MLflow warns of is its own affair; and dagster-mlflow's client is in beta, whose version we pin.
        warnings.simplefilter("ignore")
        try:
            mlflow.set_tracking_uri(mlflow_uri(settings))
            yield mlflow
        except BaseException as error:
            with contextlib.suppress(Exception):
                while mlflow.active_run() is not None:
                    mlflow.end_run("FAILED")
            if not isinstance(error, Exception):
                raise
            # MLflow wraps what its store or the network raises in many types; none may stop a night.
            why = full_disk(str(error)) or type(error).__name__
            raise TrackingError(f"MLflow could not be used ({why}).") from error
