"""A store with a place of its own belongs to a database, whichever home of whichever machine works on it."""

from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner, Result

from americano_assets import cli
from americano_assets.errors import AmericanoError
from americano_assets.resources.home.alone import working_alone
from americano_assets.resources.home.claim_records import HomeError
from americano_assets.resources.home.folder import CLAIM_FILE, STORE_CLAIM_FILE, write_demo_values
from americano_assets.resources.home.moving import move_store
from americano_assets.resources.postgres.connection import app_url, prepare
from americano_assets.resources.postgres.embedded.server import DAGSTER_DATABASE, MLFLOW_DATABASE, EmbeddedServer
from americano_assets.settings import Settings, SettingsError, validated
from americano_assets_tests.resources.home.test_home_claim import on, other

__all__ = ["other"]


def test_the_command_moves_it_and_every_machine_with_it_belongs_to_its_database(
    server: EmbeddedServer,
    settings: Settings,
    database: str,
    other: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    prepare(settings)
    environment = {
        "DATABASE_URL": database,
        "AMERICANO_HOME": str(settings.americano_home),
        "AMERICANO_DAGSTER_URL": server.url(DAGSTER_DATABASE),
        "MLFLOW_TRACKING_URI": server.url(MLFLOW_DATABASE),
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    disk = tmp_path / "disk"
    done = _invoke("store", "move", str(disk))
    assert done.exit_code == 0, done.output
    assert f"Set AMERICANO_STORE={disk}" in "".join(done.output.splitlines())
    assert (disk / "data" / CLAIM_FILE).exists()
    with pytest.raises(HomeError, match=r"files of the home .* are not there"):
        prepare(settings)  # Whoever forgets to set it does not begin with an empty store.
    moved = settings.model_copy(update={"americano_store": str(disk)})
    prepare(moved)
    prepare(moved.model_copy(update={"americano_home": tmp_path / "second"}))
    with pytest.raises(HomeError, match="holds no record of it"):
        prepare(on(moved, other, tmp_path / "third"))
    mistyped = moved.model_copy(update={"americano_store": str(tmp_path / "another disk")})
    with pytest.raises(
        HomeError, match=r"files of the home .* are not there: .*another disk/data has no .*set AMERICANO_STORE"
    ):
        prepare(mistyped)
    with pytest.raises(HomeError, match=r"belongs to another home.* AMERICANO_STORE\."):
        prepare(mistyped.model_copy(update={"americano_home": tmp_path / "third"}))  # It knows of no files yet.
    assert not (tmp_path / "another disk").exists()
    monkeypatch.setenv("AMERICANO_STORE", str(disk))
    assert str(disk / "data") in "".join(_invoke("store", "show").output.split())
    done = _invoke("store", "move", "home")
    assert done.exit_code == 0, done.output
    prepare(settings)
    assert (settings.store_root / STORE_CLAIM_FILE).exists()
    assert not (disk / "data").exists() or not any((disk / "data").iterdir())


def test_of_two_machines_one_rewrites_what_others_name(settings: Settings, tmp_path: Path) -> None:
    prepare(settings)
    elsewhere = settings.model_copy(update={"americano_home": tmp_path / "another machine's"})
    with working_alone(settings):
        with pytest.raises(AmericanoError, match="at work on this database, perhaps on another machine"):
            working_alone(elsewhere).__enter__()
        with psycopg.connect(app_url(settings)) as connection:  # What `forget` writes meanwhile needs no part of it.
            connection.execute("DELETE FROM ml.home")
            connection.rollback()
    for _ in range(20):  # Once it has ended the next may begin, however soon.
        with working_alone(elsewhere):
            pass


def test_a_demos_home_keeps_its_store(settings: Settings, tmp_path: Path) -> None:
    settings.americano_home.mkdir()
    write_demo_values(settings.americano_home, {}, alone=True)
    with pytest.raises(AmericanoError, match="keeps its store"):
        move_store(settings, str(tmp_path / "disk"))


@pytest.mark.parametrize(
    "place", ["ftp://host/x", "s3://", "s3://somebody:secret@bucket/x", "s3://bucket/x?token=secret", "gs://b/a#secret"]
)
def test_a_place_that_is_none_is_refused_and_not_repeated(place: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"AMERICANO_STORE: must be a folder, s3://bucket/prefix") as error:
        validated(americano_store=place, americano_home=tmp_path)
    assert "secret" not in str(error.value)


def test_a_store_in_the_home_is_not_named_twice(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="AMERICANO_STORE: must not lie in AMERICANO_HOME"):
        validated(americano_store=str(tmp_path / "store"), americano_home=tmp_path)
    with pytest.raises(AmericanoError, match="AMERICANO_STORE: must not lie in AMERICANO_HOME"):
        move_store(validated(americano_home=tmp_path), str(tmp_path / "store"))


def _invoke(*arguments: str) -> Result:
    return CliRunner().invoke(cli.app, list(arguments))
