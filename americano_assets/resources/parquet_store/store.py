"""The Parquet store: immutable files named by their content, and small pointers that say which one is current.

<table>/day=YYYY-MM-DD/<content>.parquet   a day's rows; never changed once there
<table>/day=YYYY-MM-DD/current.json        which content is current, its rows, when it was first written
<table>/<content>.parquet                  a table that is stored whole (state, memoised results)
manifests/day=YYYY-MM-DD/<part>.json       what a study day was computed from
successors.json                            contents that stand in another's place since a learner was forgotten
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from americano_assets.errors import AmericanoError
from americano_assets.resources.parquet_store.atomic_files import move_into_place, write_json, written_beside
from americano_assets.resources.parquet_store.content_files import (
    CONTENT_LENGTH,
    hash_file,
    is_damaged,
    is_whole,
    read_batches,
    read_table,
)
from americano_assets.resources.parquet_store.redactions import Redaction, Redactions
from americano_assets.resources.parquet_store.row_writer import SMALL, Codec, same_rows, write_parquet


@dataclass(frozen=True)
class Version:
    """One stored content of a table, of one day or whole."""

    content: str
    rows: int


class ParquetStore:
    """Files under one folder. Safe for several readers and writers: a name appears only when its content is whole."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.successors = Redactions(root / "successors.json")

    def day_path(self, table: str, day: date, version: Version) -> Path:
        """Path of a day's content."""
        return self._path(self._day_folder(table, day), version.content)

    def whole_path(self, table: str, content: str) -> Path:
        """Path of a whole table's content."""
        return self._path(self.root / table, content)

    def put_day(self, table: str, day: date, batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Version:
        """Store a day's rows and make them current; see `add_day`."""
        version = self.add_day(table, day, batches, schema)
        self.make_current(table, day, version)
        return version

    def add_day(self, table: str, day: date, batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Version:
        """Store a day's rows without anyone reading them yet.

        Returns:
            The version; its content is the same for the same rows in the same order. Of the rows that are current under
            another schema (`row_writer.same_rows`) it is theirs.
        """
        folder, current = self._day_folder(table, day), self.current(table, day)
        before = None if current is None else self._path(folder, current.content)
        content, rows = self._write(folder, batches, schema, before=before)
        if current is not None and before is not None and content == before.stem:
            return current
        return self._known_as(folder, content, rows)

    def make_current(self, table: str, day: date, version: Version) -> None:
        """From now on a stored version is what readers of the day find."""
        if self.current(table, day) != version:
            write_json(self._day_folder(table, day) / "current.json", asdict(version))

    def put_whole(self, table: str, data: pa.Table | pa.RecordBatchReader, codec: Codec = SMALL) -> Version:
        """Store a whole table under its content; of a reader one batch is in memory."""
        folder, batches = self.root / table, data.to_batches() if isinstance(data, pa.Table) else data
        return self._known_as(folder, *self._write(folder, batches, data.schema, codec))

    def current(self, table: str, day: date) -> Version | None:
        """The current version of a day, or None where the day was never stored."""
        pointer = self._day_folder(table, day) / "current.json"
        try:
            return self._as_it_is_now(pointer.parent, Version(**json.loads(pointer.read_bytes())))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (ValueError, TypeError) as error:
            raise AmericanoError(
                f"{table}, day {day}: the pointer {pointer.name} cannot be read ({error}). "
                f"Remove the folder day={day} of {table} and materialize that day again."
            ) from error

    def current_days(self, table: str, days: Iterable[date]) -> dict[date, Version]:
        """The current versions of those of `days` that are stored."""
        found = ((day, self.current(table, day)) for day in days)
        return {day: version for day, version in found if version is not None}

    def paths(self, table: str, versions: dict[date, Version]) -> list[str]:
        """Paths of the given day contents.

        Raises:
            AmericanoError: A file that should be there is not, or is cut off.
        """
        paths = [self.day_path(table, day, version) for day, version in sorted(versions.items())]
        unfit = [path for path in paths if not is_whole(path)]
        if unfit:
            raise AmericanoError(
                f"{len(unfit)} of {len(paths)} files of {table} are missing or cut off, the first of "
                f"{unfit[0].parent.name}. Remove what is left of them and materialize those days again."
            )
        return [str(path) for path in paths]

    def read_day(self, table: str, day: date, columns: list[str] | None = None) -> pa.Table | None:
        """The current rows of a day, or None; all columns, or those named."""
        version = self.current(table, day)
        return None if version is None else read_table(self.day_path(table, day, version), columns)

    def read_whole(self, table: str, content: str, columns: list[str] | None = None) -> pa.Table:
        """A whole table by its content; all columns, or those named."""
        return read_table(self.whole_path(table, content), columns)

    def batches(self, table: str, content: str, columns: list[str] | None = None) -> Iterator[pa.RecordBatch]:
        """As `read_whole`, a few rows at a time; at least one batch, perhaps of no rows."""
        return read_batches(self.whole_path(table, content), columns)

    def day_batches(self, table: str, day: date, columns: list[str] | None = None) -> Iterator[pa.RecordBatch] | None:
        """As `read_day`, a few rows at a time; at least one batch, perhaps of no rows."""
        version = self.current(table, day)
        return None if version is None else read_batches(self.day_path(table, day, version), columns)

    @staticmethod
    def schema_of(path: Path) -> pa.Schema:
        """Columns and types of a stored file."""
        return pq.read_schema(path)

    def whole_rows(self, table: str, content: str) -> int:
        """How many rows a whole table has, without reading them."""
        rows: int = pq.read_metadata(self.whole_path(table, content)).num_rows
        return rows

    def remember(self, table: str, key: str, version: Version) -> Version:
        """Keep which content came out of the inputs that `key` stands for."""
        write_json(self._memo_path(table, key), asdict(version))
        return version

    def remembered(self, table: str, key: str) -> Version | None:
        """The content that came out of these inputs before, or None."""
        path = self._memo_path(table, key)
        try:
            version = Version(**json.loads(path.read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            return None  # What cannot be read is computed again.
        return self.kept(table, version)

    def kept(self, table: str, version: Version) -> Version | None:
        """A whole table's version as it is now, or None where its file is gone."""
        if not self.whole_path(table, version.content).exists():
            return None
        return self._as_it_is_now(self.root / table, version)

    def manifest(self, day: date, part: str) -> dict[str, Any] | None:
        """What was recorded of `part` of a study day, or None."""
        path = self._manifest_path(day, part)
        try:
            found: dict[str, Any] = json.loads(path.read_text())
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise AmericanoError(
                f"manifests/day={day}: the record {path.name} cannot be read ({error}). Remove it: the next run of that"
                " study day takes what is current and records it."
            ) from error
        return found

    def last_manifest_before(self, day: date, part: str) -> dict[str, Any] | None:
        """What was recorded of `part` for the newest study day before `day`, or None."""
        return next((found for earlier, found in self._manifests(part) if earlier < day), None)

    def last_day_with(self, part: str) -> date | None:
        """The newest study day of which `part` was recorded, or None."""
        return next((day for day, _ in self._manifests(part)), None)

    def _manifests(self, part: str) -> Iterator[tuple[date, dict[str, Any]]]:
        """What was recorded of `part`, newest study day first."""
        folders = sorted((folder.name for folder in (self.root / "manifests").glob("day=*")), reverse=True)
        for name in folders:
            day = date.fromisoformat(name.removeprefix("day="))
            if (found := self.manifest(day, part)) is not None:
                yield day, found

    def record_manifest(self, day: date, part: str, content: dict[str, Any]) -> None:
        """Record what a part of a study day was computed from."""
        write_json(self._manifest_path(day, part), content)

    def _memo_path(self, table: str, key: str) -> Path:
        return self.root / table / "by_inputs" / f"{key}.json"

    def _manifest_path(self, day: date, part: str) -> Path:
        return self.root / "manifests" / f"day={day.isoformat()}" / f"{part}.json"

    def _day_folder(self, table: str, day: date) -> Path:
        return self.root / table / f"day={day.isoformat()}"

    def _path(self, folder: Path, content: str) -> Path:
        successor = self.successors.of(content)
        if successor is not None and (path := folder / f"{successor.content}.parquet").exists():
            return path
        return folder / f"{content}.parquet"

    def _as_it_is_now(self, folder: Path, version: Version) -> Version:
        """The version with the rows that it has since somebody was forgotten; its name stays."""
        successor = self.successors.of(version.content)
        if successor is None or not (folder / f"{successor.content}.parquet").exists():
            return version
        return Version(version.content, successor.rows)

    def add_remainder(self, folder: Path, rest: Iterable[pa.RecordBatch], schema: pa.Schema) -> Redaction:
        """Store what is left of a content of `folder`; nobody reads it before it is recorded in `successors`."""
        return Redaction(*self._write(folder, rest, schema))

    def _known_as(self, folder: Path, content: str, rows: int) -> Version:
        """The version by the name under which readers know a content."""
        return self._as_it_is_now(folder, Version(self.successors.name_of(content), rows))

    def _write(
        self,
        folder: Path,
        batches: Iterable[pa.RecordBatch],
        schema: pa.Schema,
        codec: Codec = SMALL,
        before: Path | None = None,
    ) -> tuple[str, int]:
        """Write rows unless they are there; their content, that of `before` where it holds the same, and how many."""
        with written_beside(folder) as temporary:
            rows = write_parquet(temporary, batches, schema, codec)
            content = hash_file(temporary)
            if before is not None and before.stem != content and same_rows(before, temporary, content):
                return before.stem, rows
            # What somebody was removed from is not written a second time: its name means what is left.
            there = self._path(folder, content)
            if not there.exists() or (there.stem == content and is_damaged(there)):
                move_into_place(temporary, folder / f"{content}.parquet")
        return content, rows


def hash_values(*values: object) -> str:
    """A content key of JSON-able values: the same for equal values, whatever the order of a mapping's keys."""
    text = json.dumps(values, sort_keys=True, default=str, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:CONTENT_LENGTH]


def digest_of(versions: dict[date, Version]) -> str:
    """One content key of several days."""
    return hash_values(sorted((day.isoformat(), version.content) for day, version in versions.items()))


def content_of(tables: Mapping[str, Mapping[date, Version]], days: Iterable[date]) -> str:
    """One content key of the given days of several tables."""
    wanted = list(days)
    return hash_values({table: digest_of({day: versions[day] for day in wanted}) for table, versions in tables.items()})
