"""Cards of a collection: where each belongs, what FSRS knows of it, and on which of the next days it is due."""

import json
import sqlite3
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pyarrow as pa

from americano_assets.core.study_days.study_day import last_closed, study_day_of
from americano_assets.loading.imports.anki.places import Place, deck_places, tag_place

# Whose a collection is where nobody says so.
LEARNER = "me"
# So many days ahead what is due is loaded as planned, as far as a night looks at plans: an objective with a plan beyond
# would be no candidate at all, however weak it is.
DUE_DAYS = 7
# Whoever answered nothing for so long is no candidate any more.
LATELY_DAYS = 28
_NEW, _SUSPENDED = 0, -1
# A due day is a number of days since the collection was made, or, while a card is learned, an instant.
_EPOCHS_FROM, _MOST_DAYS = 1_000_000_000, 100_000

CARDS = pa.schema(
    {
        "item_id": pa.string(),
        "objective_id": pa.string(),
        "created_at": pa.timestamp("ms"),
        "difficulty": pa.float64(),
        "stability": pa.float64(),
        "last_reviewed_at": pa.timestamp("ms"),
        "next_review_at": pa.timestamp("ms"),
        "reviews": pa.int64(),
        "lapses": pa.int64(),
    }
)
DUE = pa.schema({"learner_id": pa.string(), "objective_id": pa.string(), "due_on": pa.date32(), "cards": pa.int64()})


@dataclass(frozen=True)
class Asked:
    """What a collection is read for.

    Attributes:
        learner: Id of the learner whose it is.
        zone: Where study days end.
        now: The present, aware.
        tags: Objectives are the tags below this one, all where it is empty; None: they are decks.
        by_name: Ids of objectives and courses are what people call them, for figures that are only looked at.
    """

    learner: str
    zone: ZoneInfo
    now: datetime
    tags: str | None = None
    by_name: bool = False


class Card(NamedTuple):
    """A card that was answered or is scheduled; stability in days and difficulty 1-10 are 0 where FSRS has set none."""

    place: Place
    item: str
    stability: float
    difficulty: float
    last_answer: int | None


@dataclass
class Cards:
    """The cards of a collection.

    Attributes:
        found: By their numbers.
        stored: Rows of CARDS.
        due: How many are due, by objective and day.
        notes: How they were told apart, in sentences.
    """

    found: dict[int, Card] = field(default_factory=dict)
    stored: list[dict[str, Any]] = field(default_factory=list)
    due: Counter[tuple[str, date]] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)


def collection_values(connection: sqlite3.Connection) -> dict[str, Any]:
    """What Anki has set for a collection: a document, or a table in newer layouts."""
    (document,) = connection.execute("SELECT conf FROM col").fetchone()
    if document:
        found: dict[str, Any] = json.loads(document)
        return found
    rows = connection.execute("SELECT key, val FROM config WHERE key IN ('creationOffset', 'schedVer')")
    return {key: json.loads(value) for key, value in rows}


