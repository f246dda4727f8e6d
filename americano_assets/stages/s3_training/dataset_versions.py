"""Dataset versions: the training set of a study day, and every content that it was made from, kept and restored.

datasets/<version>.json     the version is the content of the training-set file; see `Dataset`
"""

import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from americano_assets.core.statistics.learner_draw import Draw
from americano_assets.errors import AmericanoError
from americano_assets.installation import IS_CHECKOUT, PROJECT_ROOT
from americano_assets.resources.parquet_store.atomic_files import LEFTOVER_PREFIX, write_json
from americano_assets.resources.parquet_store.content_files import hash_file
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


def datasets(store: ParquetStore) -> Iterator[Dataset]:
    """All recorded versions, by study day."""
    found = [read_record(path) for path in (store.root / DATASETS).glob("*.json")]
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
    return read_record(matching[0])


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
    write_json(record_path(copy, dataset.version), dataset.to_json())
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


def record_path(store: ParquetStore, version: str) -> Path:
    """Where what a version was made from is recorded."""
    return store.root / DATASETS / f"{version}.json"


def read_record(path: Path) -> Dataset:
    """Such a record.

    Raises:
        AmericanoError: It cannot be read.
    """
    try:
        return Dataset.from_json(json.loads(path.read_text()))
    except (ValueError, KeyError, TypeError) as error:
        raise AmericanoError(f"The record {DATASETS}/{path.name} cannot be read ({error}): remove it.") from error
