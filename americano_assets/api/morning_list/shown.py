"""What a list shows: courses, their learners, what they are warned of, and what was done about them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from americano_assets.core.morning_list.order import Action, Standing


@dataclass(frozen=True)
class Warned:
    """An objective of an entry, as it is shown; `due` is local."""

    objective: str
    probability: float
    risk: str
    due: datetime
    reasons: Sequence[str]
    advice: str | None


@dataclass(frozen=True)
class Done:
    """What somebody did; `at` is local."""

    action: Action
    note: str | None
    until: date | None
    by: str | None
    at: datetime


@dataclass(frozen=True)
class Line:
    """A learner in a course, as it is shown; times are local.

    Attributes:
        name: What the app calls them; None where the deployment maps no names.
        due: When the first of the warnings is due.
        since: When the first of them was given.
    """

    course_id: str | None
    learner_id: str
    name: str | None
    risk: str
    probability: float
    due: datetime
    since: datetime
    standing: Standing
    warned: Sequence[Warned]
    done: Sequence[Done]

    @property
    def called(self) -> str:
        """The name, else the id."""
        return self.name or self.learner_id


@dataclass(frozen=True)
class Section:
    """A course of the list: what is shown of it and how many there are."""

    course_id: str | None
    name: str
    listed: Sequence[Line]
    waiting: int
    aside: Sequence[Line]
    set_aside: int


@dataclass(frozen=True)
class MorningList:
    """The list at a moment.

    Attributes:
        now: The moment, local.
        night: The newest published study day; None: none was.
        missing: Closed study days since then.
        capacity: How many of a course may stand on it; None: all.
        sections: Courses with an entry, by name.
    """

    now: datetime
    night: date | None
    missing: int
    capacity: int | None
    sections: Sequence[Section]
