"""Logs in every allowed form give the same rows; bad ones are told by file, column, rule and count."""

from pathlib import Path
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from americano_assets.core.study_days.cutoff import Target
from americano_assets.evaluation.log_reader import LogError
from americano_assets.evaluation.log_tables import open_log

ROW = {"learner_id": "ann", "objective_id": "heart", "occurred_at": "2025-01-06T10:00:00Z", "score": "0.5"}


def interactions(path: Path, folder: Path) -> list[tuple[object, ...]]:
    log = open_log(path, folder, ZoneInfo("UTC"), Target(7, 0.65), lambda *_: None)
    rows = log.tables.store.read_day("interactions", log.first)
    assert rows is not None
    columns = ("learner_id", "objective_id", "course_id", "kind", "occurred_at", "score", "rating")
    return [tuple(row[name] for name in columns) for row in rows.to_pylist()]


def csv(folder: Path, *rows: dict[str, object], name: str = "log.csv") -> Path:
    path = folder / name
    pd.DataFrame([{**ROW, **row} for row in rows]).to_csv(path, index=False)
    return path


@pytest.mark.parametrize(
    "moment",
    ["2025-01-06T10:00:00Z", "2025-01-06 10:00:00", "2025-01-06T11:00:00+01:00", "1736157600", "1736157600000"],
)
def test_a_time_may_be_iso_or_an_epoch(moment: str, tmp_path: Path) -> None:
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
        ("score", "1.2", "score: 1 of 2 rows break «a number from 0 to 1».*1.2"),
        ("score", "nan", "score: 1 of 2 rows break «a number from 0 to 1»"),
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
    for name, message in {
        "empty.csv": "is empty",
        "damaged.parquet": "cannot be read",
        "short.csv": "no column objective_id and no occurred_at; it has learner_id, score",
        "headed.csv": "has no rows",
        "log.xlsx": "convert it first",
        "missing.csv": "does not exist",
    }.items():
        with pytest.raises(LogError, match=message):
            interactions(tmp_path / name, tmp_path)
