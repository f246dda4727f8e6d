"""The mapping of OULAD onto the app's tables, at its edges; needs no database."""

import json
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from americano_assets.contract.tables import table
from americano_assets.core.base.ids import cuid
from americano_assets.errors import AmericanoError
from americano_assets.loading.demo.oulad.tables import LOG_TABLES, SOURCE, STATE_TABLES, OuladTables, Window
from americano_assets_tests.loading.demo.oulad.source import (
    DUE,
    LAST_DAY,
    MODULE,
    PRESENTATION,
    REFERENCE,
    WORK,
    Assessment,
    Student,
    at,
    write_source,
)

PENDING, COMPLETED, SKIPPED = "PENDING", "COMPLETED", "SKIPPED"
END = at(300)


class Outcome(NamedTuple):
    """One student's work."""

    status: str | None  # of the mission; None: there is none
    closed_on: int | None
    answers: list[tuple[str, int | None]]  # (score or "skip", day)
    events: list[int | None]  # days


EARLY, LATE, NEVER, GONE = Student(handed_in=DUE), Student(handed_in=DUE + 8), Student(), Student(unregistered=DUE)
OPEN = Outcome(PENDING, None, [], [])
GIVEN_UP = Outcome(SKIPPED, DUE, [], [])
HANDED_IN = Outcome(COMPLETED, DUE, [("0.8", DUE)], [DUE])
MISSED = Outcome(PENDING, None, [("skip", DUE + 7)], [])
HANDED_IN_LATE = Outcome(COMPLETED, DUE + 8, [("0.8", DUE + 8), ("skip", DUE + 7)], [DUE + 8])


def prepared(source: Path, until: datetime = END, after: datetime | None = None, learners: int = 1000) -> OuladTables:
    tables = OuladTables(source)
    window = Window(after and after.replace(tzinfo=None), until.replace(tzinfo=None))
    tables.prepare(window, shift_days=tables.shift_days(REFERENCE), learners=learners)
    return tables


def rows(tables: OuladTables, name: str) -> list[dict[str, Any]]:
    return [row for row in tables.read(name).to_pylist() if isinstance(row, dict)]


def day_of(stamp: datetime | None) -> int | None:
    """The presentation's day of a stamp, which must be 12:00."""
    if stamp is None:
        return None
    days = stamp - at(0).replace(tzinfo=None)
    assert not days.seconds
    return days.days


def outcomes(tables: OuladTables, students: Iterable[Student]) -> dict[Student, Outcome]:
    """What became of each student's work."""
    missions, answers, events = (
        rows(tables, name) for name in ("missions", "validation_responses", "behavioral_events")
    )
    result = {}
    for number, student in enumerate(students, start=1):
        learner = cuid("oulad", "learner", str(number))
        own = [mission for mission in missions if mission["userId"] == learner]
        assert len(own) <= 1
        result[student] = Outcome(
            own[0]["status"] if own else None,
            day_of(own[0]["completedAt"]) if own else None,
            sorted(
                ("skip" if answer["skipped"] else str(answer["score"]), day_of(answer["respondedAt"]))
                for answer in answers
                if answer["userId"] == learner
            ),
            [day_of(event["timestamp"]) for event in events if event["userId"] == learner],
        )
    return result


def test_work_is_planned_for_whoever_is_registered_in_the_week_before_it_is_due(tmp_path: Path) -> None:
    planned = {
        Student(-20, None): True,
        Student(DUE - 8, None): True,
        Student(DUE - 7, None): True,
        Student(DUE - 1, None): True,
        Student(DUE, None): False,
        Student(-20, DUE - 8): False,
        Student(-20, DUE - 7): False,
        Student(-20, DUE - 6): True,
        Student(-20, DUE): True,
        Student(-20, DUE + 7): True,
        Student(DUE - 7, DUE - 6): True,
        Student(DUE - 3, DUE - 3): False,
        Student(None, None): True,
        Student(None, DUE - 6): True,
        Student(None, -5): False,
    }
    tables = prepared(write_source(tmp_path, list(planned)))
    assert {student: o.status is not None for student, o in outcomes(tables, planned).items()} == planned
    assert {day_of(mission["date"]) for mission in rows(tables, "missions")} == {DUE}


