"""A move leaves the store in one place: never in none, wherever it leads and whenever it is broken off."""

import shutil
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner, Result

from americano_assets import cli
from americano_assets.errors import AmericanoError
from americano_assets.resources.home.claim_records import HomeError
from americano_assets.resources.home.folder import STORE_CLAIM_FILE
from americano_assets.resources.home.moving import move_store
from americano_assets.resources.parquet_store.bucket import Bucket
from americano_assets.resources.parquet_store.files import Folder
from americano_assets.resources.parquet_store.names import MOVED
from americano_assets.resources.parquet_store.places import model_files, store_files
from americano_assets.resources.postgres.connection import prepare
from americano_assets.resources.postgres.embedded.server import DAGSTER_DATABASE, MLFLOW_DATABASE, EmbeddedServer
from americano_assets.settings import Settings, SettingsError, validated
from americano_assets_tests.resources.home.test_home_claim import on, other
from americano_assets_tests.s3_server import BUCKET, S3Server

__all__ = ["other"]

_MODEL = "0a" * 16


@pytest.fixture
def filled(settings: Settings) -> Settings:
    """A bound home with a few files, and a model that its database knows."""
    prepare(settings)
    for day in range(1, 6):
        store_files(settings).write_file(f"features/day=2026-03-0{day}/current.json", b"{}")
    model_files(settings).write_file(f"{_MODEL}.json", b"{}")
    with psycopg.connect(settings.database_url.get_secret_value(), autocommit=True) as connection:  # type: ignore[union-attr]
        connection.execute(
            f"INSERT INTO ml.model_versions VALUES ('{_MODEL}', "
            "'rule_based', '2026-01-01', 0.5, 7, 0.65, 'd', NULL, NULL, '{}', '{}', now())"
        )
    return settings


