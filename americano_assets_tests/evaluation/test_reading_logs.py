"""Logs in every form that people have give the same rows; bad ones are told by file, column, rule and count."""

import gzip
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from americano_assets.core.study_days.cutoff import Target
from americano_assets.evaluation.log_file import LogError
from americano_assets.evaluation.log_reader import Reading
from americano_assets.evaluation.log_tables import LogTables, open_log

ROW = {"learner_id": "ann", "objective_id": "heart", "occurred_at": "2025-01-06T10:00:00Z", "score": "0.5"}
AT = datetime.fromisoformat("2025-01-06T10:00:00.123000")  # UTC, as Parquet here has it


def opened(path: Path, folder: Path, **reading: Any) -> LogTables:
    return open_log(path, folder, ZoneInfo("UTC"), Target(7, 0.65), lambda *_: None, Reading(**reading))


def rows_of(log: LogTables) -> list[tuple[object, ...]]:
    rows = log.tables.store.read_day("interactions", log.first)
    assert rows is not None
    columns = ("learner_id", "objective_id", "course_id", "kind", "occurred_at", "score", "rating")
    return [tuple(row[name] for name in columns) for row in rows.to_pylist()]


def interactions(path: Path, folder: Path, **reading: Any) -> list[tuple[object, ...]]:
    return rows_of(opened(path, folder, **reading))


def csv(folder: Path, *rows: Mapping[str, object], name: str = "log.csv", **options: Any) -> Path:
    path = folder / name
    pd.DataFrame([{**ROW, **row} for row in rows]).to_csv(path, index=False, **options)
    return path


def parquet(folder: Path, *rows: Mapping[str, object]) -> Path:
    path = folder / "log.parquet"
    pd.DataFrame([{**ROW, "score": 0.5, **row} for row in rows]).to_parquet(path)
    return path


def _by_pandas(path: Path, *, unit: str, zone: str | None) -> None:
    times = pd.Series([pd.Timestamp(AT)]).dt.as_unit(unit)  # type: ignore[arg-type]
    if zone:
        times = times.dt.tz_localize("UTC").dt.tz_convert(zone)
    pd.DataFrame({**ROW, "occurred_at": times}).to_parquet(path)


def _by_pyarrow(path: Path, *, kind: pa.DataType, text: pa.DataType, **options: Any) -> None:
    """As polars (large strings, dictionaries) and Spark (INT96) write the same physical types."""
    columns = {name: pa.array([value]).cast(text) for name, value in ROW.items()}
    pq.write_table(pa.table({**columns, "occurred_at": pa.array([AT]).cast(kind)}), path, **options)


def _by_duckdb(path: Path, *, kind: str) -> None:
    zone = "SET TimeZone = 'UTC'; "
    duckdb.sql(
        f"{zone}COPY (SELECT 'ann' AS learner_id, 'heart'::ENUM('heart') AS objective_id, "
        f"TIMESTAMP '{AT}'::{kind} AS occurred_at, 0.5::DECIMAL(3, 2) AS score) TO '{path}'"
    )


