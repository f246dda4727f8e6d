"""What of a single file is a learner's, and the file without it."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from americano_assets.resources.duckdb.learner_key import key_of
from americano_assets.resources.parquet_store.atomic_files import as_json, move_into_place, written_beside
from americano_assets.resources.parquet_store.files import Files
from americano_assets.resources.parquet_store.row_writer import write_parquet
from americano_assets.stages.maintenance.erasure.registry import STORE_TABLES, Holds, holds_by_columns, text_pattern
from americano_assets.stages.s9_report.event_export import EXPORT_OF

_BATCH_ROWS = 65_536
_CHUNK = 1 << 20
_MAGIC = b"PAR1"
_PACKED = (b"\x1f\x8b", b"PK\x03\x04", b"\x28\xb5\x2f\xfd", b"\xfd7zXZ", b"BZh")
_LONGEST = max(len(one) for one in (_MAGIC, *_PACKED))
_BLANK = b"forgotten"
# Text that a writer did not mark as such is read as bytes.
_TEXTS = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary)


class UnreadableError(Exception):
    """A file that is one of ours cannot be read: whose rows it holds is not known."""


@dataclass
class Traces:
    """By what a learner is known.

    Attributes:
        learner: The id in the app.
        predictions: Ids of predictions about them.
        rows: Ids of rows of theirs that were set aside, by the table in quarantine.
        words: Which of these ids are put out in texts: nothing else has them, as far as we know.
    """

    learner: str
    predictions: set[str] = field(default_factory=set)
    rows: dict[str, set[str]] = field(default_factory=dict)
    words: set[str] = field(default_factory=set)

    @cached_property
    def key(self) -> int:
        """The 64 bits of the id."""
        return key_of(self.learner)

    @property
    def pattern(self) -> str | None:
        """What finds the learner, or rows of theirs, in free text; see `text_pattern`."""
        return text_pattern(self.words)


class ParquetRows:
    """A Parquet file as far as a learner is concerned; no more than a batch of it is in memory."""

    def __init__(self, path: Path | Callable[[], Path], table: str | None, traces: Traces) -> None:
        """Args: the file, the store's table that it is of (None: outside of a store), by what they are known."""
        self._path = path
        self._table = table
        self._traces = traces

    @property
    def path(self) -> Path:
        """Where it can be read; of a store that is elsewhere the file may have to be fetched."""
        return self._path if isinstance(self._path, Path) else self._path()

    def count(self) -> int:
        """How many rows are theirs."""
        columns = self.holds.columns
        return sum(pc.sum(self._theirs(batch)).as_py() or 0 for batch in self._batches(columns)) if columns else 0

    def values(self, column: str) -> set[str]:
        """The values of a column in their rows."""
        found: set[str] = set()
        for batch in self._batches([*self.holds.columns, column]):
            found.update(str(one) for one in batch.filter(self._theirs(batch)).column(column).to_pylist() if one)
        return found

    def rest(self) -> Iterator[pa.RecordBatch]:
        """Everybody else's rows."""
        for batch in self._batches():
            yield _compact(batch.filter(pc.invert(self._theirs(batch))))

    @cached_property
    def holds(self) -> Holds:
        """What of it may be a learner's."""
        return STORE_TABLES.get(self._table or "") or holds_by_columns(self.schema.names)

    @cached_property
    def schema(self) -> pa.Schema:
        """Its columns."""
        with _readable(self.path):
            return pq.read_schema(self.path)

    @property
    def is_export_of_theirs(self) -> bool:
        """Whether it was made to hold their events alone."""
        return (self.schema.metadata or {}).get(EXPORT_OF.encode()) == str(self._traces.key).encode()

    def clean(self) -> None:
        """Write the file anew under its own name without their rows, or remove it if nobody else has any."""
        removed, path = self.count(), self.path.resolve()
        if self.is_export_of_theirs or removed == pq.read_metadata(path).num_rows:
            remove(self.path)
        elif removed:
            with written_beside(path.parent) as temporary:
                write_parquet(temporary, self.rest(), self.schema, as_it_is=True)
                temporary.chmod(path.stat().st_mode & 0o777)
                move_into_place(temporary, path)

    def _batches(self, columns: list[str] | None = None) -> Iterator[pa.RecordBatch]:
        with _readable(self.path), pq.ParquetFile(self.path) as file:
            yield from file.iter_batches(_BATCH_ROWS, columns=columns)

    def _theirs(self, batch: pa.RecordBatch) -> pa.Array:
        """True for each row that is theirs, never null."""
        found = pa.repeat(False, batch.num_rows)
        holds, traces = self.holds, self._traces
        for name, wanted in ((holds.learner, {traces.learner}), (holds.prediction, traces.predictions)):
            column = _column(batch, name)
            if column is not None and any(is_one(column.type) for is_one in _TEXTS):
                ids = pa.array(sorted(wanted), pa.string()).cast(column.type)
                found = pc.or_(found, pc.is_in(column, value_set=ids))
        column = _column(batch, holds.key)
        if column is not None and pa.types.is_integer(column.type):
            key = pa.array([traces.key], pa.uint64()).cast(column.type, safe=False)
            same = pc.is_in(column, value_set=key)
            if holds.levels:
                same = pc.and_(same, pc.is_in(batch.column("level").cast(pa.int64()), value_set=pa.array(holds.levels)))
            found = pc.or_(found, same)
        return found


