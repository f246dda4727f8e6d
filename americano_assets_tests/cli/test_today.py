"""The commands of the morning list: `today` on a terminal and as CSV, an adviser's token."""

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg.types.json import Jsonb
from typer.testing import CliRunner, Result

from americano_assets import cli
from americano_assets.resources.postgres.connection import prepare
from americano_assets.settings import load_settings
from americano_assets_tests.api.morning_list.conftest import ANATOMY, BIOLOGY, School
from americano_assets_tests.api.rows import NOW, Rows

FORMULA = "=HYPERLINK(1)"


@pytest.fixture
def school(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[School]:
    """A night as of now: the command asks the machine for the time."""
    for name, value in {"DATABASE_URL": database, "AMERICANO_HOME": str(tmp_path / "home")}.items():
        monkeypatch.setenv(name, value)
    prepare(load_settings())
    with psycopg.connect(database, autocommit=True) as connection:
        made = School(Rows(connection))
        made.rows.learner("owner")
        made.rows.published()
        made.course(ANATOMY, "Anatomy")
        made.course(BIOLOGY, "Biology")
        yield made


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli.app, list(arguments))


def warned(school: School, learner: str, p: float, course: str = ANATOMY, **values: object) -> None:
    now = datetime.now(UTC).replace(tzinfo=None)
    school.warned(learner, p, course, due=now + timedelta(days=3), window_end=now + timedelta(days=7), **values)  # type: ignore[arg-type]


def test_today_says_whom_to_help_first(school: School) -> None:
    warned(school, "first", 0.9, advice="PREREQUISITE_REVIEW")
    warned(school, "second", 0.8)
    warned(school, "held-out", 0.95, arm="holdout")
    warned(school, "other", 0.7, BIOLOGY)
    school.rows.insert(
        "ml.list_actions",
        course_id=ANATOMY,
        user_id="second",
        action="note",
        note="A secret word.",
        taken_by="ada",
        taken_at=NOW,
    )
    told = run("today")
    assert told.exit_code == 0, told.output
    words = " ".join(told.output.split())
    assert words.index("Anatomy: 2 learners") < words.index("first") < words.index("second") < words.index("Biology")
    assert "high risk" in words
    assert "Basics of Anatomy (p 0.90)" in words
    assert "note, 24 Nov by ada" in words
    assert "secret" not in words
    assert "held-out" not in words
    one = run("today", "--course", "Biology").output
    assert "other" in one
    assert "first" not in one


def test_the_csv_is_a_table_that_computes_nothing(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AMERICANO_NAME_COLUMN", "name")
    school.objective("formula", ANATOMY, FORMULA)
    factor = [{"feature": "f", "value": 1, "contribution": 1.0, "text": f"@{FORMULA}"}]
    warned(school, "first", 0.9, objective="formula", prediction={"strugglingFactors": Jsonb(factor)})
    warned(school, "second", 0.8)
    school.rows.execute(f"UPDATE users SET name = '{FORMULA}\n' WHERE id = 'first'")
    school.rows.execute(f"UPDATE courses SET name = '{FORMULA}' WHERE id = '{ANATOMY}'")
    told = run("today", "--csv")
    assert told.exit_code == 0, told.output
    first, second = csv.DictReader(io.StringIO(told.stdout))
    assert [first["learner"], second["learner"]] == ["first", "second"]
    assert (first["name"], first["course"], first["objectives"]) == (f"'{FORMULA}\\n", f"'{FORMULA}", f"'{FORMULA}")
    assert first["why"] == f"'@{FORMULA}"
    assert (first["place"], first["p"], first["standing"], second["name"]) == ("1", "0.9", "open", "")


@pytest.mark.parametrize("course", ["nothing", "' OR true --", "Anatomy' UNION SELECT 1; DROP TABLE users; --"])
def test_a_course_that_is_none_is_told(school: School, course: str) -> None:
    warned(school, "first", 0.9)
    told = run("today", "--course", course)
    assert told.exit_code != 0
    assert "first" not in told.output
    assert f'has none with the id, code or name "{course}"' in str(told.exception)
    assert school.rows.one("SELECT count(*) FROM users WHERE id = 'first'") == (1,)


def test_names_that_cannot_be_read_are_told(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AMERICANO_NAME_COLUMN", "nickname")
    warned(school, "first", 0.9)
    assert "AMERICANO_NAME_COLUMN names the column" in str(run("today").exception)


def test_before_the_first_night_it_says_so(school: School) -> None:
    school.rows.execute("DELETE FROM ml.study_days")
    assert "No night has published anything yet" in run("today").output
    assert run("today", "--csv").stdout.startswith("course,place,learner,name")


def test_an_advisers_token_names_its_courses(school: School) -> None:
    made = run("token", "create", "ada", "--adviser", "--course", "Anatomy", "--course", BIOLOGY)
    assert made.exit_code == 0, made.output
    assert made.stdout.startswith("amr_")
    assert school.rows.one("SELECT courses, learner_id FROM ml.api_tokens") == ([ANATOMY, BIOLOGY], None)
    assert f"the morning list of {ANATOMY}" in " ".join(run("token", "list").output.split())
    for wrong in (["--adviser"], ["--course", "Anatomy"], ["--adviser", "--course", "Anatomy", "--learner", "owner"]):
        assert run("token", "create", "eve", *wrong).exit_code == 2
    assert run("token", "create", "eve", "--adviser", "--course", "Nothing").exit_code != 0
    assert school.rows.one("SELECT count(*) FROM ml.api_tokens") == (1,)