def read_cards(connection: sqlite3.Connection, asked: Asked, left_out: Counter[str]) -> Cards:
    """Read the cards that were ever answered or are scheduled.

    Args:
        connection: The collection.
        asked: What it is read for.
        left_out: Takes the others, by why.
    """
    done, days = Cards(), _Days(connection, asked)
    decks, (tags, several) = deck_places(connection, asked.learner), _tags(connection, asked.tags)
    answered = {row[0] for row in connection.execute("SELECT DISTINCT cid FROM revlog")}
    without = 0
    rows = connection.execute(
        "SELECT c.id, c.nid, CASE WHEN c.odid <> 0 THEN c.odid ELSE c.did END, c.type, c.queue,"
        " CASE WHEN c.odid <> 0 AND c.odue <> 0 THEN c.odue ELSE c.due END, c.reps, c.lapses, c.data,"
        " (SELECT max(r.id) FROM revlog r WHERE r.cid = c.id AND r.ease > 0 AND r.id <= ?) FROM cards c ORDER BY c.id",
        [_ms(asked.now)],
    )
    for number, note, deck, kind, queue, due, reps, lapses, data, last in rows:
        if kind == _NEW and number not in answered:
            left_out["cards that were never answered"] += 1
            continue
        place = tags.get(note) or decks.get(deck)
        if place is None:
            left_out["cards of decks that are gone"] += 1
            continue
        without += asked.tags is not None and note not in tags
        state = _memory_state(data)
        card = Card(place, f"{asked.learner}/{number}", state.get("s", 0.0), state.get("d", 0.0), last)
        done.found[number] = card
        due_on = None if kind == _NEW else days.of(due)
        if due_on is not None and queue != _SUSPENDED and (planned := days.planned(due_on)) is not None:
            done.due[place.objective_id, planned] += 1
        done.stored.append(
            {
                "item_id": card.item,
                "objective_id": place.objective_id,
                "created_at": naive_ms(number),
                "difficulty": card.difficulty,
                "stability": card.stability,
                "last_reviewed_at": None if last is None else naive_ms(last),
                "next_review_at": None if due_on is None else datetime.combine(due_on, datetime.min.time()),
                "reviews": reps,
                "lapses": lapses,
            }
        )
    if several:
        done.notes.append(f"{several:,} notes have several such tags: each counts to the first of them by name.")
    if without:
        done.notes.append(f"{without:,} cards have no such tag, and count to their decks.")
    return done


class _Days:
    """Which day a number of Anki's is, and for which day what is due counts as planned."""

    def __init__(self, connection: sqlite3.Connection, asked: Asked) -> None:
        (created,) = connection.execute("SELECT crt FROM col").fetchone()
        west = collection_values(connection).get("creationOffset")
        at = aware_ms(created * 1000)
        self._first = (at.astimezone(asked.zone) if west is None else at - timedelta(minutes=west)).date()
        self._zone = asked.zone
        # After the last study day that has closed; of a collection that nobody has used for long after its last answer.
        (last,) = connection.execute(
            "SELECT max(id) FROM revlog WHERE ease > 0 AND id <= ?", [_ms(asked.now)]
        ).fetchone()
        closed, answered = last_closed(asked.now, asked.zone), study_day_of(aware_ms(last or 0), asked.zone)
        self._today = (closed if (closed - answered).days < LATELY_DAYS else answered) + timedelta(days=2)

    def of(self, due: int) -> date | None:
        """The day on which a card is due; None where what stands there is far from any day."""
        if due >= _EPOCHS_FROM:
            return aware_ms(due * 1000).astimezone(self._zone).date()
        return self._first + timedelta(days=due) if abs(due) < _MOST_DAYS else None

    def planned(self, due_on: date) -> date | None:
        """What was due before is due now; None where it is far ahead."""
        day = max(due_on, self._today)
        return day if day < self._today + timedelta(days=DUE_DAYS) else None


def _tags(connection: sqlite3.Connection, below: str | None) -> tuple[dict[int, Place], int]:
    """The place of each note that has such a tag, and how many have several."""
    found: dict[int, Place] = {}
    several = 0
    if below is not None:
        for note, tags in connection.execute("SELECT id, tags FROM notes"):
            place, is_one_of_several = tag_place(tags.split(), below)
            if place is not None:
                found[note] = place
                several += is_one_of_several
    return found, several


def _memory_state(data: str) -> dict[str, float]:
    """FSRS's stability in days (`s`) and difficulty 1-10 (`d`), where it has set them."""
    try:
        found = json.loads(data) if data else {}
    except ValueError:
        return {}
    if not isinstance(found, dict):
        return {}
    return {name: float(found[name]) for name in ("s", "d") if isinstance(found.get(name), int | float)}


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def aware_ms(ms: int) -> datetime:
    """The instant so many milliseconds after 1970."""
    return datetime.fromtimestamp(ms / 1000, UTC)


def naive_ms(ms: int) -> datetime:
    """As `aware_ms`, UTC without saying so, as the app keeps times."""
    return aware_ms(ms).replace(tzinfo=None)
