"""When everything happens: sessions and the moments of answers."""

from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

import numpy as np

from americano_assets.core.study_days.study_day import CLOSING_HOUR, day_number
from americano_assets.loading.demo.simulator.draw.answers import Answers
from americano_assets.loading.demo.simulator.draw.curriculum import Ints
from americano_assets.loading.demo.simulator.draw.learners import Bools, Learners
from americano_assets.loading.demo.simulator.draw.plan import Agenda, Plan

# In which the cohort's study days close at 23:00.
ZONE = ZoneInfo("UTC")
MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
_UNFINISHED = 0.04
_PAUSED = 0.15
_SENT_LATE = 0.02


@dataclass(frozen=True)
class Timing:
    """Arrays by session (a learner's study of a day), and by answer.

    Attributes:
        learner: By session.
        day: By session.
        started: By session.
        ended: By session; the last answer of an unfinished one.
        finished: By session.
        paused: By session: the moment of a pause, 0 without one.
        known: By session: when its rows reach the app, at its end, or days after it from a device without a network.
        session: By answer.
        answered: By answer.
        spent: By answer: ms spent on it.
        entry_session: By step of the agenda.
    """

    learner: Ints
    day: Ints
    started: Ints
    ended: Ints
    finished: Bools
    paused: Ints
    known: Ints
    session: Ints
    answered: Ints
    spent: Ints
    entry_session: Ints

    def __len__(self) -> int:
        return len(self.learner)


def opening_ms(first: date, day: Ints) -> Ints:
    """The moment at which study days open, by their number from `first`."""
    return (day_number(first) + day) * DAY + CLOSING_HOUR * HOUR


def draw_timing(
    generator: np.random.Generator, learners: Learners, plan: Plan, agenda: Agenda, answers: Answers, first: date
) -> Timing:
    """One session a learner and day, its answers one after the other with reading before each objective."""
    owner = plan.learner[agenda.row]
    begins = np.ones(len(owner), np.bool_)
    begins[1:] = (owner[1:] != owner[:-1]) | (agenda.day[1:] != agenda.day[:-1])
    entry_session = np.cumsum(begins) - 1
    learner, day = owner[begins], agenda.day[begins]
    count = len(learner)
    minute = generator.integers(0, 60, (3, count))
    at_night = plan.hours[learner, day]
    into_day = np.select(
        [at_night == 0, at_night == 1],
        [(learners.hour[learner] + 1) * HOUR + minute[0] * MINUTE, 23 * HOUR + minute[1] * MINUTE],
        5 * MINUTE + minute[2] * MINUTE,
    )
    started = opening_ms(first, day) + into_day + generator.integers(0, MINUTE, count)
    session = entry_session[answers.entry]
    spent = generator.integers(4_000, 60_000, len(answers))
    pause = generator.integers(20_000, 120_000, len(answers))
    new_entry = np.ones(len(answers), np.bool_)
    new_entry[1:] = answers.entry[1:] != answers.entry[:-1]
    reading = np.where(new_entry, generator.integers(2 * MINUTE, 10 * MINUTE, len(answers)), 0)
    elapsed = np.cumsum(spent + pause + reading)
    heads = np.searchsorted(session, np.arange(count))
    before = np.concatenate([[0], elapsed])[heads]
    answered = started[session] + elapsed - before[session]
    last = answered[np.append(heads[1:], len(answers)) - 1] if count else started
    finished = generator.random(count) >= _UNFINISHED
    ended = last + np.where(finished, generator.integers(10_000, 5 * MINUTE, count), 0)
    delay = np.where(generator.random(count) < _SENT_LATE, generator.integers(DAY, 3 * DAY, count), 0)
    return Timing(
        learner=learner,
        day=day,
        started=started,
        ended=ended,
        finished=finished,
        paused=np.where(generator.random(count) < _PAUSED, (started + last) // 2, 0),
        known=ended + delay,
        session=session,
        answered=answered,
        spent=spent,
        entry_session=entry_session,
    )
