"""The missions that a plan amounts to, and what became of each."""

from dataclasses import dataclass

import numpy as np

from americano_assets.loading.demo.simulator.cohort import Cohort
from americano_assets.loading.demo.simulator.draw.curriculum import Ints
from americano_assets.loading.demo.simulator.draw.learners import Bools
from americano_assets.loading.demo.simulator.draw.plan import Step
from americano_assets.loading.demo.simulator.draw.timing import HOUR, opening_ms

_SKIPPED = 0.6
_OLDER_SHAPE = 0.15
NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Missions:
    """Arrays by mission, and by planned row.

    Attributes:
        rows: Numbers of the planned rows that are in missions, mission after mission.
        heads: Where each mission's begin in `rows`, and the end.
        learner: By mission.
        day: By mission.
        older: Written in the older JSON shape.
        session: By planned row: in which it was studied, -1 if never.
        mission: By planned row, -1 for none.
        studied: By planned row: when the app knows that it was studied, `NEVER` if it was not.
        ended: When the mission was completed, or skipped; `NEVER` if left open.
        known: When the app knows of that end.
        skipped: Ended by being skipped.
    """

    rows: Ints
    heads: Ints
    learner: Ints
    day: Ints
    older: Bools
    session: Ints
    mission: Ints
    studied: Ints
    ended: Ints
    known: Ints
    skipped: Bools

    def __len__(self) -> int:
        return len(self.learner)


def missions_of(cohort: Cohort, generator: np.random.Generator) -> Missions:
    """All missions of a cohort, those of days after its end included."""
    plan, timing = cohort.plan, cohort.timing
    rows = np.flatnonzero(plan.in_mission)
    learner, day = plan.learner[rows], plan.day[rows]
    begins = np.ones(len(rows), np.bool_)
    begins[1:] = (learner[1:] != learner[:-1]) | (day[1:] != day[:-1])
    number = np.cumsum(begins) - 1
    count = int(begins.sum())
    main = cohort.agenda.step == Step.MAIN
    session = np.full(len(plan), -1, np.int64)
    session[cohort.agenda.row[main]] = timing.entry_session[main]
    was_studied = session >= 0
    studied = np.where(was_studied, timing.known[session], NEVER)
    ended = np.zeros(count, np.int64)
    known = np.zeros(count, np.int64)
    # Dropped objectives keep no mission open; those to be studied later do.
    due = plan.done[rows]
    np.maximum.at(ended, number[due], np.where(was_studied, timing.ended[session], NEVER)[rows[due]])
    np.maximum.at(known, number[due], studied[rows[due]])
    followed = plan.followed[rows[begins]]
    skipped = ~followed & (generator.random(count) < _SKIPPED)
    skipped_at = opening_ms(cohort.arguments.first, day[begins]) + generator.integers(20 * HOUR, 24 * HOUR, count)
    ended = np.where(skipped, skipped_at, np.where(ended > 0, ended, NEVER))
    mission = np.full(len(plan), -1, np.int64)
    mission[rows] = number
    return Missions(
        rows=rows,
        heads=np.append(np.flatnonzero(begins), len(rows)),
        learner=learner[begins],
        day=day[begins],
        older=generator.random(count) < _OLDER_SHAPE,
        session=session,
        mission=mission,
        studied=studied,
        ended=ended,
        known=np.where(skipped, skipped_at, np.where(known > 0, known, NEVER)),
        skipped=skipped,
    )
