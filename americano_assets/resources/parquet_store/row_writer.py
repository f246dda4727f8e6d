"""Writes rows so that the same rows in the same order give the same bytes, whoever made them.

DuckDB calls a list's child `l` and Parquet `element`, pandas adds what it knows of an index, ADBC what PostgreSQL calls
a type: none of it says anything of the rows, and all of it would go into a file's bytes, and so into its name.
"""

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq

from americano_assets.resources.parquet_store.atomic_files import written_beside
from americano_assets.resources.parquet_store.content_files import hash_file, is_damaged, read_batches

# What is kept for good is small. What is made anew from it at will, and read whole every night, is quick to decode.
Codec = Literal["zstd", "lz4"]
SMALL: Codec = "zstd"
QUICK: Codec = "lz4"
_ROW_GROUP_ROWS = 122_880
_TEXT = (pa.large_string(), pa.string_view())


def write_parquet(
    path: Path, batches: Iterable[pa.RecordBatch], schema: pa.Schema, codec: Codec = SMALL, *, as_it_is: bool = False
) -> int:
    """Write rows so that the same rows in the same order give the same bytes; returns how many they were.

    Args:
        path: The file.
        batches: The rows.
        schema: Theirs.
        codec: How they are compressed.
        as_it_is: Under this very schema: the file is somebody's own.
    """
    stored = schema if as_it_is else normal_schema(schema)
    (rows,) = write_files([path], ([batch] for batch in batches), schema, stored, codec)
    return rows


def write_files(
    paths: Sequence[Path],
    pieces: Iterable[Sequence[pa.RecordBatch]],
    schema: pa.Schema,
    stored: pa.Schema,
    codec: Codec = SMALL,
) -> list[int]:
    """As `write_parquet`, of rows that come with a piece for each file; how many went into each.

    All files together hold no more rows back than one alone.
    """
    with ExitStack() as stack:
        size = max(1, _ROW_GROUP_ROWS // len(paths))
        files = [_GroupedFile(stack.enter_context(_writer(path, stored, codec)), schema, size) for path in paths]
        for parts in pieces:
            for file, part in zip(files, parts, strict=True):
                file.add(part)
        return [file.finish() for file in files]


def _writer(path: Path, schema: pa.Schema, codec: Codec) -> pq.ParquetWriter:
    level = {"compression_level": 3} if codec == SMALL else {}
    return pq.ParquetWriter(path, schema, compression=codec, **level)


class _GroupedFile:
    """A file in row groups of one size, so that its bytes do not depend on how the rows arrived."""

    def __init__(self, writer: pq.ParquetWriter, schema: pa.Schema, size: int) -> None:
        self._writer, self._schema, self._size = writer, schema, size
        self._held: list[pa.RecordBatch] = []
        self._waiting = self._written = 0

    def add(self, batch: pa.RecordBatch) -> None:
        self._held.append(batch)
        self._waiting += batch.num_rows
        while self._waiting >= self._size:
            self._write(self._size)

    def finish(self) -> int:
        """Write what is left; how many rows they all were."""
        if self._waiting:
            self._write(self._waiting)
        return self._written

    def _write(self, rows: int) -> None:
        held = pa.Table.from_batches(self._held, self._schema)
        group = held.slice(0, rows).combine_chunks().cast(self._writer.schema)
        self._writer.write_table(group, row_group_size=_ROW_GROUP_ROWS)
        self._held = held.slice(rows).to_batches()
        self._waiting -= rows
        self._written += rows


def normal_schema(schema: pa.Schema) -> pa.Schema:
    """Names and types alone, each type in its plainest form; rows of `schema` can be cast to it."""
    return pa.schema([(field.name, _normal(field.type)) for field in schema])


def _normal(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_dictionary(kind):
        return _normal(kind.value_type)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return pa.list_(pa.field("element", _normal(kind.value_type)))
    return pa.string() if kind in _TEXT else kind


def same_rows(before: Path, written: Path, content: str) -> bool:
    """Whether a file of another schema, from before there was a normal one, holds the rows that were just written."""
    if is_damaged(before):
        return False
    old, new = pq.read_metadata(before), pq.read_metadata(written)
    if old.num_rows != new.num_rows or old.metadata == new.metadata:
        return False
    with written_beside(before.parent) as temporary:
        write_parquet(temporary, read_batches(before), pq.read_schema(before))
        return hash_file(temporary) == content
