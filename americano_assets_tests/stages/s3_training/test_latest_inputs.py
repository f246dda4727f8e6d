"""An old night that runs again keeps to what it recorded, or takes what is current: told by a run tag, or a flag."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg
import pytest
from pydantic import SecretStr

from americano_assets.core.interventions.type_priorities import TypeEffect
from americano_assets.resources.parquet_store.store import ParquetStore
from americano_assets.stages.common.metadata import LATEST_INPUTS_TAG
from americano_assets.stages.s1_snapshots.state_snapshots import snapshots
from americano_assets.stages.s2_features.day_tables import day_tables
from americano_assets.stages.s5_interventions.recommendations import PRIORITIES
from americano_assets_tests.cli.test_cli import run
from americano_assets_tests.end_to_end.story import FIRST, school
from americano_assets_tests.world import Nights, World, at, study_day, world_settings

DAY = study_day(FIRST)
LATEST = {LATEST_INPUTS_TAG: "true"}
LEARNED = TypeEffect(0.06, 0.02, 0.1, 900, 100, 2)


class Rerun:
    """A night that has run, and what it would find now that a learner's lapses of its day were written late."""

    def __init__(self, nights: Nights, world: World) -> None:
        self.nights, self.world = nights, world
        nights.deployment.clock = datetime(2026, 3, 9, 20, tzinfo=UTC)
        assert nights.history("2026-02-20", "2026-03-07").success
        assert nights.night(FIRST).success
        world.reviews("eager", "heart", at("2026-03-09 10:00"), "AAAA")
        self.store.record_manifest(DAY, PRIORITIES, {"SPACED_REPETITION_BOOST": vars(LEARNED)})
        self.before = self.stands()

    @property
    def store(self) -> ParquetStore:
        return self.nights.deployment.store

    def stands(self) -> dict[str, Any]:
        """What each step left that asks which inputs it is to take."""
        deployment = self.nights.deployment
        return {
            "elo": day_tables(deployment, DAY).elo_state(DAY).content,
            "features": self.store.current("features", DAY),
            "priorities": self.store.manifest(DAY, PRIORITIES),
            "state": len(snapshots(self.store)),
        }

    def again(self, *assets: str, **tags: str) -> None:
        """The night once more, or some of its assets, a little later."""
        self.nights.deployment.clock += timedelta(minutes=5)
        chosen = [dg.AssetKey(asset) for asset in assets] or None
        assert self.nights.night(FIRST, on_time=False, tags=tags, asset_selection=chosen).success

    def retention(self) -> dict[str, float]:
        rows = self.store.read_day("features", DAY)
        assert rows is not None
        return dict(zip(rows["learner_id"].to_pylist(), rows["retention_score"].to_pylist(), strict=True))


@pytest.fixture
def rerun(database: str, tmp_path: Path) -> Iterator[Rerun]:
    away = SecretStr("nowhere://at-all")
    settings = world_settings(database, tmp_path / "home", model_type="rule_based", mlflow_tracking_uri=away)
    with psycopg.connect(database, autocommit=True) as connection, dg.DagsterInstance.ephemeral() as instance:
        world = World(connection)
        school(world)
        yield Rerun(Nights(settings, instance), world)


def test_a_rerun_takes_what_is_current_only_where_it_is_told_to(rerun: Rerun) -> None:
    retention = rerun.retention()
    rerun.again()
    assert rerun.stands() == rerun.before
    rerun.again(**LATEST)
    since = rerun.stands()
    assert {name for name in since if since[name] != rerun.before[name]} == set(since)
    assert since["priorities"] == {}
    assert since["state"] == rerun.before["state"] + 1
    moved = {one: value for one, value in rerun.retention().items() if value != retention[one]}
    assert set(moved) == {"eager"}
    assert moved["eager"] < retention["eager"]
    # What it took is what it goes by from now on.
    rerun.again()
    assert rerun.stands() == since


@pytest.mark.parametrize("asset", ["elo_state", "features"])
def test_each_step_that_is_run_alone_takes_it_too(rerun: Rerun, asset: str) -> None:
    rerun.again("night_log")
    rerun.again(asset)
    assert rerun.stands() == rerun.before
    rerun.again(asset, **LATEST)
    assert rerun.stands()["elo"] != rerun.before["elo"]


def test_the_flag_of_the_command_is_that_tag(database: str, tmp_path: Path) -> None:
    home = tmp_path / "home"
    settings = {
        "DATABASE_URL": database,
        "AMERICANO_DAGSTER_URL": database,
        "MLFLOW_TRACKING_URI": "nowhere://at-all",
        "MODEL_TYPE": "rule_based",
        "AMERICANO_HOME": str(home),
        "AMERICANO_START_DAY": FIRST,
    }

    def taken(*flags: str) -> object:
        done = run("nightly", "--day", FIRST, *flags, **settings)
        assert done.returncode == 0, done.stderr
        recorded = ParquetStore(home / "data").manifest(DAY, "inputs")
        assert recorded is not None
        return recorded["days"]["interactions"][FIRST][1]

    with psycopg.connect(database, autocommit=True) as connection:
        world = World(connection)
        school(world)
        world.reviews("eager", "heart", at("2026-03-09 10:00"), "GG")
        assert taken() == 2
        world.reviews("stuck", "heart", at("2026-03-09 10:00"), "AAA")
        assert taken() == 2
        assert taken("--latest-inputs") == 5
