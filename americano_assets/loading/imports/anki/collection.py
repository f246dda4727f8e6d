"""What of a collection is loaded: its answers as an interaction log, cards with their memory, and what is due."""

import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq

from americano_assets.loading.imports.anki.cards import (
    CARDS,
    DUE,
    LEARNER,
    Asked,
    Card,
    Cards,
    collection_values,
    naive_ms,
    read_cards,
)
from americano_assets.loading.imports.anki.files import AnkiError, opened
from americano_assets.loading.imports.anki.places import Place
from americano_assets.stages.common.schemas import RATINGS

_AT_ONCE = 50_000
# Kinds of rows of revlog.
_LEARN, _RELEARN, _FILTERED, _MANUAL, _RESCHEDULED = 0, 2, 3, 4, 5
# FSRS notes difficulty (1-10) where SM-2 has its ease factor, which is never below 1300.
_FSRS_FACTORS = range(100, 1101)
_EARLIEST_MS = int(datetime(1990, 1, 1, tzinfo=UTC).timestamp() * 1000)

LOG = pa.schema(
    {
        "learner_id": pa.string(),
        "objective_id": pa.string(),
        "course_id": pa.string(),
        "occurred_at": pa.timestamp("ms", "UTC"),
        "score": pa.float64(),
        "kind": pa.string(),
        "rating": pa.string(),
        "duration_ms": pa.int64(),
        "card_id": pa.string(),
    }
)
MEMORY = pa.schema(
    {"item_id": pa.string(), "occurred_at": pa.timestamp("us"), "difficulty": pa.float64(), "stability": pa.float64()}
)
PLACES = pa.schema(dict.fromkeys(Place.__annotations__, pa.string()))


@dataclass
class Collection:
    """A collection that was read.

    Attributes:
        log: The answers, Parquet of LOG.
        places, cards, memory, due: Tables of PLACES, CARDS, MEMORY and DUE.
        left_out: Rows that were not loaded, by why.
        notes: How cards were told apart, in sentences.
    """

    log: Path
    places: pa.Table
    cards: pa.Table
    memory: pa.Table
    due: pa.Table
    left_out: Counter[str]
    notes: list[str]


def read_collection(path: Path, folder: Path, asked: Asked) -> Collection:
    """Read answers, cards and what is due.

    Args:
        path: The collection, or a package with it.
        folder: Where its copy may lie meanwhile, and the log is written.
        asked: What it is read for.

    Raises:
        AnkiError: As `files.opened`, or nothing was ever answered in it.
    """
    left_out: Counter[str] = Counter()
    log = folder / f"{path.stem}.parquet"
    with opened(path, folder) as connection:
        cards = read_cards(connection, asked, left_out)
        answers, memory = _answers(connection, log, asked, cards, left_out)
    if not answers:
        why = "; ".join(f"{n:,} {what}" for what, n in left_out.items())
        raise AnkiError(
            f"{path.name} holds no answer{f' ({why})' if why else ''}: nothing can be told of it yet. A package that"
            " was exported without scheduling information has none: export it with it, or the whole collection"
            " (.colpkg)."
        )
    places = list(dict.fromkeys(card.place for card in cards.found.values()))
    due = [
        {"learner_id": asked.learner, "objective_id": objective, "due_on": day, "cards": n}
        for (objective, day), n in cards.due.items()
    ]
    return Collection(
        log,
        pa.Table.from_pylist([vars(place) for place in places], PLACES),
        pa.Table.from_pylist(cards.stored, CARDS),
        memory,
        pa.Table.from_pylist(due, DUE),
        left_out,
        cards.notes,
    )


def as_log(path: Path, folder: Path, zone: ZoneInfo) -> Path:
    """A collection as an interaction log, with objectives and courses by their names, for figures alone.

    Args:
        path: The collection.
        folder: Where to write.
        zone: Where study days end.

    Raises:
        AnkiError: As `read_collection`.
    """
    return read_collection(path, folder, Asked(LEARNER, zone, datetime.now(UTC), by_name=True)).log


def _answers(
    connection: sqlite3.Connection, path: Path, asked: Asked, cards: Cards, left_out: Counter[str]
) -> tuple[int, pa.Table]:
    """Write the answers as an interaction log; how many there are, and what FSRS noted after each (MEMORY)."""
    written, memory = 0, [MEMORY.empty_table()]
    old_buttons = collection_values(connection).get("schedVer", 1) == 1
    until = int(asked.now.timestamp() * 1000)
    with pq.ParquetWriter(path, LOG) as writer:
        for rows in _revlog(connection):
            kept = []
            for row in rows:
                card = cards.found.get(row[1])
                if (why := _why_not(row, card, until)) is not None:
                    left_out[why] += 1
                elif card is not None:
                    kept.append((row, card))
            logged = [_answer(row, card, asked, old_buttons=old_buttons) for row, card in kept]
            writer.write_table(pa.Table.from_pylist(logged, LOG))
            states = [state for row, card in kept if (state := _state_after(row, card)) is not None]
            memory.append(pa.Table.from_pylist(states, MEMORY))
            written += len(kept)
    return written, pa.concat_tables(memory)


def _revlog(connection: sqlite3.Connection) -> Iterator[Sequence[tuple[Any, ...]]]:
    cursor = connection.execute("SELECT id, cid, ease, factor, time, type FROM revlog ORDER BY id")
    while rows := cursor.fetchmany(_AT_ONCE):
        yield rows


def _why_not(row: tuple[Any, ...], card: Card | None, until: int) -> str | None:
    """Why a row of revlog is no answer that can be used; None where it is one."""
    at, _, ease, factor, _, kind = row
    if kind in (_MANUAL, _RESCHEDULED) or ease == 0:
        return "cards that were set to another day, forgotten or rescheduled by hand, which are no answers"
    if kind == _FILTERED and factor == 0:
        return "answers in filtered decks that do not reschedule, which are previews"
    if not 1 <= ease <= len(RATINGS):
        return f"answers by a button that is none of 1-{len(RATINGS)}"
    if card is None:
        return "answers to cards that are gone, of which nobody knows what they were about"
    if not _EARLIEST_MS <= at <= until:
        return "answers stamped before 1990 or after now"
    return None


def _answer(row: tuple[Any, ...], card: Card, asked: Asked, *, old_buttons: bool) -> dict[str, Any]:
    at, _, ease, _, time, kind = row
    if old_buttons and kind in (_LEARN, _RELEARN) and ease > 1:
        ease = min(ease + 1, len(RATINGS))  # A card that was learned had three buttons, without "hard".
    place = card.place
    return {
        "learner_id": asked.learner,
        "objective_id": place.path if asked.by_name else place.objective_id,
        "course_id": place.course if asked.by_name else place.course_id,
        "occurred_at": at,
        "kind": "review",
        "rating": RATINGS[ease - 1],
        "duration_ms": max(time, 0),
        "card_id": card.item,
    }


def _state_after(row: tuple[Any, ...], card: Card) -> dict[str, Any] | None:
    """What FSRS noted after an answer: its difficulty, of a card's last answer its stability; None where nothing."""
    at, factor = row[0], row[3]
    difficulty = (factor / 1000 - 0.1) * 9 + 1 if factor in _FSRS_FACTORS else 0.0
    is_last = at == card.last_answer
    if is_last and card.stability:
        difficulty = card.difficulty
    elif not difficulty:
        return None
    stability = card.stability if is_last else 0.0
    return {"item_id": card.item, "occurred_at": naive_ms(at), "difficulty": difficulty, "stability": stability}
