"""Keeps libraries' chatter off the terminal while a progress bar is on it."""

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_CHATTY = ("mlflow", "alembic", "dagster", "sqlalchemy", "matplotlib")


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Only errors of the libraries that a night uses are printed, and no warnings."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "ERROR")
    levels = {name: logging.getLogger(name).level for name in _CHATTY}
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            for name, level in levels.items():
                logging.getLogger(name).setLevel(level)
