"""The Parquet store: immutable files named by their content, and small pointers that say which one is current."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import date
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from americano_assets.errors import AmericanoError
from americano_assets.resources.parquet_store.atomic_files import as_json
from americano_assets.resources.parquet_store.content_files import CONTENT_LENGTH, is_whole, read_batches, read_table
from americano_assets.resources.parquet_store.contents import Contents
from americano_assets.resources.parquet_store.files import Files, Folder
from americano_assets.resources.parquet_store.names import (
    MANIFESTS,
    POINTER,
    content_name,
    day_folder,
    joined,
    manifest_name,
    memo_name,
    pointer_name,
)
from americano_assets.resources.parquet_store.redactions import Redaction, Redactions
from americano_assets.resources.parquet_store.row_writer import SMALL, Codec

_K = TypeVar("_K")
# Gives the rows of each of so many buckets.
Buckets = Callable[[pa.RecordBatch, int], list[pa.RecordBatch]]


@dataclass(frozen=True)
class Version:
    """One stored content of a table, of one day or whole."""

    content: str
    rows: int


class ParquetStore:
    """Files in one place. Safe for several readers and writers: a name appears only when its content is whole."""

    def __init__(self, files: Files | Path, buckets: int = 1) -> None:
        """Args: where they are, or the folder; into how many buckets a new day goes that can be split."""
        self.files = Folder(files) if isinstance(files, Path) else files
        self.buckets = buckets
        self.successors = Redactions(self.files)
        self._contents = Contents(self.files, self.successors)

    @property
    def root(self) -> Path:
        """Folder of this machine in which its contents are read."""
        return self.files.root

    def day_names(self, table: str, day: date, version: Version) -> list[str]:
        """Under which names a day's rows are kept now, one for each bucket."""
        return self._contents.names(day_folder(table, day), version.content)

    def whole_name(self, table: str, content: str) -> str:
        """Under which name a whole table's content is kept now."""
        return self._contents.name(table, content)

    def day_path(self, table: str, day: date, version: Version) -> Path:
        """Where the rows of a day can be read that is in one bucket, as of most tables."""
        (name,) = self.day_names(table, day, version)
        return self.files.path(name)

    def whole_path(self, table: str, content: str) -> Path:
        """Where a whole table's content can be read."""
        return self.files.path(self.whole_name(table, content))

    def whole_paths(self, table: str, versions: Iterable[Version]) -> list[Path]:
        """Where contents of a whole table can be read."""
        return self.files.paths([self.whole_name(table, version.content) for version in versions])

    def put_day(
        self,
        table: str,
        day: date,
        batches: Iterable[pa.RecordBatch],
        schema: pa.Schema,
        split: Buckets | None = None,
        buckets: int | None = None,
    ) -> Version:
        """Store a day's rows and make them current; see `add_day`."""
        version = self.add_day(table, day, batches, schema, split, buckets)
        self.make_current(table, day, version)
        return version

    def add_day(
        self,
        table: str,
        day: date,
        batches: Iterable[pa.RecordBatch],
        schema: pa.Schema,
        split: Buckets | None = None,
        buckets: int | None = None,
    ) -> Version:
        """Store a day's rows without anyone reading them yet.

        Args:
            table: Name of the table.
            day: The study day.
            batches: Its rows.
            schema: Theirs.
            split: How rows are told apart by bucket; without it they stay in one.
            buckets: How many; None: as many as the day has now, a new one as many as the store's.

        Returns:
            The version; its content is the same for the same rows in the same order. Of the rows that are current under
            another schema (`row_writer.same_rows`) it is theirs.
        """
        folder, current = day_folder(table, day), self.current(table, day)
        before = [] if current is None else self._contents.names(folder, current.content)
        count = buckets or len(before) or (1 if split is None else self.buckets)
        pieces = ([one] if split is None or count == 1 else split(one, count) for one in batches)
        written = self._contents.write(folder, pieces, schema, known=before if len(before) == count else [None] * count)
        if current is not None and before == [content_name(folder, one.content) for one in written]:
            return current
        return self._known_as(folder, written)

    def make_current(self, table: str, day: date, version: Version) -> None:
        """From now on a stored version is what readers of the day find."""
        if self.current(table, day) != version:
            self.write_json(pointer_name(table, day), asdict(version))

    def put_whole(self, table: str, data: pa.Table | pa.RecordBatchReader, codec: Codec = SMALL) -> Version:
        """Store a whole table under its content; of a reader one batch is in memory."""
        batches = data.to_batches() if isinstance(data, pa.Table) else data
        return self._known_as(table, self._contents.write(table, ([batch] for batch in batches), data.schema, codec))

    def current(self, table: str, day: date) -> Version | None:
        """The current version of a day, or None where the day was never stored."""
        return self.current_days(table, [day]).get(day)

    def current_days(self, table: str, days: Iterable[date]) -> dict[date, Version]:
        """The current versions of those of `days` that are stored."""
        pointers = {day: pointer_name(table, day) for day in days}
        found = self.files.read_all(pointers.values())
        return {day: self._pointed(table, day, found[name]) for day, name in pointers.items() if name in found}

    def _pointed(self, table: str, day: date, pointer: bytes) -> Version:
        try:
            return self._as_it_is_now(day_folder(table, day), Version(**json.loads(pointer)))
        except (ValueError, TypeError) as error:
            raise AmericanoError(
                f"{table}, day {day}: the pointer {POINTER} cannot be read ({error}). "
                f"Remove the folder day={day} of {table} and materialize that day again."
            ) from error

    def days(self, table: str) -> list[date]:
        """Days of which the store has a folder of the table, in order; `current` says whether a day is stored."""
        found = (name.removeprefix("day=") for name in self.files.inside(table) if name.startswith("day="))
        return sorted(map(date.fromisoformat, found))

    def paths(self, table: str, versions: dict[date, Version]) -> list[str]:
        """Paths of the given days' rows, bucket by bucket of each.

        Raises:
            AmericanoError: A file that should be there is not, or is cut off.
        """
        paths = self.files.paths(chain(*(self.day_names(table, day, one) for day, one in sorted(versions.items()))))
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

    def whole_schema(self, table: str, content: str) -> pa.Schema:
        """Columns and types of a whole table."""
        return pq.read_schema(self.whole_path(table, content))

    def whole_rows(self, table: str, content: str) -> int:
        """How many rows a whole table has, without reading them."""
        return int(pq.read_metadata(self.whole_path(table, content)).num_rows)

    def remember(self, table: str, key: str, version: Version) -> Version:
        """Keep which content came out of the inputs that `key` stands for."""
        self.write_json(memo_name(table, key), asdict(version))
        return version

    def remembered(self, table: str, key: str) -> Version | None:
        """The content that came out of these inputs before, or None."""
        return self.remembered_all(table, {key: key}).get(key)

    def remembered_all(self, table: str, keys: Mapping[_K, str]) -> dict[_K, Version]:
        """As `remembered`, of many; those that there are."""
        names = {one: memo_name(table, key) for one, key in keys.items()}
        records = self.files.read_all(names.values())
        versions: dict[_K, Version] = {}
        for one, name in names.items():
            with suppress(KeyError, ValueError, TypeError):  # What cannot be read is computed again.
                versions[one] = Version(**json.loads(records[name]))
        return self.kept(table, versions)

    def kept(self, table: str, versions: Mapping[_K, Version]) -> dict[_K, Version]:
        """Versions of a whole table as they are now, without those whose file is gone."""
        names = {one: self.whole_name(table, version.content) for one, version in versions.items()}
        there = self.files.held(names.values())
        return {one: self._as_it_is_now(table, versions[one]) for one, name in names.items() if name in there}

    def manifest(self, day: date, part: str) -> dict[str, Any] | None:
        """What was recorded of `part` of a study day, or None."""
        try:
            found: dict[str, Any] = json.loads(self.files.read(manifest_name(day, part)))
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise AmericanoError(
                f"manifests/day={day}: the record {part}.json cannot be read ({error}). Remove it: the next run of that"
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
        for day in reversed(self.days(MANIFESTS)):
            if (found := self.manifest(day, part)) is not None:
                yield day, found

    def record_manifest(self, day: date, part: str, content: dict[str, Any]) -> None:
        """Record what a part of a study day was computed from."""
        self.write_json(manifest_name(day, part), content)

    def records(self, folder: str) -> dict[str, bytes]:
        """The JSON files that lie directly in a folder, by their stems, sorted."""
        names = [name for name in self.files.inside(folder) if name.endswith(".json")]
        found = self.files.read_all(f"{folder}/{name}" for name in names)
        return {PurePosixPath(name).stem: content for name, content in found.items()}

    def write_json(self, name: str, content: Mapping[str, Any]) -> None:
        """Write a record of what is stored."""
        self.files.write_file(name, as_json(content))

    def _as_it_is_now(self, folder: str, version: Version) -> Version:
        """The version with the rows that it has since somebody was forgotten; its name stays."""
        rows = self._contents.rows_left(folder, version.content)
        return version if rows is None else Version(version.content, rows)

    def _known_as(self, folder: str, written: Sequence[Redaction]) -> Version:
        """The version by the names under which readers know what was written."""
        names = (self.successors.name_of(one.content) for one in written)
        return self._as_it_is_now(folder, Version(joined(names), sum(one.rows for one in written)))

    def add_remainder(self, folder: str, rest: Iterable[pa.RecordBatch], schema: pa.Schema) -> Redaction:
        """Store what is left of a content of `folder`; nobody reads it before it is recorded in `successors`."""
        (left,) = self._contents.write(folder, ([batch] for batch in rest), schema)
        return left


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
