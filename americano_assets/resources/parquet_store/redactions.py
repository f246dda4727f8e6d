"""Which content stands in another's place since a learner was forgotten.

A content is named by the hash of its bytes, and manifests, memory of results, models, MLflow and Dagster hold such
names. Forgetting a learner writes the remaining rows under a new hash and records here that the old name now means
them. So every name that was ever given stays right, whoever keeps it, and one rename switches all files at once.
"""

import json
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from americano_assets.resources.parquet_store.atomic_files import as_json
from americano_assets.resources.parquet_store.files import Files
from americano_assets.resources.parquet_store.names import SUCCESSORS


@dataclass(frozen=True)
class Redaction:
    """The content that holds what is left of another, and its rows."""

    content: str
    rows: int


class Redactions:
    """Old name to what is left. Read again whenever another process has changed it."""

    def __init__(self, files: Files) -> None:
        self._files = files

    def of(self, name: str) -> Redaction | None:
        """What stands in the place of `name`, or None where nobody was removed from it."""
        return self.all().get(name)

    def name_of(self, content: str) -> str:
        """The name under which a content is known: that of the one in whose place it stands, else its own."""
        return self._read()[1].get(content, content)

    def all(self) -> Mapping[str, Redaction]:
        """Every name that was given a successor."""
        return self._read()[0]

    def record(self, successors: Mapping[str, Redaction], known_as: Mapping[str, str]) -> None:
        """Add successors; one file in one step, so readers see all of them or none.

        Args:
            successors: What is left, by the name that shall mean it.
            known_as: For each new content the one of those names under which it is found again.
        """
        names, known = self._read()
        # Who was left in a first successor may be forgotten later: the first name then means the second successor.
        names = {name: successors.get(one.content, one) for name, one in names.items()} | dict(successors)
        content = {name: [one.content, one.rows] for name, one in names.items()}
        self._files.write_file(SUCCESSORS, as_json({"names": content, "known_as": {**known, **known_as}}))

    def _read(self) -> tuple[dict[str, Redaction], dict[str, str]]:
        stamp = self._files.stamp(SUCCESSORS)
        return ({}, {}) if stamp is None else _parsed(self._files, stamp)


@lru_cache(maxsize=8)
def _parsed(files: Files, _: Hashable) -> tuple[dict[str, Redaction], dict[str, str]]:
    try:
        stored = json.loads(files.read(SUCCESSORS))
    except FileNotFoundError:
        return {}, {}
    return {name: Redaction(*one) for name, one in stored["names"].items()}, stored["known_as"]
