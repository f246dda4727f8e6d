"""What belongs to a learner goes from every registered place, whatever word their id is, and nobody else's does."""

import ast
import os
import subprocess
import sys
import uuid
from pathlib import Path

import dagster as dg
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import SecretStr

from americano_assets.errors import AmericanoError
from americano_assets.installation import PROJECT_ROOT
from americano_assets.orchestration.dagster_home import HOME_VARIABLE, URL_VARIABLE, prepare_dagster_home
from americano_assets.resources.postgres.connection import prepare
from americano_assets.resources.postgres.embedded.server import DAGSTER_DATABASE, EmbeddedServer
from americano_assets.settings import Settings
from americano_assets.stages.maintenance.erasure.forgetting import forget
from americano_assets.stages.maintenance.erasure.registry import ML_TABLES, STORE_TABLES, kind_of
from americano_assets.stages.maintenance.erasure.survey import look, survey
from americano_assets.stages.maintenance.prune import prune
from americano_assets.stages.s6_publication.transaction import PREDICTIONS
from americano_assets_tests.stages.conftest import Lived
from americano_assets_tests.stages.maintenance.belongings import DAY, OTHER, RANDOM, is_as_it_must_be, key, plant
from americano_assets_tests.world import ClockedDeployment, World

IDS = ["1", "a", "review", "O'Neil", "100 %", RANDOM]


@pytest.mark.parametrize("learner", IDS)
def test_whatever_word_an_id_is_only_what_is_theirs_goes(
    deployment: ClockedDeployment, world: World, learner: str
) -> None:
    planted = plant(deployment, world, learner)
    surveyed = survey(deployment, learner)
    before = surveyed.rows
    done = forget(deployment, learner)
    is_as_it_must_be(deployment, world, planted)
    assert done.rows == before
    found = {table for table, holds in STORE_TABLES.items() if holds.columns}
    found |= {f"ml.{table}" for table, rows in ML_TABLES.items() if rows is not None and table != "single_cases"}
    assert set(done.rows) > found
    whose = {name: surveyed.whose(name) for name in found | {PREDICTIONS}}
    assert whose.pop(PREDICTIONS).startswith("the app's table"), "and none of its others is touched"
    assert whose == {name: "our table" if name.startswith("ml.") else "our files" for name in found}
    assert not look(deployment, learner).rows
    told = world.rows("SELECT removed FROM ml.forgettings")
    assert told == [(dict(before),)]
    names = world.rows("SELECT name, learner_id, revoked_at IS NULL FROM ml.api_tokens ORDER BY learner_id DESC")
    assert names[0] == (f"of {OTHER}", OTHER, False)
    assert names[1][0].startswith("forgotten ")
    assert names[1][1:] == ("", False)


