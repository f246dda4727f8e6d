"""The quickstart in a database as `schema --sql` makes one, with the learners that it brings along."""

import re
from pathlib import Path

import psycopg
import pytest

from americano_assets.installation import PROJECT_ROOT
from americano_assets_tests.cli.test_cli import run

PAGE = (PROJECT_ROOT / "docs" / "quickstart.md").read_text()


@pytest.mark.long
def test_the_first_night_of_its_learners_publishes_what_the_page_shows(empty_database: str, tmp_path: Path) -> None:
    learners = PROJECT_ROOT / "examples" / "first-hour" / "learners.sql"
    assert str(learners.relative_to(PROJECT_ROOT)) in PAGE
    with psycopg.connect(empty_database, autocommit=True) as connection:
        connection.execute(run("schema", "--sql").stdout)
        connection.execute(learners.read_text())
    environment = {
        "DATABASE_URL": empty_database,
        "AMERICANO_DAGSTER_URL": empty_database,
        "MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path}/mlflow.db",
        "AMERICANO_HOME": str(tmp_path / "home"),
        "AMERICANO_TIMEZONE": "UTC",
    }
    assert run("check-db", **environment).returncode == 0
    done = run("nightly", **environment)
    assert done.returncode == 0, done.stderr
    assert "by 10 graded answers of 3 learners" in " ".join(done.stdout.split())

    (query,) = re.findall(r"db-url\)\" -c '(SELECT .*?)'", PAGE, re.DOTALL)
    shown = re.findall(r"^ (\w+) +\| (.+?) +\| 20\S+ 00:00:00 \| +(\d\.\d+)$", PAGE, re.MULTILINE)
    assert len(shown) > 2
    with psycopg.connect(empty_database) as connection:
        rows = connection.execute(query.replace("LIMIT 5", "")).fetchall()
    assert set(shown) <= {(learner, objective, str(p)) for learner, objective, _, p in rows}
