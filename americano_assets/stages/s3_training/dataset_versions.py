"""Dataset versions: the training set of a study day, and every content that it was made from, kept and restored.

datasets/<version>.json     the version is the content of the training-set file; see `Dataset`
"""

import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from americano_assets.core.study_days.cutoff import naive
from americano_assets.core.study_days.study_day import study_day_of
from americano_assets.errors import AmericanoError
from americano_assets.installation import IS_CHECKOUT, PROJECT_ROOT
from americano_assets.resources.parquet_store.atomic_files import LEFTOVER_PREFIX, write_json
from americano_assets.resources.parquet_store.content_files import hash_file
from americano_assets.resources.parquet_store.redactions import Redaction
from americano_assets.resources.parquet_store.store import ParquetStore, Version
from americano_assets.settings import Settings
from americano_assets.stages.common.deployment import Deployment
from americano_assets.stages.s1_snapshots.input_manifest import Inputs
from americano_assets.stages.s1_snapshots.state_snapshots import record_snapshot
from americano_assets.stages.s2_features.day_tables import day_tables
from americano_assets.stages.s2_features.features import (
    TrainingTables,
    labelled_rows,
    training_cutoffs,
    training_tables,
)
from americano_assets.stages.s2_features.point_in_time import PointInTimeTables
from americano_assets.stages.s3_training.learner_feedback import feedback, on_time_flags

TRAINING_SET = "training_set"
DATASETS = "datasets"
DVC_LOCK = "dvc.lock"
MANIFEST = "dataset.json"


@dataclass(frozen=True)
class Dataset:
    """A training set, and what it was made from.

    Attributes:
        version: Content of the training-set file.
        day: The first study day that had it.
        settings: What beside the contents decided on its rows: horizon, threshold, weeks, time zone.
        made_from: Contents of features and labels by table and cut-off.
        inputs: The day files and state tables below those.
    """

    version: str
    rows: int
    day: date
    settings: dict[str, Any]
    made_from: dict[str, dict[date, str]]
    inputs: Inputs

    def to_json(self) -> dict[str, Any]:
        """As it is kept."""
        return {
            "version": self.version,
            "rows": self.rows,
            "study_day": self.day.isoformat(),
            "settings": self.settings,
            "made_from": {
                table: {day.isoformat(): content for day, content in contents.items()}
                for table, contents in self.made_from.items()
            },
            "inputs": self.inputs.to_json(),
        }

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> "Dataset":
        """Read back what `to_json` gave."""
        day = date.fromisoformat(kept["study_day"])
        made_from = {
            table: {date.fromisoformat(key): content for key, content in contents.items()}
            for table, contents in kept["made_from"].items()
        }
        inputs = Inputs.from_json(day, kept["inputs"])
        return cls(kept["version"], kept["rows"], day, kept["settings"], made_from, inputs)

    def paths(self, store: ParquetStore) -> list[Path]:
        """Every file that belongs to it, the training set first."""
        found = [store.day_path(TRAINING_SET, self.day, Version(self.version, self.rows))]
        for table, versions in self.inputs.days.items():
            found += [store.day_path(table, day, version) for day, version in sorted(versions.items())]
        for snapshot in self.inputs.state:
            found += [store.whole_path(table, content) for table, content in sorted(snapshot.tables.items())]
        for table, contents in self.made_from.items():
            found += [store.whole_path(table, content) for _, content in sorted(contents.items())]
        return list(dict.fromkeys(found))


def training_rows(deployment: Deployment, day: date) -> tuple[PointInTimeTables, TrainingTables, pd.DataFrame]:
    """The training set of a study day, and what it was made from.

    What learners said by the day's cut-off goes before the computed labels; rows that help may have changed are marked.
    A rerun of a closed day from the inputs that it recorded reads the features and labels that it was made from then,
    also where their definitions have changed since: its model stays the same.
    """
    tables = day_tables(deployment, day)
    made_from = _recorded(deployment, day, tables.inputs)
    if made_from is None:
        tables, made_from = training_tables(deployment, day)
    moment = deployment.moment(day).at
    before, opened = naive(moment), study_day_of(moment, deployment.zone)
    with deployment.connect() as connection:
        feedback_rows, flags = feedback(connection, opened, before), on_time_flags(connection, before)
    return tables, made_from, labelled_rows(deployment, made_from, feedback_rows, flags)


