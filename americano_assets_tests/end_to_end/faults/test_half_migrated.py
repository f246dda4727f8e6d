"""A new version is killed (-9) in the middle of its migration: the old one goes on, and the next start applies all."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import psycopg

from americano_assets.installation import PROJECT_ROOT
from americano_assets.resources.postgres.migrate import MIGRATIONS, migrate
from americano_assets_tests.end_to_end.faults.conftest import Left, School

SCRIPT = """
import sys
from pathlib import Path
from americano_assets.resources.postgres.connection import connect
from americano_assets.resources.postgres.migrate import migrate

migrate(connect(sys.argv[1], autocommit=True), Path(sys.argv[2]))
"""
# Changed and thrown away before it comes to a table that somebody else holds.
NEXT = """
ALTER TABLE ml.episodes ADD COLUMN half_way integer;
DROP TABLE ml.alerts;
ALTER TABLE ml.study_days ADD COLUMN all_the_way integer;
CREATE TABLE ml.alerts (prediction_id text PRIMARY KEY);
"""
WAITS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%%ADD COLUMN half_way%%'
"""
COLUMNS = """
SELECT table_name, column_name FROM information_schema.columns
WHERE table_schema = 'ml' AND column_name IN ('half_way', 'all_the_way') ORDER BY 1
"""


def test_a_migration_killed_half_way_leaves_the_old_schema_and_the_next_start_applies_it(
    school: School, undisturbed: Left, tmp_path: Path
) -> None:
    folder = tmp_path / "next"
    shutil.copytree(MIGRATIONS, folder)
    (folder / "999_next.sql").write_text(NEXT)
    with psycopg.connect(school.url) as holder:
        holder.execute("LOCK TABLE ml.study_days IN ACCESS SHARE MODE")
        with subprocess.Popen(
            [sys.executable, "-c", SCRIPT, school.url, str(folder)], env=os.environ | {"PYTHONPATH": str(PROJECT_ROOT)}
        ) as process:
            while school.world.rows(WAITS) != [(1,)]:
                assert process.poll() is None
            process.kill()
    # The server goes on for a moment with what it was told, and finds nobody to commit it.
    assert school.night().success
    assert school.left() == undisturbed
    assert school.world.rows(COLUMNS) == []

    assert migrate(school.world.connection, folder) == ["999_next.sql"]
    assert school.world.rows(COLUMNS) == [("episodes", "half_way"), ("study_days", "all_the_way")]
    assert school.world.rows("SELECT count(*) FROM ml.episodes") == [(len(undisturbed["episodes"]),)]
    assert migrate(school.world.connection, folder) == []
