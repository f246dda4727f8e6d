"""The home of the measured deployment: its settings, its clock, its database."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

from americano_assets.core.study_days.study_day import cutoff
from americano_assets.resources.postgres.connection import connect
from americano_assets.resources.postgres.embedded.server import EmbeddedServer
from americano_assets.settings import Settings
from americano_assets.stages.common.deployment import Deployment
from benchmarks.cohort import LAST_DAY, TARGET, ZONE
from benchmarks.night.app_rows import HISTORY_DAYS

HOLDOUT_SHARE = 0.1
# Soon enough after its cut-off for a night to be on time.
_NIGHT_RUNS_AT = timedelta(minutes=10)


class DeploymentOf(Deployment):
    """A deployment at the moment when a study day's night runs."""

    def __init__(self, settings: Settings, day: date) -> None:
        super().__init__(settings)
        self._at = cutoff(day, self.zone) + _NIGHT_RUNS_AT

    def now(self) -> datetime:
        """Ten minutes after the cut-off."""
        return self._at


def settings_of(home: Path, retrain_days: int) -> Settings:
    """Those of the measured deployment, whatever environment and `.env` say of another; memory is as they say."""
    return Settings(
        _env_file=None,  # type: ignore[call-arg]
        database_url=None,
        mlflow_tracking_uri=None,
        americano_dagster_url=None,
        duckdb_db_path=None,
        americano_alert_webhook=None,
        americano_home=home,
        americano_timezone=ZONE.key,
        americano_start_day=LAST_DAY - timedelta(days=HISTORY_DAYS - 1),
        americano_horizon_days=TARGET.horizon_days,
        americano_struggle_below=TARGET.struggle_below,
        americano_holdout_share=HOLDOUT_SHARE,
        americano_retrain_days=retrain_days,
    )


@contextmanager
def app_session(home: Path) -> Iterator[psycopg.Connection[Any]]:
    """A session on the app's database, each statement a transaction of its own."""
    server = EmbeddedServer(home)
    server.ensure()
    with connect(server.url(), autocommit=True) as connection:
        yield connection
