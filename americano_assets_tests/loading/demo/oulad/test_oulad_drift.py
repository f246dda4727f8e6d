"""What real students are known to show: the module that lost a kind of assessment rings, and the rules rank them."""

from datetime import UTC, date, datetime, timedelta

import pandas as pd
import pytest

from americano_assets.core.models.risk import HIGH_RISK, MEDIUM_RISK
from americano_assets.core.models.rule_based import cold_start, rule_based_probability
from americano_assets.core.outcomes.drift import ALARM, PSI_MEAN, row_drift
from americano_assets.core.outcomes.drift_told import table
from americano_assets.core.study_days.cutoff import Target
from americano_assets.loading.demo.oulad.load import load
from americano_assets.resources.postgres.connection import connect
from americano_assets.stages.common.measurements import course_names
from americano_assets.stages.s3_training.training_rows import store_training_set
from americano_assets.stages.s8_reduction.drift import course_runs
from americano_assets_tests.world import ClockedDeployment, read_world, world_settings

pytestmark = pytest.mark.long

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
LAST = date(2026, 3, 8)
LEARNERS = 6000
# OULAD: a mark below 40 is a fail, and what is not handed in within a week is skipped.
TARGET = Target(14, 0.40)
# OULAD's first day, as shifted, is within this of the last.
ALL_DAYS = timedelta(days=800)


@pytest.fixture(scope="module")
def deployment(module_database: str, tmp_path_factory: pytest.TempPathFactory) -> ClockedDeployment:
    settings = world_settings(
        module_database,
        tmp_path_factory.mktemp("home"),
        americano_start_day=LAST - ALL_DAYS,
        americano_horizon_days=TARGET.horizon_days,
        americano_struggle_below=TARGET.struggle_below,
    )
    made = ClockedDeployment(settings, NOW)
    with connect(module_database) as connection:
        load(connection, now=NOW, learners=LEARNERS)
    read_world(made, (LAST - ALL_DAYS).isoformat(), LAST.isoformat())
    return made


@pytest.fixture(scope="module")
def rows(deployment: ClockedDeployment) -> pd.DataFrame:
    return store_training_set(deployment, LAST)[0].rows


def test_the_module_that_lost_its_computer_marked_assessments_rings_first(
    deployment: ClockedDeployment, rows: pd.DataFrame
) -> None:
    with deployment.connect() as connection:
        runs, names = course_runs(connection), course_names(connection)
    found = row_drift(rows, runs)
    indices = {names[one.scope_id]: one for one in found if one.scope_id and one.measure == PSI_MEAN}
    (largest, *others) = sorted(indices, key=lambda name: -(indices[name].value or 0))
    assert (largest, indices[largest].status) == ("BBB 2014J", ALARM)
    assert {name for name in others if indices[name].status == ALARM} <= {"DDD 2014J"}  # other kinds there too
    assert "BBB 2014J" in {row["of"] for row in table(found, names) if row["status"] == ALARM}


def test_the_rules_rank_real_students(rows: pd.DataFrame) -> None:
    p = rule_based_probability(rows, float(rows["struggled"].mean()))
    band = pd.cut(p, [-1, MEDIUM_RISK, HIGH_RISK, 2], right=False, labels=["LOW", "MEDIUM", "HIGH"])
    assert 0.2 < (band == "HIGH").mean() < 0.5
    ranked = pd.DataFrame({"band": band, "struggled": rows["struggled"].astype(float)})[~cold_start(rows)]
    low, medium, high = ranked.groupby("band", observed=True)["struggled"].mean()
    assert low < medium < high
