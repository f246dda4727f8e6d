"""Dagster's home: the project's dagster.yaml is in force, on a database that it accepts."""

import os
from pathlib import Path

import psycopg
import pytest
from dagster import DagsterInstance
from dagster_postgres import PostgresEventLogStorage
from pydantic import SecretStr

from americano_assets.errors import AmericanoError
from americano_assets.installation import PROJECT_ROOT
from americano_assets.orchestration.dagster_home import prepare_dagster_home
from americano_assets.settings import Settings


@pytest.fixture(autouse=True)
def _environment_is_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", "/somewhere/else")
    monkeypatch.setenv("AMERICANO_DAGSTER_URL", "postgresql://h/stray")


def test_the_instance_is_the_one_that_the_project_configures(settings: Settings, empty_database: str) -> None:
    settings = settings.model_copy(update={"americano_dagster_url": SecretStr(f"{empty_database}&schema=public")})
    home = prepare_dagster_home(settings)
    assert home == settings.americano_home / "dagster"
    with DagsterInstance.get() as instance:
        assert Path(instance.root_directory) == home
        assert instance.get_runs() == []
        assert isinstance(instance.event_log_storage, PostgresEventLogStorage)
        assert not instance.telemetry_enabled
        assert not instance.nux_enabled
        limits = instance.get_concurrency_config()
        assert limits.run_queue_config is not None
        assert limits.run_queue_config.max_concurrent_runs == 1
        assert limits.pool_config.default_pool_limit == 1


def test_a_changed_configuration_is_put_in_force_again(settings: Settings) -> None:
    home = prepare_dagster_home(settings)
    (home / "dagster.yaml").write_text("storage: {postgres: {postgres_url: {env: AMERICANO_DAGSTER_URL}}}\n")
    prepare_dagster_home(settings)
    assert (home / "dagster.yaml").read_bytes() == (PROJECT_ROOT / "dagster.yaml").read_bytes()
    assert [path.name for path in home.iterdir()] == ["dagster.yaml"]


_STORAGE = "module: americano_assets.orchestration.retrying_storage, class: RetryingStorage"


@pytest.mark.parametrize(
    "storage",
    [
        f"{{custom: {{{_STORAGE}, config: {{postgres_url: {{env: AMERICANO_DAGSTER_URL}}}}}}}}",
        "{postgres: {postgres_url: {env: AMERICANO_DAGSTER_URL}}}",
        f"{{custom: {{{_STORAGE}}}}}",
    ],
    ids=["names the variable", "names no class of ours", "names nothing"],
)
def test_a_file_of_any_version_opens_the_same_store(
    settings: Settings, empty_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, storage: str
) -> None:
    monkeypatch.setenv("AMERICANO_DAGSTER_URL", empty_database)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    (tmp_path / "dagster.yaml").write_text(f"storage: {storage}\n")
    with DagsterInstance.get() as instance:
        instance.add_dynamic_partitions("nights", ["2026-03-02"])
    with psycopg.connect(empty_database) as connection:
        assert connection.execute("SELECT partition FROM dynamic_partitions").fetchall() == [("2026-03-02",)]


def test_an_unreachable_store_is_told_by_its_own_variable(settings: Settings) -> None:
    elsewhere = settings.model_copy(update={"americano_dagster_url": SecretStr("postgresql://u:hunter2@localhost:1/d")})
    with pytest.raises(AmericanoError, match=r"No PostgreSQL at localhost:1 .*AMERICANO_DAGSTER_URL") as raised:
        prepare_dagster_home(elsewhere)
    assert "hunter2" not in str(raised.value)
    assert not settings.americano_home.exists()
    assert os.environ["DAGSTER_HOME"] == "/somewhere/else"


def test_a_home_that_cannot_be_written_is_one_sentence(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(AmericanoError, match="cannot be written"):
        prepare_dagster_home(settings.model_copy(update={"americano_home": tmp_path / "file"}))
