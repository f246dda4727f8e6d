"""Where a card belongs: the course, lecture and objective that its deck, or one of its tags, is."""

import json
import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from americano_assets.core.base.ids import cuid

_BETWEEN, _STORED_BETWEEN = "::", "\x1f"
# An id of what is named by its level and its parts.
_Known = Callable[..., str]


@dataclass(frozen=True)
class Place:
    """A learning objective with what it is part of; ids in CUID form, names as people call them."""

    course_id: str
    course: str
    lecture_id: str
    lecture: str
    objective_id: str
    objective: str

    @property
    def path(self) -> str:
        """The objective with all that it is part of."""
        return _BETWEEN.join(dict.fromkeys((self.course, self.lecture, self.objective)))


def deck_places(connection: sqlite3.Connection, learner: str) -> dict[int, Place]:
    """The place of each deck of a collection; what a deck is keeps its id when it is renamed or moved."""
    names = _deck_names(connection)
    ids = {name: str(number) for number, name in names.items()}

    def known(level: str, *parts: str) -> str:
        name = _BETWEEN.join(parts)
        return cuid("import", "anki", level, learner, ids.get(name, name))

    return {number: _place(name.split(_BETWEEN), known) for number, name in names.items()}


def tag_place(tags: Iterable[str], below: str) -> tuple[Place | None, bool]:
    """The place of the first by name of the tags below one, and whether there are several.

    What a tag is goes by its name: two learners who have the same tags have the same objectives.

    Args:
        tags: A note's.
        below: The tag; empty: all tags count.
    """
    start = f"{below.removesuffix(_BETWEEN)}{_BETWEEN}".casefold() if below else ""
    found = sorted(tag for tag in set(tags) if tag.casefold().startswith(start) and len(tag) > len(start))
    if not found:
        return None, False

    def known(level: str, *parts: str) -> str:
        return cuid("import", "anki-tag", level, start, *(part.casefold() for part in parts))

    return _place(found[0][len(start) :].split(_BETWEEN), known), len(found) > 1


def _place(parts: list[str], known: _Known) -> Place:
    """The first part is the course, the second of three or more the lecture, all the rest the objective."""
    course, lecture = parts[0], parts[1] if len(parts) > 2 else parts[0]
    return Place(
        known("course", course),
        course,
        known("lecture", *parts[: 2 if len(parts) > 2 else 1]),
        lecture,
        known("objective", *parts),
        _BETWEEN.join(parts[2:]) if len(parts) > 2 else parts[-1],
    )


def _deck_names(connection: sqlite3.Connection) -> dict[int, str]:
    """Names of decks by number, their parts divided as people see them; one table, or a document in older layouts."""
    if connection.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'decks'").fetchone():
        found = connection.execute("SELECT id, name FROM decks").fetchall()
    else:
        (document,) = connection.execute("SELECT decks FROM col").fetchone()
        found = [(int(number), deck["name"]) for number, deck in json.loads(document).items()]
    return {number: name.replace(_STORED_BETWEEN, _BETWEEN) for number, name in found}
