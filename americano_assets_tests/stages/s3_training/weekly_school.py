"""A school in which every Monday all learners answer on two objectives, and each outcome can be worked out.

The weak fail nine times of ten, the strong once in ten, unless a test wants fewer exceptions; which Mondays those are
is fixed.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from americano_assets_tests.world import World

OBJECTIVES = ("heart", "lung")
FIRST_MONDAY = date(2026, 1, 5)
MONDAYS = [FIRST_MONDAY + timedelta(weeks=week) for week in range(11)]


def struggles(number: int, place: int, week: int, one_in: int = 10) -> bool:
    """Whether learner `number` struggles with objective `place` in a week; one answer in `one_in` is an exception."""
    weak = number % 2 == 0
    return weak != ((number + place + week) % one_in == 0)


def learners(count: int) -> list[str]:
    """Their ids, by number."""
    return [f"learner-{number:02}" for number in range(count)]


def fill(world: World, names: Sequence[str], mondays: Sequence[date] = MONDAYS, one_in: int = 10) -> None:
    """The school and what its learners answered on each Monday."""
    world.learner("owner")
    world.course("anatomy", "owner")
    for objective in OBJECTIVES:
        world.objective(objective, "anatomy")
    for number, name in enumerate(names):
        learner = world.learner(name)
        for week, monday in enumerate(mondays):
            morning = datetime(monday.year, monday.month, monday.day, 9)  # noqa: DTZ001
            done = {"status": "COMPLETED", "completedAt": morning + timedelta(hours=2)}
            world.mission(learner, morning, OBJECTIVES, **done)
            for place, objective in enumerate(OBJECTIVES):
                score = 0.3 if struggles(number, place, week, one_in) else 0.9
                world.answer(learner, objective, morning + timedelta(hours=1, minutes=place), score)
