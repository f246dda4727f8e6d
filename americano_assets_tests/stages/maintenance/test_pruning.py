"""What nothing names goes once it is old; what any record names stays, whatever kind of record it is."""

import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from americano_assets.errors import AmericanoError
from americano_assets.resources.parquet_store.atomic_files import write_json
from americano_assets.resources.parquet_store.store import ParquetStore, Version
from americano_assets.stages.common.schemas import LOG_TABLES
from americano_assets.stages.maintenance.prune import Pruned, prune
from americano_assets.stages.s1_snapshots.state_snapshots import StateSnapshot, record_snapshot
from americano_assets_tests.world import ClockedDeployment, world_settings

NOW = datetime(2026, 11, 1, tzinfo=UTC)
KEEP = 60
OLD, YOUNG = NOW - timedelta(days=KEEP, seconds=1), NOW - timedelta(days=KEEP, seconds=-1)
LOG, GRADED, WHOLE = next(iter(LOG_TABLES)), "interactions", "features_at"
DAYS = [date(2026, 8, day) for day in (1, 2)]


@pytest.fixture
def deployment(database: str, tmp_path: Path) -> ClockedDeployment:
    return ClockedDeployment(world_settings(database, tmp_path), NOW)


def test_a_store_on_a_disk_that_is_not_mounted_is_told(deployment: ClockedDeployment, tmp_path: Path) -> None:
    deployment.settings.store_root.symlink_to(tmp_path / "unmounted" / "data")
    with pytest.raises(AmericanoError, match=r"data cannot be opened .*mount the disk that it leads to"):
        prune(deployment, KEEP)


def rows(text: str) -> pa.Table:
    return pa.table({"learner_id": [text]})


def put(store: ParquetStore, day: date, text: str, table: str = GRADED, *, current: bool = True) -> Version:
    table_ = rows(text)
    write = store.put_day if current else store.add_day
    return write(table, day, table_.to_batches(), table_.schema)


def age(store: ParquetStore, when: datetime = OLD) -> None:
    for path in store.root.rglob("*"):
        if path.is_file():
            os.utime(path, (when.timestamp(), when.timestamp()))


def contents(store: ParquetStore) -> set[str]:
    return {path.stem for path in store.root.rglob("*.parquet")}


# By whom a content is named, beside being current or not.
namers = st.sampled_from(["nobody", "manifest", "dataset", "model", "state", "quarantine"])


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(DAYS), namers, st.booleans()), min_size=1, max_size=8))
def test_what_is_named_stays_and_what_is_old_and_unnamed_goes(
    database: str, tmp_path_factory: pytest.TempPathFactory, written: list[tuple[date, str, bool]]
) -> None:
    deployment = ClockedDeployment(world_settings(database, tmp_path_factory.mktemp("home")), NOW)
    store, home = deployment.store, deployment.settings.americano_home
    named, young, current = set[str](), set[str](), dict[date, str]()
    for number, (day, namer, is_young) in enumerate(written):
        version = put(store, day, f"learner {number}")
        current[day] = version.content
        record = {"inputs": {"days": {day.isoformat(): [version.content, 1]}}}
        if namer == "manifest":
            store.record_manifest(day, f"inputs-{number}", record)
        elif namer == "dataset":
            write_json(store.root / "datasets" / f"{number}.json", record)
        elif namer == "model":
            write_json(home / "models" / f"{number}.json", {"dataset_version": version.content})
        elif namer == "state":
            record_snapshot(store, StateSnapshot(NOW - timedelta(seconds=number), {GRADED: version.content}))
        elif namer == "quarantine":
            write_json(store.root / "quarantine" / "reviews" / f"reading-{number}.json", {"files": [version.content]})
        if namer != "nobody":
            named.add(version.content)
        if is_young:
            young.add(version.content)
    age(store)
    for path in store.root.rglob("*.parquet"):
        if path.stem in young:
            os.utime(path, (YOUNG.timestamp(), YOUNG.timestamp()))
    everything = contents(store)
    planned = prune(deployment, KEEP, dry_run=True)
    assert contents(store) == everything
    assert prune(deployment, KEEP) == planned
    assert contents(store) == everything & (named | young | set(current.values()))
    assert planned.contents == len(everything - contents(store))
    for day, content in current.items():
        assert store.read_day(GRADED, day) is not None
        assert store.current(GRADED, day) == Version(content, 1)
    assert prune(deployment, KEEP) == Pruned(0, 0, 0, 0)


