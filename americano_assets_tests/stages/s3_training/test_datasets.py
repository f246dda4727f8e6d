"""A dataset version comes back bit by bit, whatever happened to the app's rows since, and gives the same model."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from pydantic import SecretStr

from americano_assets.errors import AmericanoError
from americano_assets.resources.mlflow.training_run import DAGSTER_RUN
from americano_assets.resources.parquet_store.content_files import hash_file
from americano_assets.resources.parquet_store.store import ParquetStore
from americano_assets.stages.s2_features.day_tables import day_tables
from americano_assets.stages.s3_training.dataset_versions import (
    Dataset,
    datasets,
    dvc_tags,
    find_dataset,
    restore,
)
from americano_assets.stages.s3_training.train_models import TrainedDay, train_day
from americano_assets.stages.s3_training.training_rows import store_training_set
from americano_assets_tests.stages.s3_training.test_trained_model import JUDGED, LEARNERS, SCORED
from americano_assets_tests.stages.s3_training.weekly_school import FIRST_MONDAY, fill, learners
from americano_assets_tests.world import ClockedDeployment, World, read_world, study_day, world_settings

FIRST = (FIRST_MONDAY - timedelta(days=2)).isoformat()
NOWHERE = SecretStr("nowhere://at-all")


def train(deployment: ClockedDeployment, day: str) -> TrainedDay:
    taught, version = store_training_set(deployment, study_day(day))
    return train_day(deployment, study_day(day), taught.rows, version.content, {DAGSTER_RUN: str(uuid4())})


@dataclass
class Trained:
    """A model, the dataset of its first night, and the bytes of every file of it as they stood then."""

    deployment: ClockedDeployment
    model_version: str
    dataset: Dataset
    bytes: dict[str, bytes]


@pytest.fixture(scope="module")
def trained(module_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trained]:
    """A night trained; then answers were changed and deleted in the app, and a later night trained on those."""
    home = tmp_path_factory.mktemp("home")
    settings = world_settings(module_database, home, americano_start_day=study_day(FIRST), mlflow_tracking_uri=NOWHERE)
    deployment = ClockedDeployment(settings, datetime(2026, 3, 9, 23, 10, tzinfo=UTC))
    with psycopg.connect(module_database, autocommit=True) as connection:
        world = World(connection)
        with connection.transaction():
            fill(world, learners(LEARNERS))
        read_world(deployment, FIRST, SCORED)
        model = train(deployment, SCORED).model
        dataset = find_dataset(deployment.store, model.dataset_version)
        before = {name: (deployment.store.root / name).read_bytes() for name in dataset.names(deployment.store)}
        world.execute("UPDATE validation_responses SET score = 1 - score WHERE \"userId\" < 'learner-20'")
        world.execute("DELETE FROM missions WHERE \"userId\" = 'learner-39'")
        deployment.clock += timedelta(days=7)
        read_world(deployment, FIRST, JUDGED)
        assert train(deployment, JUDGED).model.version != model.version
        day_tables(
            deployment, study_day(SCORED), latest=True
        )  # the day is recorded anew: its manifest names the new files
        train(deployment, SCORED)
        yield Trained(deployment, model.version, dataset, before)


def test_the_old_version_comes_back_bit_by_bit(trained: Trained, tmp_path: Path) -> None:
    store = trained.deployment.store
    current = store.current("training_set", study_day(SCORED))
    assert current is not None
    assert current.content != trained.dataset.version
    done = restore(store, trained.dataset, tmp_path / "old")
    data = tmp_path / "old" / "data"
    assert {str(path.relative_to(data)): path.read_bytes() for path in data.rglob("*.parquet")} == trained.bytes
    assert done.files == len(trained.bytes) > 100
    assert done.without_forgotten == 0
    assert hash_file(done.training_set) == trained.dataset.version


def test_training_on_what_was_restored_gives_the_same_model(trained: Trained, tmp_path: Path) -> None:
    restore(trained.deployment.store, trained.dataset, tmp_path / "old")
    settings = trained.deployment.settings.model_copy(update={"americano_home": tmp_path / "old"})
    elsewhere = ClockedDeployment(settings, trained.deployment.clock)
    # Nothing that was computed came along but the training set itself: it is made again from its inputs.
    for folder in ("features_at", "labels_at", "training_set"):
        for path in (elsewhere.store.root / folder).rglob("*.parquet"):
            path.unlink()
    assert train(elsewhere, SCORED).model.version == trained.model_version


def test_all_versions_are_listed_and_found_by_how_they_begin(trained: Trained) -> None:
    store = trained.deployment.store
    assert [dataset.day for dataset in datasets(store)] == [study_day(SCORED)] * 2 + [study_day(JUDGED)]
    assert find_dataset(store, trained.dataset.version[:8]) == trained.dataset
    assert Dataset.from_json(trained.dataset.to_json()) == trained.dataset
    with pytest.raises(AmericanoError, match=r"No dataset version begins with «nothing»: .* shows all 3\."):
        find_dataset(store, "nothing")


def test_nothing_is_restored_over_something_or_from_a_changed_file(trained: Trained, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").touch()
    with pytest.raises(AmericanoError, match="already holds something"):
        restore(trained.deployment.store, trained.dataset, tmp_path / "full")
    restore(trained.deployment.store, trained.dataset, tmp_path / "copy")
    copy = ParquetStore(tmp_path / "copy" / "data")
    victim = copy.root / trained.dataset.names(copy)[5]
    victim.write_bytes(victim.read_bytes()[:-9] + b"something")
    with pytest.raises(AmericanoError, match="was changed after it was written"):
        restore(copy, trained.dataset, tmp_path / "again")
    victim.unlink()
    with pytest.raises(AmericanoError, match=f"{victim.name} is missing"):
        restore(copy, trained.dataset, tmp_path / "again")
    assert {path.name for path in tmp_path.iterdir()} == {"full", "copy"}


def test_a_dvc_repository_is_named_by_its_lock(trained: Trained) -> None:
    settings = trained.deployment.settings
    assert dvc_tags(settings) == {}
    lock = settings.store_root / "dvc.lock"
    lock.write_text("stages: {}")
    try:
        assert dvc_tags(settings) == {"dvc_lock": "6a3837158560c86aedd184a2732a63a4c20a5197f078faac1f698812705d6224"}
    finally:
        lock.unlink()
