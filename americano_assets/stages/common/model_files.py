"""Models as they are kept: numbers in JSON files, and trees beside them, named by content. Loading runs no code."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from americano_assets.core.models.log_odds import content_name
from americano_assets.core.models.scorer import Scorer
from americano_assets.core.study_days.cutoff import Target
from americano_assets.errors import AmericanoError
from americano_assets.resources.parquet_store.atomic_files import as_json
from americano_assets.resources.parquet_store.files import Files, Folder
from americano_assets.resources.parquet_store.names import MEMOS, MODELS
from americano_assets.resources.parquet_store.places import model_versions
from americano_assets.resources.parquet_store.store import ParquetStore, hash_values

_NUMBERS = ".json"


@dataclass(frozen=True)
class StoredModel:
    """A model as it scores, and what it was trained on.

    Attributes:
        version: Content hash of the file.
        study_day: It knows what was known at this day's cut-off.
    """

    version: str
    model_type: str
    study_day: date
    dataset_version: str
    target: Target
    scorer: Scorer


class ModelStore:
    """Model files in one place."""

    def __init__(self, files: Files | Path) -> None:
        """Args: where they are, or the folder."""
        self.files = Folder(files) if isinstance(files, Path) else files

    @property
    def root(self) -> Path:
        """Folder of this machine in which contents are read."""
        return self.files.root

    def save(
        self, model_type: str, study_day: date, dataset_version: str, target: Target, scorer: Scorer
    ) -> StoredModel:
        """Write a model; the same numbers give the same version, and files that are not what they were give way."""
        content = {
            "model_type": model_type,
            "study_day": study_day.isoformat(),
            "dataset_version": dataset_version,
            "target": asdict(target),
            "scorer": scorer.to_json(),
        }
        version = hash_values(content)
        known = self._if_whole(version)
        if known is not None:
            return known
        # Trees first: a model's JSON must never name a file that is not there yet.
        for name, trees in scorer.files().items():
            self.files.write_file(_trees(name), trees)
        self.files.write_file(_numbers(version), as_json(content))
        return self.load(version)

    def versions(self) -> list[str]:
        """Every model that is kept."""
        return model_versions(self.files)

    def trained_on(self) -> dict[str, list[str]]:
        """Model versions by the dataset that they were trained on, as they themselves say."""
        found: dict[str, list[str]] = {}
        for name, content in self.files.read_all(map(_numbers, self.versions())).items():
            try:
                found.setdefault(json.loads(content)["dataset_version"], []).append(name.removesuffix(_NUMBERS))
            except (ValueError, KeyError, TypeError):
                continue  # A model that cannot be read is told when it is loaded.
        return found

    def _read_file(self, version: str, name: str) -> bytes:
        try:
            content = self.files.read(_trees(name))
        except FileNotFoundError:
            raise AmericanoError(
                f"The trees of model {version} are not in {MODELS}: materialize struggle_model again."
            ) from None
        if content_name(content) != name:
            raise AmericanoError(
                f"The trees of model {version} were changed after they were written: it is not loaded."
            )
        return content

    def remember(self, key: str, result: dict[str, Any], kept: Iterable[str]) -> None:
        """Keep which model came out of the inputs that `key` stands for, and which versions that training kept."""
        self.files.write_file(_memo(key), as_json({**result, "kept": sorted(kept)}))

    def remembered(self, key: str) -> dict[str, Any] | None:
        """What came out of these inputs before, or None.

        None too where a model that was kept then is gone or changed: to train once more is what makes it again.
        """
        try:
            result: dict[str, Any] = json.loads(self.files.read(_memo(key)))
            versions = [result["model_version"], *result.pop("kept", [])]
        except (FileNotFoundError, ValueError, TypeError, KeyError):
            return None  # What cannot be read is computed again.
        return result if all(self._if_whole(version) for version in dict.fromkeys(versions)) else None

    def _if_whole(self, version: str) -> StoredModel | None:
        """A model, or None where it is not there or not what its name says."""
        try:
            return self.load(version)
        except AmericanoError:
            return None

    def load(self, version: str) -> StoredModel:
        """Read a model.

        Raises:
            AmericanoError: A file is missing, or its content is not what its name says.
        """
        try:
            content = json.loads(self.files.read(_numbers(version)))
        except FileNotFoundError:
            raise AmericanoError(f"Model {version} is not in {MODELS}: materialize struggle_model again.") from None
        except ValueError:
            content = None
        if content is None or hash_values(content) != version:
            raise AmericanoError(f"The file of model {version} was changed after it was written: it is not loaded.")
        if "model" not in content["scorer"]:
            raise AmericanoError(
                f"Model {version} was written by an earlier version of the project: materialize struggle_model again."
            )
        return StoredModel(
            version,
            content["model_type"],
            date.fromisoformat(content["study_day"]),
            content["dataset_version"],
            Target(**content["target"]),
            Scorer.from_json(content["scorer"], lambda name: self._read_file(version, name)),
        )


def _numbers(version: str) -> str:
    return f"{version}{_NUMBERS}"


def _trees(name: str) -> str:
    return f"{name}.skops"


def _memo(key: str) -> str:
    return f"{MEMOS}/{key}{_NUMBERS}"


def model_of_day(store: ParquetStore, models: ModelStore, day: date) -> StoredModel:
    """The model that scores a study day, as recorded by its training step.

    Raises:
        AmericanoError: None was recorded.
    """
    recorded = store.manifest(day, "model")
    if recorded is None:
        raise AmericanoError(f"Study day {day} has no model yet: materialize struggle_model for it first.")
    return models.load(recorded["model_version"])
