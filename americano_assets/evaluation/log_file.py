"""What a log's file is: its format, encoding, separator, and which of its columns is which of ours."""

import gzip
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from americano_assets.errors import AmericanoError

REQUIRED = ("learner_id", "objective_id", "occurred_at", "score")
OPTIONAL = ("course_id", "kind", "rating", "duration_ms", "card_id", "item_id", "session_id")
_CSV = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".txt")
_PARQUET = (".parquet", ".pq")
# DuckDB's names of encodings, and a reader's.
_ENCODINGS = {"utf-8": "UTF-8", "utf-16": "UTF-16", "latin-1": "Latin-1 (Western Europe, as older Windows writes it)"}
_SEPARATORS = {"\t": "tabs", ";": "semicolons", "|": "|", ",": "commas"}
_UTF16_BIG = b"\xfe\xff"
_CHUNK = 1 << 20


class LogError(AmericanoError):
    """The log cannot be read; the message names file, column, rule, count and examples."""


@dataclass(frozen=True)
class Shape:
    """Which columns of ours a file has to have, which it may have, and which of them is the time."""

    required: tuple[str, ...] = REQUIRED
    optional: tuple[str, ...] = OPTIONAL
    time: str = "occurred_at"


LOG = Shape()


@dataclass(frozen=True)
class LogFile:
    """A log whose columns are known.

    Attributes:
        rows: The query that gives its rows as they are, numbered from 1 by `log_row`.
        columns: Of REQUIRED and OPTIONAL those that it has, to its own name of each, quoted.
        types: Of each of these DuckDB's type.
        is_utc_unsaid: `occurred_at` is an INT96, in which Spark writes UTC and cannot say so.
        told: How the file was read where that was not a matter of course.
    """

    rows: str
    columns: dict[str, str]
    types: dict[str, str]
    is_utc_unsaid: bool
    told: list[str]


def quoted(path: Path) -> str:
    """A path as SQL text."""
    return "'" + str(path).replace("'", "''") + "'"


def open_file(
    connection: duckdb.DuckDBPyConnection, path: Path, folder: Path, names: Mapping[str, str], shape: Shape = LOG
) -> LogFile:
    """Find out what a file is. A CSV is parsed once, and kept as Parquet.

    Args:
        connection: Where it is to be read.
        path: A Parquet or CSV file, or a folder of Parquet files as Spark writes one.
        folder: Where to keep what was parsed.
        names: The file's own name of a column of ours, where it differs.
        shape: Its columns.

    Raises:
        LogError: It is no such file, or lacks a column.
        duckdb.Error: It is damaged.
    """
    if not path.exists():
        raise LogError(f"{path} does not exist.")
    name, source, told, how = path.name.lower(), path, [], ""
    if path.is_dir():
        if not next(path.rglob("*.parquet"), None):
            raise LogError(f"{path.name} is a folder without Parquet files.")
        source = path / "**" / "*.parquet"
    elif not name.endswith(_CSV + _PARQUET):
        raise LogError(f"{path.name} is neither {', '.join(_PARQUET)} nor {', '.join(_CSV)}: convert it first.")
    elif path.stat().st_size == 0:
        raise LogError(f"{path.name} is empty.")
    elif name.endswith(_CSV):
        source, encoding, separator = _parsed(connection, path, folder)
        how = f", read as {_ENCODINGS[encoding]} with {_SEPARATORS.get(separator, separator)} between columns,"
        if (encoding, separator) != ("utf-8", "\t" if ".tsv" in name else ","):
            told.append(f"{path.name} is{how.rstrip(',').removeprefix(',')}.")
    table = f"read_parquet({quoted(source)}, binary_as_string = true, hive_types_autocast = false"
    numbered = "row_number() OVER ()" if path.is_dir() else "file_row_number + 1"
    rows = f"SELECT *, {numbered} AS log_row FROM {table}{'' if path.is_dir() else ', file_row_number = true'})"
    types = {row[0].lower(): row[1] for row in connection.execute(f"DESCRIBE FROM {table})").fetchall()}
    columns = _columns(types, names, path.name + how, shape)
    [(int96,)] = connection.execute(
        f"SELECT count(*) FROM parquet_schema({quoted(source)}) WHERE lower(name) = ? AND type = 'INT96'",
        [columns[shape.time]],
    ).fetchall()
    is_utc_unsaid = int96 > 0
    if is_utc_unsaid:
        told.append(f"{shape.time}: the times are INT96, as Spark writes them, and are read as UTC.")
    return LogFile(
        rows,
        {ours: '"' + theirs.replace('"', '""') + '"' for ours, theirs in columns.items()},
        {ours: types[theirs] for ours, theirs in columns.items()},
        is_utc_unsaid,
        told,
    )


def _parsed(connection: duckdb.DuckDBPyConnection, path: Path, folder: Path) -> tuple[Path, str, str]:
    """A CSV as Parquet, all of it text; its encoding and its separator."""
    encoding = _encoding(path)
    options = f"{quoted(path)}, all_varchar = true, header = true, encoding = '{encoding}'"
    [(separator,)] = connection.execute(f"SELECT Delimiter FROM sniff_csv({options})").fetchall()
    parsed = folder / "parsed.parquet"
    connection.execute(f"COPY (FROM read_csv({options})) TO {quoted(parsed)}")
    return parsed, encoding, separator


def _encoding(path: Path) -> str:
    """One of _ENCODINGS. What is no UTF-8 is taken for Latin-1, in which every byte is a letter of its own."""
    opened: Any = gzip.open if path.name.lower().endswith(".gz") else open
    try:
        with opened(path, "rb") as file:
            start = file.read(_CHUNK)
        if start.startswith(_UTF16_BIG):
            raise LogError(f"{path.name} is UTF-16 with the high byte first: save it as UTF-8.")
        if b"\0" in start:
            return "utf-16"
        with opened(path, "rt", encoding="utf-8") as text:
            while text.read(_CHUNK):
                pass
    except UnicodeDecodeError:
        return "latin-1"
    except (OSError, EOFError, zlib.error) as error:
        raise LogError(f"{path.name} cannot be read: {error}.") from None
    return "utf-8"


def _columns(types: Mapping[str, str], names: Mapping[str, str], told: str, shape: Shape) -> dict[str, str]:
    """Of each column of ours that the file has its name there, in small letters.

    Raises:
        LogError: One that is needed is missing, or one that was named is not there or none of ours.
    """
    known = (*shape.required, *shape.optional)
    strange = sorted(set(names) - set(known))
    if strange:
        raise LogError(f"--map {strange[0]}=…: there is no such column; there are {', '.join(known)}.")
    columns = {ours: names.get(ours, ours).lower() for ours in known}
    missing = [
        ours for ours, theirs in columns.items() if theirs not in types and (ours in shape.required or ours in names)
    ]
    if missing:
        may = f"; optional {', '.join(shape.optional)}" if shape.optional else ""
        raise LogError(
            f"{told} has no column {' and no '.join(columns[ours] for ours in missing)}; it has {', '.join(types)}. "
            f"Needed are {', '.join(shape.required)}{may}. If one has another name there: "
            f"--map {missing[0]}=NAME."
        )
    return {ours: theirs for ours, theirs in columns.items() if theirs in types}
