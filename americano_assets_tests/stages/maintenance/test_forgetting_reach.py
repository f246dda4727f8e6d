"""How far forgetting looks, by which ids, and what it says of that which it leaves alone."""

import gzip
import shutil
import uuid
from pathlib import Path

import dagster as dg
import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import SecretStr

from americano_assets.core.base.ids import cuid
from americano_assets.errors import AmericanoError
from americano_assets.orchestration.dagster_home import HOME_VARIABLE, URL_VARIABLE, prepare_dagster_home
from americano_assets.resources.parquet_store.atomic_files import LEFTOVER_PREFIX
from americano_assets.resources.postgres.embedded.server import DAGSTER_DATABASE, EmbeddedServer
from americano_assets.stages.maintenance.erasure import forgetting
from americano_assets.stages.maintenance.erasure.forgetting import forget
from americano_assets.stages.maintenance.erasure.survey import look, survey
from americano_assets.stages.maintenance.prune import prune
from americano_assets_tests.stages.maintenance.belongings import AT, OTHER, RANDOM, is_as_it_must_be, plant
from americano_assets_tests.world import ClockedDeployment, World

COURSE = "cm3x9k2lq0002v8h4z7d5t6wb"
HASH = "0123456789abcdef0123456789abcdef"
BOTH = pa.table({"learner_id": [RANDOM, OTHER]})


@pytest.fixture(autouse=True)
def opened(deployment: ClockedDeployment) -> None:
    """The home is ours and the database's before anything else lies in it."""
    assert deployment.url


