"""What is planned for whom on which day, and how the plan will be followed.

Days are numbers of study days from the simulation's first.
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from americano_assets.loading.demo.simulator.draw.curriculum import (
    CARDS_PER_OBJECTIVE,
    LECTURES_PER_COURSE,
    OBJECTIVES,
    OBJECTIVES_PER_LECTURE,
    Floats,
    Ints,
    course_of,
)
from americano_assets.loading.demo.simulator.draw.learners import Bools, Learners

PLANNED_AHEAD = 14
# Every step of a planned day falls within its window, or after it and before the next planned day opens: so the chance
# of a struggle in a window depends on nothing but the state at its start.
SHORTEST_GAP = 9
AFTER_WINDOW = 7
FOLLOW_UP_AFTER = 2
SKIPPED_SHARE = 0.15
SKIPPED_FATES = (0.4, 0.3, 0.3)  # answered within three days, answered after the window, never

_DELAYED = 0.12
_MISSION_UNPLANNED = 0.1
_DROPPED = 0.07


class Fate(IntEnum):
    """What becomes of a validation."""

    ANSWERED = 0
    ANSWERED_SOON = 1
    ANSWERED_LATE = 2
    SKIPPED = 3


class Step(IntEnum):
    """A part of the study of an objective that was planned for a day."""

    MAIN = 0
    FOLLOW_UP = 1
    LATE_ANSWER = 2


@dataclass(frozen=True)
class Plan:
    """Arrays by planned day of a (learner, objective), sorted by day, learner and objective.

    Attributes:
        in_mission: False where the learner studies without a mission.
        followed: The learner of that day opens the mission at all.
        done: This objective is studied.
        study_day: The day on which it is, or would be.
        reviews: Cards reviewed on that day.
        follow_ups: Cards reviewed again two days later.
        first_card: Of the objective's cards; the others follow in order.
        validated: A validation is asked for.
        fate: Of that validation.
        answer_day: Of the later answer to a skipped validation.
        load: Objectives that the learner has on the study day.
        at_night: 0 not, 1 in the late evening, 2 after the study day's opening at 23:00.
    """

    learner: Ints
    objective: Ints
    day: Ints
    in_mission: Bools
    followed: Bools
    done: Bools
    study_day: Ints
    reviews: Ints
    follow_ups: Ints
    first_card: Ints
    validated: Bools
    fate: Ints
    answer_day: Ints
    load: Ints
    at_night: Ints
    hours: Ints  # (learner, day) of `at_night`

    def __len__(self) -> int:
        return len(self.learner)


def draw_plan(generator: np.random.Generator, learners: Learners, days: int) -> Plan:
    """Plans for `days` days of study and the fortnight after them."""
    last = days + PLANNED_AHEAD
    learner, objective, day, in_mission = _planned_days(generator, learners, days)
    n = len(learner)
    hours = np.where(
        generator.random((len(learners), last + 2)) < learners.night[:, None],
        generator.integers(1, 3, (len(learners), last + 2)),
        0,
    )
    study_day = day + (generator.random(n) < _DELAYED)
    load = np.bincount(learner * (last + 2) + study_day, minlength=len(learners) * (last + 2))
    followed = (generator.random((len(learners), last)) < learners.diligence[:, None])[learner, day]
    reviews = generator.choice(6, n, p=[0.08, 0.04, 0.06, 0.32, 0.3, 0.2])
    validated = (generator.random(n) < 0.35) | (reviews == 0)
    fate = generator.choice(4, n, p=[1 - SKIPPED_SHARE, *(SKIPPED_SHARE * share for share in SKIPPED_FATES)])
    soon = study_day + generator.integers(1, 4, n)
    return Plan(
        learner=learner,
        objective=objective,
        day=day,
        in_mission=in_mission,
        followed=followed,
        done=followed & (generator.random(n) >= _DROPPED),
        study_day=study_day,
        reviews=reviews,
        follow_ups=np.where(reviews >= 3, generator.choice(3, n, p=[0.7, 0.2, 0.1]), 0),
        first_card=generator.integers(0, CARDS_PER_OBJECTIVE, n),
        validated=validated,
        fate=fate,
        answer_day=np.where(fate == Fate.ANSWERED_LATE, day + AFTER_WINDOW, soon),
        load=load[learner * (last + 2) + study_day],
        at_night=hours[learner, study_day],
        hours=hours,
    )


def _planned_days(generator: np.random.Generator, learners: Learners, days: int) -> tuple[Ints, Ints, Ints, Bools]:
    learner, objective = np.nonzero(learners.enrolled[:, course_of(np.arange(OBJECTIVES))])
    in_mission = generator.random(len(learner)) >= _MISSION_UNPLANNED
    lecture = objective // OBJECTIVES_PER_LECTURE % LECTURES_PER_COURSE
    held = lecture * (0.8 * days) / LECTURES_PER_COURSE
    day = (held + generator.random(len(learner)) * max(1.0, days / LECTURES_PER_COURSE)).astype(np.int64)
    found: list[tuple[Ints, Ints, Ints, Bools]] = []
    spread = 6.0
    while len(learner):
        ahead = day < days + PLANNED_AHEAD
        learner, objective, day, in_mission = learner[ahead], objective[ahead], day[ahead], in_mission[ahead]
        found.append((learner, objective, day, in_mission))
        day = day + SHORTEST_GAP + generator.exponential(spread, len(day)).astype(np.int64)
        spread *= 1.3
    columns = [np.concatenate(parts) for parts in zip(*found, strict=True)]
    order = np.lexsort((columns[1], columns[0], columns[2]))
    return columns[0][order], columns[1][order], columns[2][order], columns[3][order].astype(np.bool_)


@dataclass(frozen=True)
class Agenda:
    """Arrays by step, sorted by day, learner, planned row and step."""

    day: Ints
    row: Ints
    step: Ints


def agenda(plan: Plan, days: int) -> Agenda:
    """The steps that fall within the simulation."""
    answers_later = plan.done & plan.validated & np.isin(plan.fate, (Fate.ANSWERED_SOON, Fate.ANSWERED_LATE))
    parts = [
        (np.flatnonzero(plan.done), plan.study_day, Step.MAIN),
        (np.flatnonzero(plan.done & (plan.follow_ups > 0)), plan.study_day + FOLLOW_UP_AFTER, Step.FOLLOW_UP),
        (np.flatnonzero(answers_later), plan.answer_day, Step.LATE_ANSWER),
    ]
    row = np.concatenate([rows for rows, _, _ in parts])
    day = np.concatenate([when[rows] for rows, when, _ in parts])
    step = np.concatenate([np.full(len(rows), kind) for rows, _, kind in parts])
    row, day, step = row[day < days], day[day < days], step[day < days]
    order = np.lexsort((step, row, plan.learner[row], day))
    return Agenda(day[order], row[order], step[order])


def overload(plan: Plan, tolerance: Floats) -> Floats:
    """By how much the day's objectives exceed what the learner tolerates, as a share of it."""
    return np.maximum(0.0, plan.load / tolerance[plan.learner] - 1)
