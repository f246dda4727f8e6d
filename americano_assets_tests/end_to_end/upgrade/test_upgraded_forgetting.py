"""Forgetting in a home that an earlier commit left: its files, its log, its databases, by the command."""

import subprocess

import pytest
from typer.testing import CliRunner

from americano_assets import cli
from americano_assets.resources.postgres.embedded.server import DATABASES, EmbeddedServer
from americano_assets.stages.maintenance.erasure.survey import look
from americano_assets_tests.end_to_end.upgrade.restoring import Upgraded
from americano_assets_tests.world import published_rows

pytestmark = pytest.mark.long


def left_of(home: Upgraded, learner: str) -> list[str]:
    """Wherever the bytes of an id are: files but the server's own, dumps but for the app's tables."""
    folder = home.settings.americano_home
    server = EmbeddedServer(folder)
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_relative_to(server.data)]
    found = [str(path) for path in files if learner in path.name or learner.encode() in path.read_bytes()]
    for database in DATABASES:
        schema = ["--schema=ml"] if database == "americano" else []
        dump = [str(server._binaries / "pg_dump"), *schema, server.url(database)]
        done = subprocess.run(dump, check=True, capture_output=True, text=True)
        found += [database] if learner in done.stdout else []
    return found


def test_a_learner_is_forgotten_by_the_command(in_new_york: Upgraded, monkeypatch: pytest.MonkeyPatch) -> None:
    world, home = in_new_york.world, in_new_york.settings.americano_home
    ((learner,),) = world.rows("SELECT learner_id FROM ml.api_tokens WHERE learner_id IS NOT NULL")
    with (home / "postgres" / "server.log").open("a") as log:  # As the server of then wrote statements that failed.
        log.write(f"STATEMENT:  SELECT * FROM reviews WHERE learner_id IN ('{learner}')\n")
    others = {table: [row for row in rows if learner not in str(row)] for table, rows in published_rows(world).items()}
    assert "americano" in left_of(in_new_york, learner)
    monkeypatch.setenv("AMERICANO_HOME", str(home))
    asked = CliRunner().invoke(cli.app, ["forget", learner], input="n\n")
    assert asked.exit_code == 1
    assert "scored_predictions" in asked.output.split("Remove all of this?")[0]
    assert "server.log" in str(left_of(in_new_york, learner))
    done = CliRunner().invoke(cli.app, ["forget", learner, "--yes"])
    assert done.exit_code == 0, done.output
    assert "The account is still in the app" in done.output
    assert left_of(in_new_york, learner) == []
    assert published_rows(world) == others
    refused = CliRunner().invoke(cli.app, ["forget", "1", "--yes"])
    assert refused.exit_code == 1
    found = look(in_new_york.deployment, world.rows('SELECT max("id") FROM users')[0][0])
    assert (found.unreadable, found.not_ours) == ([], [])
