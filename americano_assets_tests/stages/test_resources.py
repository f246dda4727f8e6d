"""What Dagster's tab Resources shows of a deployment, what a run may say about it, and no password in either."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.remote_origin import InProcessCodeLocationOrigin
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import InProcessWorkspaceLoadTarget
from dagster_graphql.test.utils import execute_dagster_graphql
from pydantic import SecretStr

from americano_assets.stages.common import metadata
from americano_assets.stages.common.deployment import Deployment
from americano_assets.stages.common.partitions import add_nights
from americano_assets.stages.common.resources import AppDatabase, Store, joined, resources_of
from americano_assets_tests.world import ClockedDeployment, Nights, study_day, world_settings

SECRET = "open-sesame"
NOWHERE = f"postgresql://somebody:{SECRET}@127.0.0.1:1/none"
TRACKED = f"https://somebody:{SECRET}@127.0.0.1:1"
DAY = "2026-03-10"
RESOURCES = """
{ repositoriesOrError { ... on RepositoryConnection { nodes {
  allTopLevelResourceDetails {
    name description resourceType configFields { name description } configuredValues { key value type }
    nestedResources { name } assetKeysUsing { path } jobsOpsUsing { jobName opHandleIDs }
    schedulesUsing sensorsUsing
  } } } ... on PythonError { message } } }
"""


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as temporary:
        yield temporary


@pytest.fixture
def served(instance: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """By name what Dagster's UI is given of each resource."""
    monkeypatch.setenv("AMERICANO_HOME", str(tmp_path))
    monkeypatch.setenv("DATABASE_URL", NOWHERE)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", TRACKED)
    origin = LoadableTargetOrigin(module_name="americano_assets.definitions")
    target = InProcessWorkspaceLoadTarget([InProcessCodeLocationOrigin(origin)])
    with WorkspaceProcessContext(instance, target) as context:
        found = execute_dagster_graphql(context.create_request_context(), RESOURCES).data
    (repository,) = found["repositoriesOrError"]["nodes"]
    return {one["name"]: one for one in repository["allTopLevelResourceDetails"]}


def test_the_tab_names_what_steps_touch_where_it_is_and_who_uses_it(served: dict[str, Any], tmp_path: Path) -> None:
    assert set(served) == {"app_database", "store", "models", "mlflow", "research_file", "backgrounds"}
    shown = {
        name: {one["key"]: json.loads(one["value"]) for one in it["configuredValues"]} for name, it in served.items()
    }
    assert shown == {
        "app_database": {},
        "store": {"folder": str(tmp_path / "data")},
        "models": {"folder": str(tmp_path / "models")},
        "mlflow": {"experiment": "Americano/Research"},
        "research_file": {"database": str(tmp_path / "analytics.duckdb")},
        "backgrounds": {},
    }
    users = {name: {"/".join(key["path"]) for key in it["assetKeysUsing"]} for name, it in served.items()}
    assert users["mlflow"] == {"struggle_model", "nightly_report"}
    assert users["backgrounds"] == {"struggle_model", "ml/model_performance"}
    assert users["research_file"] == {"analytics_database"}
    assert "ml/effects" in users["app_database"]
    assert "ml/effects" not in users["store"]
    assert served["app_database"]["schedulesUsing"] == ["nightly_schedule"]
    assert "retraining_sensor" in served["models"]["sensorsUsing"]
    checks = {step for one in served["store"]["jobsOpsUsing"] for step in one["opHandleIDs"]}
    assert any("publishable" in step for step in checks)
    for it in served.values():
        assert len(it["description"]) > 20
    assert SECRET not in json.dumps(served)


def test_no_password_is_in_what_dagster_stores_of_a_run(
    instance: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metadata, "RETRY_SECONDS", (0, 0, 0))
    settings = world_settings(NOWHERE, tmp_path, mlflow_tracking_uri=SecretStr(TRACKED))
    result = Nights(settings, instance).night(DAY, raise_on_error=False)
    assert not result.success
    stored = [path for path in Path(instance.root_directory).rglob("*") if path.is_file()]
    assert any(b"STEP_FAILURE" in path.read_bytes() for path in stored)
    assert [path for path in stored if SECRET.encode() in path.read_bytes()] == []


def test_a_run_cannot_say_where_things_are(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    nights = Nights(world_settings(NOWHERE, tmp_path), instance)
    add_nights(instance, [study_day(DAY)])
    elsewhere = {"resources": {"store": {"config": {"folder": str(tmp_path / "elsewhere")}}}}
    result = nights.definitions.resolve_job_def("nightly").execute_in_process(
        instance=instance, run_config=elsewhere, partition_key=DAY, raise_on_error=False
    )
    assert not result.success
    told = json.dumps([str(event) for event in result.all_events])
    assert "Store: where it is, is the deployment's setting" in told
    assert not (tmp_path / "elsewhere").exists()


def test_a_step_reaches_nothing_that_it_did_not_declare(tmp_path: Path) -> None:
    whole = ClockedDeployment(world_settings(NOWHERE, tmp_path), datetime(2026, 3, 10, tzinfo=UTC))
    resources = resources_of(whole)
    store, database = resources["store"], resources["app_database"]
    assert isinstance(store, Store)
    assert isinstance(database, AppDatabase)
    found: Deployment = joined(store)
    assert found.store is whole.store
    for part in ("models", "tracking", "url"):
        with pytest.raises(AttributeError):
            getattr(found, part)
    both = joined(store, database)
    assert both.database is whole.database
    whole.clock = datetime(2026, 3, 11, tzinfo=UTC)
    assert joined(store).now() == whole.clock
