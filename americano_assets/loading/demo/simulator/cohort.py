"""A whole simulated cohort: the call that makes it, and what is known about it."""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

import numpy as np
import pandas as pd

from americano_assets.errors import AmericanoError
from americano_assets.loading.demo.simulator.draw.answers import Answers, answer
from americano_assets.loading.demo.simulator.draw.curriculum import (
    OBJECTIVES,
    Curriculum,
    Floats,
    Ints,
    draw_curriculum,
)
from americano_assets.loading.demo.simulator.draw.learners import Learners, draw_learners
from americano_assets.loading.demo.simulator.draw.memory import AGAIN
from americano_assets.loading.demo.simulator.draw.plan import Agenda, Fate, Plan, Step, agenda, draw_plan
from americano_assets.loading.demo.simulator.draw.timing import Timing, draw_timing
from americano_assets.loading.demo.simulator.rows.ids import ids
from americano_assets.loading.demo.simulator.truth import HORIZON_DAYS, has_evidence, struggle_probability, struggled


@dataclass(frozen=True)
class Arguments:
    """What a cohort is a pure function of.

    Attributes:
        days: Study days up to `end`.
        end: The last study day that a load at its end holds whole.
        ahead: Further study days after it, for loads on later days.
        help_logits: By how much published help eases an answer. It changes nothing by itself: whom help reached is
            told by `help_given`.
    """

    learners: int
    days: int
    seed: int
    end: date
    ahead: int = 0
    help_logits: float = 0.0

    @property
    def first(self) -> date:
        """The first study day."""
        return self.end - timedelta(days=self.days - 1)

    @property
    def span(self) -> int:
        """All study days that are simulated."""
        return self.days + self.ahead


@dataclass(frozen=True)
class Cohort:
    """Learners with known parameters, and all that they did; study days end at 23:00 UTC."""

    arguments: Arguments
    learners: Learners
    curriculum: Curriculum
    plan: Plan
    agenda: Agenda
    answers: Answers
    timing: Timing
    base: Floats

    @cached_property
    def truth(self) -> pd.DataFrame:
        """The true P(struggle | studied as planned), one row a planned day whose whole window was simulated.

        The window opens with the planned study day. What a row's p knows: every parameter, the state at that moment,
        how many cards and whether a validation will be asked, the day's load. Nobody knows: the form of the day, the
        answers, whether a validation will be skipped. Columns learner_id, objective_id, day, p_struggle.
        """
        rows = self.judged
        probability = struggle_probability(self.plan, self.curriculum, self.base, rows)
        return self._frame(rows).assign(p_struggle=probability)

    @cached_property
    def outcomes(self) -> pd.DataFrame:
        """What came of the rows of `truth` that were studied: learner_id, objective_id, day, struggled."""
        rows = self.judged[self.plan.done[self.judged]]
        a, n = self.answers, len(self.plan)
        again = np.bincount(a.row[a.rating == AGAIN], minlength=n)
        inside = self.agenda.step[a.entry] != Step.LATE_ANSWER
        inside |= self.plan.fate[a.row] == Fate.ANSWERED_SOON
        points = np.bincount(a.row[inside], weights=a.points[inside], minlength=n).astype(np.int64)
        plan = self.plan
        result = struggled(plan.reviews + plan.follow_ups, again, plan.validated.astype(np.int64), points)
        return self._frame(rows).assign(struggled=result[rows])

    @cached_property
    def learner_ids(self) -> list[str]:
        """Ids in the order of the arrays."""
        return self.ids("users", np.arange(len(self.learners)))

    def ids(self, table: str, numbers: Ints) -> list[str]:
        """Ids of a table's rows by their numbers."""
        return list(ids(self.arguments.seed, table, numbers).to_pylist())

    @property
    def judged(self) -> Ints:
        """Places in the plan of the rows of `truth`."""
        return np.flatnonzero(has_evidence(self.plan) & (self.plan.day + HORIZON_DAYS <= self.arguments.span))

    def _frame(self, rows: Ints) -> pd.DataFrame:
        learners, objectives = (
            np.array(self.learner_ids),
            np.array(self.ids("learning_objectives", np.arange(OBJECTIVES))),
        )
        days = np.array([self.arguments.first + timedelta(days=n) for n in range(self.arguments.span)])
        return pd.DataFrame(
            {
                "learner_id": learners[self.plan.learner[rows]],
                "objective_id": objectives[self.plan.objective[rows]],
                "day": days[self.plan.day[rows]],
            }
        )


def simulate(
    *,
    learners: int,
    days: int,
    seed: int,
    end: date,
    ahead: int = 0,
    help_logits: float = 0.0,
    help_given: Floats | None = None,
) -> Cohort:
    """A cohort; the same arguments give the same bytes.

    Args:
        learners: How many.
        days: Study days of activity, the last of them `end`; plans reach a fortnight further.
        seed: Of every draw.
        end: The last study day.
        ahead: Study days of activity after `end`.
        help_logits: Kept with the arguments: by how much help that is published eases an answer.
        help_given: Logits by which help eases the answers of a planned row, one a row of the plan that the same
            arguments give without help; None: nobody is helped. Chance is the same with and without it, so that two
            calls show each row with and without help.

    Raises:
        AmericanoError: Fewer than one learner or 30 days.
    """
    if learners < 1 or days < 30 or seed < 0 or ahead < 0:
        raise AmericanoError(
            f"A simulated cohort needs at least 1 learner, 30 days and a seed of at least 0, not {learners} learners, "
            f"{days} days and seed {seed}."
        )
    generators = np.random.default_rng(seed).spawn(5)
    curriculum = draw_curriculum(generators[0])
    drawn = draw_learners(generators[1], learners)
    arguments = Arguments(learners, days, seed, end, ahead, help_logits)
    plan = draw_plan(generators[2], drawn, arguments.span)
    steps = agenda(plan, arguments.span)
    answers, base = answer(generators[3], drawn, curriculum, plan, steps, arguments.span, help_given)
    timing = draw_timing(generators[4], drawn, plan, steps, answers, arguments.first)
    return Cohort(arguments, drawn, curriculum, plan, steps, answers, timing, base)
