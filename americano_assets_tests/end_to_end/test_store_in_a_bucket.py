"""Whoever keeps the store in a bucket sees what those see who keep it in a folder: the same files, the same rows."""

import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, timedelta
from pathlib import Path

import pytest

from americano_assets.errors import AmericanoError
from americano_assets.installation import PROJECT_ROOT
from americano_assets.resources.home.moving import move_store
from americano_assets.resources.parquet_store import bucket as bucket_module
from americano_assets.resources.parquet_store import object_store
from americano_assets.resources.parquet_store.atomic_files import LEFTOVER_PREFIX
from americano_assets.resources.parquet_store.files import Files
from americano_assets.resources.parquet_store.names import EPOCH
from americano_assets.resources.parquet_store.object_store import NoRightError
from americano_assets.resources.parquet_store.places import model_files, store_files, told_of_versions
from americano_assets.resources.postgres.connection import prepare
from americano_assets.resources.postgres.embedded.server import EmbeddedServer
from americano_assets.settings import Settings
from americano_assets.stages.common import metadata
from americano_assets.stages.maintenance.erasure.forgetting import forget
from americano_assets.stages.maintenance.erasure.survey import look, survey
from americano_assets.stages.maintenance.prune import Pruned, prune
from americano_assets.stages.s3_training.dataset_versions import datasets, restore
from americano_assets_tests.api.live_prediction.conftest import FIRST, MORNING, SECOND, School, after_a_night, copied
from americano_assets_tests.s3_server import BUCKET, S3Server
from americano_assets_tests.world import ClockedDeployment, published_rows, world_settings

__all__ = ["after_a_night"]

URL = f"s3://{BUCKET}/of/school"
WHO = "asking"
NOW = MORNING.replace(tzinfo=UTC)


