"""Collections as Anki writes them, of every kind: what is read of them, what is left out and why, and what is refused.

What is expected is counted by hand from `collections/make_collections.py`.
"""

import shutil
import sqlite3
import subprocess
import sys
import zipfile
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from americano_assets.loading.imports.anki import files
from americano_assets.loading.imports.anki.cards import Asked
from americano_assets.loading.imports.anki.collection import Collection, as_log, read_collection
from americano_assets.loading.imports.anki.files import AnkiError

COLLECTIONS = Path(__file__).with_name("collections")
# Of 11 cards six answers each, and three more in a filtered deck that reschedules.
ANSWERS = 11 * 6 + 3
_NOW = datetime(2025, 9, 30, 20, tzinfo=UTC)
_BY_HAND, _PREVIEWS = "rescheduled by hand", "which are previews"
_GONE, _NEVER, _CLOCK = "cards that are gone", "never answered", "stamped before 1990 or after now"
# Anki takes neither answers of deleted cards nor those of the future into a package.
_LEFT_OUT = {
    "package.apkg": {_BY_HAND: 3, _PREVIEWS: 2, _NEVER: 2},
    "old_package.apkg": {_BY_HAND: 3, _PREVIEWS: 2, _NEVER: 2},
    "collection.colpkg": {_BY_HAND: 3, _PREVIEWS: 2, _NEVER: 2, _GONE: 1},
    "old_collection.colpkg": {_BY_HAND: 3, _PREVIEWS: 2, _NEVER: 2, _GONE: 1},
    "collection.anki2": {_BY_HAND: 3, _PREVIEWS: 2, _NEVER: 2, _GONE: 1, _CLOCK: 1},
    "schema11.anki2": {_BY_HAND: 3, _PREVIEWS: 2, _NEVER: 2, _GONE: 1, _CLOCK: 1},
}


def read(path: Path, folder: Path, *, tags: str | None = None, now: datetime = _NOW, zone: str = "UTC") -> Collection:
    return read_collection(path, folder, Asked("me", ZoneInfo(zone), now, tags))


