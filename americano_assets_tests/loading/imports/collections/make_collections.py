"""Makes the collections in this folder with Anki's own library, so that they are what Anki writes.

Run it where that library is, in an environment of its own. It is under the AGPL and no dependency of this project:
nothing here imports it but this script, which nothing runs but whoever makes the files anew.

    python -m venv /tmp/anki && /tmp/anki/bin/pip install anki==26.9.3
    /tmp/anki/bin/python americano_assets_tests/loading/imports/collections/make_collections.py

The texts of their notes are made up. What is in them is told in `test_anki.py`, counted by hand.
"""

import json
import tempfile
from pathlib import Path

from anki.collection import Collection, ExportAnkiPackageOptions  # type: ignore[import-not-found]
from anki.decks import DeckId  # type: ignore[import-not-found]

HERE = Path(__file__).resolve().parent
DAY = 86_400
# 4:00 UTC on 2025-09-01: the day from which due days are counted.
CREATED = 1_756_699_200
# Days after it on which each card was answered, at noon, and the button.
ANSWERS = ((0, 3), (1, 1), (3, 3), (7, 2), (14, 3), (28, 4))
# Deck, how many of its cards were answered, their tags.
DECKS: tuple[tuple[str, int, list[str]], ...] = (
    ("Anatomy", 1, []),
    ("Anatomy::Heart", 4, ["#exam::Cardiology::Heart"]),
    ("Anatomy::Heart::Valves", 3, ["#exam::Cardiology::Valves", "#exam::Cardiology::Heart"]),
    ("Physiology::Kidney", 3, ["#exam::Nephrology", "term1"]),
)
LEARN, REVIEW, RELEARN, FILTERED, MANUAL, RESCHEDULED = range(6)


def answers(collection: Collection, card: int, place: int) -> None:
    """Six answers of one card; its minute tells it from others."""
    for number, (day, button) in enumerate(ANSWERS):
        log(collection, day, 12 * 60 + place, card, button, LEARN if number == 0 else REVIEW)


def log(collection: Collection, day: float, minute: int, card: int, button: int, kind: int, factor: int = 2500) -> None:
    """One row of revlog."""
    at = int((CREATED - 4 * 3600 + day * DAY + minute * 60) * 1000)
    collection.db.execute("INSERT INTO revlog VALUES (?, ?, -1, ?, 7, 1, ?, 8000, ?)", at, card, button, factor, kind)


def filled(folder: Path) -> Collection:
    """The collection."""
    collection = Collection(str(folder / "collection.anki2"))
    basic = collection.models.by_name("Basic")
    cards: list[int] = []
    for deck, count, tags in DECKS:
        at = collection.decks.id(deck)
        cards += [added(collection, basic, at, tags) for _ in range(count)]
    for _ in range(2):
        added(collection, basic, collection.decks.id("Unused"), [])
    db = collection.db
    db.execute("UPDATE col SET crt = ?", CREATED)
    for place, card in enumerate(cards):
        answers(collection, card, place)
        # Due on days 30 to 40 after the collection was made: 1 to 11 October.
        db.execute(
            "UPDATE cards SET type = 2, queue = 2, due = ?, ivl = 14, factor = 2500, reps = 6, lapses = 1 WHERE id = ?",
            30 + place,
            card,
        )
    # Suspended, with a past.
    db.execute("UPDATE cards SET queue = -1 WHERE id = ?", cards[1])
    # Learned again, due at an instant: 18:00 on 30 September.
    db.execute("UPDATE cards SET type = 3, queue = 1, due = ? WHERE id = ?", CREATED + 29 * DAY + 14 * 3600, cards[2])
    # FSRS's memory of one card, and difficulty in the row of its fourth answer: 0.6 of 0.1 to 1.1, 5.5 of 1 to 10.
    state = json.dumps({"pos": 3, "s": 12.5, "d": 6.25, "dr": 0.9})
    db.execute("UPDATE cards SET data = ? WHERE id = ?", state, cards[5])
    db.execute(
        "UPDATE revlog SET factor = 600 WHERE cid = ? AND id IN"
        " (SELECT id FROM revlog WHERE cid = ? ORDER BY id LIMIT 1 OFFSET 3)",
        cards[5],
        cards[5],
    )
    # In a filtered deck: its own deck and due day stand beside.
    cram = collection.decks.new_filtered("Cram")
    db.execute("UPDATE cards SET odid = did, odue = due, did = ?, due = -100000 WHERE id = ?", cram, cards[8])
    for place, button in enumerate((3, 1, 3)):  # Early, in a deck that reschedules.
        log(collection, 20, 900 + place, cards[8], button, FILTERED, 2300)
    for place, button in enumerate((3, 1)):  # A preview.
        log(collection, 21, 900 + place, cards[8], button, FILTERED, 0)
    log(collection, 22, 900, cards[0], 0, MANUAL)
    log(collection, 22, 901, cards[3], 0, MANUAL, 0)
    log(collection, 22, 902, cards[3], 0, RESCHEDULED)
    log(collection, 23, 900, 12_345, 3, REVIEW)  # Of a card that is gone.
    return collection


def with_a_wrong_clock(collection: Collection) -> Collection:
    """The collection with an answer of 2050, with which Anki exports nothing."""
    log(collection, 9_000, 900, collection.db.scalar("SELECT min(cid) FROM revlog WHERE cid > 12345"), 3, REVIEW)
    return collection


def added(collection: Collection, notetype: object, deck: DeckId, tags: list[str]) -> int:
    """A card in a deck."""
    note = collection.new_note(notetype)
    note["Front"], note["Back"] = "Secret of a note", "never read"
    note.tags = tags
    collection.add_note(note, deck)
    return int(note.card_ids()[0])


def main() -> None:
    """Write every kind of file that Anki has."""
    with tempfile.TemporaryDirectory() as folder:
        collection = filled(Path(folder))
        options = ExportAnkiPackageOptions(with_scheduling=True, with_deck_configs=True, with_media=False, legacy=False)
        old = ExportAnkiPackageOptions(with_scheduling=True, with_deck_configs=True, with_media=False, legacy=True)
        bare = ExportAnkiPackageOptions(with_scheduling=False, with_deck_configs=True, with_media=False, legacy=False)
        collection.export_anki_package(out_path=str(HERE / "package.apkg"), options=options, limit=None)
        collection.export_anki_package(out_path=str(HERE / "old_package.apkg"), options=old, limit=None)
        collection.export_anki_package(out_path=str(HERE / "without_scheduling.apkg"), options=bare, limit=None)
        collection.export_collection_package(str(HERE / "collection.colpkg"), include_media=False, legacy=False)
        collection.reopen()
        collection.export_collection_package(str(HERE / "old_collection.colpkg"), include_media=False, legacy=True)
        collection.reopen()
        with_a_wrong_clock(collection).close()
        (HERE / "collection.anki2").write_bytes((Path(folder) / "collection.anki2").read_bytes())
    with tempfile.TemporaryDirectory() as folder:
        with_a_wrong_clock(filled(Path(folder))).close(downgrade=True)
        (HERE / "schema11.anki2").write_bytes((Path(folder) / "collection.anki2").read_bytes())
    with tempfile.TemporaryDirectory() as folder:
        Collection(str(Path(folder) / "collection.anki2")).close()
        (HERE / "empty.anki2").write_bytes((Path(folder) / "collection.anki2").read_bytes())


if __name__ == "__main__":
    main()
