"""Dagster's storage on PostgreSQL, which finds its database by itself and waits for a server that went away.

Dagster itself gives a connection up after six seconds, and a pooled one that died while nobody used it at once: a run
whose server was restarted would then end in the middle of being recorded. It waits as a step of the night does.
"""

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from functools import wraps
from typing import Any

import click
import dagster as dg
from dagster._core.definitions.repository_definition import SINGLETON_REPOSITORY_NAME
from dagster._core.remote_origin import ManagedGrpcPythonEnvCodeLocationOrigin, RemoteRepositoryOrigin
from dagster._core.storage.event_log import EventLogStorage
from dagster._core.storage.runs import RunStorage
from dagster._core.storage.schedules import ScheduleStorage
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
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

from americano_assets.errors import AmericanoError, DatabaseLostError
from americano_assets.orchestration.dagster_home import DEFINITIONS, URL_VARIABLE
from americano_assets.resources.postgres.connection import connect, dagster_url
from americano_assets.resources.postgres.urls import RETRY_SECONDS, is_lost
from americano_assets.settings import load_settings

# The first try again is at once: a pooled connection may have died long ago.
_WAITS = (0, *RETRY_SECONDS)
_FIRST_CONNECTION_SECONDS = 5
_NOT_QUESTIONS = {"dispose", "end_watch", "optimize_for_webserver", "watch"}
_this_thread = threading.local()


_CODE_LOCATION = RemoteRepositoryOrigin(
    ManagedGrpcPythonEnvCodeLocationOrigin(LoadableTargetOrigin(module_name=DEFINITIONS), DEFINITIONS),
    SINGLETON_REPOSITORY_NAME,
)


class UnusableStorageError(AmericanoError, click.ClickException):
    """Dagster's database cannot be used. Dagster's commands, which are click's, tell it in one sentence as ours do."""


class _Runs(PostgresRunStorage):
    def add_run(self, dagster_run: dg.DagsterRun) -> dg.DagsterRun:
        """Also a run of the command line's belongs to the code location, or its pages of jobs and runs hide it."""
        if dagster_run.remote_job_origin is None:
            dagster_run = dagster_run._replace(remote_job_origin=_CODE_LOCATION.get_job_origin(dagster_run.job_name))
        return super().add_run(dagster_run)

    def connect(self) -> AbstractContextManager[Connection]:
        return self._engine.connect()


class _Schedules(PostgresScheduleStorage):
    def connect(self, run_id: str | None = None) -> AbstractContextManager[Connection]:
        return self._engine.connect()


class _Events(PostgresEventLogStorage):
    def _connect(self) -> AbstractContextManager[Connection]:
        return self._engine.connect()


class RetryingStorage(DagsterPostgresStorage):
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
    ) -> "RetryingStorage":
        """As Dagster makes it from dagster.yaml, whichever of its commands reads that.

        The database is the one that the settings name; without one the embedded server's, which is started. Files of
        earlier versions, and those of a deployment's own, give it themselves.

        Raises:
            UnusableStorageError: A setting is wrong, the embedded server does not start, or no server answers.
        """
        try:
            given = config_value.keys() & {"postgres_url", "postgres_db"}
            url = pg_url_from_config(config_value) if given else dagster_url(load_settings())
            _await_server(url)
        except AmericanoError as error:
            raise UnusableStorageError(str(error)) from None
        return cls(url, inst_data)


def _await_server(url: str) -> None:
    """Have a connection proven, within the time that Dagster itself would try, and say nothing meanwhile.

    Raises:
        AmericanoError: As `connect`.
    """
    given_up = time.monotonic() + _FIRST_CONNECTION_SECONDS
    while True:
        try:
            connect(url, setting=URL_VARIABLE).close()
        except DatabaseLostError:  # A server that is being restarted refuses for a moment.
            if time.monotonic() > given_up:
                raise
            time.sleep(0.5)
        else:
            return


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
