"""What a list of so many learners a course and day would have reached: recall and precision against capacity."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from americano_assets.core.statistics.metrics import LEAST_ROWS

# How far down a list its outcomes are kept, and the capacities that are shown.
MOST_RANKS = 200
CAPACITIES = (1, 2, 3, 5, 10, 20, 50, 100, 200)
WEEKS = 8


@dataclass(frozen=True)
class CourseNight:
    """A course's list of one night whose window has closed.

    Attributes:
        outcomes: Of the learners in the order of the list, the first MOST_RANKS, whether they struggled in the course
            within the horizon; None: with nothing of which it could be told.
        struggled: Learners of the course who did, on the list or not.
    """

    outcomes: tuple[bool | None, ...]
    struggled: int


@dataclass(frozen=True)
class Reach:
    """What one capacity would have reached, over all course nights; a row is a learner, a course and a night.

    Attributes:
        capacity: Learners a course and day.
        listed: Rows on the lists.
        known: Of these those whose outcome is known.
        right: Of these those that struggled.
        recall: Share of all that struggled; None of fewer than LEAST_ROWS.
        precision: Share of the known; None of fewer than LEAST_ROWS.
    """

    capacity: int
    listed: int
    known: int
    right: int
    recall: float | None
    precision: float | None


def reached(nights: Sequence[CourseNight], capacities: Iterable[int] = CAPACITIES) -> list[Reach]:
    """What each capacity would have reached, up to the first that cuts no list; none where no list had an entry."""
    longest = max((len(one.outcomes) for one in nights), default=0)
    struggled = sum(one.struggled for one in nights)
    found = []
    for capacity in sorted(capacities) if longest else ():
        shown = [outcome for one in nights for outcome in one.outcomes[:capacity]]
        known = [outcome for outcome in shown if outcome is not None]
        right = sum(known)
        found.append(
            Reach(capacity, len(shown), len(known), right, _share(right, struggled), _share(right, len(known)))
        )
        if capacity >= longest:
            break
    return found


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole >= LEAST_ROWS else None
