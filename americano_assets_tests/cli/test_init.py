"""`init`: what it writes into `.env`, what it leaves, and that nobody sees the password."""

import os
import pty
import re
import sys
from pathlib import Path

import psycopg
import pytest
from dotenv import dotenv_values
from typer.testing import CliRunner

from americano_assets import cli
from americano_assets.errors import AmericanoError
from americano_assets.installation import PROJECT_ROOT
from americano_assets.settings import validated
from americano_assets_tests.world import World, at

PASSWORD = "hunter2"
URL = f"postgresql://app:{PASSWORD}@127.0.0.1:1/school"


def _init(file: Path, *options: str, typed: str | None = None) -> str:
    done = CliRunner().invoke(cli.app, ["init", "--file", str(file), *options], input=typed)
    if isinstance(done.exception, AmericanoError):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.output


def test_every_choice_is_written_with_what_it_means_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    said = _init(file, "--database-url", "-", "--timezone", "Europe/Berlin", typed=f"{URL}\n")
    assert PASSWORD not in said
    assert "written; the file is new." in said
    assert file.stat().st_mode & 0o777 == 0o600
    settings = validated((file,))
    assert settings.database_url is not None
    assert settings.database_url.get_secret_value() == URL
    assert (settings.americano_timezone, settings.americano_holdout_share) == ("Europe/Berlin", 0.0)
    named = re.findall(r"^# .*\n([A-Z_]+)=", file.read_text(), re.MULTILINE)
    assert named == list(dotenv_values(file)), "each below a comment"
    assert "AMERICANO_STRUGGLE_BELOW" in named


def test_what_stands_there_stays_unless_somebody_says_otherwise(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("PORT=8123 # mine\nAMERICANO_TIMEZONE=UTC\nexport OTHER='a b'")
    file.chmod(0o644)
    with pytest.raises(AmericanoError, match=r"another value of AMERICANO_TIMEZONE already: --overwrite"):
        _init(file, "--timezone", "Europe/Berlin", "--horizon-days", "14")
    assert file.read_text() == "PORT=8123 # mine\nAMERICANO_TIMEZONE=UTC\nexport OTHER='a b'"
    assert "everything else in it is as it was" in _init(file, "--horizon-days", "14")
    found = dotenv_values(file)
    assert (found["AMERICANO_TIMEZONE"], found["AMERICANO_HORIZON_DAYS"]) == ("UTC", "14")
    assert file.stat().st_mode & 0o777 == 0o600
    before = file.read_text()
    assert "nothing written" in _init(file, "--horizon-days", "14")
    assert file.read_text() == before
    _init(file, "--timezone", "Europe/Berlin", "--overwrite")
    assert file.read_text() == before.replace("AMERICANO_TIMEZONE=UTC", "AMERICANO_TIMEZONE='Europe/Berlin'")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--timezone", "Mars/Olympus"], "AMERICANO_TIMEZONE.*IANA"),
        (["--start-day", "soon"], "AMERICANO_START_DAY.*YYYY-MM-DD"),
        (["--database-url", f"mysql://u:{PASSWORD}@h/d"], "DATABASE_URL.*postgresql://"),
        (["--database-url", f"postgresql://u:{PASSWORD}@@h/d"], "DATABASE_URL cannot be read"),
        (["--database-url", f"postgresql://u:{PASSWORD}${{HOME}}@h:1/d"], "DATABASE_URL has signs"),
    ],
)
def test_what_could_not_be_run_with_is_refused_without_its_text(tmp_path: Path, options: list[str], told: str) -> None:
    with pytest.raises(AmericanoError, match=told) as raised:
        _init(tmp_path / ".env", *options)
    assert PASSWORD not in str(raised.value)
    assert list(tmp_path.iterdir()) == []


def test_the_first_study_day_is_the_logs_own(database: str, tmp_path: Path) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        world = World(connection)
        world.learner("one")
        world.objective("heart", world.course("anatomy", "one"))
        world.review("one", "heart", at("2025-03-01 23:30"))
    _init(tmp_path / ".env", "--database-url", database, "--timezone", "Europe/Berlin")
    assert dotenv_values(tmp_path / ".env")["AMERICANO_START_DAY"] == "2025-03-01"


def test_a_person_is_asked_and_the_password_is_not_shown(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ["PYTHONPATH"] = str(PROJECT_ROOT)
        os.execv(sys.executable, [sys.executable, "-P", "-m", "americano_assets", "init", "--file", str(file)])
    shown = ""
    for question, answer in (
        ("DATABASE_URL, hidden [the embedded server]: ", URL),
        ("AMERICANO_TIMEZONE [UTC]: ", "Mars/Olympus"),
        ("IANA", ""),  # it says so, and asks again
        ("AMERICANO_START_DAY [2024-01-01]: ", "2025-06-01"),
        ("AMERICANO_HORIZON_DAYS [7]: ", ""),
        ("AMERICANO_STRUGGLE_BELOW [0.65]: ", ""),
        ("AMERICANO_HOLDOUT_SHARE [0.0]: ", ""),
    ):
        shown += _until(terminal, question)
        os.write(terminal, f"{answer}\n".encode())
    shown += _until(terminal, "doctor")
    os.close(terminal)
    os.waitpid(pid, 0)
    assert PASSWORD not in shown
    assert "how far ahead a struggle is foreseen" in shown
    found = dotenv_values(file)
    assert found["DATABASE_URL"] == URL
    assert (found["AMERICANO_TIMEZONE"], found["AMERICANO_START_DAY"]) == ("UTC", "2025-06-01")


def _until(terminal: int, words: str) -> str:
    """What the terminal shows up to some words; a program that ends before has not said them."""
    shown = ""
    while words not in shown:
        try:
            shown += os.read(terminal, 1).decode(errors="replace")
        except OSError:
            raise AssertionError(f"{words!r} was not asked: {shown}") from None
    return shown
