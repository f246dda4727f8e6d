"""Dataset versions: the training set of a study day, and every content that it was made from, kept and restored.

datasets/<version>.json     the version is the content of the training-set file; see `Dataset`
"""

import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import Any

from americano_assets.core.statistics.learner_draw import Draw
from americano_assets.errors import AmericanoError
from americano_assets.installation import IS_CHECKOUT, PROJECT_ROOT
from americano_assets.resources.parquet_store.atomic_files import LEFTOVER_PREFIX, write_json
from americano_assets.resources.parquet_store.content_files import hash_file
from americano_assets.resources.parquet_store.names import DATA
from americano_assets.resources.parquet_store.redactions import Redaction
from americano_assets.resources.parquet_store.store import ParquetStore, Version
from americano_assets.settings import Settings
from americano_assets.stages.s1_snapshots.input_manifest import Inputs
from americano_assets.stages.s1_snapshots.state_snapshots import record_snapshot

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
        draw: Which learners teach; None: all.
    """

    version: str
    rows: int
    day: date
    settings: dict[str, Any]
    made_from: dict[str, dict[date, str]]
    inputs: Inputs
    draw: Draw | None = None

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
            **({} if self.draw is None else {"draw": asdict(self.draw)}),
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
        draw = Draw(**kept["draw"]) if "draw" in kept else None
        return cls(kept["version"], kept["rows"], day, kept["settings"], made_from, inputs, draw)

    def names(self, store: ParquetStore) -> list[str]:
        """Every file that belongs to it, by its name in the store; the training set first."""
        found = store.day_names(TRAINING_SET, self.day, Version(self.version, self.rows))
        for table, versions in self.inputs.days.items():
            found += chain(*(store.day_names(table, day, version) for day, version in sorted(versions.items())))
        for snapshot in self.inputs.state:
            found += [store.whole_name(table, content) for table, content in sorted(snapshot.tables.items())]
        for table, contents in self.made_from.items():
            found += [store.whole_name(table, content) for _, content in sorted(contents.items())]
        return list(dict.fromkeys(found))


def datasets(store: ParquetStore) -> Iterator[Dataset]:
    """All recorded versions, by study day."""
    found = [_read(version, content) for version, content in store.records(DATASETS).items()]
    yield from sorted(found, key=lambda dataset: (dataset.day, dataset.version))


def find_dataset(store: ParquetStore, version: str) -> Dataset:
    """The version of that name, or the only one whose name begins so.

    Raises:
        AmericanoError: None or several.
    """
    kept = store.records(DATASETS)
    matching = [name for name in kept if version and name.startswith(version)]
    if len(matching) != 1:
        many = f"{len(matching)} dataset versions begin" if matching else "No dataset version begins"
        raise AmericanoError(f"{many} with «{version}»: `americano dataset list` shows all {len(kept)}.")
    return _read(matching[0], kept[matching[0]])


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
        names = dataset.names(store)
        for name in names:
            copy = temporary / DATA / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            _copy(store.files.path(name), copy)
            size += copy.stat().st_size
        rewritten = _rewritten(store, names)
        _write_records(ParquetStore(temporary / DATA), dataset, rewritten)
        shutil.copyfile(temporary / DATA / names[0], temporary / f"{TRAINING_SET}.parquet")
        write_json(temporary / MANIFEST, dataset.to_json())
        if folder.exists():
            folder.rmdir()
        temporary.rename(folder)
    except OSError as error:
        raise AmericanoError(f"{folder} could not be written ({error.strerror}): name another with --to.") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return Restored(folder / f"{TRAINING_SET}.parquet", len(names), size, len(rewritten))


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


def _rewritten(store: ParquetStore, names: list[str]) -> dict[str, Redaction]:
    """Names that mean less than when they were given, of those that mean one of these files."""
    kept = {PurePosixPath(name).stem for name in names}
    return {name: one for name, one in store.successors.all().items() if one.content in kept}


def _write_records(copy: ParquetStore, dataset: Dataset, rewritten: dict[str, Redaction]) -> None:
    for table, versions in dataset.inputs.days.items():
        for day, version in versions.items():
            copy.make_current(table, day, version)
    copy.make_current(TRAINING_SET, dataset.day, Version(dataset.version, dataset.rows))
    copy.record_manifest(dataset.day, "inputs", dataset.inputs.to_json())
    for snapshot in dataset.inputs.state:
        record_snapshot(copy, snapshot)
    record(copy, dataset)
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


def record(store: ParquetStore, dataset: Dataset) -> None:
    """Keep what a version was made from."""
    store.write_json(_record(dataset.version), dataset.to_json())


def recorded_dataset(store: ParquetStore, version: str) -> Dataset | None:
    """What a version was made from, or None where that was not recorded.

    Raises:
        AmericanoError: The record cannot be read.
    """
    try:
        return _read(version, store.files.read(_record(version)))
    except FileNotFoundError:
        return None


def _record(version: str) -> str:
    return f"{DATASETS}/{version}.json"


def _read(version: str, content: bytes) -> Dataset:
    try:
        return Dataset.from_json(json.loads(content))
    except (ValueError, KeyError, TypeError) as error:
        raise AmericanoError(f"The record {_record(version)} cannot be read ({error}): remove it.") from error
