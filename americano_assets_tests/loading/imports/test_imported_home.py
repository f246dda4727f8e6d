"""The home of what was imported: where it is, what decides in it, and the whole chain on an embedded database."""

import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner, Result

from americano_assets import cli
from americano_assets.cli.home import of_an_import
from americano_assets.errors import AmericanoError
from americano_assets.installation import HOME_SETTINGS_FILE, PROJECT_ROOT
from americano_assets.loading.imports.homes import settle, settled
from americano_assets.resources.home.chosen import own_home, usual_home
from americano_assets.resources.home.folder import write_demo_values
from americano_assets.resources.home.walk import files_of
from americano_assets.resources.postgres.connection import app_url
from americano_assets.resources.postgres.embedded.server import DAGSTER_DATABASE, MLFLOW_DATABASE, EmbeddedServer
from americano_assets.settings import load_settings
from americano_assets_tests.api.serving import serving
from americano_assets_tests.cli.test_cli import run
from americano_assets_tests.folders import SHORT
from americano_assets_tests.loading.imports.test_anki import COLLECTIONS, changed

_NOTHING = {"horizon_days": None, "struggle_below": None, "timezone": None}


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The user's own home, short enough for a socket, with nothing in it."""
    home = Path(tempfile.mkdtemp(prefix="own-", dir=SHORT))
    monkeypatch.setenv("AMERICANO_HOME", str(home))
    yield home
    for server in home.glob("**/postgres"):
        EmbeddedServer(server.parent).stop()
    shutil.rmtree(home, ignore_errors=True)


def _invoke(*arguments: str) -> Result:
    return CliRunner().invoke(cli.app, list(arguments))


def _imported(home: Path, **given: object) -> Path:
    home.mkdir(parents=True, exist_ok=True)
    settings, times = settled(load_settings(home, alone=True), _NOTHING | given, into_this_database=False)
    settle(settings, times, "2025-01-05")
    return home


