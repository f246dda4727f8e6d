"""Whose home a command works on: one's own goes first, then the demo that ran last; demos have theirs to themselves."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner, Result

from americano_assets import cli
from americano_assets.cli.home import home_first, of_a_demo
from americano_assets.errors import AmericanoError
from americano_assets.installation import HOME_SETTINGS_FILE
from americano_assets.loading.demo.flow import load_cohort, load_students
from americano_assets.loading.demo.homes import home_of
from americano_assets.resources.home.chosen import own_home, usual_home
from americano_assets.resources.home.folder import write_demo_values
from americano_assets.resources.home.walk import files_of
from americano_assets.resources.postgres.connection import app_url, connect
from americano_assets.resources.postgres.embedded.server import EmbeddedServer
from americano_assets.settings import Settings, load_settings
from americano_assets_tests.folders import SHORT

_CLAIM = '{"id": "ours", "database": {"database_name": "d", "database_oid": 1, "system_identifier": null}}'


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The user's own home, short enough for a socket, with nothing in it."""
    home = Path(tempfile.mkdtemp(prefix="own-", dir=SHORT))
    monkeypatch.setenv("AMERICANO_HOME", str(home))
    yield home
    for server in home.glob("**/postgres"):
        EmbeddedServer(server.parent).stop()
    shutil.rmtree(home, ignore_errors=True)


def _demo(home: Path, at: int, horizon: int = 14, *, alone: bool = True) -> Path:
    home.mkdir(parents=True, exist_ok=True)
    write_demo_values(home, {"AMERICANO_HORIZON_DAYS": horizon}, alone=alone)
    os.utime(home / HOME_SETTINGS_FILE, (at, at))
    return home


def _invoke(*arguments: str) -> Result:
    return CliRunner().invoke(cli.app, list(arguments))