def test_of_a_random_id_no_byte_is_left(
    deployment: ClockedDeployment, world: World, server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    dagster = server.url(DAGSTER_DATABASE)
    deployment.settings = deployment.settings.model_copy(update={"americano_dagster_url": SecretStr(dagster)})
    home = deployment.settings.americano_home
    plant(deployment, world, RANDOM, "a word")
    for variable in (HOME_VARIABLE, URL_VARIABLE):
        monkeypatch.setenv(variable, "")
    prepare_dagster_home(deployment.settings)
    run = dg.DagsterRun(job_name="night", run_id=str(uuid.uuid4()), tags={"learner": RANDOM})
    with dg.DagsterInstance.get() as instance:
        instance.add_run(run)
        instance.report_engine_event(f"not unique: {RANDOM}", run)
    log = home / "dagster" / "storage" / run.run_id / "compute_logs" / "a.err"
    log.parent.mkdir(parents=True)
    log.write_text(f"fine\nKey (user_id)=({RANDOM}) exists\n")
    (home / "postgres").mkdir()
    (home / "postgres" / "server.log").write_text(f"STATEMENT: SELECT 1 WHERE id IN ('{RANDOM}')\n")
    forget(deployment, RANDOM)
    assert log.read_text() == "fine\nKey (user_id)=(forgotten) exists\n"
    assert [
        path for path in home.rglob("*") if RANDOM in f"{path.name}{path.read_bytes() if path.is_file() else 0!r}"
    ] == []
    assert RANDOM not in dump(server, deployment.url, "--schema=ml")
    dumped = dump(server, dagster)
    assert run.run_id in dumped
    assert RANDOM not in dumped


def dump(server: EmbeddedServer, url: str, *options: str) -> str:
    done = subprocess.run([server._binaries / "pg_dump", url, *options], capture_output=True, text=True, check=True)
    return done.stdout


def test_exports_and_copies_under_any_name_are_reached(deployment: ClockedDeployment, world: World) -> None:
    learner, home = "review", deployment.settings.americano_home
    plant(deployment, world, learner)
    folder = home / "exports" / "of summer"
    folder.mkdir(parents=True)
    rows = pa.table({"learner_id": pa.array([learner, OTHER]).dictionary_encode(), "note": ["theirs", learner]})
    pq.write_table(rows, folder / "everyone")
    pq.write_table(rows.slice(0, 1), folder / "alone.pq")
    empty = rows.slice(0, 0).replace_schema_metadata({"americano.export_of": str(key(learner))})
    pq.write_table(empty, folder / "nothing")
    pq.write_table(pa.table({"title": [learner]}), folder / "a table of somebody's")
    (folder / "notes.txt").write_text(f"{learner}\n")
    assert survey(deployment, learner).rows["exports and copies"] == 3
    forget(deployment, learner)
    assert sorted(path.name for path in folder.iterdir()) == ["a table of somebody's", "everyone", "notes.txt"]
    assert pq.read_table(folder / "everyone").to_pylist() == [{"learner_id": OTHER, "note": learner}]
    # Not as a value of the dictionary that no row has either.
    assert pq.read_table(folder / "everyone")["learner_id"].combine_chunks().dictionary.to_pylist() == [OTHER]


def test_a_file_that_is_named_after_them_is_renamed(deployment: ClockedDeployment, world: World) -> None:
    home = deployment.settings.americano_home
    plant(deployment, world, RANDOM, "a word")
    rows = pa.table({"learner_id": [RANDOM, OTHER]})
    pq.write_table(rows, home / f"not-{RANDOM}.parquet")
    pq.write_table(rows.slice(1), home / f"{RANDOM}.parquet")
    (home / "forgotten.parquet").write_text("an earlier one")
    (home / "notes.txt").write_text(f"ask {RANDOM}\n")
    done = forget(deployment, RANDOM)
    assert sorted(path.name for path in home.glob("*.parquet")) == [
        *("forgotten-2.parquet", "forgotten.parquet", "not-forgotten.parquet")
    ]
    assert (home / "forgotten.parquet").read_text() == "an earlier one"
    assert done.not_ours == ["notes.txt"]


def test_a_damaged_file_is_named_and_the_rest_is_done(deployment: ClockedDeployment, world: World) -> None:
    planted = plant(deployment, world, "1")
    (damaged,) = (deployment.store.root / "reviews" / f"day={DAY}").glob("*.parquet")
    damaged.write_bytes(damaged.read_bytes()[:-20])
    assert survey(deployment, "1").unreadable == [str(damaged.relative_to(deployment.settings.americano_home))]
    with pytest.raises(AmericanoError, match=f"1 files cannot be read, the first is data/reviews/day={DAY}/") as error:
        forget(deployment, "1")
    assert "Everything else is done" in str(error.value)
    del planted.days["reviews"]
    is_as_it_must_be(deployment, world, planted)


def test_who_is_nobody_is_refused_and_an_account_that_is_gone_is_not(
    deployment: ClockedDeployment, world: World
) -> None:
    plant(deployment, world, "1")
    for nobody in ("10", "review", "somebody", " "):
        with pytest.raises(AmericanoError, match=r"nobody's id|Name the id"):
            forget(deployment, nobody)
    assert world.rows("SELECT count(*) FROM ml.forgettings") == [(0,)]
    world.execute("DELETE FROM users WHERE id = '1'")
    assert sum(forget(deployment, "1").rows.values()) > 0
    with pytest.raises(AmericanoError, match="nobody's id"):
        forget(deployment, "1")


def test_assignments_go_with_their_learner_alone(deployment: ClockedDeployment, world: World) -> None:
    plant(deployment, world, "1")
    for statement in ("DELETE FROM ml.assignments", "TRUNCATE ml.assignments"):
        with pytest.raises(psycopg.errors.RaiseException, match="never removed but with all else of its learner"):
            world.execute(statement)
    world.execute("SET ml.forgetting = '1'")
    with pytest.raises(psycopg.errors.RaiseException):
        world.execute("DELETE FROM ml.assignments")
    assert world.rows("SELECT count(*) FROM ml.assignments") == [(2,)]


def test_what_an_error_of_the_database_says_names_nobody(deployment: ClockedDeployment, world: World) -> None:
    plant(deployment, world, "1", "a word")
    twice = "INSERT INTO ml.generate_budget SELECT * FROM ml.generate_budget"
    with pytest.raises(psycopg.errors.UniqueViolation) as error, deployment.connect() as connection:
        connection.execute(twice)
    assert "duplicate key value" in str(error.value)
    assert OTHER not in str(error.value)
    assert error.value.__context__ is None


def test_a_call_that_is_killed_at_any_point_is_finished_by_the_next(
    deployment: ClockedDeployment, world: World, database: str
) -> None:
    """In a process of its own, with SIGKILL at the first change, the second, and so on until nothing is left to do.

    The app has no such account any more: a text that outlived all else would be of nobody.
    """
    planted = plant(deployment, world, RANDOM, "a word")
    world.execute("DELETE FROM users WHERE id = %s", RANDOM)
    home = deployment.settings.americano_home
    pq.write_table(pa.table({"learner_id": [RANDOM, OTHER]}), home / "an export")
    log = home / "dagster" / "a.err"
    log.parent.mkdir()
    log.write_text(f"Key (user_id)=({RANDOM}) exists")
    done = subprocess.run(
        [sys.executable, "-m", f"{__package__}.killed_forgetting", database, str(home), RANDOM],
        cwd=PROJECT_ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    assert int(done.stdout) > len(STORE_TABLES)
    is_as_it_must_be(deployment, world, planted)
    assert not look(deployment, RANDOM).rows
    assert log.read_text() == "Key (user_id)=(forgotten) exists"
    assert pq.read_table(home / "an export").to_pylist() == [{"learner_id": OTHER}]


def test_of_two_calls_at_once_one_does_it_and_the_other_changes_nothing(
    deployment: ClockedDeployment, world: World, database: str, tmp_path: Path
) -> None:
    """Both would write the same files anew, and each would forget what the other wrote."""
    prepare(deployment.settings)  # The command binds home and database.
    planted = plant(deployment, world, RANDOM, "a word")
    held = tmp_path / "held"
    beginning = f"""
import sys
from pathlib import Path
from americano_assets.resources.parquet_store.atomic_files import held_alone
with held_alone(Path({str(deployment.settings.store_root)!r})):
    Path({str(held)!r}).touch()
    sys.stdin.read()
"""
    environment = os.environ | {
        "DATABASE_URL": database,
        "AMERICANO_HOME": str(deployment.settings.americano_home),
        "PYTHONPATH": str(PROJECT_ROOT),
    }
    before = {path: path.read_bytes() for path in deployment.store.root.rglob("*") if path.is_file()}
    with subprocess.Popen([sys.executable, "-c", beginning], stdin=subprocess.PIPE, env=environment) as first:
        while not held.exists():
            assert first.poll() is None
        command = [sys.executable, "-P", "-m", "americano_assets", "forget", RANDOM, "--yes"]
        second = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=tmp_path)
        with pytest.raises(AmericanoError, match="Another `forget` or `prune`, or a step of a night, is at work"):
            prune(deployment, 30)
        assert second.returncode == 1
        assert "Another `forget` or `prune`, or a step of a night, is at work" in " ".join(second.stderr.split())
        assert {path: path.read_bytes() for path in deployment.store.root.rglob("*") if path.is_file()} == before
        first.communicate()
    third = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=tmp_path)
    assert third.returncode == 0, third.stderr
    is_as_it_must_be(deployment, world, planted)


