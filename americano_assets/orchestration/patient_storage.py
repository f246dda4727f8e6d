"""Dagster's storage on PostgreSQL, which waits for a server that went away as a step of the night does.

Dagster itself gives a connection up after six seconds, and a pooled one that died while nobody used it at once: a run
whose server was restarted would then end in the middle of being recorded.
"""

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from functools import wraps
from typing import Any

from dagster._core.storage.event_log import EventLogStorage
from dagster._core.storage.runs import RunStorage
from dagster._core.storage.schedules import ScheduleStorage
from dagster._serdes import ConfigurableClassData
from dagster_postgres import (
    DagsterPostgresStorage,
    PostgresEventLogStorage,
    PostgresRunStorage,
    PostgresScheduleStorage,
)
from dagster_postgres.utils import pg_url_from_config
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError, OperationalError

from americano_assets.errors import DatabaseLostError
from americano_assets.resources.postgres.urls import RETRY_SECONDS, is_lost

# The first try again is at once: a pooled connection may have died long ago.
_WAITS = (0, *RETRY_SECONDS)
_NOT_QUESTIONS = {"dispose", "end_watch", "optimize_for_webserver", "watch"}
_this_thread = threading.local()


class _Runs(PostgresRunStorage):
    def connect(self) -> AbstractContextManager[Connection]:
        return self._engine.connect()


class _Schedules(PostgresScheduleStorage):
    def connect(self, run_id: str | None = None) -> AbstractContextManager[Connection]:
        return self._engine.connect()


class _Events(PostgresEventLogStorage):
    def _connect(self) -> AbstractContextManager[Connection]:
        return self._engine.connect()


class PatientStorage(DagsterPostgresStorage):
    """Runs, events, schedules and sensors of the deployment."""

    def __init__(self, postgres_url: str, inst_data: ConfigurableClassData | None = None) -> None:
        # Without tables these connect to nothing, and they are not used.
        super().__init__(postgres_url, should_autocreate_tables=False, inst_data=inst_data)
        self.should_autocreate_tables = True
        self._run_storage = _Runs(postgres_url)
        self._event_log_storage = _Events(postgres_url)
        self._schedule_storage = _Schedules(postgres_url)

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> "PatientStorage":
        """As Dagster makes it from dagster.yaml."""
        return cls(pg_url_from_config(config_value), inst_data)


def _patient(question: Callable[..., Any]) -> Callable[..., Any]:
    """A method that is tried again where the database went away; within another one that is, by that one."""

    @wraps(question)
    def asked(*arguments: Any, **named: Any) -> Any:
        if getattr(_this_thread, "asking", False):
            return question(*arguments, **named)
        _this_thread.asking = True
        try:
            for wait in (*_WAITS, None):
                try:
                    answer = question(*arguments, **named)
                except DBAPIError as error:
                    # A connection that failed, or that the server ended, is no defect of a statement or its values.
                    lost = isinstance(error, OperationalError) and is_lost(getattr(error.orig, "pgcode", None))
                    if not (lost or error.connection_invalidated):
                        raise
                    # Who has waited in vain does not wait again for every event that tells of it.
                    if wait is None or getattr(_this_thread, "gave_up", False):
                        _this_thread.gave_up = True
                        raise DatabaseLostError(
                            "Dagster's database went away: it was stopped or restarted, and does not answer. What was"
                            " committed stays; run it again once the server answers."
                        ) from None
                    time.sleep(wait)
                else:
                    _this_thread.gave_up = False
                    return answer
        finally:
            _this_thread.asking = False
        raise AssertionError("unreachable")

    return asked


def lost_storage(error: BaseException | None) -> DatabaseLostError | None:
    """What an error of Dagster's says of the database that was lost under it, if that is why."""
    while error is not None and not isinstance(error, DatabaseLostError):
        error = error.__cause__ or error.__context__
    return error


for _storage, _asked in ((_Runs, RunStorage), (_Events, EventLogStorage), (_Schedules, ScheduleStorage)):
    for _name in sorted(set(dir(_asked)) - _NOT_QUESTIONS):
        _method = getattr(_storage, _name)
        # Not what makes one, nor a property.
        if not _name.startswith("_") and callable(_method) and not hasattr(_method, "__self__"):
            setattr(_storage, _name, _patient(_method))