WRITERS: dict[str, Callable[[Path], None]] = {
    **{
        f"pandas {unit} {zone}": lambda path, unit=unit, zone=zone: _by_pandas(path, unit=unit, zone=zone)  # type: ignore[misc]
        for unit in ("ms", "us", "ns")
        for zone in (None, "UTC", "Europe/Berlin")
    },
    **{
        f"polars {unit} {zone}": lambda path, unit=unit, zone=zone: _by_pyarrow(  # type: ignore[misc]
            path, kind=pa.timestamp(unit, zone), text=pa.large_string()
        )
        for unit in ("ms", "us", "ns")
        for zone in (None, "America/New_York")
    },
    "polars categories": lambda path: _by_pyarrow(
        path, kind=pa.timestamp("us"), text=pa.dictionary(pa.uint32(), pa.large_string())
    ),
    "Spark INT96": lambda path: _by_pyarrow(
        path, kind=pa.timestamp("ns"), text=pa.string(), use_deprecated_int96_timestamps=True
    ),
    "Spark micros": lambda path: _by_pyarrow(path, kind=pa.timestamp("us", "UTC"), text=pa.string()),
    "Spark binary strings": lambda path: _by_pyarrow(path, kind=pa.timestamp("us", "UTC"), text=pa.binary()),
    **{
        f"DuckDB {kind}": lambda path, kind=kind: _by_duckdb(path, kind=kind)  # type: ignore[misc]
        for kind in ("TIMESTAMP", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMPTZ")
    },
}


@pytest.mark.parametrize("writer", WRITERS)
def test_every_timestamp_that_is_written_to_parquet_is_read(writer: str, tmp_path: Path) -> None:
    path = tmp_path / "log.parquet"
    WRITERS[writer](path)
    assert interactions(path, tmp_path) == [("ann", "heart", "log", "validation", AT, 0.5, None)]


def test_a_folder_as_spark_writes_one_is_a_log(tmp_path: Path) -> None:
    for course in ("01", "2"):
        part = tmp_path / "log" / f"course_id={course}"
        part.mkdir(parents=True)
        WRITERS["Spark INT96"](part / "part-00000-c000.snappy.parquet")
    (tmp_path / "log" / "_SUCCESS").touch()
    (tmp_path / "log" / "course_id=2" / ".part-00000-c000.snappy.parquet.crc").write_text("x")
    log = opened(tmp_path / "log", tmp_path)
    # INT96 is UTC whatever zone other times are in.
    assert [(row[2], row[4]) for row in rows_of(log)] == [("01", AT)] * 2
    assert any("INT96, as Spark writes them, and are read as UTC" in one for one in log.conversions)
    assert log.notes == ["1 objectives stand in more than one course; each counts to the first of them by name."]


@pytest.mark.parametrize(
    ("moment", "found"),
    [
        ("2025-07-06T10:00:00", "2025-07-06 08:00:00"),
        ("2025-01-06 10:00:00", "2025-01-06 09:00:00"),
        ("2025-07-06T10:00:00Z", "2025-07-06 10:00:00"),
        ("2025-07-06T10:00:00-02:00", "2025-07-06 12:00:00"),
        ("1736157600", "2025-01-06 10:00:00"),
        (pd.Timestamp("2025-07-06 10:00"), "2025-07-06 08:00:00"),
        (pd.Timestamp("2025-07-06 10:00", tz="UTC"), "2025-07-06 10:00:00"),
    ],
)
def test_only_times_that_name_no_zone_are_in_the_given_one(moment: object, found: str, tmp_path: Path) -> None:
    write = csv if isinstance(moment, str) else parquet
    log = opened(write(tmp_path, {"occurred_at": moment}), tmp_path, zone="Europe/Berlin")
    assert rows_of(log)[0][4] == pd.Timestamp(found).to_pydatetime()
    is_moved = "read in Europe/Berlin, --timezone says another (rows: 1)" in "".join(log.conversions)
    assert is_moved == ("10:00:00" not in found and "12:00" not in found)


def test_spark_s_own_times_are_in_no_other_zone(tmp_path: Path) -> None:
    WRITERS["Spark INT96"](tmp_path / "log.parquet")
    assert interactions(tmp_path / "log.parquet", tmp_path, zone="Europe/Berlin")[0][4] == AT


@pytest.mark.parametrize("write", [csv, parquet])
@pytest.mark.parametrize(
    ("epoch", "unit"),
    [
        (1736157600, "seconds"),
        (1736157600.123, "seconds"),
        (1736157600123, "milliseconds"),
        (1736157600123000, "microseconds"),
        (1736157600123000000, "nanoseconds"),
    ],
)
def test_an_epoch_may_be_in_any_unit_and_it_is_told(
    write: Callable[..., Path], epoch: float, unit: str, tmp_path: Path
) -> None:
    log = opened(write(tmp_path, {"occurred_at": epoch}), tmp_path)
    assert rows_of(log)[0][4] == (AT if "123" in str(epoch) else AT.replace(microsecond=0))
    assert log.conversions == [f"occurred_at: numbers are read as {unit} since 1970 (rows: 1)."]


@pytest.mark.parametrize(
    ("given", "scores", "told"),
    [
        ([True, False], [1, 0], "true is read as 1, false as 0 (rows: 2)"),
        ([85, 0], [0.85, 0], "numbers up to 100 are read as percentages (rows: 2)"),
        (["85 %", "12,5%"], [0.85, 0.125], "values with a percent sign are divided by 100 (rows: 2)"),
        (["0,5", "1"], [0.5, 1], "a comma is read as the decimal point (rows: 1)"),
    ],
)
def test_a_score_may_be_true_or_a_percentage_and_it_is_told(
    given: list[object], scores: list[float], told: str, tmp_path: Path
) -> None:
    first, second = given
    log = opened(parquet(tmp_path, {"score": first}, {"score": second, "learner_id": "bob"}), tmp_path)
    assert [row[5] for row in rows_of(log)] == scores
    assert any(told in one for one in log.conversions)


@pytest.mark.parametrize("given", [[8, 10], [0.5, 60], [101, 60]])
def test_scores_that_are_no_percentages_are_refused(given: list[float], tmp_path: Path) -> None:
    path = parquet(tmp_path, {"score": 0.2}, *({"score": score} for score in given))
    with pytest.raises(LogError, match=r"score: [12] of 3 rows break «0 to 1, true or false, or a percentage»"):
        interactions(path, tmp_path)


def test_ratings_may_be_floats_with_gaps(tmp_path: Path) -> None:
    path = parquet(tmp_path, {"rating": 1.0, "kind": "review"}, {"learner_id": "bob", "rating": float("nan")})
    table = pq.read_table(path)
    ratings = table.schema.get_field_index("rating")
    with_nan = pa.array([1.0, float("nan")], from_pandas=False)  # as DuckDB and polars write it
    pq.write_table(table.set_column(ratings, "rating", with_nan), path)
    log = opened(path, tmp_path)
    assert [(row[3], row[5], row[6]) for row in rows_of(log)] == [("review", 0, "AGAIN"), ("validation", 0.5, None)]
    assert "rating: 1 to 4 are read as AGAIN, HARD, GOOD, EASY (rows: 1)." in log.conversions


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"sep": ";"}, "is read as UTF-8 with semicolons between columns"),
        ({"sep": "|"}, "is read as UTF-8 with | between columns"),
        ({"sep": "\t", "encoding": "utf-16"}, "is read as UTF-16 with tabs between columns"),
        ({"encoding": "cp1252"}, "is read as Latin-1 (Western Europe, as older Windows writes it) with commas"),
        ({"encoding": "utf-8-sig"}, None),
        ({}, None),
    ],
)
@pytest.mark.parametrize("name", ["log.csv", "log.csv.gz"])
def test_other_encodings_and_separators_are_read_and_named(
    name: str, options: dict[str, str], told: str | None, tmp_path: Path
) -> None:
    path = csv(tmp_path, {"learner_id": "Jürgen"}, name=name, **options)
    log = opened(path, tmp_path)
    assert rows_of(log)[0][0] == "Jürgen"
    assert log.conversions == [] if told is None else told in log.conversions[0]
    with pytest.raises(LogError, match="no column who"):
        interactions(path, tmp_path, names={"card_id": "who"})