def unregistered(settings: Settings, world: World) -> list[str]:
    """Places of ours that the registry does not know, or of which it does not say what they hold."""
    home, store = settings.americano_home, settings.store_root
    found = []
    for path in sorted(path for path in home.rglob("*") if path.is_file() and path != settings.analytics_path):
        below = path.relative_to(home)
        if path.suffix != ".parquet" or not path.is_relative_to(store):
            found += [] if kind_of(below) else [str(below)]
            continue
        table = "/".join(part for part in path.relative_to(store).parts[:-1] if not part.startswith("day="))
        schema, holds = pq.read_schema(path), STORE_TABLES.get(table)
        owned = [name for name in ("learner_id", "learner_key", "prediction_id", "key") if name in schema.names]
        if holds is None or set(owned) - {"learner_key"} - set(holds.columns) or bool(owned) != bool(holds.columns):
            found.append(table)
    columns = world.rows("SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'ml'")
    for table, column in columns:
        declared = ML_TABLES.get(table, "?")
        owned_by = column in ("user_id", "learner_id", "prediction_id")
        found += [f"ml.{table}"] if declared == "?" or (owned_by and declared is None) else []
    return list(dict.fromkeys(found))


def test_the_registry_knows_every_place(lived: Lived) -> None:
    assert unregistered(lived.settings, lived.world) == []


