"""An old night that runs again keeps to what it recorded, or takes what is current: told by a run tag, or a flag."""

import shutil
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
from americano_assets.stages.maintenance.prune import prune
from americano_assets.stages.s1_snapshots.state_snapshots import snapshots
from americano_assets.stages.s2_features import feature_engine, query_plan, sql
from americano_assets.stages.s2_features.day_tables import day_tables
from americano_assets.stages.s5_interventions.recommendations import PRIORITIES
from americano_assets_tests.cli.test_cli import run
from americano_assets_tests.end_to_end.story import FIRST, SECOND, school
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

    def contents(self) -> dict[str, dict[str, tuple[str, int]]]:
        """The recorded contents and their rows by table and cut-off."""
        recorded = self.store.manifest(DAY, "results")
        assert recorded is not None
        return {
            table: {at: (content, rows) for at, (content, rows) in one["contents"].items()}
            for table, one in recorded["tables"].items()
        }

    @property
    def made_anew(self) -> list[str]:
        """Which lines of the newest run tell what is made anew."""
        (run,) = self.nights.instance.get_run_records(limit=1)
        said = [entry.user_message for entry in self.nights.instance.all_logs(run.dagster_run.run_id)]
        return sorted(line for line in said if line.startswith("Made anew"))

    def retention(self) -> dict[str, float]:
        rows = self.store.read_day("features", DAY)
        assert rows is not None
        return dict(zip(rows["learner_id"].to_pylist(), rows["retention_score"].to_pylist(), strict=True))


def with_other_definitions(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on features and labels say something else."""
    other = {
        "features": ("count(DISTINCT p.objective_key) AS n", "7 + count(DISTINCT p.objective_key) AS n"),
        "labels": ("COALESCE(n_reviews, 0)::INTEGER", "1 + COALESCE(n_reviews, 0)::INTEGER"),
    }

    def changed(name: str) -> str:
        text = sql.query(name)
        if name in other:
            assert other[name][0] in text
            text = text.replace(*other[name])
        return text

    for module in (query_plan, feature_engine):
        monkeypatch.setattr(module, "query", changed)


@pytest.fixture
def rerun(database: str, tmp_path: Path) -> Iterator[Rerun]:
    away = SecretStr("nowhere://at-all")
    settings = world_settings(database, tmp_path / "home", model_type="rule_based", mlflow_tracking_uri=away)
    with psycopg.connect(database, autocommit=True) as connection, dg.DagsterInstance.ephemeral() as instance:
        world = World(connection)
        school(world)
        world.mission("eager", at("2026-03-05 09:00"), ["heart"])  # in the window of a training cut-off
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


def test_a_rerun_keeps_features_and_labels_whose_definition_has_changed_since(
    rerun: Rerun, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = ("features_at", "labels_at")
    before = rerun.contents()
    assert len(before["features_at"]) > len(before["labels_at"]) > 0
    with_other_definitions(monkeypatch)
    # What is recorded is kept, however little else is.
    now = rerun.nights.deployment.clock
    rerun.nights.deployment.clock = datetime.now(UTC) + timedelta(days=2)
    assert prune(rerun.nights.deployment, 1).contents
    rerun.nights.deployment.clock = now
    for table in tables:
        shutil.rmtree(rerun.store.root / table / "by_inputs")
    rerun.again()
    assert (rerun.stands(), rerun.contents()) == (rerun.before, before)
    assert rerun.made_anew == []
    rerun.again(**LATEST)
    since = rerun.contents()
    assert rerun.stands()["features"] != rerun.before["features"]
    for table in tables:
        assert since[table].keys() == before[table].keys()
        moved = {at for at, content in since[table].items() if content != before[table][at]}
        assert moved == {at for at, (_, rows) in before[table].items() if rows} != set()


def test_the_first_night_after_a_definition_changed_says_what_is_made_anew(
    rerun: Rerun, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert rerun.made_anew == [], "before the first night nothing was made"
    with_other_definitions(monkeypatch)
    told = []
    for day in (SECOND, SECOND, "2026-03-10"):
        assert rerun.nights.night(day).success
        told.append(rerun.made_anew)
    line = (
        "Made anew for every cut-off that is needed, since their definition changed with this version: features_at and"
        " labels_at. Nights that have recorded theirs keep them."
    )
    assert told == [[line], [], []]


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
