"""Rows of missions and exams, as they stand at a moment."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from americano_assets.contract.enums import MissionStatus, ObjectiveComplexity
from americano_assets.loading.demo.simulator.draw.curriculum import COURSES, OBJECTIVES_PER_LECTURE, Ints
from americano_assets.loading.demo.simulator.draw.learners import Bools
from americano_assets.loading.demo.simulator.draw.plan import PLANNED_AHEAD
from americano_assets.loading.demo.simulator.draw.timing import DAY, HOUR, MINUTE, opening_ms
from americano_assets.loading.demo.simulator.rows.columns import (
    chosen,
    groups_of,
    json_lists,
    json_object,
    moments,
    texts,
)
from americano_assets.loading.demo.simulator.rows.school import Known, School, chunks
from americano_assets.loading.demo.simulator.rows.state import objective_texts

_MINUTES_AN_OBJECTIVE = 15
_CHUNK = 20_000
_LABELS = [str(label) for label in MissionStatus]


def missions(school: School, known: Known) -> Iterator[pa.Table]:
    """Missions, made a fortnight before their day, in the state that the app knew."""
    for numbers in chunks(known.numbers(_made(school)), _CHUNK):
        yield _missions(school, numbers, known.until)


def moved_missions(school: School, known: Known) -> Iterator[pa.Table]:
    """Missions made before whose state changed meanwhile; `was_status` and `was_objectives` are as they were before."""
    for numbers in chunks(Known(0, known.after).numbers(_made(school)), _CHUNK):
        before, now = (_missions(school, numbers, until) for until in (known.after, known.until))
        moved = now.select(["id", "status", "completedAt", "actualMinutes", "objectives"])
        for name in ("status", "objectives"):
            moved = moved.append_column(f"was_{name}", before[name])
        yield moved.filter(pc.or_(*(pc.not_equal(now[name], before[name]) for name in ("status", "objectives"))))


def _made(school: School) -> Ints:
    """When each mission was made; those of the first fortnight before anything else."""
    days = np.maximum(school.missions.day - PLANNED_AHEAD, 0)
    return opening_ms(school.cohort.arguments.first, days) - HOUR


def _missions(school: School, numbers: Ints, until: int) -> pa.Table:
    m, first = school.missions, school.cohort.arguments.first
    places, heads = groups_of(m.heads, numbers)
    rows = m.rows[places]
    done = m.studied[rows] <= until
    count = np.diff(heads)
    started = np.add.reduceat(done, heads[:-1]) > 0 if len(rows) else np.zeros(0, np.bool_)
    over = m.known[numbers] <= until
    labels = np.select(
        [over & m.skipped[numbers], over, started],
        [_number(MissionStatus.SKIPPED), _number(MissionStatus.COMPLETED), _number(MissionStatus.IN_PROGRESS)],
        _number(MissionStatus.PENDING),
    )
    completed = over & ~m.skipped[numbers]
    minutes = np.bincount(np.repeat(np.arange(len(numbers)), count), weights=done, minlength=len(numbers)) * 12
    return pa.table(
        {
            "id": school.ids("missions", numbers),
            "userId": school.users(m.learner[numbers]),
            # A mission is for a calendar day: its study day opened an hour before that.
            "date": moments(opening_ms(first, m.day[numbers]) + HOUR),
            "status": chosen(_LABELS, labels),
            "estimatedMinutes": count * _MINUTES_AN_OBJECTIVE,
            "completedAt": moments(np.where(over, m.ended[numbers], 0), over),
            "actualMinutes": pa.array(minutes.astype(np.int64), mask=~completed),
            "successScore": pa.nulls(len(numbers), pa.float64()),
            "objectives": pc.if_else(
                pa.array(m.older[numbers]),
                json_lists(_older_items(school, rows), heads),
                json_lists(_items(school, rows, done), heads),
            ),
        }
    )


def _number(status: MissionStatus) -> int:
    return _LABELS.index(str(status))


def _items(school: School, rows: Ints, done: Bools) -> pa.Array:
    plan, curriculum = school.cohort.plan, school.cohort.curriculum
    objective = plan.objective[rows]
    names = school.ids("learning_objectives", objective)
    nested = json_object(
        {
            "id": names,
            "objective": chosen(objective_texts(curriculum), objective),
            "complexity": chosen([str(label) for label in ObjectiveComplexity], curriculum.complexity[objective]),
            "isHighYield": texts(curriculum.high_yield[objective]),
            "lectureId": school.ids("lectures", objective // OBJECTIVES_PER_LECTURE),
        },
        quoted={"id", "objective", "complexity", "lectureId"},
    )
    fields = {"id": names, "objective": nested, "cardCount": texts(plan.reviews[rows])}
    return json_object(
        {**fields, "estimatedMinutes": texts(np.full(len(rows), _MINUTES_AN_OBJECTIVE)), "completed": texts(done)},
        quoted={"id"},
    )


def _older_items(school: School, rows: Ints) -> pa.Array:
    names = school.ids("learning_objectives", school.cohort.plan.objective[rows])
    minutes = texts(np.full(len(rows), _MINUTES_AN_OBJECTIVE))
    return json_object({"objectiveId": names, "estimatedMinutes": minutes}, quoted={"objectiveId"})


def exams(school: School, known: Known) -> Iterator[pa.Table]:
    """A midterm and a final of each course that a learner takes, announced four to eight weeks ahead."""
    cohort, generator = school.cohort, school.generator("exams")
    learner, course = np.nonzero(cohort.learners.enrolled)
    learner, course = np.repeat(learner, 2), np.repeat(course, 2)
    final = np.arange(len(learner)) % 2
    day = np.where(final, cohort.arguments.days + 20, cohort.arguments.days // 2) + course * 2
    at = opening_ms(cohort.arguments.first, day) + 10 * HOUR
    made = at - generator.integers(28 * DAY, 56 * DAY, len(at)) // MINUTE * MINUTE
    numbers = known.numbers(made)
    yield pa.table(
        {
            "id": school.ids("exams", numbers),
            "userId": school.users(learner[numbers]),
            "name": chosen(("Midterm", "Final"), final[numbers]),
            "date": moments(at[numbers]),
            "courseId": school.ids("courses", course[numbers]),
            "coverageTopics": chosen([f"{{{name.lower()}}}" for name in COURSES], course[numbers]),
            "createdAt": moments(made[numbers]),
            "updatedAt": moments(made[numbers]),
        }
    )