def test_how_work_ends(tmp_path: Path) -> None:
    skip = ("skip", DUE + 7)
    expected = {
        Student(handed_in=DUE - 20): Outcome(COMPLETED, DUE - 20, [("0.8", DUE - 20)], [DUE - 20]),
        Student(handed_in=DUE + 7): Outcome(COMPLETED, DUE + 7, [("0.8", DUE + 7)], [DUE + 7]),
        Student(handed_in=DUE + 8): Outcome(COMPLETED, DUE + 8, [("0.8", DUE + 8), skip], [DUE + 8]),
        Student(handed_in=DUE, score=0): Outcome(COMPLETED, DUE, [("0.0", DUE)], [DUE]),
        Student(handed_in=DUE, score=None): Outcome(COMPLETED, DUE, [], []),
        Student(handed_in=DUE + 8, score=None): Outcome(COMPLETED, DUE + 8, [skip], []),
        Student(): Outcome(PENDING, None, [skip], []),
        Student(unregistered=DUE - 6): Outcome(SKIPPED, DUE - 6, [], []),
        Student(unregistered=DUE): Outcome(SKIPPED, DUE, [], []),
        Student(unregistered=DUE + 6): Outcome(SKIPPED, DUE + 6, [], []),
        Student(unregistered=DUE + 7): Outcome(SKIPPED, DUE + 7, [skip], []),
        Student(unregistered=DUE + 60): Outcome(SKIPPED, DUE + 60, [skip], []),
        Student(unregistered=DUE, handed_in=DUE): Outcome(COMPLETED, DUE, [("0.8", DUE)], [DUE]),
        Student(unregistered=DUE, handed_in=DUE + 2): Outcome(SKIPPED, DUE, [("0.8", DUE + 2)], [DUE + 2]),
        Student(unregistered=0, handed_in=DUE): Outcome(None, None, [("0.8", DUE)], [DUE]),
        Student(registered=DUE): Outcome(None, None, [], []),
        Student(handed_in=-1, banked=True): Outcome(None, None, [], []),
    }
    assert outcomes(prepared(write_source(tmp_path, list(expected))), expected) == expected


@pytest.mark.parametrize(
    ("until", "expected"),
    [
        (at(-30), {EARLY: OPEN, LATE: OPEN, NEVER: OPEN, GONE: OPEN}),
        (at(DUE, 11, 59), {EARLY: OPEN, LATE: OPEN, NEVER: OPEN, GONE: OPEN}),
        (at(DUE), {EARLY: HANDED_IN, LATE: OPEN, NEVER: OPEN, GONE: GIVEN_UP}),
        (at(DUE + 7, 11, 59), {EARLY: HANDED_IN, LATE: OPEN, NEVER: OPEN, GONE: GIVEN_UP}),
        (at(DUE + 7), {EARLY: HANDED_IN, LATE: MISSED, NEVER: MISSED, GONE: GIVEN_UP}),
        (at(DUE + 8), {EARLY: HANDED_IN, LATE: HANDED_IN_LATE, NEVER: MISSED, GONE: GIVEN_UP}),
    ],
)
def test_nothing_after_the_moment_of_the_load_is_known(
    tmp_path: Path, until: datetime, expected: dict[Student, Outcome]
) -> None:
    assert outcomes(prepared(write_source(tmp_path, list(expected)), until), expected) == expected


def test_an_exam_is_on_its_day_or_on_the_last_day_and_its_marks_are_no_answers(tmp_path: Path) -> None:
    exams = [Assessment(WORK, "Exam", None, 100.0), Assessment(WORK + 1, "Exam", 200, 100.0)]
    students = [Student(-20, handed_in=LAST_DAY), Student(5)]
    tables = prepared(write_source(tmp_path, students, exams))
    assert sorted((day_of(exam["createdAt"]), day_of(exam["date"])) for exam in rows(tables, "exams")) == [
        (-20, 200),
        (-20, LAST_DAY),
        (5, 200),
        (5, LAST_DAY),
    ]
    assert not rows(tables, "learning_objectives")
    assert list(outcomes(tables, students).values()) == [Outcome(None, None, [], [])] * 2


