"""Single files of the Parquet store: their content name, reading one, telling a damaged one."""

import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from americano_assets.errors import AmericanoError
from americano_assets.resources.memory import batch_rows

if TYPE_CHECKING:
    import pandas as pd  # It takes half a second, and the service looks for files without frames.

CONTENT_LENGTH = 32
_PARQUET_END = b"PAR1"


def hash_file(path: Path) -> str:
    """The first 32 hexadecimal digits of a file's SHA-256."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:CONTENT_LENGTH]


def read_table(path: Path, columns: list[str] | None = None) -> pa.Table:
    """The rows of one file; a missing or damaged one is a clear error."""
    with _told(path):
        return pq.read_table(path, columns=columns)


def read_batches(path: Path, columns: list[str] | None = None, *, rows: int | None = None) -> Iterator[pa.RecordBatch]:
    """As `read_table`, `batch_rows` or so many `rows` at a time; at least one batch, perhaps of none."""
    with _told(path), pq.ParquetFile(path) as file:
        of_none = [pa.RecordBatch.from_pylist([], file.schema_arrow)]
        found = file.iter_batches(rows or batch_rows(), columns=columns) if file.metadata.num_rows else of_none
        for batch in found:
            yield batch if columns is None else batch.select(columns)


def batches_of(frame: "pd.DataFrame", schema: pa.Schema) -> list[pa.RecordBatch]:
    """The rows of a frame by a schema; of one without rows too, whose columns may have lost their types."""
    batches: list[pa.RecordBatch] = pa.Table.from_pandas(frame, schema=schema, preserve_index=False).to_batches()
    return batches


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise AmericanoError(f"{path.parent.name}: the file {path.name} is missing. Materialize it again.") from None
    except (pa.ArrowInvalid, OSError) as error:
        raise AmericanoError(
            f"{path.parent.parent.name}/{path.parent.name}: the file {path.name} is damaged ({error}). "
            "Remove it and materialize that day again."
        ) from error


def is_damaged(path: Path) -> bool:
    """Whether a stored file is missing, cut off, or holds other bytes than those that it was named for."""
    return not is_whole(path) or hash_file(path) != path.stem


def require_undamaged(paths: Iterable[Path]) -> None:
    """Name the first of some stored files that is not as it was written.

    Raises:
        AmericanoError: One is.
    """
    listed = sorted(paths)
    bad = [path for path in listed if is_damaged(path)]
    if bad:
        first = bad[0].relative_to(bad[0].parents[2 if bad[0].parent.name.startswith("day=") else 1])
        raise AmericanoError(
            f"{len(bad)} of {len(listed)} files are damaged or missing, the first is {first}. Remove what is left of"
            " them and materialize those days again."
        )


def rows_in(path: Path) -> int:
    """How many rows a stored file has; none where it is missing or cut off, as its readers will be told."""
    return int(pq.read_metadata(path).num_rows) if is_whole(path) else 0


def is_whole(path: Path) -> bool:
    """Whether a Parquet file is there up to its last bytes."""
    try:
        with path.open("rb") as file:
            file.seek(-len(_PARQUET_END), os.SEEK_END)
            return file.read() == _PARQUET_END
    except OSError:
        return False