@pytest.fixture
def command(
    filled: Settings, server: EmbeddedServer, database: str, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Result]:
    """Calls a command in that home, with AMERICANO_STORE as it is named first."""
    environment = {
        "DATABASE_URL": database,
        "AMERICANO_HOME": str(filled.americano_home),
        "AMERICANO_DAGSTER_URL": server.url(DAGSTER_DATABASE),
        "MLFLOW_TRACKING_URI": server.url(MLFLOW_DATABASE),
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    def call(store: str | None, *arguments: str) -> Result:
        monkeypatch.setenv("AMERICANO_STORE", store or "")
        return CliRunner().invoke(cli.app, list(arguments))

    return call


def at(settings: Settings, place: str | None) -> Settings:
    return settings.model_copy(update={"americano_store": place})


def held(settings: Settings) -> dict[str, bytes]:
    parts = {"data": store_files(settings), "models": model_files(settings)}
    return {f"{part}/{one.name}": files.read(one.name) for part, files in parts.items() for one in files.walk()}


def test_a_place_is_the_same_by_whatever_name(filled: Settings, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    for part in ("data", "models"):
        # As somebody has it who linked the folders of the home to a larger disk, before a setting named one.
        shutil.move(filled.americano_home / part, disk / part)
        (filled.americano_home / part).symlink_to(disk / part)
    before = held(filled)
    with pytest.raises(AmericanoError, match=r"disk/data is .*home/data itself under another name"):
        move_store(filled, str(disk))
    with pytest.raises(AmericanoError, match=r"lies in it"):
        move_store(filled, str(disk / "data"))
    (tmp_path / "x").mkdir()
    there = at(filled, str(disk))
    with pytest.raises(AmericanoError, match="itself under another name"):
        move_store(there, f"{tmp_path}/x/../disk")
    assert held(filled) == before
    assert len(before) > 5


def test_an_address_has_one_spelling(filled: Settings, tmp_path: Path, s3: S3Server) -> None:
    assert validated(americano_home=tmp_path, americano_store=f"s3://{BUCKET}//of//school/").americano_store == (
        f"s3://{BUCKET}/of/school"
    )
    for place in (f"s3://{BUCKET}/a/../of/school", f"s3://{BUCKET}/./of"):
        with pytest.raises(SettingsError, match="AMERICANO_STORE: must be a folder, s3://bucket/prefix"):
            validated(americano_home=tmp_path, americano_store=place)
    url = f"s3://{BUCKET}/of/school"
    move_store(filled, url)
    before = held(at(filled, url))
    # However it comes about: another name of the same server, an access point.
    with pytest.raises(AmericanoError, match="itself under another name"):
        move_store(at(filled, url), f"s3://{BUCKET}//of/school")
    assert held(at(filled, url)) == before
    assert len(before) > 5


@pytest.mark.parametrize("source", ["home", "disk", f"s3://{BUCKET}/old"])
@pytest.mark.parametrize("removed", [1, 4])
def test_one_that_was_broken_off_is_ended_by_the_same_call(
    source: str,
    removed: int,
    filled: Settings,
    command: Callable[..., Result],
    tmp_path: Path,
    s3: S3Server,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    old = None if source == "home" else source.replace("disk", str(tmp_path / "disk"))
    if old is not None:
        move_store(filled, old)
    before = {name for name in held(at(filled, old)) if name not in ("data/database.json", "data/copies.json")}
    new = str(tmp_path / "new")
    with monkeypatch.context() as broken:
        kind, done = (Bucket if source.startswith("s3") else Folder), iter(range(removed + 2))
        remove = kind.remove

        def killed(self: Bucket | Folder, name: str) -> None:
            if name != MOVED and not name.startswith(".writing-") and next(done, None) is None:
                raise KeyboardInterrupt
            remove(self, name)  # type: ignore[arg-type]

        broken.setattr(kind, "remove", killed)
        assert command(old, "store", "move", new).exit_code != 0
    assert held(at(filled, old))
    with pytest.raises(HomeError, match=r"was moved from .* to .*new/data, and that was broken off.*again"):
        prepare(at(filled, old))
    done_now = command(old, "store", "move", new)
    assert done_now.exit_code == 0, (done_now.output, done_now.exception)
    left = {name for name in held(at(filled, old)) if not name.endswith("/copies.json")}
    assert not left
    assert {name for name in held(at(filled, new)) if name != "data/database.json"} == before
    prepare(at(filled, new))
    # And back, over what such a call may have left.
    store_files(at(filled, old)).write_file(MOVED, b'{"to": "somewhere"}')
    move_store(at(filled, new), old)
    assert not store_files(at(filled, old)).held([MOVED])
    prepare(at(filled, old))


def test_models_that_differ_are_seen_before_anything_is_removed(
    filled: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = held(filled)
    write = Folder.write_file

    def damaged(self: Folder, name: str, content: bytes) -> None:
        write(self, name, content + b" " if name == f"{_MODEL}.json" else content)

    with monkeypatch.context() as broken:
        broken.setattr(Folder, "write_file", damaged)
        with pytest.raises(AmericanoError, match=r"1 of 1 files are not the same.*Nothing was removed"):
            move_store(filled, str(tmp_path / "disk"))
    assert held(filled) == before


def test_the_store_of_another_home_is_left_alone_even_if_nothing_is_in_it_yet(
    filled: Settings, other: str, tmp_path: Path
) -> None:
    disk = str(tmp_path / "disk")
    theirs = at(on(filled, other, tmp_path / "their home"), disk)
    prepare(theirs)
    with pytest.raises(AmericanoError, match=rf"{disk}/data is the store of another home"):
        move_store(filled, disk)
    prepare(theirs)
    assert (filled.store_root / STORE_CLAIM_FILE).exists()


def test_what_lies_on_a_disk_that_is_not_mounted_is_not_left_behind(filled: Settings, tmp_path: Path) -> None:
    features = filled.store_root / "features"
    shutil.move(features, tmp_path / "large")
    features.symlink_to(tmp_path / "large")
    (tmp_path / "large").rename(tmp_path / "away")
    with pytest.raises(AmericanoError, match=r"cannot be looked into.*home/data/features\. Mount"):
        move_store(filled, str(tmp_path / "disk"))
    (tmp_path / "large").mkdir()  # The mount point itself.
    with pytest.raises(AmericanoError, match=r"cannot be looked into.*home/data/features\. Mount"):
        move_store(filled, str(tmp_path / "disk"))
    assert (filled.store_root / STORE_CLAIM_FILE).exists()
