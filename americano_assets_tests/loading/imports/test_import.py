"""Logs and collections in the app's tables: each interaction once, however often it is loaded; nobody else's rows."""

import shutil
from datetime import date, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from americano_assets.errors import AmericanoError
from americano_assets.evaluation.log_file import LogError
from americano_assets.loading.imports.app_rows import OWNER
from americano_assets.loading.imports.flow import Imported, Request, import_files
from americano_assets.loading.imports.homes import require_allowed
from americano_assets.settings import Settings
from americano_assets.stages.s1_snapshots.state_snapshots import snapshots
from americano_assets_tests.loading.imports.test_anki import ANSWERS, COLLECTIONS, changed
from americano_assets_tests.world import World

_HEAD = "learner_id,objective_id,course_id,occurred_at,score,kind,rating,card_id,session_id,duration_ms"
_ROWS = (
    "ann,heart,anatomy,2025-01-06T10:00:00Z,0.5,,,q1,s1,",
    "ann,heart,anatomy,2025-01-06T10:05:00Z,,review,GOOD,c1,s1,4000",
    "ann,lung,anatomy,2025-01-07T09:00:00Z,,review,1,c1,,5000",
    "bob,kidney,physiology,1736330400,1,,,,,",
)
_TABLES = (
    *("users", "courses", "lectures", "learning_objectives", "cards", "reviews"),
    *("validation_prompts", "validation_responses", "study_sessions", "missions"),
)


def write(path: Path, *rows: str, head: str = _HEAD) -> Path:
    path.write_text("\n".join((head, *rows, "")))
    return path


def load(settings: Settings, *files: Path, **options: Any) -> Imported:
    return import_files(settings, Request(files, into_this_database=True, **options), lambda *_: None)


def counts(url: str) -> dict[str, int]:
    with psycopg.connect(url) as connection:
        found = {}
        for table in _TABLES:
            row = connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()
            found[table] = row[0] if row else 0
    return found