@pytest.fixture
def two(
    after_a_night: tuple[str, Path],
    server: EmbeddedServer,
    s3: S3Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[tuple[School, School]]:
    """The same school twice: its store in the home, and moved into a bucket."""
    monkeypatch.setattr(bucket_module, "LEASE", 0.1)
    with ExitStack() as stack:
        folder, bucket = (
            stack.enter_context(contextmanager(copied)(after_a_night, server, tmp_path / name)) for name in "fb"
        )
        move_store(settings_of(bucket), URL)
        # As every command does; without a store nothing else says that these homes are ours.
        (bucket.home / "dagster").mkdir()
        shutil.copy(PROJECT_ROOT / "dagster.yaml", bucket.home / "dagster")
        bucket.values["americano_store"] = URL
        yield folder, bucket


def settings_of(school: School) -> Settings:
    return world_settings(school.url, school.home, **school.values)


def deployment_of(school: School, later: timedelta = timedelta(0)) -> ClockedDeployment:
    return ClockedDeployment(settings_of(school), NOW + later)


def on_another_machine(school: School, folder: Path) -> School:
    """The same school with nothing of its home but what an environment names."""
    return School(school.url, folder, school.world, school.values)


def contents(files: Files) -> dict[str, bytes]:
    return {one.name: files.read(one.name) for one in files.walk() if one.name != EPOCH}


def of(school: School) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """What a school's store and models hold, by name."""
    return contents(store_files(settings_of(school))), contents(model_files(settings_of(school)))


def test_a_store_is_moved_there_and_back_and_every_byte_is_what_it_was(
    two: tuple[School, School], tmp_path: Path
) -> None:
    folder, bucket = two
    before = of(folder)
    assert len(before[0]) > 100
    assert before[1]
    assert of(bucket) == before
    assert not any(path.is_file() for name in ("data", "models") for path in (bucket.home / name).rglob("*"))
    there = settings_of(bucket)
    with pytest.raises(AmericanoError, match="is at s3://school/of/school/data already"):
        move_store(there, URL)
    # To another folder, and from there into the home: as somebody would who leaves the cloud for a larger disk.
    disk = str(tmp_path / "disk")
    moved = move_store(there, disk)
    assert moved.files == sum(map(len, before))
    assert contents(store_files(there)) == contents(model_files(there)) == {}
    bucket.values["americano_store"] = disk
    assert of(bucket) == before
    move_store(settings_of(bucket), None)
    bucket.values["americano_store"] = None
    assert of(bucket) == before


def test_a_file_that_is_not_what_it_says_stops_a_move_and_nothing_is_lost(
    two: tuple[School, School], tmp_path: Path
) -> None:
    folder, _ = two
    before = of(folder)
    victim = next((folder.home / "data" / "interactions").rglob("*.parquet"))
    whole = victim.read_bytes()
    victim.write_bytes(whole[:-9] + b"something")
    with pytest.raises(AmericanoError, match=rf"1 of .* not what their names say.*interactions/.*{victim.name}"):
        move_store(settings_of(folder), str(tmp_path / "disk"))
    assert victim.exists()
    victim.write_bytes(whole)
    (tmp_path / "disk" / "data" / "interactions" / victim.parent.name / victim.name).unlink()
    (tmp_path / "disk" / "models" / "somebody's").write_text("notes")
    with pytest.raises(AmericanoError, match=r"1 files that are none of .*: name a place in which no models are"):
        move_store(settings_of(folder), str(tmp_path / "disk"))
    (tmp_path / "disk" / "models" / "somebody's").unlink()
    # What an earlier call has copied is no obstacle.
    assert move_store(settings_of(folder), str(tmp_path / "disk"), keep=True).files == sum(map(len, before))
    assert of(folder) == before


def test_a_night_its_rerun_and_the_api_do_what_they_do_with_a_folder(
    two: tuple[School, School], tmp_path: Path, s3: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, bucket = two
    folder.night(SECOND)
    # The store is away for longer than it is asked again: the step begins anew.
    monkeypatch.setattr(metadata, "RETRY_SECONDS", (0, 0, 0))
    monkeypatch.setattr(object_store, "RETRIES", object_store.RETRIES | {"max_retries": 1})
    with s3.answering(503, times=3, method="PUT") as refused:
        bucket.night(SECOND)
    assert len(refused) == 3
    assert of(bucket) == of(folder)
    rows = published_rows(bucket.world)
    assert rows == published_rows(folder.world)
    assert rows["struggle_predictions"]
    # Two machines that share nothing but the bucket and the database: one runs the night again, one serves.
    on_another_machine(bucket, tmp_path / "rerun").night(SECOND)
    assert published_rows(bucket.world) == rows
    assert of(bucket) == of(folder)
    serving = on_another_machine(bucket, tmp_path / "api")
    assert serving.generate(WHO) == folder.generate(WHO)
    assert published_rows(bucket.world) == published_rows(folder.world)


def test_who_is_forgotten_is_in_no_file_of_the_bucket_and_in_no_copy(
    two: tuple[School, School], tmp_path: Path, s3: S3Server
) -> None:
    folder, bucket = two
    serving = on_another_machine(bucket, tmp_path / "api")
    serving.generate(WHO)
    folder.generate(WHO)
    with_rows = {path.name for path in (tmp_path / "api").rglob("*.parquet")}
    assert with_rows
    found = [survey(deployment_of(school), WHO) for school in two]
    assert found[0].rows == found[1].rows
    assert "features" in found[0].rows
    done = [forget(deployment_of(school), WHO) for school in two]
    assert done[0].rows == done[1].rows
    assert done[0].files == done[1].files
    assert of(bucket) == of(folder)
    left = look(deployment_of(bucket), WHO)
    assert not left.rows
    assert not left.unreadable
    # The machine that served looks for the epoch at its next use, and has nothing of before any more.
    early = serving.generate("early")
    assert early == folder.generate("early")
    assert not with_rows & {path.name for path in (tmp_path / "api").rglob("*.parquet")} - {
        name.rsplit("/", 1)[-1] for name in of(bucket)[0]
    }
    for school in two:
        school.night(SECOND)
    assert published_rows(bucket.world) == published_rows(folder.world)
    assert told_of_versions(store_files(settings_of(bucket)), EPOCH) is None
    s3.keep_versions()
    store_files(settings_of(bucket)).write_file(EPOCH, b"anew")
    assert "can still be read" in (told_of_versions(store_files(settings_of(bucket)), EPOCH) or "")


def test_a_caller_of_the_api_is_told_that_the_store_is_away(
    two: tuple[School, School], tmp_path: Path, s3: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, bucket = two
    monkeypatch.setattr(object_store, "RETRIES", object_store.RETRIES | {"max_retries": 1})
    with on_another_machine(bucket, tmp_path / "api").serving(MORNING) as service:
        with s3.answering(503):
            time.sleep(2 * bucket_module.LEASE)
            answer = service.ask("/predictions/generate", method="POST", json={"user_id": WHO})
            assert (answer.status_code, answer.json()["code"]) == (503, "store_unreachable")
            assert "Retry-After" in answer.headers
            assert service.ask("/health/ready").status_code == 200
        service.post("/predictions/generate", 201, user_id=WHO)


def test_half_a_file_in_the_bucket_goes_from_the_bucket(two: tuple[School, School]) -> None:
    _, bucket = two
    files, half = store_files(settings_of(bucket)), f"features/day={FIRST}/{LEFTOVER_PREFIX}by-another-tool"
    files.write_file(half, b"PAR1 half a file, with whom nobody knows")
    assert forget(deployment_of(bucket), WHO).rows["leftovers of killed processes"] == 1
    assert not files.held([half])


def test_credentials_that_may_not_delete_are_blamed_and_the_next_call_finishes(
    two: tuple[School, School], s3: S3Server
) -> None:
    folder, bucket = two
    with s3.deleting_nothing(), pytest.raises(NoRightError, match="no right to it"):
        forget(deployment_of(bucket), WHO)
    assert look(deployment_of(bucket), WHO).rows
    forget(deployment_of(bucket), WHO)
    forget(deployment_of(folder), WHO)
    assert of(bucket) == of(folder)


@pytest.mark.parametrize("is_mount_point", [True, False])
def test_a_part_of_a_store_on_a_disk_that_is_not_mounted_is_told(
    two: tuple[School, School], tmp_path: Path, *, is_mount_point: bool
) -> None:
    folder, _ = two
    disk, large = tmp_path / "disk", tmp_path / "large"
    large.mkdir()
    prepare(settings_of(folder))
    move_store(settings_of(folder), str(disk))
    folder.values["americano_store"] = str(disk)
    for name in ("features", "manifests"):
        shutil.move(disk / "data" / name, large / name)
        (disk / "data" / name).symlink_to(large / name)
    large.rename(tmp_path / "away")
    if is_mount_point:
        for name in ("features", "manifests"):
            (large / name).mkdir(parents=True)
    # Without manifests nearly every content would seem to be named by nothing.
    with pytest.raises(AmericanoError, match=r"cannot be read.*disk/data/features, .*disk/data/manifests.*Nothing was"):
        prune(deployment_of(folder, timedelta(days=40_000)), 30)
    with pytest.raises(AmericanoError, match=r"2 files cannot be read, the first is .*disk/data/features: whose rows"):
        forget(deployment_of(folder), WHO)
    shutil.rmtree(large, ignore_errors=True)
    (tmp_path / "away").rename(large)
    assert forget(deployment_of(folder), WHO).rows["features"] == 1
    assert not look(deployment_of(folder), WHO).rows


def test_pruning_and_restoring_do_what_they_do_with_a_folder(two: tuple[School, School], tmp_path: Path) -> None:
    stores = [deployment_of(school).store for school in two]
    kept = [list(datasets(store)) for store in stores]
    assert kept[0] == kept[1] != []
    restored = []
    for store, name in zip(stores, "fb", strict=True):
        restore(store, kept[0][-1], tmp_path / "restored" / name)
        root = tmp_path / "restored" / name
        restored.append({str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()})
    assert restored[0] == restored[1]
    # What is in a bucket was written when it was moved there, by the clock of today.
    later = timedelta(days=40_000)
    planned = [prune(deployment_of(school, later), 30, dry_run=True) for school in two]
    # Of a table that is stored whole the newest stays, and which one that is nobody knows after a move.
    assert len({(one.contents, one.log_days, one.leftovers) for one in planned}) == 1
    assert planned[0].log_days > 0
    assert [prune(deployment_of(school, later), 30) for school in two] == planned
    assert [prune(deployment_of(school, later), 30) for school in two] == [Pruned(0, 0, 0, 0)] * 2
    with pytest.raises(FileNotFoundError):
        stores[1].files.read(f"reviews/day={FIRST}/current.json")
    for school in two:
        school.night(SECOND)
    folder, bucket = two
    assert published_rows(bucket.world) == published_rows(folder.world)