def renamed(path: Path, pattern: str | None) -> Path:
    """The path of a file without what the pattern finds in its name."""
    return path if pattern is None else path.with_name(re.sub(pattern, _BLANK.decode(), path.name))


def is_parquet(path: Path) -> bool:
    """Whether a file begins as a Parquet file does, whatever its name."""
    return _begins(path, (_MAGIC,))


def is_packed(path: Path) -> bool:
    """Whether a file begins as those do that gzip, zip, zstd, xz or bzip2 make."""
    return _begins(path, _PACKED)


def is_text(path: Path) -> bool:
    """Whether a file is text as far as can be told: a database or another binary file has bytes that are zero."""
    with _readable(path), path.open("rb") as file:
        return all(b"\0" not in chunk for chunk in iter(lambda: file.read(_CHUNK), b""))


def remove(path: Path) -> None:
    """Remove a file; where a link stands for it, what it leads to as well. A folder that it leaves empty goes too."""
    if path.is_symlink():
        path.resolve().unlink(missing_ok=True)
    path.unlink(missing_ok=True)
    with suppress(OSError):  # It holds something, or is a mount point.
        path.parent.rmdir()


def examples_in(files: Files, name: str, ids: set[str]) -> int:
    """How many of a record's examples are rows of those ids."""
    return sum(one in ids for broken in _reading(files, name)["violations"] for one in broken["examples"])


def clean_reading(files: Files, name: str, ids: set[str]) -> None:
    """Take those rows out of a record's examples; its counts stay."""
    content = _reading(files, name)
    for broken in content["violations"]:
        broken["examples"] = [one for one in broken["examples"] if one not in ids]
    files.write_file(name, as_json(content))


def lines_with(path: Path, pattern: str) -> int:
    """How many lines of a text file hold what a pattern of `text_pattern` finds."""
    wanted = re.compile(pattern.encode())
    with _readable(path), path.open("rb") as file:
        return sum(wanted.search(line) is not None for line in file)


def blank_text(path: Path, pattern: str) -> None:
    """Write a text file anew, with another word where the pattern finds something."""
    wanted, path = re.compile(pattern.encode()), path.resolve()
    with written_beside(path.parent) as temporary:
        with path.open("rb") as file, temporary.open("wb") as rest:
            rest.writelines(wanted.sub(_BLANK, line) for line in file)
        temporary.chmod(path.stat().st_mode & 0o777)
        move_into_place(temporary, path)


def _begins(path: Path, with_one_of: tuple[bytes, ...]) -> bool:
    with _readable(path), path.open("rb") as file:
        return file.read(_LONGEST).startswith(with_one_of)


def _reading(files: Files, name: str) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(files.read(name))
        for broken in content["violations"]:
            broken["examples"] = list(broken["examples"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UnreadableError(name) from error
    return content


def _column(batch: pa.RecordBatch, name: str | None) -> pa.Array | None:
    if name is None or name not in batch.schema.names:
        return None
    column = batch.column(name)
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column


def _compact(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The same rows; a dictionary holds no value any more that no row has."""
    columns = [
        one.cast(one.type.value_type).dictionary_encode().cast(one.type) if pa.types.is_dictionary(one.type) else one
        for one in batch.columns
    ]
    return pa.RecordBatch.from_arrays(columns, schema=batch.schema)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        raise UnreadableError(path.name) from error