def rows_of(url: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(query.encode()).fetchall()


def written(imported: Imported) -> list[tuple[int, int, int]]:
    return [(one.written.rows, one.written.new, one.written.changed) for one in imported.files]


def test_a_log_is_in_the_apps_tables_once_however_often_it_is_loaded(
    settings: Settings, database: str, tmp_path: Path
) -> None:
    log = write(tmp_path / "log.csv", *_ROWS)
    first = load(settings, log)
    assert written(first) == [(4, 4, 0)]
    assert (first.files[0].first, first.files[0].last) == (date(2025, 1, 5), date(2025, 1, 7))
    there = counts(database)
    assert there == {
        "users": 3,
        "courses": 2,
        "lectures": 2,
        "learning_objectives": 3,
        # An item of reviews has its name for one objective alone; one objective has none, and gets a card to be due.
        "cards": 3,
        "reviews": 2,
        "validation_prompts": 2,
        "validation_responses": 2,
        "study_sessions": 1,
        "missions": 0,
    }
    assert rows_of(
        database,
        'SELECT r."userId", c."objectiveId", c."courseId", r."reviewedAt"::text, r.rating::text, r."timeSpentMs"'
        ' FROM reviews r JOIN cards c ON c.id = r."cardId" ORDER BY 4',
    ) == [
        ("ann", "heart", "anatomy", "2025-01-06 10:05:00", "GOOD", 4000),
        ("ann", "lung", "anatomy", "2025-01-07 09:00:00", "AGAIN", 5000),
    ]
    assert rows_of(
        database,
        'SELECT v."userId", p."objectiveId", v."respondedAt"::text, v.score, v."sessionId" IS NOT NULL'
        ' FROM validation_responses v JOIN validation_prompts p ON p.id = v."promptId" ORDER BY 3',
    ) == [("ann", "heart", "2025-01-06 10:00:00", 0.5, True), ("bob", "kidney", "2025-01-08 10:00:00", 1.0, False)]
    assert rows_of(database, 'SELECT "durationMs" FROM study_sessions') == [(300_000,)]

    assert written(load(settings, log)) == [(4, 0, 0)]
    assert counts(database) == there

    # Later: one score was corrected, one row is new, one is told by another file that has more columns.
    longer = write(
        tmp_path / "longer.csv",
        _ROWS[0].replace("0.5", "0.75"),
        *_ROWS[1:],
        "bob,kidney,physiology,2025-02-03T10:00:00Z,0,,,,,",
    )
    later = load(settings, longer, log)
    assert written(later) == [(5, 1, 1), (4, 0, 1)]
    assert rows_of(database, "SELECT score FROM validation_responses ORDER BY id") != []
    assert counts(database) == there | {"validation_responses": 3}


def test_a_log_with_a_bad_row_or_none_left_loads_nothing_and_says_what_evaluate_says(
    settings: Settings, database: str, tmp_path: Path
) -> None:
    good = write(tmp_path / "good.csv", *_ROWS)
    bad = write(tmp_path / "bad.csv", *_ROWS, "ann,heart,anatomy,yesterday,1.5,,,,,", ",lung,anatomy,2025-01-06,1,,,,,")
    with pytest.raises(LogError, match=r"bad.csv: learner_id: 1 of 6 rows break «not empty» \(first in row 6") as told:
        load(settings, good, bad)
    assert "occurred_at: 1 of 6 rows break «ISO 8601" in str(told.value)
    assert "score: 1 of 6 rows break «0 to 1, true or false, or a percentage»" in str(told.value)
    with pytest.raises(
        LogError, match=r"short.csv, read as .* has no column learner_id and no objective_id.*--map learner_id=NAME"
    ):
        load(settings, write(tmp_path / "short.csv", "ann,1", head="who,score"))
    with pytest.raises(LogError, match=r"none.csv has no rows"):
        load(settings, write(tmp_path / "none.csv"))
    assert set(counts(database).values()) == {0}, "not even of the file before"


def test_other_names_epochs_and_zones_are_read_as_evaluate_reads_them(
    settings: Settings, database: str, tmp_path: Path
) -> None:
    log = write(tmp_path / "log.tsv", "ann\theart\t2025-01-06 10:00\t55%", head="user\tskill\twhen\tmark")
    names = {"learner_id": "user", "objective_id": "skill", "occurred_at": "when", "score": "mark"}
    given = {"horizon_days": None, "struggle_below": None, "timezone": "Europe/Berlin"}
    told = load(settings, log, names=names, given=given).files[0].told
    assert rows_of(database, 'SELECT "respondedAt"::text, score FROM validation_responses') == [
        ("2025-01-06 09:00:00", 0.55)
    ]
    assert any("times that name no zone are read in Europe/Berlin" in sentence for sentence in told)
    assert "The log names no courses: all objectives count as one course." in told


def test_plans_are_missions_and_what_nobody_knows_is_left_out_and_told(
    settings: Settings, database: str, tmp_path: Path
) -> None:
    log = write(tmp_path / "log.csv", *_ROWS)
    plans = write(
        tmp_path / "plans.csv",
        "ann,heart,2025-01-06",  # Answered on that day.
        "ann,heart,2025-01-06",
        "bob,kidney,2025-01-01",  # Answered on the eighth day: given up on the eighth, too late.
        "ann,lung,2025-03-01",
        "ann,spleen,2025-03-01",
        "eve,heart,2025-03-01",
        head="learner_id,objective_id,due_on",
    )
    done = load(settings, log, plans=plans).files[1]
    assert (done.written.rows, done.written.new) == (3, 3)
    assert done.left_out == {
        "plans for learners that no imported log names (eve)": 1,
        "plans for objectives that no imported log names (spleen)": 1,
    }
    missions = (
        'SELECT "userId", objectives->0->>\'id\', date::text, status::text, "completedAt"::text'
        " FROM missions ORDER BY date, 1"
    )
    expected = [
        ("bob", "kidney", "2025-01-01 00:00:00", "SKIPPED", "2025-01-08 00:00:00"),
        ("ann", "heart", "2025-01-06 00:00:00", "COMPLETED", "2025-01-06 10:00:00"),
        ("ann", "lung", "2025-03-01 00:00:00", "PENDING", None),
    ]
    assert rows_of(database, missions) == expected
    assert load(settings, log, plans=plans).files[1].written.new == 0
    assert rows_of(database, missions) == expected
    # A log that goes on closes what was open, also where the plans are not given again.
    more = write(tmp_path / "more.csv", "ann,lung,anatomy,2025-03-02T10:00:00Z,1,,,,,")
    load(settings, more)
    assert rows_of(database, missions)[-1][3:] == ("COMPLETED", "2025-03-02 10:00:00")
    with pytest.raises(
        LogError,
        match=r"plans.csv, read as .* has no column due_on; it has learner_id, objective_id. Needed are learner_id",
    ):
        load(settings, log, plans=write(plans, "ann,heart", head="learner_id,objective_id"))
    with pytest.raises(LogError, match=r"plans.csv: due_on: 1 of 1 rows break «a date"):
        load(settings, log, plans=write(plans, "ann,heart,soon", head="learner_id,objective_id,due_on"))
    with pytest.raises(LogError, match=r"no plan is left: 1 plans for objectives that no imported log names \(x\)"):
        load(settings, log, plans=write(plans, "ann,x,2025-03-01", head="learner_id,objective_id,due_on"))


def test_a_collection_loaded_again_and_longer_doubles_nothing_and_follows_its_cards(
    settings: Settings, database: str, tmp_path: Path
) -> None:
    own = Path(shutil.copy(COLLECTIONS / "collection.anki2", tmp_path / "own.anki2"))
    first = load(settings, own)
    assert written(first) == [(ANSWERS, ANSWERS, 0)]
    there = counts(database)
    # Anki's due days count from its last answer, long ago: five within a week, from 30 September to 6 October.
    assert there == {
        "users": 2,
        "courses": 2,
        "lectures": 3,
        "learning_objectives": 4,
        "cards": 11,
        "reviews": ANSWERS,
        "validation_prompts": 0,
        "validation_responses": 0,
        "study_sessions": 0,
        "missions": 5,
    }
    state = 'SELECT "difficultyAfter", "stabilityAfter" FROM reviews WHERE "difficultyAfter" > 0 ORDER BY "reviewedAt"'
    assert rows_of(database, state) == [(5.5, 0.0), (6.25, 12.5)]
    assert rows_of(database, "SELECT difficulty, stability FROM cards WHERE stability > 0") == [(6.25, 12.5)]
    assert rows_of(database, "SELECT count(*) FROM cards WHERE front || back <> ''") == [(0,)]
    # The same collection, as a package and as it was.
    assert written(load(settings, COLLECTIONS / "collection.colpkg", own)) == [(ANSWERS, 0, 0), (ANSWERS, 0, 0)]
    assert counts(database) == there

    # A day later: a card was answered and is due later, another was moved to another deck.
    kidney = "(SELECT id FROM decks WHERE name LIKE '%Kidney')"
    changed(
        own,
        # 29 September 2025, 18:00.
        "INSERT INTO revlog SELECT 1759168800000, cid, -1, 3, 20, 7, 2500, 8000, 1 FROM revlog"
        f" WHERE cid IN (SELECT id FROM cards WHERE did = {kidney}) LIMIT 1",
        "UPDATE cards SET due = due + 5 WHERE id = (SELECT cid FROM revlog WHERE id = 1759168800000)",
        f"UPDATE cards SET did = {kidney} WHERE did = (SELECT id FROM decks WHERE name = 'Anatomy')",
        # The valves' first card was answered early, on the same day.
        "INSERT INTO revlog SELECT 1759168900000, id, -1, 3, 20, 7, 2500, 8000, 1 FROM cards WHERE due = 35",
        "UPDATE cards SET due = 50 WHERE due = 35",
    )
    later = load(settings, own)
    assert written(later) == [(ANSWERS + 2, 2, 0)]
    assert counts(database)["cards"] == 11
    assert rows_of(database, state) == [(5.5, 0.0), (6.25, 12.5), (6.25, 12.5)], "what was known of an answer stays"
    by_objective = rows_of(
        database,
        'SELECT o.objective, count(*) FROM reviews r JOIN cards c ON c.id = r."cardId"'
        ' JOIN learning_objectives o ON o.id = c."objectiveId" GROUP BY 1 ORDER BY 1',
    )
    assert by_objective == [("Heart", 24), ("Kidney", 28), ("Valves", 19)]
    states = rows_of(
        database,
        "SELECT o.objective, m.date::date::text, m.status::text FROM missions m JOIN learning_objectives o"
        " ON o.id = m.objectives->0->>'id' WHERE o.objective <> 'Heart' ORDER BY 1, 2",
    )
    assert states == [
        ("Anatomy", "2025-10-01", "SKIPPED"),  # Its card is another objective's now.
        ("Kidney", "2025-10-01", "PENDING"),
        ("Valves", "2025-10-06", "COMPLETED"),
    ]


def test_two_learners_collections_stay_apart_and_a_strangers_is_not_taken_for_the_same(
    settings: Settings, database: str, tmp_path: Path
) -> None:
    load(settings, COLLECTIONS / "collection.colpkg")
    other = COLLECTIONS / "schema11.anki2"
    with pytest.raises(AmericanoError, match=r'shares no answer with what was imported as learner "me".*--learner'):
        load(settings, other)
    assert counts(database)["reviews"] == ANSWERS
    load(settings, other, learner="ben")
    assert rows_of(database, 'SELECT "userId", count(*) FROM reviews GROUP BY 1 ORDER BY 1') == [
        ("ben", ANSWERS),
        ("me", ANSWERS),
    ]
    assert counts(database)["learning_objectives"] == 8


def test_nothing_is_imported_beside_an_apps_own_rows_nor_in_production(
    settings: Settings, database: str, tmp_path: Path
) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        World(connection).learner("somebody")
    before = counts(database)
    with pytest.raises(AmericanoError, match=r"The table users already holds rows that were not imported"):
        load(settings, write(tmp_path / "log.csv", *_ROWS))
    assert counts(database) == before
    production = settings.model_copy(update={"environment": "production"})
    with pytest.raises(AmericanoError, match=r"ENVIRONMENT=production: nothing is imported beside"):
        require_allowed(production, into_this_database=True)


def test_a_value_that_postgresql_does_not_take_undoes_all_of_it(
    settings: Settings, database: str, tmp_path: Path
) -> None:
    import pandas as pd

    path = tmp_path / "log.parquet"
    when = pd.Timestamp("2025-01-06T10:00Z")
    pd.DataFrame({"learner_id": ["a\0b"], "objective_id": ["heart"], "occurred_at": [when], "score": [1.0]}).to_parquet(
        path
    )
    with pytest.raises(AmericanoError, match=r"PostgreSQL does not take a value for users.*Nothing was loaded"):
        load(settings, path)
    assert counts(database)["users"] == 0


def test_the_owner_of_the_courses_is_nobody_who_learns(settings: Settings, database: str, tmp_path: Path) -> None:
    load(settings, write(tmp_path / "log.csv", *_ROWS))
    flags = 'SELECT id, "behavioralAnalysisEnabled", "createdAt"::text FROM users ORDER BY "createdAt", id'
    assert rows_of(database, flags) == [
        ("ann", True, "2025-01-06 10:00:00"),
        (OWNER, False, "2025-01-06 10:00:00"),
        ("bob", True, "2025-01-08 10:00:00"),
    ]
    assert rows_of(database, 'SELECT DISTINCT "userId" FROM courses') == [(OWNER,)]


def test_the_night_that_is_named_is_one_that_predicts_and_a_past_that_was_read_is_told(
    settings: Settings, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:

    from americano_assets.resources.parquet_store.store import ParquetStore, Version

    old = load(settings, write(tmp_path / "old.csv", *_ROWS))
    assert old.night == date(2025, 1, 7), "nobody has studied for long: the last night of the log"
    today = datetime.now().astimezone().isoformat(timespec="seconds")
    new = load(settings, write(tmp_path / "new.csv", f"ann,heart,anatomy,{today},1,,,,,"))
    assert (new.night, new.read_again) == (None, None)
    # What a night read long ago it takes for settled.
    read = dict.fromkeys((date(2025, 1, 6), date(2025, 1, 9)), Version("0" * 32, 1))
    monkeypatch.setattr(
        ParquetStore, "current_days", lambda self, table, days: {day: read[day] for day in days if day in read}
    )
    late = load(settings, write(tmp_path / "late.csv", "ann,lung,anatomy,2025-01-06T12:00:00Z,1,,,,,"))
    assert late.read_again == (date(2025, 1, 6), date(2025, 1, 9))
    assert load(settings, tmp_path / "late.csv").read_again is None
    assert snapshots(ParquetStore(settings.store_root)) == []
    assert old.before_start == 0
    early = write(tmp_path / "early.csv", "ann,lung,anatomy,2019-01-06T12:00:00Z,1,,,,,")
    assert load(settings, early).before_start == 1, "no night reads what was before AMERICANO_START_DAY"
