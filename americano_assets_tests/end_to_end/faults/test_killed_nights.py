"""A night that is killed (-9) in each of its stages leaves nothing half visible, and the next one heals it."""

import hashlib
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from americano_assets.definitions import build_defs
from americano_assets.installation import PROJECT_ROOT
from americano_assets.resources.mlflow.training_run import REGISTERED_MODEL
from americano_assets.resources.parquet_store.atomic_files import LEFTOVER_PREFIX
from americano_assets.resources.postgres.embedded.server import EmbeddedServer
from americano_assets.stages.s9_report.research_tables import SCHEMA, TABLES
from americano_assets_tests.end_to_end.faults.conftest import Recorded, School, copied, record
from americano_assets_tests.end_to_end.faults.driver import FIRST, NOWHERE
from americano_assets_tests.end_to_end.faults.points import (
    CALL,
    COMMIT,
    COMMITTED,
    IN_MLFLOW,
    IN_PUBLICATION,
    Point,
    chosen,
)
from americano_assets_tests.end_to_end.story import JUDGED
from americano_assets_tests.world import at, study_day, world_settings

WORST = (COMMIT, COMMITTED)
# What is kept by its inputs alone: outcomes of fewer episodes, where those of the others were written already.
RECKONED_AGAIN = {"episode_pairs", "labels_at"}


@dataclass
class Lived:
    """A school before a later night, in which every stage has something to do, and that night undisturbed, twice."""

    url: str
    home: Path
    night: Recorded
    again: Recorded
    files: dict[str, str]
    research: dict[str, list[tuple[object, ...]]]


@pytest.fixture(scope="module")
def lived(
    read_school: tuple[str, Path], server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Lived]:
    folder = tmp_path_factory.mktemp("lived")
    with copied(read_school, server, "lived", folder / "home") as school:
        assert school.night().success
        for learner, ratings in {"stuck": "AAA", "recovering": "GGG", "surprised": "AAA"}.items():
            school.world.reviews(learner, "heart", at("2026-03-12 10:00"), ratings)
        school.world.connection.close()  # Nobody may be connected to what is copied.
        with copied((school.url, school.home), server, "undisturbed", folder / "undisturbed") as twin:
            night = record(twin, JUDGED)
            files, research = standing(twin.home), research_file(twin.home)
            again = record(twin, JUDGED)
        yield Lived(school.url, school.home, night, again, files, research)


def standing(home: Path) -> dict[str, str]:
    """Content of every file by name, but for what killed writers left, and the researchers' file, made of pages."""
    return {
        str(path.relative_to(home)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in home.rglob("*")
        if path.is_file() and not path.name.startswith(LEFTOVER_PREFIX) and path.suffix != ".duckdb"
    }


def research_file(home: Path) -> dict[str, list[tuple[object, ...]]]:
    """Its rows by table."""
    with duckdb.connect(str(home / "analytics.duckdb"), read_only=True) as connection:
        return {
            table: connection.execute(f"SELECT * FROM {SCHEMA}.{table} ORDER BY ALL").fetchall()
            for table in (*TABLES, "about")
        }


def killed(school: School, day: str, points: Iterable[Point], mlflow: str = NOWHERE) -> Iterator[Point]:
    """A night for each point, killed there; what it left may be looked at before the next begins."""
    with subprocess.Popen(
        [
            *(sys.executable, "-m", "americano_assets_tests.end_to_end.faults.driver"),
            *(school.url, str(school.home), mlflow, day, *map(str, points)),
        ],
        env=os.environ | {"PYTHONPATH": str(PROJECT_ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as driver:
        assert driver.stdin is not None
        assert driver.stdout is not None
        for point in points:
            assert driver.stdout.readline().strip() == str(point)
            yield point
            driver.stdin.write("\n")
            driver.stdin.flush()
    assert driver.returncode == 0


def test_a_night_killed_as_it_publishes_shows_all_or_nothing_and_is_healed_by_the_next(
    school: School, first_night: Recorded
) -> None:
    worst = [point for point in first_night.points if point.stage == "publish" and point.kind in WORST]
    assert len(worst) == 2
    for point in killed(school, FIRST, worst):
        left = school.left()
        assert left == first_night.points[point], point
        assert bool(left["struggle_predictions"]) == (point.kind == COMMITTED)
    assert school.night().success
    assert school.left() == first_night.left


@pytest.mark.long
def test_every_stage_of_the_nightly_job_is_among_those_that_are_killed(lived: Lived, tmp_path: Path) -> None:
    definitions = build_defs(world_settings("postgresql://h/none", tmp_path))
    assets = definitions.resolve_job_def("nightly").asset_layer.selected_asset_keys
    stages = {definitions.resolve_assets_def(key).op.name for key in assets}
    points = chosen(lived.night.points)
    assert {point.stage for point in points} == stages, "a stage that writes nothing here is killed nowhere"
    inside = [point.what for point in points if point.stage == "publish" and point.kind == CALL]
    assert inside == [*IN_PUBLICATION]


@pytest.mark.long
def test_every_stage_shows_what_it_writes_at_once_and_takes_nothing_away_meanwhile(lived: Lived) -> None:
    commits = Counter(point.stage for point in lived.night.points if point.kind == COMMIT)
    assert commits.keys() >= {"struggle_model", "publish", "ml__episodes", "ml__effects", "ml__struggle_reduction"}
    assert set(commits.values()) == {1}
    for point, left in lived.again.points.items():
        assert left == lived.night.left, point


@pytest.mark.full
def test_a_night_killed_in_every_stage_shows_all_or_nothing_and_is_healed_by_the_next(
    lived: Lived, server: EmbeddedServer, tmp_path: Path
) -> None:
    with copied((lived.url, lived.home), server, "disturbed", tmp_path / "home") as school:
        for point in killed(school, JUDGED, chosen(lived.night.points)):
            assert school.left() == lived.night.points[point], point
        assert school.night(day=JUDGED).success
        assert school.left() == lived.night.left
        files = standing(school.home)
        assert {name: files.get(name) for name in lived.files} == lived.files
        assert {Path(name).parts[1] for name in files.keys() - lived.files.keys()} <= RECKONED_AGAIN
        assert research_file(school.home) == lived.research


@pytest.mark.long
def test_a_training_killed_while_mlflow_is_told_is_there_once_and_the_killed_run_says_so(
    lived: Lived, server: EmbeddedServer, tmp_path: Path
) -> None:
    from mlflow import MlflowClient

    uri = f"sqlite:///{tmp_path}/mlflow.db"
    told = ((CALL, IN_MLFLOW), (COMMIT, "1"), (COMMITTED, "1"))
    with copied((lived.url, lived.home), server, "disturbed", tmp_path / "home") as school:
        for _ in killed(school, JUDGED, [Point("struggle_model", kind, what) for kind, what in told], uri):
            pass
        assert school.night(day=JUDGED, mlflow=uri).success
        client = MlflowClient(uri)
        runs = client.search_runs([one.experiment_id for one in client.search_experiments()])
        assert sorted(run.info.status for run in runs) == ["FINISHED", "KILLED"]
        (finished,) = [run.info.run_id for run in runs if run.info.status == "FINISHED"]
        champion = client.get_model_version_by_alias(REGISTERED_MODEL, "champion")
        assert champion.run_id == finished
        assert school.world.rows(
            "SELECT mlflow_run_id, registry_version FROM ml.model_versions WHERE study_day = %s", study_day(JUDGED)
        ) == [(finished, str(champion.version))]