def test_a_place_that_is_added_is_missed_by_the_registry(deployment: ClockedDeployment, world: World) -> None:
    home = deployment.settings.americano_home
    plant(deployment, world, "1")
    assert unregistered(deployment.settings, world) == []
    for path in ("data/quarantine.json", "models/learners.csv"):
        (home / path).parent.mkdir(exist_ok=True)
        (home / path).write_text("{}")
    rows = pa.table({"learner_id": ["1"]})
    deployment.store.put_whole("diaries", rows)
    deployment.store.put_whole("objectives", rows)
    world.execute("CREATE TABLE ml.diaries (user_id text)")
    world.execute("ALTER TABLE ml.drift ADD COLUMN user_id text")
    found = ["diaries", "objectives", "data/quarantine.json", "models/learners.csv", "ml.diaries", "ml.drift"]
    assert sorted(unregistered(deployment.settings, world)) == sorted(found)


# Modules that write files. Who adds one: declare in the registry what the file holds of a learner.
WRITE_FILES = {
    "cli.evaluate",
    "cli.setup.env_file",
    "evaluation.log_tables",
    "orchestration.dagster_home",
    "resources.home.claim",
    "resources.home.folder",
    "resources.home.moving",
    "resources.mlflow.training_run",
    "resources.parquet_store.atomic_files",
    "resources.parquet_store.bucket",
    "resources.parquet_store.contents",
    "resources.parquet_store.files",
    "resources.parquet_store.redactions",
    "resources.parquet_store.row_writer",
    "resources.parquet_store.store",
    "stages.common.model_files",
    "stages.maintenance.erasure.files",
    "stages.maintenance.erasure.forgetting",
    "stages.maintenance.rebucket",
    "stages.s1_snapshots.interactions",
    "stages.s1_snapshots.quarantine",
    "stages.s1_snapshots.snapshots",
    "stages.s1_snapshots.state_snapshots",
    "stages.s2_features.day_aggregates",
    "stages.s2_features.features",
    "stages.s2_features.point_in_time",
    "stages.s2_features.skill_ratings",
    "stages.s2_features.window_aggregates",
    "stages.s3_training.dataset_versions",
    "stages.s3_training.train_models",
    "stages.s3_training.training_rows",
    "stages.s4_predictions.scored_predictions",
    "stages.s5_interventions.assets",
    "stages.s7_outcomes.label_episodes",
    "stages.s7_outcomes.misses",
    "stages.s9_report.event_export",
    "stages.s9_report.page.files",
    "stages.s9_report.research_database",
}
WRITING = {
    *("write_json", "write_bytes", "write_text", "write_file", "written_beside"),
    *("put_day", "add_day", "put_whole", "remember"),
}


def test_every_module_that_writes_files_is_known() -> None:
    package = PROJECT_ROOT / "americano_assets"
    found = set()
    for path in package.rglob("*.py"):
        calls = {node.func for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)}
        names = {one.attr if isinstance(one, ast.Attribute) else getattr(one, "id", "") for one in calls}
        found |= {".".join(path.relative_to(package).with_suffix("").parts)} if names & WRITING else set()
    assert found == WRITE_FILES
