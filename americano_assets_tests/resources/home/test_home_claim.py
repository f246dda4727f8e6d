"""A home belongs to one database: what binds them, what is refused, and every command that could mix two."""

import json
import shutil
import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import count
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg
import pytest
import typer
from pydantic import SecretStr
from typer.testing import CliRunner, Result

from americano_assets import cli
from americano_assets.cli.display.run_summary import show_night
from americano_assets.definitions import build_defs
from americano_assets.errors import AmericanoError
from americano_assets.installation import HOME_SETTINGS_FILE
from americano_assets.loading.demo.homes import require_allowed
from americano_assets.orchestration.local_runner import Runner
from americano_assets.resources.home.claim import require_own_home
from americano_assets.resources.home.claim_records import HomeError, identity
from americano_assets.resources.home.folder import CLAIM_FILE, STORE_CLAIM_FILE, write_demo_values
from americano_assets.resources.home.standing import standing
from americano_assets.resources.postgres.connection import app_url, bind_anew, connect, prepare, require_usable
from americano_assets.resources.postgres.embedded.server import DAGSTER_DATABASE, MLFLOW_DATABASE, EmbeddedServer
from americano_assets.settings import Settings
from americano_assets_tests.loading.imports.test_anki import COLLECTIONS

_KNOWN, _UNKNOWN = "0a" * 16, "1b" * 16
_MODEL = (
    "INSERT INTO ml.model_versions "
    f"VALUES ('{_KNOWN}', "
    "'rule_based', '2026-01-01', 0.5, 7, 0.65, 'd', NULL, NULL, '{}', '{}', now())"
)
_numbers = count(1)


@pytest.fixture
def other(server: EmbeddedServer, prepared_template: str) -> Iterator[str]:
    """URL of a second database of the app's."""
    with another(server, prepared_template) as url:
        yield url


class another:  # noqa: N801
    """A database copied from `template` for a while."""

    def __init__(self, server: EmbeddedServer, template: str, name: str | None = None) -> None:
        self.server, self.template = server, template
        self.name = name or f"other_{next(_numbers)}"

    def __enter__(self) -> str:
        _administer(self.server, f'CREATE DATABASE "{self.name}" TEMPLATE "{self.template}"')
        return self.server.url(self.name)

    def __exit__(self, *_: object) -> None:
        _administer(self.server, f'DROP DATABASE IF EXISTS "{self.name}" WITH (FORCE)')


def _administer(server: EmbeddedServer, statement: str) -> None:
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(statement.encode())


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def on(settings: Settings, url: str, home: Path | None = None) -> Settings:
    given: dict[str, Any] = {"database_url": SecretStr(url)} | ({"americano_home": home} if home else {})
    return settings.model_copy(update=given)


def rows_of_ml(url: str) -> dict[str, int]:
    with psycopg.connect(url) as connection:
        names = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'ml' ORDER BY 1").fetchall()
        found = {}
        for (name,) in names:
            row = connection.execute(f"SELECT count(*) FROM ml.{name}".encode()).fetchone()
            found[name] = row[0] if row else 0
        return found


def files_of(home: Path) -> dict[str, bytes]:
    return {str(path.relative_to(home)): path.read_bytes() for path in sorted(home.rglob("*")) if path.is_file()}


