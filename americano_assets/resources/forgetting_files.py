"""Removes a learner from files: rows of Parquet files, entries of JSON files, lines of other text.

Belongs here: finding a learner in a file, and what is left without them. Does not: which files, or the databases
(forgetting.py).
"""

import csv
import io
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from americano_assets.resources.files import move_into_place, written_beside
from americano_assets.resources.parquet_store import write_parquet
from americano_assets.resources.stored_files import read_table

# An id is a word of its own: «learner-1» is not in «learner-10».
_BEFORE, _AFTER = r"(?:^|[^A-Za-z0-9_-])", r"(?:$|[^A-Za-z0-9_-])"
_LEARNER, _PREDICTION = "learner_id", "prediction_id"
# Where a learner is known by the 64 bits of their id alone; `key` is that of ratings, of objectives and items too.
_KEYS = ("learner_key", "key")
_GONE = object()


@dataclass
class Traces:
    """By what a learner is known.

    Attributes:
        learner: The id in the app.
        ids: Ids of rows that are about the learner alone: predictions, and rows that lay in quarantine.
    """

    learner: str
    ids: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.pattern = _BEFORE + re.escape(self.learner) + _AFTER
        self._regex = re.compile(self.pattern)
        self.key = int(duckdb.execute("SELECT md5_number_lower(?)", [self.learner]).fetchall()[0][0])

    def in_text(self, text: str) -> bool:
        """Whether a text names the learner, or is one of the ids."""
        return text in self.ids or (self.learner in text and self._regex.search(text) is not None)


def rows_about(table: pa.Table, traces: Traces) -> pa.ChunkedArray | None:
    """True for each row that names the learner in any column; None where none does."""
    found: pa.ChunkedArray | None = None
    for name in table.column_names:
        mask = _mask(table[name], name, traces)
        if mask is not None and pc.any(mask).as_py():
            mask = pc.fill_null(mask, False)
            found = mask if found is None else pc.or_(found, mask)
    return found


def ids_in(table: pa.Table, about: pa.ChunkedArray) -> set[str]:
    """Ids of the predictions among the rows about a learner."""
    if _LEARNER in table.column_names and _PREDICTION in table.column_names:
        return set(table.filter(about)[_PREDICTION].to_pylist())
    return set()


def names_predictions(path: Path) -> bool:
    """Whether other files' rows about a learner are found through this one."""
    return {_LEARNER, _PREDICTION} <= set(pq.read_schema(path).names)


def without(table: pa.Table, about: pa.ChunkedArray) -> pa.Table:
    """The other rows."""
    return table.filter(pc.invert(about))


def clean_parquet(path: Path, traces: Traces) -> int:
    """Write a Parquet file anew under its own name without the learner; returns the rows removed."""
    table = read_table(path)
    about = rows_about(table, traces)
    if about is None:
        return 0
    rest = without(table, about)
    with written_beside(path.parent) as temporary:
        write_parquet(temporary, rest.to_batches(), rest.schema)
        move_into_place(temporary, path)
    return int(table.num_rows - rest.num_rows)


def names_learner(path: Path, traces: Traces) -> bool:
    """Whether the bytes of a file that is no Parquet file name the learner."""
    content = path.read_bytes()
    wanted = [traces.learner, *traces.ids]
    if not any(one.encode() in content for one in wanted):
        return False
    pieces = re.split(r"[^A-Za-z0-9_-]+", content.decode("utf-8", "replace"))
    return bool({traces.learner, *traces.ids} & set(pieces)) or traces.in_text(content.decode("utf-8", "replace"))


def clean_text(path: Path, traces: Traces) -> bool:
    """Write a text file anew without the learner: JSON by its entries, anything else by its lines.

    Returns:
        False where that cannot be done: the file is no text.
    """
    try:
        text = path.read_text()
    except UnicodeDecodeError:
        return False
    try:
        rest = _pruned(json.loads(text), traces)
        cleaned = json.dumps(None if rest is _GONE else rest, sort_keys=True, indent=1)
    except ValueError:
        cleaned = "".join(line for line in text.splitlines(keepends=True) if not _line_names(line, traces))
    with written_beside(path.parent) as temporary:
        temporary.write_text(cleaned)
        move_into_place(temporary, path)
    return True


def _mask(column: pa.ChunkedArray, name: str, traces: Traces) -> pa.ChunkedArray | None:
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _mask(column.cast(kind.value_type), name, traces)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        ids = pc.is_in(column, pa.array(sorted(traces.ids), pa.string()).cast(kind)) if traces.ids else None
        named = pc.match_substring(column, traces.learner)
        if pc.any(named).as_py():
            named = pc.match_substring_regex(column, traces.pattern)
        return named if ids is None else pc.or_kleene(named, ids)
    if name in _KEYS and pa.types.is_integer(kind):
        return pc.equal(column, pa.scalar(traces.key, pa.uint64()).cast(kind, safe=False))
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_struct(kind):
        named = [value is not None and _pruned(value, traces) != value for value in column.to_pylist()]
        return pa.chunked_array([pa.array(named, pa.bool_())])
    return None


def _pruned(node: Any, traces: Traces) -> Any:
    """What is left of a JSON value: a row or record that names the learner goes as a whole, nothing else with it."""
    if isinstance(node, dict):
        if any(_scalar_names(value, traces) for value in node.values()):
            return _GONE
        kept = {key: _pruned(value, traces) for key, value in node.items() if not traces.in_text(key)}
        return {key: value for key, value in kept.items() if value is not _GONE}
    if isinstance(node, list):
        rows = (
            [one for one in node if not (isinstance(one, list) and any(_scalar_names(cell, traces) for cell in one))]
            if any(isinstance(one, list) for one in node)
            else node
        )
        return [one for one in (_pruned(one, traces) for one in rows) if one is not _GONE]
    return _GONE if _scalar_names(node, traces) else node


def _scalar_names(value: Any, traces: Traces) -> bool:
    return isinstance(value, str) and traces.in_text(value)


def _line_names(line: str, traces: Traces) -> bool:
    return traces.in_text(line) or any(traces.in_text(cell) for row in csv.reader(io.StringIO(line)) for cell in row)


def parquet_files(root: Path) -> Iterable[Path]:
    """All Parquet files under a folder, in order."""
    return sorted(path for path in root.rglob("*.parquet") if path.is_file())
