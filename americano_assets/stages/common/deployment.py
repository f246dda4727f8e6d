"""One deployment as the assets see it: settings, databases, files, models. Opened lazily, shared by a run's steps."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from copy import copy
from datetime import UTC, date, datetime
from functools import cache, partial
from typing import Any, Self
from zoneinfo import ZoneInfo

import psycopg

from americano_assets.core.study_days.cutoff import Cutoff, Target
from americano_assets.core.study_days.study_day import cutoff
from americano_assets.errors import DatabaseLostError
from americano_assets.resources.memory import bound_memory
from americano_assets.resources.mlflow.tracking import Tracking
from americano_assets.resources.parquet_store.places import model_files, store_files
from americano_assets.resources.parquet_store.store import ParquetStore
from americano_assets.resources.postgres.clock import require_clock
from americano_assets.resources.postgres.connection import connect, prepare
from americano_assets.resources.postgres.urls import is_lost
from americano_assets.settings import Settings
from americano_assets.stages.common.model_files import ModelStore

_PARTS = ("database", "store", "models", "tracking")


class Deployment:
    """What a step may touch outside: all of it, or the parts that the step declared."""

    def __init__(self, settings: Settings, *, claims: bool = True) -> None:
        """Nothing is opened yet.

        Args:
            settings: The deployment's.
            claims: Its home and database are bound to each other at first use; False for who only looks.
        """
        self.settings = settings
        bound_memory(settings.americano_memory, settings.americano_home)
        # Made ready at first use, once for everybody who shares it.
        self.database = cache(partial(prepare, settings, claims=claims))
        self.store = ParquetStore(store_files(settings), settings.americano_buckets)
        self.models = ModelStore(model_files(settings))
        self.tracking = Tracking(settings)

    def limited_to(self, parts: Collection[str]) -> Self:
        """The same deployment without any other of its parts: `database`, `store`, `models`, `tracking`."""
        view = copy(self)
        for part in set(_PARTS).difference(parts):
            delattr(view, part)
        return view

    @property
    def url(self) -> str:
        """URL of the app's database, made ready at first use."""
        return self.database()

    @property
    def zone(self) -> ZoneInfo:
        """Time zone of the study day."""
        return self.settings.zone

    @property
    def first_day(self) -> date:
        """The first study day that exists."""
        return self.settings.americano_start_day

    @property
    def target(self) -> Target:
        """What is predicted."""
        return Target(self.settings.americano_horizon_days, self.settings.americano_struggle_below)

    def moment(self, day: date) -> Cutoff:
        """The cut-off of a study day."""
        return Cutoff.closing(day, self.zone, self.target)

    @contextmanager
    def connect(self) -> Iterator[psycopg.Connection[Any]]:
        """A session on the app's database; leave it by committing or by raising.

        Raises:
            DatabaseLostError: The server went away meanwhile; what was not committed is rolled back.
            ClockError: This machine's clock is ahead of the server's.
            psycopg.Error: Another error, with its message alone: the details quote values of rows, and Dagster keeps
                what an error says.
        """
        try:
            with connect(self.url) as connection:
                with connection.transaction():
                    require_clock(connection, self.now())
                yield connection
        except psycopg.Error as error:
            if isinstance(error, psycopg.OperationalError) and is_lost(error.sqlstate):
                raise DatabaseLostError(
                    "The database went away during the work: it was stopped or restarted. Nothing of this step was"
                    " committed; run it again once the server answers."
                ) from error
            if error.diag.message_primary is not None:
                error.args = (error.diag.message_primary,)
            raise

    def is_closed(self, day: date) -> bool:
        """Whether a study day's cut-off has passed."""
        return cutoff(day, self.zone) <= self.now()

    def analysable(self) -> dict[str, bool]:
        """Today's learners who may be analysed: id to whether they count in aggregates. Opt-outs beat point in time."""
        with self.connect() as connection:
            rows = connection.execute(
                'SELECT "id", "includeInAnalytics" FROM users '
                'WHERE "behavioralAnalysisEnabled" AND "performanceTrackingEnabled"'
            ).fetchall()
        return {row[0]: row[1] for row in rows}

    def now(self) -> datetime:
        """The clock, aware and in UTC."""
        return datetime.now(UTC)