def _recorded(deployment: Deployment, day: date, inputs: Inputs) -> TrainingTables | None:
    """What a closed day's training set was made from, if from inputs that still count for it and all of it is there."""
    store = deployment.store
    version = store.current(TRAINING_SET, day) if deployment.is_closed(day) else None
    if version is None or not _record_path(store, version.content).exists():
        return None
    dataset = _read(_record_path(store, version.content))
    # A training set of fewer days than are known by now, or of the day while it was open, is another one.
    same_days = _contents(inputs, dataset.day) == _contents(dataset.inputs, dataset.day)
    same_state = all(snapshot in inputs.state for snapshot in dataset.inputs.state)
    if dataset.settings != _deciding(deployment.settings) or not (same_days and same_state):
        return None
    if any(sorted(found) != training_cutoffs(deployment, day, inputs) for found in dataset.made_from.values()):
        return None
    contents = [(table, one) for table, found in dataset.made_from.items() for one in found.values()]
    if not all(store.whole_path(table, one).exists() for table, one in contents):
        return None
    features, labels = (
        {at: Version(one, store.whole_rows(table, one)) for at, one in dataset.made_from[table].items()}
        for table in ("features_at", "labels_at")
    )
    return TrainingTables(features, labels)


def _contents(inputs: Inputs, until: date) -> set[tuple[str, date, str]]:
    """Each content of a day up to `until`."""
    return {(table, at, one.content) for table, days in inputs.days.items() for at, one in days.items() if at <= until}


def store_training_set(deployment: Deployment, day: date) -> tuple[pd.DataFrame, Version]:
    """Make a study day's training set, store it, and record what it was made from."""
    tables, made_from, rows = training_rows(deployment, day)
    table = pa.Table.from_pandas(rows, preserve_index=False)
    version = deployment.store.put_day(TRAINING_SET, day, table.to_batches(), table.schema)
    path = _record_path(deployment.store, version.content)
    if not path.exists():
        contents = {"features_at": made_from.features, "labels_at": made_from.labels}
        dataset = Dataset(
            version.content,
            version.rows,
            day,
            _deciding(deployment.settings),
            {table: {day: one.content for day, one in found.items()} for table, found in contents.items()},
            tables.inputs,
        )
        write_json(path, dataset.to_json())
    return rows, version


def datasets(store: ParquetStore) -> Iterator[Dataset]:
    """All recorded versions, by study day."""
    found = [_read(path) for path in (store.root / DATASETS).glob("*.json")]
    yield from sorted(found, key=lambda dataset: (dataset.day, dataset.version))


def find_dataset(store: ParquetStore, version: str) -> Dataset:
    """The version of that name, or the only one whose name begins so.

    Raises:
        AmericanoError: None or several.
    """
    paths = sorted((store.root / DATASETS).glob("*.json"))
    matching = [path for path in paths if version and path.stem.startswith(version)]
    if len(matching) != 1:
        many = f"{len(matching)} dataset versions begin" if matching else "No dataset version begins"
        raise AmericanoError(f"{many} with «{version}»: `americano dataset list` shows all {len(paths)}.")
    return _read(matching[0])


@dataclass(frozen=True)
class Restored:
    """What a restoration wrote: files, bytes, and how many of the files lack rows of learners forgotten since."""

    training_set: Path
    files: int
    size: int
    without_forgotten: int