def test_the_first_write_binds_home_and_database_and_says_so_once(
    settings: Settings, database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    prepare(settings)
    told = capsys.readouterr().err
    assert str(settings.americano_home) in told
    assert str(psycopg.conninfo.conninfo_to_dict(database)["dbname"]) in told
    kept = json.loads((settings.americano_home / CLAIM_FILE).read_text())
    with psycopg.connect(database) as connection:
        row = connection.execute(
            "SELECT id, system_identifier = (SELECT system_identifier::text FROM pg_control_system()) FROM ml.home"
        ).fetchone()
    assert row == (kept["id"], True)
    prepare(settings)
    assert capsys.readouterr().err == ""
    assert json.loads((settings.americano_home / CLAIM_FILE).read_text()) == kept


def test_another_database_is_refused_before_anything_is_written(settings: Settings, other: str) -> None:
    prepare(settings)
    home, rows = files_of(settings.americano_home), rows_of_ml(other)
    with pytest.raises(HomeError, match=r"belongs to database .*holds no record of it.*home adopt"):
        Runner(on(settings, other), build_defs)
    assert (files_of(settings.americano_home), rows_of_ml(other)) == (home, rows)


def test_a_second_home_for_the_same_database_is_refused(settings: Settings, tmp_path: Path) -> None:
    prepare(settings)
    second = settings.model_copy(update={"americano_home": tmp_path / "second"})
    with pytest.raises(HomeError, match="belongs to another home"):
        prepare(second)
    assert not (tmp_path / "second").exists()
    prepare(second, claims=False)  # An API, or who makes a token, needs no home of its own.
    assert not (tmp_path / "second").exists()


def test_a_clone_of_the_database_is_noticed_and_can_be_adopted(
    server: EmbeddedServer, settings: Settings, database: str
) -> None:
    prepare(settings)
    with another(server, str(psycopg.conninfo.conninfo_to_dict(database)["dbname"])) as clone:
        staging = on(settings, clone)
        with pytest.raises(HomeError, match="is a copy of the one that the home"):
            prepare(staging)
        bind_anew(staging)
        prepare(staging)
        with pytest.raises(HomeError, match="belongs to another home"):
            prepare(settings)


def test_a_database_that_was_dropped_and_made_anew_is_another_one(
    server: EmbeddedServer, prepared_template: str, settings: Settings
) -> None:
    with another(server, prepared_template, "made_twice") as url:
        prepare(on(settings, url))
    with (
        another(server, prepared_template, "made_twice") as url,
        pytest.raises(HomeError, match="holds no record of it"),
    ):
        prepare(on(settings, url))


def test_a_server_of_another_system_identifier_is_another_one(settings: Settings, database: str) -> None:
    prepare(settings)
    path = settings.americano_home / CLAIM_FILE
    kept = json.loads(path.read_text())
    kept["database"]["system_identifier"] = "7"
    path.write_text(json.dumps(kept))
    with pytest.raises(HomeError, match=r"or was moved: it was on the server 7, and this one is"):
        prepare(settings)
    kept["database"]["system_identifier"] = None  # It did not tell when it was bound: name and oid decide.
    path.write_text(json.dumps(kept))
    prepare(settings)


def test_a_role_that_may_not_ask_for_the_system_identifier_does_without(database: str) -> None:
    with connect(database, autocommit=True) as connection:
        known = identity(connection)
        connection.execute("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC")
        connection.execute("DROP ROLE IF EXISTS asks_nothing; CREATE ROLE asks_nothing")
        try:
            connection.execute("SET ROLE asks_nothing")
            told = identity(connection)
        finally:
            connection.execute("RESET ROLE; DROP ROLE asks_nothing")
    assert known.system_identifier
    assert told == replace(known, system_identifier=None)
    assert not told.differs_from(known)


def test_binding_that_was_broken_off_before_its_commit_is_finished(settings: Settings, database: str) -> None:
    prepare(settings)
    kept = (settings.americano_home / CLAIM_FILE).read_text()
    with psycopg.connect(database) as connection:
        connection.execute("DELETE FROM ml.home")
    prepare(settings)
    assert (settings.americano_home / CLAIM_FILE).read_text() == kept
    assert rows_of_ml(database)["home"] == 1


def _used_before(settings: Settings, model: str = _KNOWN) -> None:
    settings.models_root.mkdir(parents=True, exist_ok=True)
    (settings.models_root / f"{model}.json").write_text("{}")


def test_a_home_and_a_database_of_before_are_bound_where_they_know_the_same_model(
    settings: Settings, database: str, other: str
) -> None:
    _used_before(settings)
    with psycopg.connect(database) as connection:
        connection.execute(_MODEL.encode())
    with pytest.raises(HomeError, match="were not filled together"):
        prepare(on(settings, other))
    prepare(settings)
    assert rows_of_ml(database)["home"] == 1
    assert rows_of_ml(other)["home"] == 0


def test_an_empty_home_is_no_heir_of_a_database_that_another_one_filled(settings: Settings, database: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute(_MODEL.encode())
    with pytest.raises(HomeError, match="were not filled together"):
        prepare(settings)
    prepare(settings, claims=False)
    bind_anew(settings)
    prepare(settings)


def test_a_home_full_of_models_is_never_given_to_a_database_that_knows_none_of_them(
    settings: Settings, database: str
) -> None:
    """As in a shell without the deployment's DATABASE_URL, where the embedded server's stands empty."""
    _used_before(settings)
    before = rows_of_ml(database)
    with pytest.raises(HomeError, match=r"holds nights of another database \(1 models\).*Is DATABASE_URL set"):
        bind_anew(settings)
    assert rows_of_ml(database) == before
    with psycopg.connect(database) as connection:
        connection.execute(_MODEL.encode())
    bind_anew(settings)


def test_a_home_with_history_and_no_model_yet_stays_its_databases(settings: Settings, other: str) -> None:
    prepare(settings)
    _history(settings.store_root)
    with pytest.raises(
        HomeError, match=r"holds nights of another database \(0 models\), and database .* knows nothing"
    ):
        bind_anew(on(settings, other))
    assert rows_of_ml(other)["home"] == 0
    bind_anew(settings)


def _history(store: Path) -> None:
    content = store / "interactions" / "day=2026-01-01" / f"{_KNOWN}.parquet"
    content.parent.mkdir(parents=True)
    content.touch()


@pytest.mark.parametrize("mounted", [True, False])
def test_history_on_other_disks_is_history_too(settings: Settings, other: str, tmp_path: Path, mounted: bool) -> None:
    prepare(settings)
    _history(tmp_path / "disk")
    (settings.store_root / "interactions").symlink_to(tmp_path / "disk" / "interactions")
    if not mounted:
        (tmp_path / "disk").rename(tmp_path / "elsewhere")
    with pytest.raises(HomeError, match=r"holds nights of another database"):
        bind_anew(on(settings, other))
    with pytest.raises(AmericanoError, match=r"holds nights that are no demo's"):
        require_allowed(settings.model_copy(update={"database_url": None}), into_this_database=False)


def test_files_say_whose_they_are_wherever_they_are_mounted(settings: Settings, other: str, tmp_path: Path) -> None:
    """The home was copied and its copy given to another database, and then the first one's disk was mounted there."""
    prepare(settings)
    _history(settings.store_root)
    copy = on(settings, other, tmp_path / "copy")
    prepare(copy)
    shutil.rmtree(copy.store_root)
    shutil.copytree(settings.store_root, copy.store_root)
    before = rows_of_ml(other)
    for way in (prepare, require_usable):
        with pytest.raises(HomeError, match=r"files in the home .* were written for another database"):
            way(copy)
    with pytest.raises(HomeError, match="holds nights of another database"):
        bind_anew(copy)
    assert rows_of_ml(other) == before


def test_a_bound_home_whose_files_are_not_mounted_is_used_by_nobody(
    settings: Settings, other: str, tmp_path: Path
) -> None:
    prepare(settings)
    _history(settings.store_root)
    disk = settings.store_root.rename(tmp_path / "disk")
    settings.store_root.mkdir()  # As a mount point looks.
    with pytest.raises(HomeError, match=r"files of the home .* are not there.* mount the disk"):
        prepare(settings)
    with pytest.raises(HomeError, match="holds nights of another database"):
        bind_anew(on(settings, other))
    assert not any(settings.store_root.iterdir())
    prepare(settings, claims=False)  # Published predictions are read without files.
    # Given up for lost, and found again: they are this database's all the same.
    bind_anew(settings)
    prepare(settings)
    shutil.rmtree(settings.store_root)
    disk.rename(settings.store_root)
    with pytest.raises(HomeError, match=r"were written for another database.*home adopt"):
        prepare(settings)
    bind_anew(settings)
    prepare(settings)


def test_an_older_copy_of_the_files_is_not_taken_for_them(settings: Settings, tmp_path: Path) -> None:
    """Moved to a disk as people do it: the folder below the mount point is never emptied, and one day shows again."""
    prepare(settings)
    _history(settings.store_root)
    below = shutil.copytree(settings.store_root, tmp_path / "below")
    prepare(settings)
    disk = settings.store_root.rename(tmp_path / "disk")
    below.rename(settings.store_root)
    for claims in (True, False):
        with pytest.raises(HomeError, match=r"an older copy: .* 1 times .*Is the disk that data/ is on mounted"):
            prepare(settings, claims=claims)
    settings.store_root.rename(below)
    disk.rename(settings.store_root)
    prepare(settings)
    # A restore of the files alone.
    settings.store_root.rename(disk)
    below.rename(settings.store_root)
    bind_anew(settings)
    prepare(settings)


def test_files_newer_than_the_database_go_on(settings: Settings, database: str) -> None:
    prepare(settings)
    prepare(settings)
    with psycopg.connect(database) as connection:  # Restored, or broken off before its commit.
        connection.execute("UPDATE ml.home SET writings = 1")
    prepare(settings)
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT writings FROM ml.home").fetchall() == [(3,)]


def test_another_schema_of_the_database_is_another_apps(settings: Settings, database: str) -> None:
    prepare(settings)
    with psycopg.connect(database) as connection:
        connection.execute("CREATE SCHEMA staging")
    with connect(app_url(on(settings, f"{database}&schema=staging")), autocommit=True) as connection:
        told = standing(connection, settings).obstacle()
    assert told is not None
    assert 'tables were in its schema "public", and are looked for in "staging"' in told
    refused = pytest.raises(HomeError, match=r'tables were in its schema "public", and are looked for in "staging"')
    with connect(app_url(on(settings, f"{database}&schema=staging"))) as connection, refused:
        require_own_home(connection, settings)
    prepare(on(settings, f"{database}&schema=public"))


def test_an_app_in_a_schema_of_its_own_has_a_home(settings: Settings, database: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute("ALTER SCHEMA public RENAME TO app")
        connection.execute("CREATE SCHEMA public")
    theirs = on(settings, f"{database}&schema=app")
    prepare(theirs)
    prepare(theirs)
    require_usable(theirs)
    bind_anew(theirs)
    prepare(theirs)
    with connect(app_url(theirs), autocommit=True) as connection:
        assert standing(connection, theirs).obstacle() is None


def test_a_record_without_the_schema_learns_it(settings: Settings, database: str) -> None:
    prepare(settings)
    record = settings.americano_home / CLAIM_FILE
    now = json.loads(record.read_text())
    assert set(now["database"]) == {"database_name", "database_oid", "system_identifier"}, (
        "all that a version before reads"
    )
    record.write_text(json.dumps({name: value for name, value in now.items() if name != "schema_name"}))
    with psycopg.connect(database) as connection:
        connection.execute("UPDATE ml.home SET schema_name = NULL")
    prepare(settings)
    assert json.loads(record.read_text()) == now
    assert now["schema_name"] == "public"


def test_nights_of_another_time_zone_are_refused_until_somebody_says_so(
    settings: Settings, database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Under it a date is another study day, and the app would hold what is open twice."""
    in_berlin = settings.model_copy(update={"americano_timezone": "Europe/Berlin"})
    prepare(in_berlin)
    assert "alone, with study days in Europe/Berlin." in capsys.readouterr().err
    before = files_of(settings.americano_home), rows_of_ml(database)
    for way in (prepare, require_usable):
        for claims in (True, False):
            with pytest.raises(HomeError, match=r"end in Europe/Berlin, and AMERICANO_TIMEZONE is UTC.*Set "):
                way(settings, claims=claims)
    assert (files_of(settings.americano_home), rows_of_ml(database)) == before
    bind_anew(settings)
    prepare(settings)
    with pytest.raises(HomeError, match="end in UTC, and AMERICANO_TIMEZONE is Europe/Berlin"):
        prepare(in_berlin)


def test_a_home_that_notes_no_time_zone_takes_that_of_its_next_command(settings: Settings, database: str) -> None:
    prepare(settings)
    with psycopg.connect(database) as connection:  # As a version before left it.
        connection.execute("UPDATE ml.home SET timezone = NULL")
    in_berlin = settings.model_copy(update={"americano_timezone": "Europe/Berlin"})
    require_usable(in_berlin)
    prepare(in_berlin)
    with pytest.raises(HomeError, match="end in Europe/Berlin"):
        prepare(settings)


def test_a_home_with_models_whose_schema_of_ours_was_dropped_begins_nothing_anew(
    settings: Settings, database: str
) -> None:
    """What nights published stands in the app's tables, and would be taken for the app's own."""
    prepare(settings)
    _used_before(settings)
    with psycopg.connect(database) as connection:
        connection.execute(_MODEL.encode())
    prepare(settings)
    with psycopg.connect(database) as connection:
        connection.execute("DROP SCHEMA ml CASCADE")
    before = files_of(settings.americano_home)
    for claims in (True, False):
        with pytest.raises(HomeError, match=r"was dropped or made anew: .* the 1 models .*Restore schema ml"):
            prepare(settings, claims=claims)
    with pytest.raises(HomeError, match="Restore schema ml"):
        bind_anew(settings)
    assert (files_of(settings.americano_home), rows_of_ml(database)) == (before, {})
    # To begin anew, with no back-up: another home.
    prepare(settings.model_copy(update={"americano_home": settings.americano_home.with_name("anew")}))


def test_adopting_says_what_forgetting_did_not_reach(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Somebody adopts an empty home, as of a shell in another folder, and forgets a learner there."""
    prepare(settings)
    _history(settings.store_root)
    bind_anew(settings)
    assert "`forget`" not in capsys.readouterr().err
    second = settings.model_copy(update={"americano_home": tmp_path / "second"})
    bind_anew(second)
    told = capsys.readouterr().err
    assert f"the home {tmp_path}/second holds no files" in told
    assert "elsewhere, where `forget` no longer reaches them" in told
    prepare(second)
    bind_anew(settings)
    told = capsys.readouterr().err
    assert "repeat `forget` for everybody whom you forgot since (ml.forgettings has the times)" in told


def test_a_model_that_every_school_begins_with_makes_nobody_an_heir(settings: Settings, other: str) -> None:
    """The rules of a first week are the same version everywhere."""
    prepare(settings)
    _history(settings.store_root)
    settings.models_root.mkdir()
    (settings.models_root / f"{_KNOWN}.json").touch()
    theirs = on(settings, other, settings.americano_home.with_name("theirs"))
    prepare(theirs)
    with psycopg.connect(other) as connection:
        connection.execute(_MODEL)
    with pytest.raises(HomeError, match="holds nights of another database"):
        bind_anew(on(settings, other))
    prepare(settings)


def test_binding_anew_that_never_came_to_its_commit_can_be_done_again(settings: Settings, database: str) -> None:
    """Or the database was restored from before it."""
    prepare(settings)
    _history(settings.store_root)
    with psycopg.connect(database) as connection:
        before = connection.execute("SELECT id FROM ml.home").fetchone()
    bind_anew(settings)
    assert before is not None
    with psycopg.connect(database) as connection:
        connection.execute("DELETE FROM ml.former_homes")
        connection.execute("UPDATE ml.home SET id = %s, writings = 1", before)
    with pytest.raises(HomeError, match="belongs to another home"):
        prepare(settings)
    bind_anew(settings)
    prepare(settings)


def test_a_home_that_was_copied_and_bound_since_comes_back_to_its_database(settings: Settings, tmp_path: Path) -> None:
    prepare(settings)
    _history(settings.store_root)
    copy = settings.model_copy(update={"americano_home": tmp_path / "copy"})
    shutil.copytree(settings.americano_home, copy.americano_home)
    bind_anew(copy)
    with pytest.raises(HomeError, match="belongs to another home"):
        prepare(settings)
    bind_anew(settings)
    prepare(settings)
    with pytest.raises(HomeError, match="belongs to another home"):
        prepare(copy)


def test_a_home_bound_by_a_version_without_marks_gets_its_own_unasked(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    prepare(settings)
    record, mark = settings.americano_home / CLAIM_FILE, settings.store_root / STORE_CLAIM_FILE
    now = json.loads(record.read_text())
    record.write_text(json.dumps({name: value for name, value in now.items() if name != "marks_files"}))
    mark.unlink()
    capsys.readouterr()
    prepare(settings)
    assert (json.loads(record.read_text()), json.loads(mark.read_text())) == (
        now,
        {"id": now["id"], "writings": 2, "former": []},
    )
    mark.write_text("half")
    with pytest.raises(HomeError, match=r"americano.json cannot be read .* remove it and run `americano home adopt`"):
        prepare(settings)
    assert capsys.readouterr().err == ""


def test_a_store_that_cannot_be_written_leaves_both_as_they_were(settings: Settings, tmp_path: Path) -> None:
    prepare(settings)
    before = (settings.americano_home / CLAIM_FILE).read_text()
    settings.store_root.rename(tmp_path / "disk")
    settings.store_root.symlink_to(tmp_path / "away")
    with pytest.raises(AmericanoError, match=r"Mount the disk"):
        bind_anew(settings)
    with pytest.raises(AmericanoError, match=r"mount the disk"):
        prepare(settings)
    assert (settings.americano_home / CLAIM_FILE).read_text() == before
    (tmp_path / "disk").rename(tmp_path / "away")
    prepare(settings)


def test_a_demos_home_never_meets_a_database_without_the_demo(settings: Settings, database: str) -> None:
    settings.americano_home.mkdir()
    (settings.americano_home / HOME_SETTINGS_FILE).write_text("AMERICANO_HOLDOUT_SHARE=0.1\n")
    require_usable(settings)  # Somebody's own settings make no demo.
    write_demo_values(settings.americano_home, {"AMERICANO_HOLDOUT_SHARE": "0.1"})
    before = rows_of_ml(database)
    for way in (prepare, bind_anew, require_usable):
        with pytest.raises(HomeError, match="is a demo's, and database"):
            way(settings)
    assert rows_of_ml(database) == before
    with psycopg.connect(database) as connection:
        connection.execute("INSERT INTO ml.demo_load VALUES (true, 'oulad', 0, 1, now())")
    prepare(settings)


def test_a_home_in_which_a_demo_was_once_is_bound_without_its_settings(settings: Settings, database: str) -> None:
    _used_before(settings)
    _used_before(settings, _UNKNOWN)  # The demo's.
    write_demo_values(settings.americano_home, {"AMERICANO_HOLDOUT_SHARE": "0.1"})
    with psycopg.connect(database) as connection:
        connection.execute(_MODEL.encode())
    with pytest.raises(HomeError, match=r"move settings\.env out of it, and bind it by `americano home adopt`"):
        bind_anew(settings)
    (settings.americano_home / HOME_SETTINGS_FILE).unlink()
    bind_anew(settings)
    prepare(settings)
    assert len(list(settings.models_root.iterdir())) == 2


def test_a_worker_with_a_copy_of_the_files_alone_may_read_them(
    settings: Settings, database: str, tmp_path: Path
) -> None:
    _used_before(settings)
    with psycopg.connect(database) as connection:
        connection.execute(_MODEL.encode())
    prepare(settings)
    copied = settings.model_copy(update={"americano_home": tmp_path / "copied"})
    _used_before(copied)
    strange = settings.model_copy(update={"americano_home": tmp_path / "strange"})
    _used_before(strange, _UNKNOWN)
    with connect(database, autocommit=True) as connection:
        require_own_home(connection, copied, claims=False)
        with pytest.raises(HomeError, match="belongs to another home"):
            require_own_home(connection, strange, claims=False)


# Every command: what is given to it, and whether it may be used with a database that is not the home's.
_REFUSED: dict[str, list[str]] = {
    "demo": ["--into-this-database", "--learners", "5"],
    "import": ["--into-this-database", str(COLLECTIONS / "collection.colpkg")],
    "nightly": [],
    "today": [],
    "backfill": ["--from", "2026-01-01", "--to", "2026-01-01"],
    "single-case": ["somebody"],
    "evaluate": [],
    "model-card": ["--out", "/tmp/never-written.md"],
    "export-events": [],
    "forget": ["somebody", "--yes"],
    "prune": ["--days", "30"],
    "rebucket": ["2"],
    "store move": ["/tmp/never-moved-to"],
    "archive run": [],
    "archive restore": [],
    "model list": [],
    "model show": ["known"],
    "model promote": ["known", "--reason", "r"],
    "model rollback": ["--reason", "r"],
    "model release": ["--reason", "r"],
    "token create": ["name"],
    "token list": [],
    "token revoke": ["name"],
    "api": [],
    "dev": [],
}
# They look, or touch one of the two alone.
_LET_THROUGH = {
    *(
        "report",
        "check-db",
        "schema",
        "init",
        "doctor",
        "db-url",
        "stop",
        "test",
        "quarantine",
        "close-runs",
        "home show",
        "home adopt",
        "store show",
    ),
    *("dataset list", "dataset show", "dataset restore"),
}


def _commands(group: Any, before: str = "") -> Iterator[str]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, f"{name} ")
        else:
            yield f"{before}{name}"


def test_every_command_is_looked_at_here() -> None:
    assert set(_commands(typer.main.get_command(cli.app))) == _REFUSED.keys() | _LET_THROUGH


def test_no_command_mixes_a_home_with_another_database(
    server: EmbeddedServer, settings: Settings, other: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(settings)
    environment = {
        "DATABASE_URL": other,
        "AMERICANO_HOME": str(settings.americano_home),
        "AMERICANO_DAGSTER_URL": server.url(DAGSTER_DATABASE),
        "MLFLOW_TRACKING_URI": server.url(MLFLOW_DATABASE),
        **{name: str(free_port()) for name in ("PORT", "AMERICANO_DAGSTER_PORT", "AMERICANO_MLFLOW_PORT")},
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    home, rows = files_of(settings.americano_home), rows_of_ml(other)
    for command, arguments in _REFUSED.items():
        done = _invoke(*command.split(), *arguments)
        assert isinstance(done.exception, HomeError), (command, done.output, done.exception)
    shown = _invoke("home", "show")
    assert shown.exit_code == 1
    assert "holds no record of it" in shown.output
    assert (files_of(settings.americano_home), rows_of_ml(other)) == (home, rows)


def _invoke(*arguments: str) -> Result:
    return CliRunner().invoke(cli.app, list(arguments))


def test_dagsters_own_runs_and_ticks_are_refused_too(settings: Settings, other: str) -> None:
    prepare(settings)
    rows = rows_of_ml(other)
    definitions = build_defs(on(settings, other))
    with dg.DagsterInstance.ephemeral() as instance:
        run = definitions.resolve_job_def("housekeeping").execute_in_process(instance=instance, raise_on_error=False)
        assert not run.success
        assert "belongs to database" in str(run.get_step_failure_events()[0].step_failure_data.error)
        with (
            dg.build_schedule_context(
                instance, scheduled_execution_time=datetime(2026, 3, 2, 23, tzinfo=UTC), resources=definitions.resources
            ) as tick,
            pytest.raises(dg.DagsterError) as told,
        ):
            definitions.resolve_schedule_def("nightly_schedule").evaluate_tick(tick)
    causes = [str(told.value), str(told.value.__cause__)]
    assert any("belongs to database" in cause for cause in causes), causes
    assert rows_of_ml(other) == rows


def test_a_demo_is_not_loaded_where_it_was_not_meant(
    settings: Settings, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database)
    monkeypatch.setenv("AMERICANO_HOME", str(settings.americano_home))
    monkeypatch.setenv("ENVIRONMENT", "production")
    for where in ([], ["--into-this-database"]):
        told = _invoke("demo", "--learners", "5", *where).exception
        assert isinstance(told, AmericanoError)
        assert "production" in str(told)
    monkeypatch.delenv("DATABASE_URL")
    assert isinstance(_invoke("demo", "--fresh").exception, AmericanoError)
    assert not settings.americano_home.exists()


def test_a_demos_settings_are_told_by_who_decides_with_them(
    settings: Settings, database: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.americano_home.mkdir()
    values = {"AMERICANO_HORIZON_DAYS": "14", "AMERICANO_HOLDOUT_SHARE": "0.1"}
    write_demo_values(settings.americano_home, values)
    with psycopg.connect(database) as connection:
        connection.execute("INSERT INTO ml.demo_load VALUES (true, 'oulad', 0, 1, now())")
    show_night(settings, date(2026, 1, 1))
    told = "Settings of the demo decide here: AMERICANO_HORIZON_DAYS=14, AMERICANO_HOLDOUT_SHARE=0.1"
    assert told in " ".join(capsys.readouterr().out.split())
    monkeypatch.setenv("DATABASE_URL", database)
    monkeypatch.setenv("AMERICANO_HOME", str(settings.americano_home))
    monkeypatch.setenv("AMERICANO_HORIZON_DAYS", "7")  # The environment goes first, and decides.
    for command in (("check-db",), ("home", "show")):
        done = _invoke(*command)
        assert done.exit_code == 0, done.output
        assert "decide here: AMERICANO_HOLDOUT_SHARE=0.1 (" in done.output, command
        assert ", ," not in done.output
