"""Writes rows so that the same rows in the same order give the same bytes, whoever made them.

DuckDB calls a list's child `l` and Parquet `element`, pandas adds what it knows of an index, ADBC what PostgreSQL calls
a type: none of it says anything of the rows, and all of it would go into a file's bytes, and so into its name.
"""

from collections.abc import Iterable, Iterator
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
    rows = 0
    # One row-group size, however the rows arrived.
    level = {"compression_level": 3} if codec == SMALL else {}
    stored = schema if as_it_is else normal_schema(schema)
    with pq.ParquetWriter(path, stored, compression=codec, **level) as writer:
        for chunk in _regroup(batches, schema):
            writer.write_table(chunk.cast(stored), row_group_size=_ROW_GROUP_ROWS)
            rows += chunk.num_rows
    return rows


def normal_schema(schema: pa.Schema) -> pa.Schema:
    """Names and types alone, each type in its plainest form; rows of `schema` can be cast to it."""
    return pa.schema([(field.name, _normal(field.type)) for field in schema])


def _normal(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_dictionary(kind):
        return _normal(kind.value_type)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return pa.list_(pa.field("element", _normal(kind.value_type)))
    return pa.string() if kind in _TEXT else kind


def _regroup(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.Table]:
    """Chunks of one row group each, so that the bytes do not depend on how the rows arrived."""
    held: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        held.append(batch)
        rows += batch.num_rows
        while rows >= _ROW_GROUP_ROWS:
            table = pa.Table.from_batches(held, schema)
            yield table.slice(0, _ROW_GROUP_ROWS).combine_chunks()
            held = table.slice(_ROW_GROUP_ROWS).to_batches()
            rows -= _ROW_GROUP_ROWS
    if rows:
        yield pa.Table.from_batches(held, schema).combine_chunks()


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
