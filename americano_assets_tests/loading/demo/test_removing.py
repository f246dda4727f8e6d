"""Taking a demo out of a database that also holds an app's own learners: theirs stays, all of it."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from americano_assets import cli
from americano_assets.contract.tables import TABLES
from americano_assets.errors import AmericanoError
from americano_assets.installation import HOME_SETTINGS_FILE, PROJECT_ROOT
from americano_assets.loading.demo import removing
from americano_assets.loading.demo.cleaning import clean_home
from americano_assets.loading.demo.flow import load_cohort, load_students
from americano_assets.loading.demo.homes import require_allowed, start_over
from americano_assets.resources.home.claim_records import Identity
from americano_assets.resources.home.folder import (
    CLAIM_FILE,
    SERVER_FOLDER,
    STORE_CLAIM_FILE,
    open_home,
    write_demo_values,
)
from americano_assets.resources.postgres.connection import app_url, connect, prepare
from americano_assets.resources.postgres.embedded.server import EmbeddedServer
from americano_assets.settings import Settings, load_settings
from americano_assets_tests.folders import SHORT
from americano_assets_tests.world import LONG_AGO, World, at

_OWN = "own-learner"
_HASH = "0123456789abcdef" * 2
_ABOUT_A_LEARNER = {
    "published": "INSERT INTO ml.published VALUES ('struggle_predictions', %(row)s, %(who)s, '{}', '2026-01-01')",
    "episodes": "INSERT INTO ml.episodes (prediction_id, user_id, learning_objective_id, planned_day, refreshed_at,"
    " probability, threshold, model_version, live, window_end)"
    " VALUES (%(row)s, %(who)s, 'o', '2026-01-01', now(), 0.5, 0.5, 'm', true, now())",
    "prediction_feedback": "INSERT INTO ml.prediction_feedback"
    " VALUES (%(row)s, %(row)s, %(who)s, true, 'HELPFUL', NULL, now())",
    "api_tokens": "INSERT INTO ml.api_tokens (name, token_hash, learner_id, created_at)"
    " VALUES (%(row)s, %(row)s, %(who)s, now())",
}


@pytest.fixture
def beside(settings: Settings, database: str) -> Iterator[World]:
    """A database with a small demo, and one learner of the app's own who came later, in both of whom we wrote."""
    load_cohort(settings, learners=6, days=60, seed=2, help_logits=None, progress=lambda table, rows: None)
    with psycopg.connect(database, autocommit=True) as connection:
        world = World(connection)
        world.learner(_OWN)
        world.course("own-course", _OWN)
        world.objective("own-objective", "own-course")
        world.reviews(_OWN, "own-objective", at("2026-03-01 09:00"), "GGA")
        world.answer(_OWN, "own-objective", at("2026-03-02 09:00"), 0.4)
        world.session(_OWN, at("2026-03-02 09:00"), 30)
        world.event(_OWN, "MISSION_STARTED", at("2026-03-02 09:00"), {})
        world.mission(_OWN, at("2026-03-03 09:00"), ["own-objective"])
        world.exam(_OWN, "own-course", at("2026-04-01 09:00"))
        ((demo_learner, demo_objective),) = world.rows(
            'SELECT r."userId", c."objectiveId" FROM reviews r JOIN cards c ON c.id = r."cardId"'
            ' WHERE r."userId" <> %s LIMIT 1',
            _OWN,
        )
        for learner, objective in ((_OWN, "own-objective"), (demo_learner, demo_objective)):
            prediction = world.insert(
                "struggle_predictions",
                userId=learner,
                learningObjectiveId=objective,
                predictionDate=LONG_AGO + timedelta(days=1),
            )
            world.insert("struggle_indicators", userId=learner, predictionId=prediction, learningObjectiveId=objective)
            for statement in _ABOUT_A_LEARNER.values():
                connection.execute(statement.encode(), {"row": f"of-{learner}", "who": learner})
        connection.execute(
            "INSERT INTO ml.study_days VALUES ('2026-01-01', now(), 'nightly', true, 'm', 'h', 1, 1, now())"
        )
        connection.execute(
            "INSERT INTO ml.model_versions VALUES"
            " (%s, 'rule_based', '2026-01-01', 0.5, 7, 0.65, 'd', NULL, NULL, '{}', '{}', now())",
            [_HASH],
        )
        connection.execute("INSERT INTO ml.deployment VALUES (true, '2026-01-01', now())")
        yield world