def restore(store: ParquetStore, dataset: Dataset, folder: Path) -> Restored:
    """Copy a version into a new folder, every file proven to have the bytes that its name says.

    `folder` gets `training_set.parquet`, `dataset.json`, and under `data/` a store in which the study day's training
    set can be made again from its inputs.

    Raises:
        AmericanoError: The folder holds something already, or a file is missing or changed; then nothing is left.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise AmericanoError(f"{folder} already holds something: name a folder that is empty or not there yet.")
    temporary = folder.with_name(f"{LEFTOVER_PREFIX}{folder.name}")
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        size = 0
        paths = dataset.paths(store)
        for path in paths:
            copy = temporary / "data" / path.relative_to(store.root)
            copy.parent.mkdir(parents=True, exist_ok=True)
            _copy(path, copy)
            size += copy.stat().st_size
        rewritten = _rewritten(store, paths)
        _write_records(ParquetStore(temporary / "data"), dataset, rewritten)
        shutil.copyfile(temporary / "data" / paths[0].relative_to(store.root), temporary / f"{TRAINING_SET}.parquet")
        write_json(temporary / MANIFEST, dataset.to_json())
        if folder.exists():
            folder.rmdir()
        temporary.rename(folder)
    except OSError as error:
        raise AmericanoError(f"{folder} could not be written ({error.strerror}): name another with --to.") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return Restored(folder / f"{TRAINING_SET}.parquet", len(paths), size, len(rewritten))


def dvc_tags(settings: Settings) -> dict[str, str]:
    """In a DVC repository the tag `dvc_lock` of a training in MLflow; outside of one none.

    It is the SHA-256 of the `dvc.lock` of the project, of the home or of the store, the first that is there.
    """
    for folder in (*([PROJECT_ROOT] if IS_CHECKOUT else []), settings.americano_home, settings.store_root):
        try:
            return {"dvc_lock": hashlib.sha256((folder / DVC_LOCK).read_bytes()).hexdigest()}
        except OSError:
            continue
    return {}


def _rewritten(store: ParquetStore, paths: list[Path]) -> dict[str, Redaction]:
    """Names that mean less than when they were given, of those that mean one of these files."""
    kept = {path.stem for path in paths}
    return {name: one for name, one in store.successors.all().items() if one.content in kept}


def _write_records(copy: ParquetStore, dataset: Dataset, rewritten: dict[str, Redaction]) -> None:
    for table, versions in dataset.inputs.days.items():
        for day, version in versions.items():
            copy.make_current(table, day, version)
    copy.make_current(TRAINING_SET, dataset.day, Version(dataset.version, dataset.rows))
    copy.record_manifest(dataset.day, "inputs", dataset.inputs.to_json())
    for snapshot in dataset.inputs.state:
        record_snapshot(copy, snapshot)
    write_json(_record_path(copy, dataset.version), dataset.to_json())
    if rewritten:
        copy.successors.record(rewritten, {one.content: name for name, one in rewritten.items()})


def _copy(path: Path, copy: Path) -> None:
    try:
        shutil.copyfile(path, copy)
    except FileNotFoundError:
        raise AmericanoError(
            f"{path.parent.name}/{path.name} is missing from the store: bring `data/` back from a backup."
        ) from None
    if hash_file(copy) != path.stem:
        raise AmericanoError(
            f"{path.parent.name}/{path.name} is not what its name says: it was changed after it was written. Bring it "
            "back from a backup."
        )


def _record_path(store: ParquetStore, version: str) -> Path:
    return store.root / DATASETS / f"{version}.json"


def _read(path: Path) -> Dataset:
    try:
        return Dataset.from_json(json.loads(path.read_text()))
    except (ValueError, KeyError, TypeError) as error:
        raise AmericanoError(f"The record {DATASETS}/{path.name} cannot be read ({error}): remove it.") from error


def _deciding(settings: Settings) -> dict[str, Any]:
    return {
        "horizon_days": settings.americano_horizon_days,
        "struggle_below": settings.americano_struggle_below,
        "training_rows": settings.americano_training_rows,
        "training_weeks": settings.americano_training_weeks,
        "timezone": settings.americano_timezone,
        "start_day": settings.americano_start_day.isoformat(),
    }