def test_an_import_has_a_home_of_its_own_which_later_commands_find(
    own: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://me@example.org/mine")
    monkeypatch.setenv("AMERICANO_HOLDOUT_SHARE", "0.5")
    settings, options = of_an_import(into_this_database=False)
    home = own / "imported"
    assert (settings.americano_home, settings.database_url, options) == (home, None, "--home imported ")
    assert "DATABASE_URL is left alone (--into-this-database fills it)" in capsys.readouterr().err
    assert not home.exists(), "a file is read before anything is made"
    monkeypatch.setenv("AMERICANO_HOME", str(own))
    missing = _invoke("--home", "imported", "dataset", "list").exception
    assert isinstance(missing, AmericanoError)
    assert "./americano import FILE does that" in str(missing)

    _imported(home, horizon_days=10)
    found = load_settings(home)
    assert (found.database_url, found.americano_horizon_days, found.americano_holdout_share) == (None, 10, 0)
    assert str(found.americano_start_day) == "2025-01-05"
    assert usual_home() == own, "one's own database goes first"
    told = _invoke("--home", "imported", "dataset", "list").stderr.splitlines()[0]
    assert told == (
        f"americano: On the home of what was imported, {home}, with a database of its own; DATABASE_URL is passed over."
    )
    assert own_home() == own, "also while the environment names the imported one"
    monkeypatch.delenv("DATABASE_URL")
    monkeypatch.setenv("AMERICANO_HOME", str(own))
    assert usual_home() == home
    demo = own / "demos" / "oulad"
    demo.mkdir(parents=True)
    write_demo_values(demo, {}, alone=True)
    later = time.time() + 60
    os.utime(demo / HOME_SETTINGS_FILE, (later, later))
    assert usual_home() == demo, "what came last"
    left: list[str] = []
    assert list(files_of(own, left, left)) == [], "an erasure or a pruning of one's own home is not the import's"


def test_what_was_decided_stays_and_times_are_never_read_in_two_zones(own: Path) -> None:
    home = _imported(own / "imported", timezone="Europe/Berlin", struggle_below=0.5)
    again = load_settings(home, alone=True)
    settings, times = settled(again, _NOTHING, into_this_database=False)
    assert (settings.americano_timezone, times, settings.americano_struggle_below) == (
        "Europe/Berlin",
        "Europe/Berlin",
        0.5,
    )
    assert settled(again, _NOTHING | {"timezone": "Europe/Berlin"}, into_this_database=False)[1] == times
    with pytest.raises(AmericanoError, match=r"--timezone UTC: what was imported before was read in Europe/Berlin"):
        settled(again, _NOTHING | {"timezone": "UTC"}, into_this_database=False)
    with pytest.raises(AmericanoError, match=r"--timezone Mars: no IANA time zone"):
        settled(again, _NOTHING | {"timezone": "Mars"}, into_this_database=False)
    with pytest.raises(AmericanoError, match=r"--horizon-days is for a home of its own; here AMERICANO_HORIZON_DAYS"):
        settled(again, _NOTHING | {"horizon_days": 3}, into_this_database=True)
    # A log that begins earlier moves the first day, one that begins later does not.
    settle(settings, times, "2025-03-01")
    assert str(load_settings(home).americano_start_day) == "2025-01-05"
    settle(settings, times, "2024-12-01")
    assert str(load_settings(home).americano_start_day) == "2024-12-01"
    assert load_settings(home).americano_struggle_below == 0.5


def test_a_home_that_holds_something_else_is_refused(own: Path) -> None:
    log = own / "log.csv"
    log.write_text("learner_id\n")
    demo = own / "demos" / "oulad"
    demo.mkdir(parents=True)
    write_demo_values(demo, {}, alone=True)
    for home, told in ((demo, "is a demo's: leave --home out"), (own / "other", "holds something else than imports")):
        home.mkdir(exist_ok=True)
        if home != demo:
            (home / "database.json").write_text('{"id": "ours", "database": {}}')
        refused = _invoke("--home", str(home), "import", str(log)).exception
        assert isinstance(refused, AmericanoError)
        assert told in str(refused)
    # What cannot be read makes no home.
    wrong = _invoke("--home", str(own / "new"), "import", str(log)).exception
    assert isinstance(wrong, AmericanoError)
    assert "has no column objective_id" in str(wrong)
    assert not (own / "new").exists()


def test_the_guide_is_true_to_the_letter(
    server: EmbeddedServer, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (PROJECT_ROOT / "docs" / "import.md").read_text()
    log, plans = re.findall(r"```csv\n(.*?)```", page, re.DOTALL)
    (tmp_path / "log.csv").write_text(log)
    (tmp_path / "plans.csv").write_text(plans)
    (mapped,) = re.findall(r"^\./americano (import log\.csv --map .*)$", page, re.MULTILINE)
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "DATABASE_URL": database,
        "AMERICANO_DAGSTER_URL": server.url(DAGSTER_DATABASE),
        "MLFLOW_TRACKING_URI": server.url(MLFLOW_DATABASE),
        "AMERICANO_HOME": str(tmp_path / "home"),
    }.items():
        monkeypatch.setenv(name, value)
    done = _invoke(*mapped.split(), "--plans", "plans.csv", "--into-this-database")
    assert done.exit_code == 0, (done.output, done.exception)
    out = " ".join(done.stdout.split())
    assert "log.csv: 2 interactions of 1 learner on 2 objectives of 1 course, study days" in out
    assert "plans.csv: 1 plan." in out
    assert "occurred_at: numbers are read as seconds since 1970 (rows: 2)." in out
    assert "score: values with a percent sign are divided by 100 (rows: 1)." in out
    with psycopg.connect(database) as connection:
        scores = connection.execute('SELECT score FROM validation_responses ORDER BY "respondedAt"').fetchall()
        missions = connection.execute("SELECT date::date::text, objectives->0->>'id' FROM missions").fetchall()
    assert (scores, missions) == ([(0.5,), (0.8,)], [("2026-12-04", "heart")])


def _of_yesterday(path: Path) -> Path:
    """The collection as it would be had its learner answered last on the study day that has closed last.

    Of the kidney nothing was right for weeks.
    """
    shutil.copy(COLLECTIONS / "collection.anki2", path)
    days = int((time.time() - 1_759_147_800) // 86_400) - 1  # Since 29 September 2025, 12:10.
    return changed(
        path,
        "DELETE FROM revlog WHERE id > 2000000000000",
        "UPDATE revlog SET ease = 1 WHERE ease > 0"
        " AND cid IN (SELECT c.id FROM cards c JOIN decks d ON d.id IN (c.did, c.odid) WHERE d.name LIKE '%Kidney')",
        f"UPDATE revlog SET id = id + {days} * 86400000",
        f"UPDATE col SET crt = crt + {days} * 86400",
        f"UPDATE cards SET due = due + {days} * 86400 WHERE due > 1000000000",
    )


@pytest.mark.long
def test_a_collection_goes_through_a_night_to_the_api_and_the_report_and_again_after_more(
    own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    collection = _of_yesterday(tmp_path / "own.anki2")
    done = run("import", str(collection), AMERICANO_HOME=str(own))
    assert done.returncode == 0, done.stderr
    out = " ".join(done.stdout.split())
    assert "69 interactions of 1 learner on 4 objectives of 2 courses" in out
    assert "69 are new, 0 say something else than before, 0 were there already." in out
    assert (
        "Left out: cards that were set to another day, forgotten or rescheduled by hand, which are no answers: 3."
        in out
    )
    assert "./americano --home imported nightly" in out

    night = run("--home", "imported", "nightly", AMERICANO_HOME=str(own))
    assert night.returncode == 0, night.stderr
    told = " ".join(night.stdout.split())
    assert "by 69 graded answers of 1 learner, on 4 objectives" in told
    settings = load_settings(own / "imported")
    with psycopg.connect(app_url(settings)) as connection:
        (planned,) = connection.execute("SELECT candidates FROM ml.study_days").fetchone() or (0,)
        assert planned >= 3, "what is due within the next days, and what is weakest"
        published = connection.execute(
            'SELECT "userId", objective, "predictedStruggleProbability" FROM struggle_predictions'
            ' JOIN learning_objectives ON learning_objectives.id = "learningObjectiveId"'
        ).fetchall()
    assert {row[1] for row in published} == {"Kidney"}
    with serving(settings) as service:
        service.now = datetime.now(UTC).replace(tzinfo=None)
        rows = service.get("/predictions", user_id="me")["predictions"]
    assert {row["objective_name"] for row in rows} == {row[1] for row in published}
    report = run("--home", "imported", "report", AMERICANO_HOME=str(own))
    assert report.returncode == 0, report.stderr
    page = next((own / "imported" / "reports").glob("*.html")).read_text()
    assert "Anatomy" in page or "Physiology" in page
    assert "Secret of a note" not in page

    again = run("import", str(collection), AMERICANO_HOME=str(own))
    assert "0 are new, 0 say something else than before, 69 were there already." in " ".join(again.stdout.split())
    doctor = run("--home", "imported", "check-db", AMERICANO_HOME=str(own))
    assert doctor.returncode == 0, doctor.stdout
    assert "objectives with it are of unknown complexity" in " ".join(doctor.stdout.split())


@pytest.mark.long
def test_a_collection_is_judged_by_time_and_says_what_cannot_be_known(tmp_path: Path) -> None:
    done = run("evaluate", str(COLLECTIONS / "collection.colpkg"), AMERICANO_HOME=str(tmp_path / "home"))
    out = " ".join(done.stdout.split())
    assert "1 learner is too few to keep some apart" in out, done.stdout + done.stderr
    assert not (tmp_path / "home").exists()