def test_objectives_say_what_they_are_and_stand_on_earlier_tutor_marked_work(tmp_path: Path) -> None:
    assessments = [
        Assessment(1, "TMA", 20, 5.0),
        Assessment(2, "TMA", 40, 12.5),
        Assessment(3, "CMA", 40, 20.0),
        Assessment(4, "TMA", 60, 25.0),
        Assessment(5, "TMA", None, 40.0),
    ]
    tables = prepared(write_source(tmp_path, [Student()], assessments))
    objectives = {o["id"]: o for o in rows(tables, "learning_objectives")}
    assert {o["objective"]: (o["complexity"], o["isHighYield"]) for o in objectives.values()} == {
        "Tutor-marked assessment 1 of XXX 2014J (due day 20, 5 %)": ("BASIC", False),
        "Tutor-marked assessment 2 of XXX 2014J (due day 40, 12.5 %)": ("INTERMEDIATE", False),
        "Computer-marked assessment 1 of XXX 2014J (due day 40, 20 %)": ("BASIC", True),
        "Tutor-marked assessment 3 of XXX 2014J (due day 60, 25 %)": ("ADVANCED", True),
    }
    links = {
        (
            objectives[link["objectiveId"]]["objective"].split(" of ")[0],
            objectives[link["prerequisiteId"]]["objective"].split(" of ")[0],
        ): link["strength"]
        for link in rows(tables, "objective_prerequisites")
    }
    assert links == {
        ("Tutor-marked assessment 2", "Tutor-marked assessment 1"): 1.0,
        ("Computer-marked assessment 1", "Tutor-marked assessment 1"): 1.0,
        ("Tutor-marked assessment 3", "Tutor-marked assessment 2"): 1.0,
        ("Tutor-marked assessment 3", "Tutor-marked assessment 1"): 1.0,
    }


def test_json_has_the_shapes_that_the_app_writes(tmp_path: Path) -> None:
    tables = prepared(write_source(tmp_path, [Student(handed_in=DUE, score=85)]))
    [objective] = rows(tables, "learning_objectives")
    [mission] = rows(tables, "missions")
    [answer] = rows(tables, "validation_responses")
    [event] = rows(tables, "behavioral_events")
    [prompt] = rows(tables, "validation_prompts")
    assert json.loads(mission["objectives"]) == [
        {
            "id": objective["id"],
            "objective": {
                name: objective[name] for name in ("id", "objective", "complexity", "isHighYield", "lectureId")
            },
            "cardCount": 0,
            "estimatedMinutes": mission["estimatedMinutes"],
            "completed": True,
        }
    ]
    assert prompt["objectiveId"] == objective["id"]
    assert json.loads(event["eventData"]) == {
        "objectiveId": objective["id"],
        "promptId": prompt["id"],
        "responseId": answer["id"],
        "score": 0.85,
    }


def test_a_course_is_shared_and_owned_by_an_account_that_learns_nothing(tmp_path: Path) -> None:
    tables = prepared(write_source(tmp_path, [Student(-20), Student(-40), Student(None, -5)]))
    [course] = rows(tables, "courses")
    assert (course["code"], course["term"]) == (f"{MODULE} {PRESENTATION}", PRESENTATION)
    users = {user["id"]: user for user in rows(tables, "users")}
    owner = users.pop(course["userId"])
    assert not owner["behavioralAnalysisEnabled"]
    assert not owner["performanceTrackingEnabled"]
    assert {mission["userId"] for mission in rows(tables, "missions")} < set(users)
    assert {day_of(user["createdAt"]) for user in users.values()} == {-20, -40, -5}
    for user in users.values():
        assert (user["email"], user["name"]) == (None, None)
        assert user["behavioralAnalysisEnabled"]
        assert user["includeInAnalytics"]
        assert user["performanceTrackingEnabled"]


def test_a_smaller_sample_is_part_of_a_larger_one(tmp_path: Path) -> None:
    source = write_source(tmp_path, [Student() for _ in range(40)])
    few, more = (prepared(source, learners=size).user_ids() for size in (7, 20))
    assert (len(few), len(more)) == (8, 21)
    assert few < more


def test_every_row_fills_the_contract_and_has_an_id_of_its_own() -> None:
    tables = prepared(SOURCE, learners=60)
    for name in (*STATE_TABLES, *LOG_TABLES):
        loaded = tables.read(name)
        columns = {column.name: column for column in table(name).columns}
        assert set(loaded.column_names) <= set(columns)
        assert {c.name for c in columns.values() if c.not_null} <= set(loaded.column_names)
        ids = loaded["id"].to_pylist()
        assert ids
        assert len(set(ids)) == len(ids)
        assert all(len(i) == 25 and i[0] == "c" and i.isalnum() and i == i.lower() for i in ids)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(AmericanoError, match=r"course\.parquet"):
        OuladTables(tmp_path)