_OURS = (
    *("data/interactions/day=2026-01-01/current.json", f"data/interactions/day=2026-01-01/{_HASH}.parquet"),
    *(f"data/elo_at/by_inputs/{_HASH}.json", "data/state_snapshots/20260101T000000.json", "data/successors.json"),
    *(f"data/quarantine/log/day=2026-01-01/reading-{_HASH}.json", f"data/datasets/{_HASH}.json", "data/.writing-1"),
    *(f"models/{_HASH}.json", f"models/{_HASH * 2}.skops", f"mlflow/{_HASH}/artifacts/one", "reports/latest.html"),
    *("dagster/dagster.yaml", "dagster/storage/run/compute_logs/one.err", "exports/events.parquet"),
    "analytics.duckdb",
)
_THEIRS = (
    *("data/raw/a.csv", "data/interactions/notes.txt", "data/raw.parquet", "models/m.bin", "reports/r.tex"),
    *("exports/mine.parquet", "dagster/code/one.py", "mlflow/notes", "notes.txt"),
)


def _files(home: Path, *names: str) -> None:
    for name in names or _OURS:
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text("of the demo")


def _names(home: Path) -> set[str]:
    return {path.relative_to(home).as_posix() for path in home.rglob("*") if path.is_file()}


def _embedded(home: Path) -> Settings:
    return Settings(_env_file=None, americano_home=home)  # type: ignore[call-arg]


def own_rows(world: World) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of the app's tables that speak of the own learner, by their ids and theirs."""
    return {table.name: world.rows(f"SELECT to_jsonb(t)::text FROM {table.name} t ORDER BY id") for table in TABLES}


def test_only_the_demos_rows_and_files_go(settings: Settings, beside: World) -> None:
    _files(settings.americano_home)
    beside.execute("CREATE TABLE ml.notes_of_others AS SELECT 'theirs' AS note")
    before = own_rows(beside)
    removed = removing.remove(settings)
    after = own_rows(beside)
    assert removed["users"] == 7  # Six learners, and who owns the courses.
    assert removed["reviews"] > 100
    for table, rows in after.items():
        assert rows == [row for row in before[table] if "own-" in row[0]], table
        assert len(rows) + removed[table] == len(before[table]), table
    assert {table for table, rows in after.items() if rows} >= {
        *("users", "courses", "lectures", "learning_objectives", "cards", "validation_prompts", "missions", "exams"),
        *("reviews", "validation_responses", "study_sessions", "behavioral_events"),
        *("struggle_predictions", "struggle_indicators"),
    }
    for table in _ABOUT_A_LEARNER.keys() - {"api_tokens"}:
        assert beside.rows(f"SELECT user_id FROM ml.{table}") == [(_OWN,)], table
    # Where the demo's token was the only one, the service would be open again without its row.
    assert beside.rows("SELECT learner_id, revoked_at IS NULL FROM ml.api_tokens ORDER BY 1") == [
        ("", False),
        (_OWN, True),
    ]
    assert beside.rows("SELECT note FROM ml.notes_of_others") == [("theirs",)]
    for table in ("demo_load", "study_days", "deployment"):
        assert beside.rows(f"SELECT count(*) FROM ml.{table}") == [(0,)], table
    assert _names(settings.americano_home) == {CLAIM_FILE, f"data/{STORE_CLAIM_FILE}"}
    with pytest.raises(AmericanoError, match="holds no demo: there is nothing to remove"):
        removing.remove(settings)
    prepare(settings)  # The home goes on with this database, and begins anew.


def test_rows_of_others_that_hang_on_the_demos_are_named_and_nothing_goes(settings: Settings, beside: World) -> None:
    ((card,),) = beside.rows('SELECT "cardId" FROM reviews WHERE "userId" <> %s LIMIT 1', _OWN)
    beside.insert("reviews", userId=_OWN, cardId=card, reviewedAt=LONG_AGO, rating="GOOD")
    before = own_rows(beside)
    with pytest.raises(AmericanoError, match=r"1 rows that .* refer to the demo's cards \(reviews\.card"):
        removing.remove(settings)
    assert own_rows(beside) == before
    assert (settings.americano_home / HOME_SETTINGS_FILE).exists()


