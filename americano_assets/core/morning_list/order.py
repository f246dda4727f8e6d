"""Whom somebody with little time helps first: a course's learners in the order of the benefit that is to be expected.

An entry is a learner in a course. What it is worth is what its three best episodes are worth: those are shown.
"""

import heapq
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from americano_assets.core.interventions.measured_help import MeasuredHelp

# Episodes of an entry that are shown and count.
BEST = 3
# A course, None for what belongs to none, and a learner.
Pair = tuple[str | None, str]


class Action(StrEnum):
    """What an adviser does about an entry."""

    ACKNOWLEDGE = "acknowledge"
    SNOOZE = "snooze"
    REOPEN = "reopen"
    NOTE = "note"


# The last of these says where an entry stands; a note changes nothing.
DECIDING = (Action.ACKNOWLEDGE, Action.SNOOZE, Action.REOPEN)
SNOOZE_DAYS = (1, 3, 7, 14, 28)
MOST_NOTE = 2000


class Standing(StrEnum):
    """Where an entry stands."""

    OPEN = "open"
    # Whom somebody took on today was helped out of today's capacity.
    TAKEN_TODAY = "taken on today"
    IN_HAND = "in hand"
    SNOOZED = "snoozed"


@dataclass(frozen=True)
class Episode:
    """A flagged objective of a learner, not held out.

    Attributes:
        probability: p of a struggle.
        confidence: In p, 0-1.
        types: Types of what is recommended and still open.
        flagged_at: When it was flagged first (naive, UTC).
    """

    prediction_id: str
    course: str | None
    learner: str
    probability: float
    confidence: float
    types: tuple[str, ...]
    flagged_at: datetime

    @property
    def pair(self) -> Pair:
        """Whose it is."""
        return self.course, self.learner


@dataclass(frozen=True)
class LastAction:
    """The newest of DECIDING about an entry.

    Attributes:
        at: When it was taken (naive, UTC).
        until: Of a snooze the local date on which it ends.
    """

    action: Action
    at: datetime
    until: date | None = None


@dataclass(frozen=True)
class Today:
    """The morning of a list.

    Attributes:
        opened: When the open study day opened (naive, UTC).
        local: The local date.
    """

    opened: datetime
    local: date


@dataclass(frozen=True)
class Entry:
    """A learner in a course.

    Attributes:
        worth: Struggles that help is expected to spare, up to a factor that is everybody's.
        episodes: The three that are worth most, the best first.
        since: When the first of all its episodes was flagged, and when the newest was (naive, UTC).
        newest: As `since`.
        standing: Where it stands.
    """

    course: str | None
    learner: str
    worth: float
    episodes: tuple[Episode, ...]
    since: datetime
    newest: datetime
    standing: Standing

    @property
    def rank(self) -> tuple[float, float, str]:
        """Smaller stands higher: by worth, then by p, then by id, so that two mornings of the same rows agree."""
        return (-self.worth, -self.episodes[0].probability, self.learner)


@dataclass(frozen=True)
class CourseList:
    """A course's entries.

    Attributes:
        listed: Those that somebody is to help, in order, as many as are kept.
        waiting: How many there are, kept or not.
        aside: Those in hand or snoozed, as many as are kept: they take no capacity.
        set_aside: How many these are.
    """

    listed: list[Entry]
    waiting: int
    aside: list[Entry]
    set_aside: int


def worth_of(episode: Episode, known: MeasuredHelp) -> float:
    """p, times the confidence in it, times the struggles that the best of what is recommended is known to spare."""
    return episode.probability * episode.confidence * known.best(episode.types)


def entry_of(own: Sequence[Episode], known: MeasuredHelp, last: Mapping[Pair, LastAction], today: Today) -> Entry:
    """The entry of a learner in a course.

    Args:
        own: All their episodes there, at least one.
        known: What helps.
        last: What was decided, by course and learner.
        today: The morning.
    """
    ordered = sorted(own, key=lambda one: (-worth_of(one, known), -one.probability, one.prediction_id))
    best = tuple(ordered[:BEST])
    course, learner = pair = best[0].pair
    flags = [one.flagged_at for one in own]
    worth = sum(worth_of(one, known) for one in best)
    return Entry(course, learner, worth, best, min(flags), max(flags), standing(last.get(pair), max(flags), today))


def standing(last: LastAction | None, newest_flag: datetime, today: Today) -> Standing:
    """Where an entry stands.

    Taken on, it is off the list from the next study day on, until a new episode of it is flagged. A snooze holds until
    its date, whatever is flagged meanwhile.

    Args:
        last: The newest action that decides; None: none was taken.
        newest_flag: When the newest of its episodes was flagged first.
        today: The morning.
    """
    if last is None or last.action is Action.REOPEN:
        return Standing.OPEN
    if last.action is Action.SNOOZE:
        return Standing.SNOOZED if last.until is not None and last.until > today.local else Standing.OPEN
    if newest_flag > last.at:
        return Standing.OPEN
    return Standing.TAKEN_TODAY if last.at >= today.opened else Standing.IN_HAND


class Ranking:
    """Takes entries one after another, and keeps of each course those that are shown: never all of them."""

    def __init__(self, most: int, most_aside: int) -> None:
        """Of each course at most so many are kept on the list, and so many aside."""
        self._most = most, most_aside
        self._courses: dict[str | None, tuple[list[_Kept], list[_Kept]]] = {}
        self._counts: Counter[tuple[str | None, bool]] = Counter()

    def add(self, entry: Entry) -> None:
        """One more."""
        is_aside = entry.standing in (Standing.IN_HAND, Standing.SNOOZED)
        kept = self._courses.setdefault(entry.course, ([], []))[is_aside]
        self._counts[entry.course, is_aside] += 1
        if len(kept) < self._most[is_aside]:
            heapq.heappush(kept, _Kept(entry))
        else:
            heapq.heappushpop(kept, _Kept(entry))

    def courses(self) -> dict[str | None, CourseList]:
        """What each course shows."""
        return {
            course: CourseList(
                _ordered(listed), self._counts[course, False], _ordered(aside), self._counts[course, True]
            )
            for course, (listed, aside) in self._courses.items()
        }


@dataclass(frozen=True)
class _Kept:
    """An entry in a heap, the worst first."""

    entry: Entry

    def __lt__(self, other: "_Kept") -> bool:
        return self.entry.rank > other.entry.rank


def _ordered(kept: list[_Kept]) -> list[Entry]:
    return sorted((one.entry for one in kept), key=lambda one: one.rank)
