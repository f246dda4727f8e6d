"""A hand-made OULAD of one presentation, for the edges that real students seldom stand on.

`student.parquet` is not among them: what it knows must never be read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

MODULE, PRESENTATION = "XXX", "2014J"
REFERENCE = date(2026, 3, 12)
DAY_ZERO = REFERENCE - timedelta(days=162)
LAST_DAY = 240
DUE = 30
WORK = 101  # the assessment due on DUE


@dataclass(frozen=True)
class Student:
    """A registration, and what was handed in for WORK; days count from the presentation's start."""

    registered: int | None = -20
    unregistered: int | None = None
    handed_in: int | None = None
    score: int | None = 80
    banked: bool = False


@dataclass(frozen=True)
class Assessment:
    """An assessment of the presentation; `due` None: it has no due day."""

    number: int
    kind: str = "TMA"
    due: int | None = DUE
    weight: float = 10.0


def at(day: int, hour: int = 12, minute: int = 0) -> datetime:
    """An instant on a day of the presentation."""
    return datetime(DAY_ZERO.year, DAY_ZERO.month, DAY_ZERO.day, hour, minute, tzinfo=UTC) + timedelta(days=day)


def write_source(
    folder: Path, students: Sequence[Student], assessments: Sequence[Assessment] = (Assessment(WORK),)
) -> Path:
    """Write the source tables; students are numbered from 1."""
    numbered = list(enumerate(students, start=1))
    handed_in = [(number, student) for number, student in numbered if student.handed_in is not None]
    tables: dict[str, dict[str, list[Any]]] = {
        "course": {"module_presentation_length": [LAST_DAY]},
        "student_registration": {
            "id_student": [number for number, _ in numbered],
            "date_registration": [student.registered for _, student in numbered],
            "date_unregistration": [student.unregistered for _, student in numbered],
        },
        "assessment": {
            "id_assessment": [assessment.number for assessment in assessments],
            "assessment_type": [assessment.kind for assessment in assessments],
            "date": [assessment.due for assessment in assessments],
            "weight": [assessment.weight for assessment in assessments],
        },
        "student_assessment": {
            "id_assessment": [WORK for _ in handed_in],
            "id_student": [number for number, _ in handed_in],
            "date_submitted": [student.handed_in for _, student in handed_in],
            "is_banked": [student.banked for _, student in handed_in],
            "score": [student.score for _, student in handed_in],
        },
    }
    types = {"assessment_type": pa.string(), "weight": pa.float64(), "is_banked": pa.bool_()}
    for name, columns in tables.items():
        arrays = {column: pa.array(values, types.get(column, pa.int64())) for column, values in columns.items()}
        if name != "student_assessment":
            rows = len(next(iter(arrays.values())))
            arrays |= {"code_module": pa.array([MODULE] * rows), "code_presentation": pa.array([PRESENTATION] * rows)}
        pq.write_table(pa.table(arrays), folder / f"{name}.parquet")
    return folder