def test_the_log_as_it_was_read_goes_by_its_day_and_what_was_made_of_it_stays(deployment: ClockedDeployment) -> None:
    store = deployment.store
    edge = (NOW - timedelta(days=KEEP)).date()
    for day in (edge - timedelta(days=1), edge):
        for table in (*LOG_TABLES, GRADED):
            put(store, day, f"{table} {day}", table)
    done = prune(deployment, KEEP)
    assert (done.contents, done.log_days) == (len(LOG_TABLES), len(LOG_TABLES))
    assert done.bytes > 0
    for table in LOG_TABLES:
        assert store.current(table, edge - timedelta(days=1)) is None
        assert not (store.root / table / f"day={edge - timedelta(days=1)}").exists()
        assert store.read_day(table, edge) is not None
    assert store.read_day(GRADED, edge - timedelta(days=1)) is not None


def test_the_log_stays_where_a_record_names_it(deployment: ClockedDeployment) -> None:
    store = deployment.store
    version = put(store, DAYS[0], "ann", LOG)
    write_json(store.root / "datasets" / "one.json", {"kept": version.content})
    age(store)
    assert prune(deployment, KEEP).contents == 0
    assert store.day_path(LOG, DAYS[0], version).exists()


def test_memos_go_with_their_content_and_the_newest_is_kept(deployment: ClockedDeployment) -> None:
    store = deployment.store
    versions = [store.put_whole(WHOLE, rows(f"at {number}")) for number in range(3)]
    for number, version in enumerate(versions):
        store.remember(WHOLE, f"key-{number}", version)
        path = store.whole_path(WHOLE, version.content)
        os.utime(path, ((OLD + timedelta(milliseconds=number - 5)).timestamp(),) * 2)
    assert prune(deployment, KEEP).contents == 2
    assert [store.remembered(WHOLE, f"key-{number}") for number in range(3)] == [None, None, versions[2]]
    assert len([*store.root.rglob("by_inputs/*.json")]) == 1


def test_what_a_killed_process_left_goes_after_a_day(deployment: ClockedDeployment) -> None:
    folder = deployment.store.root / GRADED
    folder.mkdir(parents=True)
    for name, hours in (("old", 25), ("new", 23)):
        (folder / f".writing-{name}").write_bytes(b"half")
        when = (NOW - timedelta(hours=hours)).timestamp()
        os.utime(folder / f".writing-{name}", (when, when))
    assert prune(deployment, KEEP) == Pruned(0, 0, 1, 4)
    assert [path.name for path in folder.iterdir()] == [".writing-new"]


def test_a_store_behind_a_link_keeps_what_its_records_name(
    deployment: ClockedDeployment, tmp_path_factory: pytest.TempPathFactory
) -> None:
    store, disk = deployment.store, tmp_path_factory.mktemp("disk") / "data"
    named = put(store, DAYS[0], "named", current=False)
    put(store, DAYS[0], "unnamed", current=False)
    put(store, DAYS[0], "current")
    store.record_manifest(DAYS[0], "features", {"interactions": named.content})
    age(store)
    store.root.rename(disk)
    store.root.symlink_to(disk)
    assert prune(deployment, KEEP).contents == 1
    assert named.content in contents(store)
    (deployment.settings.americano_home / "models").symlink_to(disk / "not mounted")
    with pytest.raises(AmericanoError, match="which contents they name is not known: models"):
        prune(deployment, KEEP)