def test_the_demo_that_ran_last_is_worked_on_and_said_until_there_is_something_of_ones_own(
    own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert usual_home() == own
    first, second = _demo(own / "demos" / "oulad", 1), _demo(own / "demos" / "simulated", 2, 7)
    assert usual_home() == second
    os.utime(first / HOME_SETTINGS_FILE, (3, 3))
    assert usual_home() == first

    told = _invoke("dataset", "list")
    assert told.stderr.splitlines()[0] == f"americano: On the demo's home {first}, with a database of its own."
    assert os.environ["AMERICANO_HOME"] == str(first), "what the command starts works there too"
    assert (own_home(), home_of("simulated")) == (own, second), "and is still beside the user's"
    monkeypatch.setenv("AMERICANO_HOME", str(own))
    assert "demo" not in _invoke("schema", "--sql").stderr

    monkeypatch.setenv("DATABASE_URL", "postgresql://me@example.org/mine")
    assert usual_home() == own
    monkeypatch.delenv("DATABASE_URL")
    (own / "database.json").write_text(_CLAIM)
    assert usual_home() == own
    assert _invoke("dataset", "list").stderr == ""


def test_a_database_that_a_demos_home_passes_over_is_named_and_production_works_on_none(
    own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    demo = _demo(own / "demos" / "oulad", 1)
    monkeypatch.setenv("AMERICANO_HOME", str(demo))
    monkeypatch.setenv("DATABASE_URL", "postgresql://me@example.org/mine")
    told = _invoke("dataset", "list").stderr.splitlines()[0]
    assert told == f"americano: On the demo's home {demo}, with a database of its own; DATABASE_URL is passed over."
    monkeypatch.setenv("ENVIRONMENT", "production")
    with pytest.raises(AmericanoError, match=f"ENVIRONMENT=production: the home {demo} is a demo's"):
        load_settings()
    monkeypatch.delenv("DATABASE_URL")
    monkeypatch.setenv("AMERICANO_HOME", str(own))
    assert "ENVIRONMENT=production: the home" in str(_invoke("doctor").exception)


def test_an_option_chooses_behind_the_command_too(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (own / "database.json").write_text(_CLAIM)
    demo = _demo(own / "demos" / "oulad", 1)
    assert home_first(["report", "--home", "demo", "--open"]) == ["--home", "demo", "report", "--open"]
    assert home_first(["report", "--home=demo"]) == ["--home=demo", "report"]
    assert home_first(["test", "--home", "x"]) == ["test", "--home", "x"]
    assert home_first(["report"]) == ["report"]
    assert str(demo) in _invoke("--home", "demo", "dataset", "list").stderr
    monkeypatch.setenv("AMERICANO_HOME", str(own))
    missing = _invoke("--home", "simulated", "dataset", "list").exception
    assert isinstance(missing, AmericanoError)
    assert "./americano demo --cohort simulated makes it" in str(missing)
    assert str(demo) in _invoke("--home", str(demo), "dataset", "list").stderr


def test_a_demos_own_settings_go_before_those_of_ones_own_nights(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = _demo(own / "demos" / "oulad", 1)
    for name, value in {
        "DATABASE_URL": "postgresql://me@example.org/mine",
        "MLFLOW_TRACKING_URI": "http://example.org",
        "AMERICANO_HORIZON_DAYS": "7",
        "PORT": "8123",
    }.items():
        monkeypatch.setenv(name, value)
    found = load_settings(home)
    assert (found.database_url, found.mlflow_tracking_uri, found.americano_horizon_days) == (None, None, 14)
    assert found.port == 8123, "a port is the machine's"
    write_demo_values(home, {"AMERICANO_HORIZON_DAYS": 14})  # As a version before wrote them.
    assert load_settings(home).americano_horizon_days == 7
    assert load_settings(home).database_url is not None


def test_a_demo_of_a_version_before_stays_where_it_is(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _demo(own, 1, alone=False)
    assert usual_home() == home_of("oulad") == own
    assert home_of("simulated") == own / "demos" / "simulated"
    assert f"On the demo's home {own}" in _invoke("dataset", "list").stderr
    # Nor does a later demo take plain commands away from it: learners of one's own may be in its database too.
    _demo(own / "demos" / "simulated", 2, 7)
    assert usual_home() == own
    # Its home never gets to another database.
    monkeypatch.setenv("DATABASE_URL", "postgresql://me@example.org/mine")
    assert home_of("oulad") == own / "demos" / "oulad"


def test_what_a_demo_prints_finds_it_whatever_comes_after_it(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for begins in (False, True):
        if begins:
            (own / "database.json").write_text(_CLAIM)
        for cohort, name in (("oulad", "demo"), ("simulated", "simulated")):
            monkeypatch.setenv("AMERICANO_HOME", str(own))
            assert of_a_demo(cohort, into_this_database=False)[1] == f"--home {name} "
    monkeypatch.setenv("AMERICANO_HOME", str(own))
    home = own / "demos" / "oulad"
    # As `choose` leaves it: a name alone would look for the demo beside another home.
    assert of_a_demo("oulad", str(own), into_this_database=False)[1] == f"--home {home} "


def test_two_demos_one_after_the_other_beside_a_database_of_ones_own(
    own: Path, database: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", database)
    monkeypatch.setenv("AMERICANO_TIMEZONE", "Europe/Berlin")
    loaded: list[Settings] = []
    for cohort in ("oulad", "simulated"):
        monkeypatch.setenv("AMERICANO_HOME", str(own))
        settings, options = of_a_demo(cohort, into_this_database=False)
        told = capsys.readouterr().err
        assert f"{own}/demos/{cohort}, with a database of its own; DATABASE_URL is left alone" in told
        assert options == ("--home demo " if cohort == "oulad" else "--home simulated ")
        if cohort == "oulad":
            load_students(settings, 6, lambda table, rows: None)
        else:
            load_cohort(settings, 6, 60, 2, None, lambda table, rows: None)
        loaded.append(load_settings(settings.americano_home))
    for settings, cohort in zip(loaded, ("oulad", "simulated"), strict=True):
        assert settings.americano_timezone == "UTC", "the simulated are lived through in it"
        with connect(app_url(settings)) as connection:
            assert connection.execute("SELECT cohort, learners FROM ml.demo_load").fetchone() == (cohort, 6)
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT count(*) FROM users").fetchone() == (0,)
    monkeypatch.setenv("AMERICANO_HOME", str(own))
    told = _invoke("stop").stdout
    assert f"The embedded PostgreSQL of {own} was not running." in told, (
        "and those of the demos are not lost from sight"
    )
    assert [f"--home {own}/demos/{cohort} stop" in told for cohort in ("oulad", "simulated")] == [True, True]
    stopped = _invoke("--home", "simulated", "stop").stdout
    assert f"The embedded PostgreSQL of {own}/demos/simulated has stopped." in stopped
    assert f"That of {own}/demos/oulad runs" in stopped
    left: list[str] = []
    assert list(files_of(own, left, left)) == [], "a learner's erasure or a pruning of one's own home is not the demo's"

    monkeypatch.setenv("AMERICANO_HOME", str(own))
    done = _invoke("demo", "--remove", "--cohort", "oulad", "--yes")
    assert done.exit_code == 0, done.output
    assert list((own / "demos" / "oulad").iterdir()) == []
    assert (own / "demos" / "simulated" / HOME_SETTINGS_FILE).exists()