@pytest.fixture
def run(
    deployment: ClockedDeployment, world: World, server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> dg.DagsterRun:
    """A run that Dagster's database has, which says of itself, a course, a data set and a model which they are."""
    dagster = SecretStr(server.url(DAGSTER_DATABASE))
    deployment.settings = deployment.settings.model_copy(update={"americano_dagster_url": dagster})
    for variable in (HOME_VARIABLE, URL_VARIABLE):
        monkeypatch.setenv(variable, "")
    prepare_dagster_home(deployment.settings)
    made = dg.DagsterRun(job_name="night", run_id=str(uuid.uuid4()), tags={"course": COURSE, "model": HASH})
    with dg.DagsterInstance.get() as instance:
        instance.add_run(made)
        instance.report_engine_event(f"{made.run_id} scored {COURSE} by {HASH}", made)
    home = deployment.settings.americano_home
    (home / "dagster" / "a.err").write_text(f"{made.run_id} {COURSE} {HASH}")
    for path in (home / "models" / f"{HASH}.json", home / "data" / "datasets" / f"{HASH}.json"):
        path.parent.mkdir(parents=True)
        path.write_text("{}")
    world.learner("owner")
    world.course(COURSE, "owner")
    return made


def said_of(run: dg.DagsterRun) -> tuple[object, list[str]]:
    with dg.DagsterInstance.get() as instance:
        found = instance.get_run_by_id(run.run_id)
        logged = [entry.user_message for entry in instance.all_logs(run.run_id)]
    return found and found.tags, logged


def test_who_is_named_in_texts_alone_is_nobody(deployment: ClockedDeployment, world: World, run: dg.DagsterRun) -> None:
    before = said_of(run)
    home = deployment.settings.americano_home
    pq.write_table(BOTH, home / f"{COURSE}.parquet")
    log = (home / "dagster" / "a.err").read_text()
    for something in (run.run_id, COURSE, HASH):
        with pytest.raises(AmericanoError, match="is nobody's id"):
            forget(deployment, something)
    assert said_of(run) == before
    assert (home / "dagster" / "a.err").read_text() == log
    assert (home / f"{COURSE}.parquet").exists()
    assert world.rows("SELECT count(*) FROM ml.forgettings") == [(0,)]


@pytest.mark.parametrize("what", ["run", "course", "model"])
def test_an_id_that_something_else_has_too_stays_in_texts_and_that_is_said(
    deployment: ClockedDeployment, world: World, run: dg.DagsterRun, what: str
) -> None:
    learner = {"run": run.run_id, "course": COURSE, "model": HASH}[what]
    before = said_of(run)
    world.learner(learner)
    pq.write_table(pa.table({"learner_id": [learner]}), deployment.settings.americano_home / "an export")
    done = forget(deployment, learner)
    assert done.rows == {"exports and copies": 1}
    assert done.not_ours == ["texts (the id is that of something else too)"]
    assert said_of(run) == before


def test_rows_that_were_set_aside_are_looked_for_in_texts_until_the_end(
    deployment: ClockedDeployment, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(deployment, world, RANDOM, "a word")
    world.execute("DELETE FROM users WHERE id = %s", RANDOM)
    log = deployment.settings.americano_home / "dagster" / "a.err"
    log.parent.mkdir()
    log.write_text(f"breaks a rule: {cuid('row', RANDOM)}")
    monkeypatch.setattr(forgetting, "blank_text", lambda *_: None)
    with pytest.raises(AmericanoError, match="still in Dagster's logs"):
        forget(deployment, RANDOM)


def test_half_a_file_and_a_line_of_the_servers_log_are_something(deployment: ClockedDeployment, world: World) -> None:
    world.learner(RANDOM)
    home = deployment.settings.americano_home
    half, log = home / "data" / "reviews" / f"{LEFTOVER_PREFIX}killed", home / "postgres" / "server.log"
    for path in (half, log):
        path.parent.mkdir(parents=True)
        path.write_text(f"fine\nSTATEMENT: SELECT * FROM reviews WHERE learner_id IN ('{RANDOM}')\n")
    with pytest.raises(AmericanoError, match="is nobody's id"):
        survey(deployment, "2")
    done = forget(deployment, RANDOM)
    assert done.rows == {"leftovers of killed processes": 1, "the embedded server's log": 1}
    assert not half.exists()
    assert log.read_text() == ""


def test_where_mlflow_does_not_answer_what_is_left_to_do_is_said(deployment: ClockedDeployment, world: World) -> None:
    world.execute("INSERT INTO ml.single_cases (mlflow_run_id, user_id, analysed_at) VALUES ('r', %s, now())", RANDOM)
    nowhere = deployment.settings.model_copy(update={"mlflow_tracking_uri": SecretStr("nowhere://at-all")})
    with pytest.raises(AmericanoError, match=r"MLflow could not be used .* Files are done, tables are not"):
        forget(ClockedDeployment(nowhere, AT), RANDOM)
    assert world.rows("SELECT count(*) FROM ml.single_cases") == [(1,)]


def elsewhere(home: Path, name: str, disk: Path) -> Path:
    """Have a folder of the home lie on another disk, as whoever runs out of room does."""
    (home / name).mkdir(exist_ok=True)
    shutil.move(home / name, disk / name)
    (home / name).symlink_to(disk / name)
    return disk / name


def test_what_is_linked_into_the_home_is_looked_at_where_it_lies(
    deployment: ClockedDeployment, world: World, tmp_path: Path
) -> None:
    planted = plant(deployment, world, RANDOM, "a word")
    home, disk = deployment.settings.americano_home, tmp_path / "disk"
    disk.mkdir()
    folders = [elsewhere(home, name, disk) for name in ("data", "exports", "models", "dagster")]
    for folder in folders[1:]:
        pq.write_table(BOTH, folder / "both")
    for folder, name in ((disk / "one", "theirs"), (disk / "other", "both")):
        folder.mkdir()
        pq.write_table(BOTH.slice(0, 1) if name == "theirs" else BOTH, folder / name)
        (home / "exports" / f"a linked file of {name}").symlink_to(folder / name)
    (disk / "dagster" / "a.err").write_text(RANDOM)
    (disk / "data" / "round").symlink_to(home)
    (home / "another way to the store").symlink_to(disk / "data")
    (home / "foreign").symlink_to(disk / "other")
    assert survey(deployment, RANDOM).rows["exports and copies"] == 5
    done = forget(deployment, RANDOM)
    is_as_it_must_be(deployment, world, planted)
    assert [(home / name).is_symlink() for name in ("data", "exports", "models", "dagster")] == [True] * 4
    files = [path for path in disk.rglob("*") if path.is_file()]
    assert [path for path in files if RANDOM.encode() in path.read_bytes()] == []
    assert [path.name for path in files if path.parent == disk / "one"] == []
    for path in (*(folder / "both" for folder in folders[1:]), disk / "other" / "both"):
        assert pq.read_table(path).to_pylist() == [{"learner_id": OTHER}]
    assert done.not_ours == ["another way to the store (a link, not followed)", "foreign (a link, not followed)"]


def test_a_store_on_a_disk_that_is_not_there_is_not_taken_for_an_empty_one(
    deployment: ClockedDeployment, world: World, tmp_path: Path
) -> None:
    world.learner("1")
    (deployment.settings.americano_home / "data").symlink_to(tmp_path / "not mounted")
    assert survey(deployment, "1").unreadable == ["data"]
    with pytest.raises(AmericanoError, match="1 files cannot be read, the first is data"):
        forget(deployment, "1")
    with pytest.raises(AmericanoError, match=r"nobody's id.* What these files hold is not known: data\."):
        forget(deployment, "2")


def test_a_tables_disk_that_is_not_mounted_is_not_taken_for_an_empty_table(
    deployment: ClockedDeployment, world: World
) -> None:
    world.learner("1")
    (deployment.settings.store_root / "interactions").mkdir(parents=True)
    with pytest.raises(AmericanoError, match=r"the first is data/interactions \(empty: mount its disk"):
        forget(deployment, "1")
    with pytest.raises(AmericanoError, match="data/interactions"):
        prune(deployment, 60)


def test_a_researchers_file_that_cannot_be_read_is_told_and_made_again_behind_its_link(
    deployment: ClockedDeployment, world: World, tmp_path: Path
) -> None:
    world.learner("1")
    path, file = deployment.settings.analytics_path, tmp_path / "on another disk"
    file.write_bytes(b"damaged")
    path.symlink_to(file)
    found = survey(deployment, "1")
    assert (found.rows, found.unreadable) == ({}, ["analytics.duckdb"])
    forget(deployment, "1", found)
    assert path.is_symlink()
    duckdb.connect(str(file), read_only=True).close()
    assert look(deployment, "1").unreadable == []


def test_a_copy_is_reached_in_every_folder_and_no_binary_file_is_taken_for_text(
    deployment: ClockedDeployment, world: World
) -> None:
    world.learner(RANDOM)
    home = deployment.settings.americano_home
    copies = ["mlflow/a.parquet", "dagster/a.parquet", "postgres/a.parquet", "reports/a.html", "models/a.json"]
    copies += ["data/datasets/a.json", "dagster/storage/deeper.err"]
    for name in copies:
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(BOTH, home / name)
    # Written as bytes: a writer that does not mark text as such.
    pq.write_table(BOTH.cast(pa.schema({"learner_id": pa.binary()})), home / "models" / "b")
    foreign = {"dagster/runs.db": f"SQLite format 3\0{RANDOM}".encode(), "exports/a.parquet.gz": b""}
    (home / "exports").mkdir()
    pq.write_table(pa.table({"said": [RANDOM]}), home / "dagster" / "said.parquet", compression="none")
    foreign["dagster/said.parquet"] = (home / "dagster" / "said.parquet").read_bytes()
    foreign["exports/a.parquet.gz"] = gzip.compress((home / copies[0]).read_bytes())
    for name, content in foreign.items():
        (home / name).write_bytes(content)
    assert survey(deployment, RANDOM).rows == {"exports and copies": 8}
    done = forget(deployment, RANDOM)
    assert {name: pq.read_table(home / name)["learner_id"].to_pylist() for name in copies} == {
        name: [OTHER] for name in copies
    }
    assert pq.read_table(home / "models" / "b")["learner_id"].to_pylist() == [OTHER.encode()]
    assert {name: (home / name).read_bytes() for name in foreign} == foreign
    assert done.not_ours == [
        "dagster/runs.db",
        "dagster/said.parquet",
        "exports/a.parquet.gz (packed, not looked into)",
    ]
