"""Help reaches those whom the app shows it to, from then on, and leaves the cohort's past as it was."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import psycopg
import pytest

from americano_assets.core.study_days.cutoff import naive
from americano_assets.core.study_days.study_day import cutoff
from americano_assets.loading.demo.scenarios.living_cohort import bring_to, cohort_of, record_truth
from americano_assets.loading.demo.simulator import Cohort, load_simulated, simulate
from americano_assets.loading.demo.simulator.draw.curriculum import OBJECTIVES
from americano_assets.loading.demo.simulator.draw.help import Windows, eased, rows_within, struggled_within
from americano_assets.loading.demo.simulator.draw.timing import ZONE
from americano_assets_tests.loading.demo.simulator.conftest import END, contents
from americano_assets_tests.world import World

NIGHT = END - timedelta(days=20)
AT = cutoff(NIGHT, ZONE)


@pytest.fixture(scope="module")
def helpable() -> Cohort:
    return simulate(learners=30, days=60, seed=5, end=END, help_logits=3.0)


@dataclass
class School:
    """A database that holds the cohort up to AT, and what is planned for the week after it."""

    connection: psycopg.Connection[Any]
    cohort: Cohort

    @property
    def planned(self) -> list[int]:
        """Rows of the plan for the seven days from AT on, of learners who study."""
        plan, first = self.cohort.plan, (NIGHT + timedelta(days=1) - self.cohort.arguments.first).days
        return list(np.flatnonzero((plan.day >= first) & (plan.day < first + 7) & plan.done & (plan.reviews >= 3)))

    def name(self, row: int) -> tuple[str, str, date]:
        """Learner, objective and day of a row of the plan."""
        plan, objectives = self.cohort.plan, self.cohort.ids("learning_objectives", np.arange(OBJECTIVES))
        day = self.cohort.arguments.first + timedelta(days=int(plan.day[row]))
        return self.cohort.learner_ids[plan.learner[row]], objectives[plan.objective[row]], day

    def flag(self, row: int, *, live: bool = True, shown: bool = True, at: datetime = AT) -> None:
        """An episode of the night at `at` about a row of the plan, drawn by chance, with or without help shown."""
        learner, objective, day = self.name(row)
        world = World(self.connection)
        world.execute(
            "INSERT INTO ml.assignments VALUES (%s, %s, %s, NULL, %s, %s, 'episode', 0.5, true, %s, %s, %s, 0.7, 0.5,"
            " 'm', '{PREREQUISITE_REVIEW}')",
            *(f"e{row}", learner, objective, day, "treated" if shown else "holdout", live),
            *(naive(at), naive(at + timedelta(days=7))),
        )
        if shown:
            world.insert("struggle_predictions", id=f"e{row}", userId=learner, learningObjectiveId=objective)
            world.insert(
                "intervention_recommendations", id=f"i{row}", userId=learner, predictionId=f"e{row}", priority=5
            )

    def helped(self) -> set[tuple[str, str, date]]:
        """Whom help reached, and when."""
        return set(self.connection.execute("SELECT user_id, learning_objective_id, planned_day FROM ml.simulated_help"))


@pytest.fixture
def school(database: str, helpable: Cohort) -> Iterator[School]:
    with psycopg.connect(database, autocommit=True) as connection:
        load_simulated(connection, helpable, now=AT)
        yield School(connection, helpable)


def test_help_reaches_whom_it_was_shown_to_by_a_live_night(school: School) -> None:
    shown, withheld, replayed, *_ = school.planned
    school.flag(shown)
    school.flag(withheld, shown=False)
    school.flag(replayed, live=False)
    bring_to(school.connection, AT + timedelta(days=7))
    assert school.helped() == {school.name(shown)}


def test_what_was_begun_before_help_came_is_not_eased(school: School) -> None:
    bring_to(school.connection, AT + timedelta(days=2, hours=3))
    for row in school.planned:
        school.flag(row)
    bring_to(school.connection, AT + timedelta(days=7))
    begun = NIGHT + timedelta(days=3)
    assert school.helped() == {name for row in school.planned if (name := school.name(row))[2] > begun}
    assert begun in {school.name(row)[2] for row in school.planned}


def test_nights_end_as_one_load_with_the_same_help_would(school: School, module_database: str) -> None:
    before = contents(school.connection)
    for row in school.planned[::2]:
        school.flag(row)
    for days in (7, 9, 14):
        bring_to(school.connection, AT + timedelta(days=days))
    now = AT + timedelta(days=14)
    with psycopg.connect(module_database, autocommit=True) as other:
        load_simulated(other, cohort_of(school.connection, school.cohort.arguments), now=now)
        at_once = contents(other)
    assert contents(school.connection) == at_once
    # And the help did change what was answered, none of it before it came.
    early, late = (set(dump["reviews"].splitlines()) for dump in (before, at_once))
    assert early <= late
    alone = school.cohort
    helped = cohort_of(school.connection, alone.arguments)
    changed = np.flatnonzero(alone.answers.rating != helped.answers.rating)
    assert len(changed) > 5
    assert (alone.timing.answered[changed] >= AT.timestamp() * 1000).all()


def test_the_truth_is_the_difference_of_two_lives(school: School) -> None:
    assert record_truth(school.connection, NIGHT) is None
    for number, row in enumerate(school.planned):
        school.flag(row, shown=number % 2 == 0)
    bring_to(school.connection, AT + timedelta(days=7))
    effect = record_truth(school.connection, NIGHT + timedelta(days=7))
    # By hand: all rows of learners who may be counted eased, whatever the arm, against none.
    alone, plan = school.cohort, school.cohort.plan
    rows = np.array([row for row in school.planned if alone.learners.opted_out[plan.learner[row]] == 0])
    opens = np.full(len(rows), (NIGHT + timedelta(days=1) - alone.arguments.first).days)
    windows = Windows(plan.learner[rows], plan.objective[rows], opens, opens + 7)
    everybody = simulate(**vars(alone.arguments), help_given=eased(alone, rows_within(alone, windows)))
    struggles = [int(struggled_within(world, windows).sum()) for world in (everybody, alone)]
    assert struggles[0] < struggles[1]
    assert effect == pytest.approx((struggles[0] - struggles[1]) / len(rows))
    assert school.connection.execute("SELECT episodes FROM ml.planted_effects").fetchone() == (len(rows),)


def test_the_truth_is_nothing_where_help_came_too_late_or_never(school: School) -> None:
    for number, row in enumerate(school.planned):
        school.flag(row, shown=number % 2 == 0)
    later = NIGHT + timedelta(days=7)
    # What an earlier night had written of help that nobody got is written anew too.
    school.connection.execute("INSERT INTO ml.planted_effects VALUES (%s, -0.052, 0.1, 0.152, 7, 1)", [later])
    # The tables were brought past the windows before anybody could see the help.
    school.connection.execute("UPDATE ml.demo_load SET loaded_through = loaded_through + interval '8 days'")
    bring_to(school.connection, AT + timedelta(days=9))
    assert school.helped() == set()
    assert record_truth(school.connection, later + timedelta(days=1)) == 0
    told = school.connection.execute("SELECT study_day, effect FROM ml.planted_effects ORDER BY 1").fetchall()
    assert told == [(later, 0), (later + timedelta(days=1), 0)]


def test_the_truth_counts_help_from_where_it_was_given_out(school: School) -> None:
    bring_to(school.connection, AT + timedelta(days=2, hours=3))
    for number, row in enumerate(school.planned):
        school.flag(row, shown=number % 2 == 0)
    bring_to(school.connection, AT + timedelta(days=7))
    effect = record_truth(school.connection, NIGHT + timedelta(days=7))
    # By hand: what was planned for the days that had begun is as it is alone, whatever the arm.
    alone, plan = school.cohort, school.cohort.plan
    rows = np.array([row for row in school.planned if alone.learners.opted_out[plan.learner[row]] == 0])
    opens = np.full(len(rows), (NIGHT + timedelta(days=1) - alone.arguments.first).days)
    windows = Windows(plan.learner[rows], plan.objective[rows], opens, opens + 7)
    reached = Windows(windows.learner, windows.objective, opens + 3, opens + 7)
    helped = simulate(**vars(alone.arguments), help_given=eased(alone, rows_within(alone, reached)))
    struggles = [int(struggled_within(world, windows).sum()) for world in (helped, alone)]
    assert effect == pytest.approx((struggles[0] - struggles[1]) / len(rows))


def test_a_window_ends_where_the_next_study_day_opens(helpable: Cohort) -> None:
    plan, answers, timing = helpable.plan, helpable.answers, helpable.timing
    opened = datetime.combine(helpable.arguments.first, datetime.min.time(), UTC) + timedelta(hours=23)
    day = (timing.answered - opened.timestamp() * 1000) // 86_400_000
    # One struggle, seen by windows of one day around it.
    row = next(
        row
        for row in np.flatnonzero(plan.done & plan.validated & (plan.fate == 0) & (plan.reviews == 0))
        if (answers.points[answers.row == row] < 6).all() and (answers.row == row).any()
    )
    studied = int(day[answers.row == row][0])
    opens = np.array([studied - 1, studied, studied + 1])
    who, what = (np.full(3, values[row]) for values in (plan.learner, plan.objective))
    assert struggled_within(helpable, Windows(who, what, opens, opens + 1)).tolist() == [False, True, False]
