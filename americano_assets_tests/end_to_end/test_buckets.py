"""Whoever has each study day in several files, by learner, sees what those see who have it in one."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from americano_assets.core.study_days.study_day import days_between
from americano_assets.resources.parquet_store.content_files import hash_file
from americano_assets.resources.parquet_store.names import parts_of
from americano_assets.resources.parquet_store.store import ParquetStore
from americano_assets.resources.postgres.embedded.server import EmbeddedServer
from americano_assets.stages.common.schemas import LOG_TABLES
from americano_assets.stages.maintenance.erasure.forgetting import forget
from americano_assets.stages.maintenance.erasure.survey import look
from americano_assets.stages.maintenance.prune import prune
from americano_assets.stages.maintenance.rebucket import rebucket
from americano_assets.stages.s1_snapshots.input_manifest import DAY_TABLES
from americano_assets.stages.s3_training.dataset_versions import DATASETS, datasets, restore
from americano_assets_tests.api.live_prediction.conftest import FIRST, MORNING, SECOND, School, after_a_night, copied
from americano_assets_tests.world import ClockedDeployment, published_rows, read_world, study_day, world_settings

__all__ = ["after_a_night"]

TABLES = (*LOG_TABLES, *DAY_TABLES)
# What is made of them, and is the same file however the log is split.
WHOLE = ("features", "features_at", "scored_predictions", "training_set", "labels_at", "elo_at")
WHO = "asking"
BUCKETS = 3


@pytest.fixture
def two(after_a_night: tuple[str, Path], server: EmbeddedServer, tmp_path: Path) -> Iterator[tuple[School, School]]:
    """The same school twice: its log a file a day, and three."""
    with ExitStack() as stack:
        one, three = (
            stack.enter_context(contextmanager(copied)(after_a_night, server, tmp_path / name)) for name in "ab"
        )
        three.values["americano_buckets"] = BUCKETS
        assert rebucket(deployment_of(three), BUCKETS) > 0
        yield one, three


def deployment_of(school: School, later: timedelta = timedelta(0)) -> ClockedDeployment:
    settings = world_settings(school.url, school.home, **school.values)
    return ClockedDeployment(settings, MORNING.replace(tzinfo=UTC) + later)


def current(store: ParquetStore) -> dict[str, list[tuple[str, str, int]]]:
    """What is current of the log's tables: day, content, rows."""
    return {
        table: [(str(day), one.content, one.rows) for day, one in store.current_days(table, store.days(table)).items()]
        for table in TABLES
    }


def rows_of(store: ParquetStore) -> dict[str, list[tuple[str, ...]]]:
    """All rows of the log's tables, in key order over all buckets."""
    found = {}
    for table in TABLES:
        paths = store.paths(table, store.current_days(table, store.days(table)))
        found[table] = sorted(
            tuple(map(str, row.values())) for path in paths for row in pq.read_table(path).to_pylist()
        )
    return found


def made(school: School) -> dict[str, set[str]]:
    """Contents of what is made of the log."""
    root = school.home / "data"
    return {table: {path.stem for path in (root / table).rglob("*.parquet")} for table in WHOLE}


def learners_in(path: str) -> set[str]:
    return set(pq.read_table(path, columns=["learner_id"])["learner_id"].to_pylist())


def test_a_log_that_is_split_is_the_log_that_is_read_into_buckets_and_joined_again_the_one_of_before(
    two: tuple[School, School], tmp_path: Path
) -> None:
    one, three = (deployment_of(school) for school in two)
    before = current(one.store)
    split = current(three.store)
    assert {len(parts_of(content)) for days in split.values() for _, content, _ in days} == {BUCKETS}
    assert rows_of(three.store) == rows_of(one.store)
    # Each learner is in the same bucket of every table and day, and there is more than one bucket of them.
    places: dict[str, set[int]] = {}
    for table in TABLES:
        paths = three.store.paths(table, three.store.current_days(table, three.store.days(table)))
        for place, path in enumerate(paths):
            for learner in learners_in(path):
                places.setdefault(learner, set()).add(place % BUCKETS)
    assert all(len(found) == 1 for found in places.values())
    assert len(set.union(*places.values())) > 1
    # Read into buckets from the first: the same bytes.
    anew = deployment_of(two[1])
    anew.store = ParquetStore(tmp_path / "anew", BUCKETS)
    read_world(anew, split["reviews"][0][0], FIRST)
    assert current(anew.store) == split
    rebucket(three, 1)
    assert current(three.store) == before
    assert rebucket(three, 1) == 0


def test_a_night_its_rerun_and_the_api_are_those_of_one_file_a_day(two: tuple[School, School]) -> None:
    one, three = two
    for school in two:
        school.night(SECOND)
    rows = published_rows(one.world)
    assert published_rows(three.world) == rows
    assert rows["struggle_predictions"]
    assert made(three) == made(one)
    three.night(SECOND)
    three.night(FIRST)
    one.night(FIRST)
    assert published_rows(three.world) == published_rows(one.world)
    assert three.generate(WHO) == one.generate(WHO)


def test_another_setting_is_for_days_to_come_and_all_are_read_together(two: tuple[School, School]) -> None:
    one, three = two
    three.values["americano_buckets"] = 4
    for school in two:
        school.night(SECOND)
    store = deployment_of(three).store
    days = store.current_days("interactions", days_between(study_day(FIRST), study_day(SECOND)))
    # The night read a fortnight anew: a day that was there has as many as before.
    assert [len(parts_of(found.content)) for found in days.values()] == [BUCKETS, 4]
    assert published_rows(three.world) == published_rows(one.world)


def test_who_is_forgotten_is_in_no_bucket_and_nothing_else_changes(two: tuple[School, School], tmp_path: Path) -> None:
    one, three = (deployment_of(school) for school in two)
    before = current(three.store)
    assert forget(three, WHO).rows["interactions"] == 2 * forget(one, WHO).rows["interactions"] > 0
    assert not look(three, WHO).rows
    assert rows_of(three.store) == rows_of(one.store)
    after = current(three.store)
    # Names stay; their rows are fewer.
    assert [content for *_, content, _ in after["reviews"]] == [content for *_, content, _ in before["reviews"]]
    assert [rows for *_, rows in after["reviews"]] == [rows for *_, rows in current(one.store)["reviews"]]
    for school in two:
        school.night(SECOND)
    assert published_rows(two[1].world) == published_rows(two[0].world)
    rebucket(three, 1)
    assert rows_of(three.store) == rows_of(one.store)


def test_a_dataset_is_restored_with_every_bucket_and_pruning_keeps_what_is_named(
    two: tuple[School, School], tmp_path: Path
) -> None:
    one, three = two
    store = deployment_of(three).store
    # Its training set is that of the night before, whose record names files of before they were split.
    for known in datasets(store):
        store.files.remove(f"{DATASETS}/{known.version}.json")
    for school in two:
        school.night(SECOND)
    (version,) = datasets(store)
    restored = restore(store, version, tmp_path / "restored")
    copy = ParquetStore(tmp_path / "restored" / "data")
    inputs = {table: copy.current_days(table, copy.days(table)) for table in DAY_TABLES}
    assert inputs == version.inputs.days
    for table, days in inputs.items():
        assert copy.paths(table, days)
    assert hash_file(restored.training_set) == version.version
    later = timedelta(days=40_000)
    prune(deployment_of(three, later), 30)
    for table in DAY_TABLES:
        days = store.current_days(table, store.days(table))
        assert len(store.paths(table, days)) >= BUCKETS * len(days)
    three.night(SECOND)
    assert published_rows(three.world) == published_rows(one.world)