def test_a_table_that_the_contract_does_not_know_is_asked_too(settings: Settings, beside: World) -> None:
    beside.execute('CREATE TABLE notes (id int, "objectiveId" text REFERENCES learning_objectives ON DELETE CASCADE)')
    beside.execute("INSERT INTO notes SELECT 1, id FROM learning_objectives WHERE id <> 'own-objective' LIMIT 1")
    with pytest.raises(AmericanoError, match=r"public\.notes\.objectiveId"):
        removing.remove(settings)
    assert beside.rows("SELECT count(*) FROM notes") == [(1,)]


def test_a_removal_that_was_broken_off_is_finished(
    settings: Settings, beside: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    _files(settings.americano_home)
    with monkeypatch.context() as broken:
        broken.setattr(shutil, "rmtree", _interrupted)
        with pytest.raises(KeyboardInterrupt):
            removing.remove(settings)
    assert beside.rows("SELECT count(*) FROM ml.demo_load") == [(0,)]
    removing.remove(settings)
    assert _names(settings.americano_home) == {CLAIM_FILE, f"data/{STORE_CLAIM_FILE}"}


def _interrupted(*_: object) -> None:
    raise KeyboardInterrupt


def test_real_students_are_known_by_their_ids_too(settings: Settings, database: str) -> None:
    load_students(settings, 12, lambda table, rows: None)
    with psycopg.connect(database, autocommit=True) as connection:
        world = World(connection)
        world.learner(_OWN)
        assert removing.accounts_of_others(connection) == 1
        removing.remove(settings)
        assert world.rows("SELECT id FROM users") == [(_OWN,)]
        assert world.rows("SELECT count(*) FROM behavioral_events") == [(0,)]


def test_a_row_that_belongs_to_the_demo_and_to_others_is_named(settings: Settings, beside: World) -> None:
    ((objective,),) = beside.rows("SELECT id FROM learning_objectives WHERE id <> 'own-objective' LIMIT 1")
    beside.execute('DELETE FROM reviews WHERE "userId" = %s', _OWN)
    beside.execute('UPDATE cards SET "objectiveId" = %s WHERE "objectiveId" = \'own-objective\'', objective)
    before = own_rows(beside)
    with pytest.raises(AmericanoError, match=r"rows .* refer to the demo's learning_objectives \(cards\.objectiveId"):
        removing.remove(settings)
    assert own_rows(beside) == before


def test_a_demo_is_taken_out_from_its_own_home_alone(settings: Settings, beside: World, tmp_path: Path) -> None:
    before = own_rows(beside)
    with pytest.raises(AmericanoError, match="belongs to another home"):
        removing.remove(settings.model_copy(update={"americano_home": tmp_path / "other"}))
    _files(settings.americano_home, f"models/{_HASH}.json", f"models/{_HASH[::-1]}.json")
    with pytest.raises(AmericanoError, match=rf"holds 1 models that database .* does not know, first {_HASH[::-1]}"):
        removing.remove(settings)
    assert own_rows(beside) == before


def test_the_command_asks_first(
    settings: Settings, database: str, beside: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert settings.americano_dagster_url is not None
    monkeypatch.setenv("DATABASE_URL", database)
    monkeypatch.setenv("AMERICANO_HOME", str(settings.americano_home))
    monkeypatch.setenv("AMERICANO_DAGSTER_URL", settings.americano_dagster_url.get_secret_value())
    before = own_rows(beside)
    asked = CliRunner().invoke(cli.app, ["demo", "--remove"], input="n\n")
    assert asked.exit_code == 1
    assert "It cannot be undone." in asked.output
    assert own_rows(beside) == before
    done = CliRunner().invoke(cli.app, ["demo", "--remove", "--yes"])
    assert done.exit_code == 0, done.output
    assert beside.rows("SELECT id FROM users") == [(_OWN,)]


def test_who_may_not_remove_is_told_what_is_missing(
    settings: Settings, server: EmbeddedServer, database: str, beside: World
) -> None:
    name = psycopg.conninfo.conninfo_to_dict(database)["dbname"]
    beside.execute("DROP ROLE IF EXISTS reads_only")
    beside.execute("CREATE ROLE reads_only LOGIN")
    for schema in ("public", "ml"):
        beside.execute(f"GRANT USAGE ON SCHEMA {schema} TO reads_only")
        beside.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO reads_only")
    try:
        url = SecretStr(server.url(str(name)).replace("postgres:@", "reads_only:@"))
        with pytest.raises(AmericanoError, match=r'User "reads_only" may not take the demo out .*owner of the app'):
            removing.remove(settings.model_copy(update={"database_url": url}))
    finally:
        beside.execute("DROP OWNED BY reads_only")
        beside.execute("DROP ROLE reads_only")


def test_the_files_of_another_home_stay(settings: Settings, beside: World, tmp_path: Path) -> None:
    """The demo's home is lost, and what is set instead is a deployment's that was never bound."""
    beside.execute("DELETE FROM ml.home")
    beside.execute("DELETE FROM ml.model_versions")
    other = settings.model_copy(update={"americano_home": tmp_path / "other"})
    _files(other.americano_home, "data/interactions/day=2026-01-01/current.json", f"data/learners/{_HASH}.parquet")
    before = _names(other.americano_home)
    assert removing.remove(other)["users"] == 7
    assert _names(other.americano_home) == before


def test_starting_over_touches_no_folder_that_is_no_home(tmp_path: Path) -> None:
    _files(tmp_path, *_THEIRS)
    with pytest.raises(AmericanoError, match=r"is no home of ours.*data, models.*an empty folder"):
        start_over(_embedded(tmp_path))
    assert _names(tmp_path) == {*_THEIRS}


@pytest.mark.parametrize("claimed", [True, False])
def test_starting_over_spares_the_home_of_a_deployment(settings: Settings, claimed: bool) -> None:
    """In a shell that lacks the deployment's DATABASE_URL."""
    if claimed:
        prepare(settings)
        write_demo_values(settings.americano_home, {})  # A demo's, and in a database that is not here.
    _files(settings.americano_home)
    shutil.copy(PROJECT_ROOT / "dagster.yaml", settings.americano_home / "dagster")
    before = _names(settings.americano_home)
    with pytest.raises(AmericanoError, match=r"belongs to another database" if claimed else r"is no demo's"):
        start_over(_embedded(settings.americano_home))
    assert _names(settings.americano_home) == before


def test_starting_over_leaves_what_others_put_into_a_demos_home_and_empties_links(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home, big = tmp_path / "home", tmp_path / "big"
    _files(home, *_OURS, *_THEIRS)
    write_demo_values(home, {})
    big.mkdir()
    for name in ("data", "mlflow", "dagster/storage"):
        (home / name).rename(big / Path(name).name)
        (home / name).symlink_to(big / Path(name).name)
    (home / "reports/gone").symlink_to(tmp_path / "unmounted")
    start_over(_embedded(home))
    assert _names(big) == {name for name in _THEIRS if name.startswith(("data/", "mlflow/"))}
    mark = "postgres/lock"
    assert _names(home) == {name for name in _THEIRS if not name.startswith(("data/", "mlflow/"))} | {mark}
    open_home(home)  # For the next demo.
    assert (home / "data").is_symlink()
    assert (home / "reports/gone").is_symlink()
    assert "not of our making: dagster/code/one.py, data/interactions/notes.txt" in capsys.readouterr().err


def test_a_disk_without_a_mark_below_a_bound_demo_is_not_emptied() -> None:
    """A deployment's, mounted after its home was given to a demo; a removal takes the mark after the files."""
    home = Path(tempfile.mkdtemp(prefix="americano-", dir=SHORT))
    settings = load_settings(home)
    mark = settings.store_root / STORE_CLAIM_FILE
    try:
        prepare(settings)
        write_demo_values(home, {})
        with connect(app_url(settings), autocommit=True) as connection:
            connection.execute("INSERT INTO ml.demo_load VALUES (true, 'oulad', 0, 1, now())")
        bound = mark.read_text()
        mark.unlink()
        day = f"data/interactions/day=2026-01-01/{_HASH}.parquet"
        _files(home, day)
        with pytest.raises(AmericanoError, match=r"files of the home .* are not there"):
            start_over(settings)
        assert (home / day).exists()
        mark.write_text(bound)
        removed: list[str] = []
        with pytest.MonkeyPatch.context() as watched:
            watched.setattr(Path, "unlink", lambda path, **_: removed.append(path.name))
            clean_home(home, keep=(SERVER_FOLDER,))
        assert removed.index(f"{_HASH}.parquet") < removed.index(STORE_CLAIM_FILE) < removed.index(CLAIM_FILE)
        start_over(settings)
        assert not any(home.iterdir())
    finally:
        EmbeddedServer(home).stop()
        shutil.rmtree(home, ignore_errors=True)


def test_a_demos_home_whose_tables_are_links_serves_the_next_demo(tmp_path: Path) -> None:
    home, big = tmp_path / "home", tmp_path / "big"
    _files(home, "data/interactions/day=2026-01-01/current.json", "models/by_inputs/" + f"{_HASH}.json")
    write_demo_values(home, {})
    big.mkdir()
    for name in ("data/interactions", "models/by_inputs"):
        (home / name).rename(big / Path(name).name)
        (home / name).symlink_to(big / Path(name).name)
    start_over(_embedded(home))
    assert _names(big) == set()
    open_home(home)
    require_allowed(_embedded(home), into_this_database=False)


def test_a_demo_is_not_begun_among_a_deployments_files_and_begins_anew_after_any_of_its_own(tmp_path: Path) -> None:
    home = tmp_path / "home"
    settings = _embedded(home)
    require_allowed(settings, into_this_database=False)
    _files(home, "data/interactions/day=2026-01-01/current.json")
    with pytest.raises(AmericanoError, match="holds nights that are no demo's"):
        require_allowed(settings, into_this_database=False)
    require_allowed(settings, into_this_database=True)
    write_demo_values(home, {})
    require_allowed(settings, into_this_database=False)
    # Broken off before it wrote its settings, beside a file of the user's.
    shutil.rmtree(home)
    _files(home, "data/own.txt", "postgres/lock", "postgres/data.new/PG_VERSION")
    start_over(settings)
    assert _names(home) == {"data/own.txt", "postgres/lock"}


def test_starting_over_spares_an_embedded_database_in_which_others_study() -> None:
    home = Path(tempfile.mkdtemp(prefix="americano-", dir=SHORT))  # A socket's path must be short.
    settings = load_settings(home)
    try:
        with connect(prepare(settings), autocommit=True) as connection:
            World(connection).learner(_OWN)
            with pytest.raises(AmericanoError, match="holds 1 accounts that no demo wrote"):
                start_over(settings)
            connection.execute("DROP SCHEMA ml CASCADE; DELETE FROM users")
            claim = (home / CLAIM_FILE).read_text()
            # Dagster's databases are the home's own, and the app's is elsewhere.
            (home / CLAIM_FILE).write_text(json.dumps({"id": "1", "database": asdict(Identity("app", 5, "7"))}))
            with pytest.raises(AmericanoError, match=r'The home .* belongs to database "app"'):
                start_over(settings)
            (home / CLAIM_FILE).unlink()
            _files(home, "data/interactions/day=2026-01-01/current.json")
            # Bound or not, it holds files that no demo made.
            with pytest.raises(AmericanoError, match=r'files in the home .* for another database than "americano"'):
                start_over(settings)
            (home / CLAIM_FILE).write_text(claim)
            with pytest.raises(AmericanoError, match=r"is no demo's"):
                start_over(settings)
            _files(home, f"models/{_HASH}.json")
            connection.execute(
                "CREATE SCHEMA ml; CREATE TABLE ml.demo_load AS"
                " SELECT 'oulad' AS cohort, 0 AS shift_days, 1 AS learners, now() AS loaded_through"
            )
            with pytest.raises(AmericanoError, match=r"knows none of the 1 models"):
                start_over(settings)
            connection.execute("DROP SCHEMA ml CASCADE")
            (home / "models" / f"{_HASH}.json").unlink()
            write_demo_values(home, {})  # A demo that was broken off, or spoilt: beginning anew is what helps.
        start_over(settings)
        assert list(home.iterdir()) == []
    finally:
        EmbeddedServer(home).stop()
        shutil.rmtree(home, ignore_errors=True)