def test_an_error_names_the_encoding_and_the_separator(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_bytes("learner_id;när\nann;1\n".encode("latin-1"))
    with pytest.raises(LogError, match=r"log\.csv, read as Latin-1 \(.*\) with semicolons between columns, has no"):
        interactions(tmp_path / "log.csv", tmp_path)


def test_columns_may_have_other_names(tmp_path: Path) -> None:
    path = tmp_path / "log.parquet"
    pd.DataFrame([{"User Name": "ann", "Thing": "heart", **ROW, "learner_id": "nobody"}]).to_parquet(path)
    names = {"learner_id": "User Name", "objective_id": "thing"}
    assert interactions(path, tmp_path, names=names)[0][:2] == ("ann", "heart")
    with pytest.raises(LogError, match="--map learner=…: there is no such column"):
        interactions(path, tmp_path, names={"learner": "User Name"})
    with pytest.raises(LogError, match=r"has no column user; it has user name, thing.*--map learner_id=NAME"):
        interactions(path, tmp_path, names={"learner_id": "user"})


def test_equal_rows_count_once_and_are_told_unless_times_are_whole_days(tmp_path: Path) -> None:
    other = {"occurred_at": "2025-01-06T11:00:00Z"}
    log = opened(csv(tmp_path, {}, other, {}, {}, {"score": "1"}), tmp_path)
    assert len(rows_of(log)) == 3
    assert log.totals["interactions"] == 3
    told = "2 of 5 rows say the same as another in every column that is read: "
    assert f"{told}they are taken for a second record of it, and left out." in log.conversions
    day = {"occurred_at": "2025-01-06"}
    log = opened(csv(tmp_path, day, day, day), tmp_path)
    assert len(rows_of(log)) == 3
    assert any(one.startswith("2 of 3 rows say") and "since times are whole days" in one for one in log.conversions)


@pytest.mark.parametrize(
    "moment",
    ["2025-01-06T10:00:00Z", "2025-01-06 10:00:00", "2025-01-06T11:00:00+01:00"],
)
def test_a_time_may_be_iso_with_an_offset_or_without(moment: str, tmp_path: Path) -> None:
    [row] = interactions(csv(tmp_path, {"occurred_at": moment}), tmp_path)
    assert row[4] == pd.Timestamp("2025-01-06 10:00:00").to_pydatetime()
    assert row[3] == "validation"
    assert row[2] == "log"


def test_reviews_are_graded_by_their_rating_or_by_their_score(tmp_path: Path) -> None:
    path = csv(
        tmp_path,
        {"kind": "review", "rating": "again", "score": ""},
        {"kind": "review", "rating": "3", "score": "1", "occurred_at": "2025-01-06T10:01:00Z"},
        {"kind": "review", "score": "0.2", "occurred_at": "2025-01-06T10:02:00Z"},
    )
    assert [(row[5], row[6]) for row in interactions(path, tmp_path)] == [(0, "AGAIN"), (1, "GOOD"), (0, "AGAIN")]


@pytest.mark.parametrize(
    ("column", "value", "rule"),
    [
        ("learner_id", "", "learner_id: 1 of 2 rows break «not empty» \\(first in row 2"),
        ("objective_id", " ", "objective_id: 1 of 2 rows break «not empty»"),
        ("occurred_at", "yesterday", "occurred_at: 1 of 2 rows break «ISO 8601.*e.g. yesterday"),
        ("occurred_at", "17", "occurred_at: 1 of 2 rows break «between 1990 and 2100»"),
        ("score", "1.2", "score: 1 of 2 rows break «0 to 1, true or false, or a percentage».*1.2"),
        ("score", "nan", "score: 1 of 2 rows break «0 to 1, true or false, or a percentage»"),
        ("kind", "quiz", "kind: 1 of 2 rows break «review, validation or empty».*quiz"),
        ("rating", "MEH", "rating: 1 of 2 rows break «AGAIN.*MEH"),
        ("duration_ms", "-1", "duration_ms: 1 of 2 rows break"),
    ],
)
def test_a_bad_row_is_told_by_column_rule_and_count(column: str, value: str, rule: str, tmp_path: Path) -> None:
    with pytest.raises(LogError, match=rule):
        interactions(csv(tmp_path, {}, {column: value}), tmp_path)


def test_what_is_no_log_is_told(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").touch()
    (tmp_path / "damaged.parquet").write_bytes(b"PAR1 nonsense")
    (tmp_path / "short.csv").write_text("learner_id,score\nann,1\n")
    (tmp_path / "headed.csv").write_text("learner_id,objective_id,occurred_at,score\n")
    (tmp_path / "log.xlsx").write_text("x")
    (tmp_path / "cut.csv.gz").write_bytes(gzip.compress(b"learner_id\n" * 99)[:-9])
    (tmp_path / "big.csv").write_bytes(b"\xfe\xff\0l")
    (tmp_path / "nothing").mkdir()
    for name, message in {
        "empty.csv": "is empty",
        "damaged.parquet": "cannot be read",
        "short.csv": "no column objective_id and no occurred_at; it has learner_id, score",
        "headed.csv": "has no rows",
        "log.xlsx": "convert it first",
        "cut.csv.gz": "cannot be read",
        "big.csv": "save it as UTF-8",
        "nothing": "a folder without Parquet files",
        "missing.csv": "does not exist",
    }.items():
        with pytest.raises(LogError, match=message):
            interactions(tmp_path / name, tmp_path)