def log_of(collection: Collection) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = pq.read_table(collection.log).to_pylist()
    return rows


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A collection of the newest layout that a test may spoil."""
    return Path(shutil.copy(COLLECTIONS / "collection.anki2", tmp_path / "own.anki2"))


def changed(path: Path, *statements: str) -> Path:
    """The collection after some SQL."""
    with sqlite3.connect(path) as connection:
        connection.create_collation("unicase", lambda a, b: (a > b) - (a < b))
        for statement in statements:
            connection.execute(statement)
    connection.close()
    return path


@pytest.mark.parametrize("name", _LEFT_OUT)
def test_every_kind_of_file_gives_the_same_answers_decks_and_due_days(name: str, tmp_path: Path) -> None:
    found = read(COLLECTIONS / name, tmp_path)
    rows = log_of(found)
    assert len(rows) == ANSWERS
    assert {row["kind"] for row in rows} == {"review"}
    # Buttons of six answers: good, again, good, hard, good, easy; in the filtered deck good, again, good.
    ratings = [row["rating"] for row in rows]
    assert {one: ratings.count(one) for one in ratings} == {"GOOD": 35, "AGAIN": 12, "HARD": 11, "EASY": 11}
    assert {row["duration_ms"] for row in rows} == {8000}
    assert min(str(row["occurred_at"]) for row in rows) == "2025-09-01 12:00:00+00:00"
    assert max(str(row["occurred_at"]) for row in rows) == "2025-09-29 12:10:00+00:00"
    places = {
        place["objective_id"]: (place["course"], place["lecture"], place["objective"])
        for place in found.places.to_pylist()
    }
    assert sorted(places.values()) == [
        ("Anatomy", "Anatomy", "Anatomy"),
        ("Anatomy", "Anatomy", "Heart"),
        ("Anatomy", "Heart", "Valves"),
        ("Physiology", "Physiology", "Kidney"),
    ]
    answers = {name: sum(places[row["objective_id"]][2] == name for row in rows) for name in ("Heart", "Kidney")}
    assert answers == {"Heart": 24, "Kidney": 21}, "a card in a filtered deck counts to its own"
    # Eleven cards are due on 1 to 11 October; the second is suspended, and the third is learned again on 30 September.
    # A week reaches to the 6th.
    due = {(places[row["objective_id"]][2], row["due_on"]): row["cards"] for row in found.due.to_pylist()}
    assert due == {
        ("Anatomy", date(2025, 10, 1)): 1,
        ("Heart", date(2025, 9, 30)): 1,
        **{("Heart", date(2025, 10, day)): 1 for day in (4, 5)},
        ("Valves", date(2025, 10, 6)): 1,
    }
    told = {
        short: n
        for why, n in found.left_out.items()
        for short in _LEFT_OUT[name]
        if why.endswith(short) or short in why
    }
    assert told == _LEFT_OUT[name]
    assert len(found.left_out) == len(told)


def test_what_fsrs_noted_stands_with_its_answers_and_nowhere_else(tmp_path: Path) -> None:
    found = read(COLLECTIONS / "collection.colpkg", tmp_path)
    assert [(str(row["occurred_at"]), row["difficulty"], row["stability"]) for row in found.memory.to_pylist()] == [
        ("2025-09-08 12:05:00", 5.5, 0.0),
        ("2025-09-29 12:05:00", 6.25, 12.5),
    ]
    assert sorted(row["stability"] for row in found.cards.to_pylist()) == [*[0.0] * 10, 12.5]


def test_tags_below_one_are_objectives_and_cards_without_stay_with_their_decks(tmp_path: Path) -> None:
    found = read(COLLECTIONS / "collection.colpkg", tmp_path, tags="#Exam")
    assert sorted((place["course"], place["lecture"], place["objective"]) for place in found.places.to_pylist()) == [
        ("Anatomy", "Anatomy", "Anatomy"),
        ("Cardiology", "Cardiology", "Heart"),
        ("Nephrology", "Nephrology", "Nephrology"),
    ]
    assert found.notes == [
        "3 notes have several such tags: each counts to the first of them by name.",
        "1 cards have no such tag, and count to their decks.",
    ]
    other = read_collection(
        COLLECTIONS / "old_collection.colpkg", tmp_path, Asked("ben", ZoneInfo("UTC"), _NOW, tags="#exam")
    )
    shared = {p["objective_id"] for p in found.places.to_pylist()} & {
        p["objective_id"] for p in other.places.to_pylist()
    }
    assert len(shared) == 2, "two learners share the objectives of their tags, and no deck"


def test_no_text_of_a_note_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened, denied = files._connection, []

    def guarded(copy: Path) -> sqlite3.Connection:
        connection = opened(copy)

        def may(action: int, table: str | None, column: str | None, *_: object) -> int:
            if action == sqlite3.SQLITE_READ and table == "notes" and column in ("flds", "sfld"):
                denied.append(column)
                return sqlite3.SQLITE_DENY
            return sqlite3.SQLITE_OK

        connection.set_authorizer(may)
        return connection

    monkeypatch.setattr(files, "_connection", guarded)
    found = read(COLLECTIONS / "collection.anki2", tmp_path, tags="")
    assert len(log_of(found)) == ANSWERS
    assert denied == []


def test_a_moved_and_renamed_deck_stays_the_same_objective(own: Path, tmp_path: Path) -> None:
    before = {p["objective"]: p["objective_id"] for p in read(own, tmp_path).places.to_pylist()}
    changed(own, "UPDATE decks SET name = replace(name, 'Physiology', 'Old' || char(31) || 'Physiology')")
    after = read(own, tmp_path).places.to_pylist()
    kidney = next(p for p in after if p["objective_id"] == before["Kidney"])
    assert (kidney["course"], kidney["lecture"], kidney["objective"]) == ("Old", "Physiology", "Kidney")


def test_what_is_overdue_is_due_now_and_an_old_collection_has_a_now_of_its_own(tmp_path: Path) -> None:
    # By 5 October, before 23:00, those of 30 September to 5 October are due on that day.
    later = read(COLLECTIONS / "collection.colpkg", tmp_path, now=datetime(2025, 10, 5, 20, tzinfo=UTC))
    assert min(later.due["due_on"].to_pylist()) == date(2025, 10, 5)
    assert sum(row["cards"] for row in later.due.to_pylist() if row["due_on"] == date(2025, 10, 5)) == 4
    # At 23:00 the study day closes, and the next one begins.
    later = read(COLLECTIONS / "collection.colpkg", tmp_path, now=datetime(2025, 10, 5, 23, 30, tzinfo=UTC))
    assert min(later.due["due_on"].to_pylist()) == date(2025, 10, 6)
    # A year later nobody studies any more: its night is that of its last answers, on the 29th before 23:00.
    old = read(COLLECTIONS / "collection.colpkg", tmp_path, now=datetime(2026, 11, 1, tzinfo=UTC))
    assert min(old.due["due_on"].to_pylist()) == date(2025, 9, 30)


def test_an_old_scheduler_had_three_buttons_for_cards_that_are_learned(tmp_path: Path) -> None:
    own = Path(shutil.copy(COLLECTIONS / "schema11.anki2", tmp_path / "own.anki2"))
    changed(own, "UPDATE col SET conf = replace(conf, '\"schedVer\":2', '\"schedVer\":1')")
    ratings = [row["rating"] for row in log_of(read(own, tmp_path))]
    # The first answer of each of 11 cards was the third of three buttons.
    assert {one: ratings.count(one) for one in ratings} == {"GOOD": 24, "AGAIN": 12, "HARD": 11, "EASY": 22}


def test_figures_alone_have_names(tmp_path: Path) -> None:
    rows = pq.read_table(as_log(COLLECTIONS / "collection.colpkg", tmp_path, ZoneInfo("UTC"))).to_pylist()
    assert {(row["course_id"], row["objective_id"]) for row in rows} == {
        ("Anatomy", "Anatomy"),
        ("Anatomy", "Anatomy::Heart"),
        ("Anatomy", "Anatomy::Heart::Valves"),
        ("Physiology", "Physiology::Kidney"),
    }


def test_what_is_no_collection_says_what_it_is(own: Path, tmp_path: Path) -> None:
    text = tmp_path / "text.apkg"
    text.write_text("learner_id,objective_id\n")
    with pytest.raises(AnkiError, match=r"text.apkg cannot be unpacked \(File is not a zip file\): it is no package"):
        read(text, tmp_path)
    text = text.rename(tmp_path / "text.anki2")
    with pytest.raises(AnkiError, match="holds no collection of Anki's: it is no SQLite database"):
        read(text, tmp_path)
    with pytest.raises(AnkiError, match=r"nowhere.colpkg does not exist"):
        read(tmp_path / "nowhere.colpkg", tmp_path)
    with sqlite3.connect(tmp_path / "other.anki2") as connection:
        connection.execute("CREATE TABLE notes (id integer)")
    connection.close()
    with pytest.raises(AnkiError, match="it has no table col and no cards and no revlog"):
        read(tmp_path / "other.anki2", tmp_path)
    with zipfile.ZipFile(tmp_path / "photos.apkg", "w") as package:
        package.writestr("photo.jpg", b"x")
    with pytest.raises(AnkiError, match=r"holds no collection \(collection.anki21b, collection.anki21"):
        read(tmp_path / "photos.apkg", tmp_path)
    with pytest.raises(AnkiError, match=r"holds no answer: nothing can be told"):
        read(COLLECTIONS / "empty.anki2", tmp_path)
    with pytest.raises(AnkiError, match=r"no answer \(13 cards that were never answered\).*scheduling information"):
        read(COLLECTIONS / "without_scheduling.apkg", tmp_path)
    assert not (tmp_path / "collection.sqlite").exists(), "a copy of somebody's collection stays nowhere"


def test_a_damaged_file_is_told_as_one(own: Path, tmp_path: Path) -> None:
    whole = (COLLECTIONS / "collection.colpkg").read_bytes()
    (tmp_path / "half.colpkg").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(AnkiError, match=r"half.colpkg cannot be unpacked .*damaged. Export it again"):
        read(tmp_path / "half.colpkg", tmp_path)
    with zipfile.ZipFile(tmp_path / "bent.colpkg", "w") as package:
        package.writestr("collection.anki21b", b"\x28\xb5\x2f\xfd not what it says")
    with pytest.raises(AnkiError, match=r"bent.colpkg cannot be unpacked"):
        read(tmp_path / "bent.colpkg", tmp_path)
    content = bytearray(own.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    own.write_bytes(content)
    with pytest.raises(AnkiError, match=r"own.anki2 cannot be read \(.*\): it is damaged.*Check Database"):
        read(own, tmp_path)


def test_a_package_is_unpacked_no_further_than_a_collection_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "_ALWAYS", 1 << 20)
    many = pa.compress(b"\0" * (64 << 20), "zstd", asbytes=True)
    for name, content in (("collection.anki21b", many), ("collection.anki21", b"\0" * (64 << 20))):
        with zipfile.ZipFile(tmp_path / "bomb.apkg", "w", zipfile.ZIP_DEFLATED) as package:
            package.writestr(name, content)
        with pytest.raises(AnkiError, match=r"was given up: unpacked it is larger than \d+ MB"):
            read(tmp_path / "bomb.apkg", tmp_path)
        assert list(tmp_path.glob("*.sqlite")) == []


def test_the_newest_of_a_package_counts_and_a_stub_alone_is_only_that(tmp_path: Path) -> None:
    """The stub that Anki puts beside a newer collection holds one card, of which nobody answered anything."""
    stub = tmp_path / "stub.apkg"
    with zipfile.ZipFile(COLLECTIONS / "collection.colpkg") as whole, zipfile.ZipFile(stub, "w") as package:
        package.writestr("collection.anki2", whole.read("collection.anki2"))
    with pytest.raises(AnkiError, match="holds no answer"):
        read(stub, tmp_path)


@pytest.mark.parametrize("journal", ["wal", "delete"])
def test_a_collection_that_anki_has_open_is_left_alone(own: Path, tmp_path: Path, journal: str) -> None:
    """As Anki opens it, and as it stands while somebody writes; in another process, or the system lets both pass."""
    code = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None);"
        " c.execute('PRAGMA locking_mode = exclusive'); c.execute(f'PRAGMA journal_mode = {sys.argv[2]}');"
        " c.execute('UPDATE cards SET reps = reps + 1'); print(flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(own), journal]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(AnkiError, match=r"Anki has own.anki2 open, and may not have written everything"):
            read(own, tmp_path)
        holder.communicate()
    assert len(log_of(read(own, tmp_path))) == ANSWERS
