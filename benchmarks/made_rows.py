"""Training sets of cohorts that are loaded for it into a home of their own, which is removed again.

Kept as Parquet files where a folder is given, since each takes minutes.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from americano_assets.core.study_days.study_day import days_between, last_closed
from americano_assets.evaluation.log_tables import with_record
from americano_assets.loading.demo.homes import OULAD_SETTINGS, SIMULATED_SETTINGS
from americano_assets.loading.demo.oulad import load as oulad
from americano_assets.loading.demo.scenarios import cohort_demo
from americano_assets.loading.demo.scenarios.living_cohort import LivingDeployment
from americano_assets.orchestration.local_runner import make_ready
from americano_assets.resources.postgres.connection import connect
from americano_assets.resources.postgres.embedded.server import EmbeddedServer
from americano_assets.settings import load_settings
from americano_assets.stages.common.schemas import LOG_TABLES
from americano_assets.stages.s1_snapshots.interactions import build_interactions
from americano_assets.stages.s1_snapshots.snapshots import snapshot_log, snapshot_state
from americano_assets.stages.s3_training.training_rows import training_rows

_FIRST_OF_ALL = "2000-01-01"


@dataclass(frozen=True)
class Cohort:
    """OULAD's students with their first load so many days ago, or simulated learners of a seed whom nobody helps.

    Attributes:
        learners: How many; None: all of OULAD's, 250 simulated ones.
    """

    days_ago: int = 0
    seed: int | None = None
    learners: int | None = None
    days: int = 180

    @property
    def name(self) -> str:
        """Of its files."""
        of = f"oulad-{self.days_ago}" if self.seed is None else f"simulated-{self.seed}-{self.days}"
        return of if self.learners is None else f"{of}-{self.learners}"

    @property
    def settings(self) -> Mapping[str, str]:
        """What its demo runs with."""
        return OULAD_SETTINGS if self.seed is None else SIMULATED_SETTINGS


def made(cohort: Cohort, folder: Path | None = None) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """The newest training set with the columns of evaluation/sql/record.sql and `code`; the truth where it is known.

    Args:
        cohort: Of whom.
        folder: Where what was made is found again.
    """
    names = (cohort.name, f"{cohort.name}-truth")
    paths = None if folder is None else [folder / f"{name}.parquet" for name in names]
    if paths is None or not paths[0].exists():
        rows, truth = _made(cohort)
        if paths is None:
            return rows, truth
        if truth is not None:
            truth.to_parquet(paths[1])
        rows.to_parquet(paths[0])
    return pd.read_parquet(paths[0]), pd.read_parquet(paths[1]) if paths[1].exists() else None


def _made(cohort: Cohort) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    with TemporaryDirectory(prefix="rows-") as home:
        os.environ.pop("DATABASE_URL", None)
        os.environ |= {"AMERICANO_TIMEZONE": "UTC", "AMERICANO_START_DAY": _FIRST_OF_ALL, **cohort.settings}
        settings = load_settings(Path(home))
        today = datetime.now(UTC).date() - timedelta(days=1 + cohort.days_ago)
        clock = datetime.combine(today, time(23, 30), UTC)
        try:
            return _read(LivingDeployment(settings), cohort, clock)
        finally:
            EmbeddedServer(settings.americano_home).stop()


def _read(deployment: LivingDeployment, cohort: Cohort, clock: datetime) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    settings, deployment.clock = deployment.settings, clock
    with connect(make_ready(settings)) as connection:
        if cohort.seed is None:
            oulad.load(connection, now=clock, learners=cohort.learners)
        else:
            learners = cohort.learners or cohort_demo.LEARNERS
            cohort_demo.load(
                connection, now=clock, learners=learners, days=cohort.days, seed=cohort.seed, help_logits=0.0
            )
        row = connection.execute('SELECT min("respondedAt")::date FROM validation_responses').fetchone()
    assert row is not None
    days = days_between(row[0], last := last_closed(clock, deployment.zone))
    for table in LOG_TABLES:
        snapshot_log(deployment, table, days)
    snapshot_state(deployment)
    build_interactions(deployment, days)
    taught = training_rows(deployment, last)
    rows = with_record(taught.tables, taught.rows)
    with deployment.connect() as connection:
        codes = dict(connection.execute('SELECT "id", COALESCE("code", "name") FROM courses').fetchall())
    truth = None if cohort.seed is None else cohort_demo.known_truth(deployment)
    return rows.assign(code=rows["course_id"].map(codes)), truth
