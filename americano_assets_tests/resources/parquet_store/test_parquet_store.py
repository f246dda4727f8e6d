"""Files of the store: whole or not there, whatever happens to who writes them."""

import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from americano_assets.errors import AmericanoError
from americano_assets.installation import PROJECT_ROOT
from americano_assets.resources.duckdb.connection import open_engine
from americano_assets.resources.parquet_store.atomic_files import LEFTOVER_PREFIX, StorageError
from americano_assets.resources.parquet_store.content_files import hash_file, read_table
from americano_assets.resources.parquet_store.redactions import Redaction
from americano_assets.resources.parquet_store.store import ParquetStore, Version
from americano_assets_tests.world import study_day

DAY = study_day("2026-03-09")
SCHEMA = pa.schema([("learner_id", pa.string()), ("n", pa.int64())])
# Writes two row groups, says so, and would go on if nobody killed it.
KILLED_WRITER = """
import sys, time
import pyarrow as pa
from pathlib import Path
from americano_assets.resources.parquet_store.store import ParquetStore
from americano_assets_tests.resources.parquet_store.test_parquet_store import DAY, SCHEMA

def batches():
    for n in range(3):
        yield pa.record_batch([["ann"] * 130_000, range(130_000)], schema=SCHEMA)
    print("half", flush=True)
    time.sleep(600)

ParquetStore(Path(sys.argv[1])).put_day("reviews", DAY, batches(), SCHEMA)
"""


def batch(*learners: str) -> pa.RecordBatch:
    return pa.record_batch([list(learners), range(len(learners))], schema=SCHEMA)


@pytest.fixture
def store(tmp_path: Path) -> ParquetStore:
    return ParquetStore(tmp_path / "data")


def visible(store: ParquetStore) -> list[Path]:
    return sorted(path for path in store.root.rglob("*.parquet") if not path.name.startswith("."))


def test_a_killed_writer_leaves_what_was_there_and_nothing_of_its_own(store: ParquetStore) -> None:
    before = store.put_day("reviews", DAY, [batch("ann", "bob")], SCHEMA)
    writer = subprocess.Popen(
        [sys.executable, "-c", KILLED_WRITER, str(store.root)], stdout=subprocess.PIPE, cwd=PROJECT_ROOT, text=True
    )
    assert writer.stdout is not None
    assert writer.stdout.readline() == "half\n"
    (half,) = store.root.rglob(f"{LEFTOVER_PREFIX}*")  # It was writing indeed.
    assert half.stat().st_size > 0
    writer.send_signal(signal.SIGKILL)
    assert writer.wait() == -signal.SIGKILL
    assert store.current("reviews", DAY) == before
    assert visible(store) == [store.day_path("reviews", DAY, before)]
    assert read_table(store.day_path("reviews", DAY, before)).num_rows == 2
    again = store.put_day("reviews", DAY, [batch("ann", "bob", "eve")], SCHEMA)
    assert store.current("reviews", DAY) == again


def test_a_file_is_named_by_its_bytes_and_equal_rows_give_equal_bytes(store: ParquetStore) -> None:
    first = store.put_day("reviews", DAY, [batch("ann", "bob"), batch("eve")], SCHEMA)
    path = store.day_path("reviews", DAY, first)
    assert hash_file(path) == first.content == path.stem
    whole = pa.Table.from_batches([batch("ann", "bob"), batch("eve")])
    assert store.put_day("reviews", DAY, whole.to_batches(), SCHEMA) == first
    assert len(visible(store)) == 1


@pytest.mark.parametrize("kept", [0, 3, 100, -1])
def test_a_truncated_file_is_told_and_never_read(store: ParquetStore, kept: int) -> None:
    version = store.put_day("reviews", DAY, [batch("ann", "bob")], SCHEMA)
    path = store.day_path("reviews", DAY, version)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(AmericanoError, match=r"1 of 1 files of reviews are missing or cut off.*day=2026-03-09"):
        store.paths("reviews", {DAY: version})
    with pytest.raises(AmericanoError, match="is damaged"):
        store.read_day("reviews", DAY)


def refused(act: Callable[[], object]) -> str:
    with pytest.raises(StorageError) as error:
        act()
    return str(error.value)


@contextmanager
def almost_full_disk() -> Iterator[None]:
    """No file of this process may grow past 10 kB: the system refuses the write, as a full disk does.

    Held around the write alone: pytest's own output may be a file that is longer already.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)


def test_a_full_disk_is_told_and_loses_nothing(store: ParquetStore) -> None:
    before = store.put_day("reviews", DAY, [batch("ann")], SCHEMA)
    many = batch(*(f"learner-{number * 7919 % 100_003}" for number in range(50_000)))
    with almost_full_disk():
        told = refused(lambda: store.put_day("reviews", DAY, [many], SCHEMA))
    assert "day=2026-03-09 (File too large): what was there before is unchanged" in told
    assert store.current("reviews", DAY) == before
    assert len(visible(store)) == 1
    assert not list(store.root.rglob(f"{LEFTOVER_PREFIX}*"))
    with almost_full_disk():
        told = refused(lambda: store.record_manifest(DAY, "inputs", {"days": ["2026-03-09"] * 10_000}))
    assert "what was there before is unchanged" in told


def test_a_folder_that_cannot_be_written_is_told(store: ParquetStore) -> None:
    store.root.mkdir()
    (store.root / "reviews").write_text("a file where a folder should be")
    assert "(Not a directory)" in refused(lambda: store.put_day("reviews", DAY, [batch("ann")], SCHEMA))


def by_every_path(store: ParquetStore) -> dict[str, pa.Table]:
    """The same rows as each library that makes some hands them over."""
    names, known = ["ann", "bob"], [["a", "b"], []]
    plain = pa.table({"learner_id": names, "known": pa.array(known, pa.list_(pa.string())), "n": [1, 2]})
    frame = plain.to_pandas()
    told = pa.field("learner_id", pa.string(), nullable=False, metadata={b"POSTGRESQL:type": b"text"})
    of_postgres = plain.cast(pa.schema([told, *list(plain.schema)[1:]]))
    few = pa.table({"learner_id": pa.array(names).dictionary_encode(), "known": plain["known"], "n": plain["n"]})
    large = plain.cast(
        pa.schema([("learner_id", pa.large_string()), ("known", pa.large_list(pa.string())), ("n", "int64")])
    )
    with open_engine() as engine:
        engine.register("rows", plain)
        by_duckdb = engine.run("SELECT learner_id, list_sort(known) AS known, n FROM rows")
    assert str(by_duckdb.schema) != str(plain.schema)
    stored = store.put_whole("pairs", plain)
    return {
        "arrow": plain,
        "duckdb": by_duckdb,
        "pandas": pa.Table.from_pandas(frame, preserve_index=False),
        "postgres": of_postgres,
        "few": few,
        "large": large,
        "read": store.read_whole("pairs", stored.content),
        "batches": pa.Table.from_batches(store.batches("pairs", stored.content)),
    }


def test_the_same_rows_have_one_name_whoever_made_them(store: ParquetStore) -> None:
    made = by_every_path(store)
    contents = {path: store.put_whole("pairs", rows).content for path, rows in made.items()}
    assert len(set(contents.values())) == 1, contents
    by_day = {path: store.put_day("pairs", DAY, rows.to_batches(), rows.schema) for path, rows in made.items()}
    assert {version.content for version in by_day.values()} == set(contents.values())


@pytest.mark.parametrize("path", ["duckdb", "pandas", "postgres"])
def test_a_day_that_is_read_again_keeps_the_name_that_an_earlier_version_gave_it(
    store: ParquetStore, path: str
) -> None:
    rows = by_every_path(store)[path]
    folder = store.root / "pairs" / "day=2026-03-09"
    folder.mkdir()
    # As files were written before there was one schema for all.
    with pq.ParquetWriter(folder / "old", rows.schema, compression="zstd", compression_level=3) as writer:
        writer.write_table(rows)
    old = Version(hash_file(folder / "old"), len(rows))
    (folder / "old").rename(folder / f"{old.content}.parquet")
    store.make_current("pairs", DAY, old)
    before = set(folder.iterdir())
    assert store.put_day("pairs", DAY, rows.to_batches(), rows.schema) == old
    assert set(folder.iterdir()) == before
    changed = rows.slice(0, 1)
    other = pa.concat_tables([changed, changed])
    assert store.put_day("pairs", DAY, other.to_batches(), other.schema) != old
    assert store.current("pairs", DAY) != old


def forget_ann(store: ParquetStore) -> tuple[Version, Version]:
    """A day from which ann was removed: the version before, and that of what is left."""
    before = store.put_day("reviews", DAY, [batch("ann", "bob")], SCHEMA)
    rest = pa.Table.from_batches([batch("ann", "bob")]).slice(1)
    left = store.add_day("reviews", DAY, rest.to_batches(), SCHEMA)
    store.successors.record({before.content: Redaction(left.content, 1)}, {left.content: before.content})
    (store.root / f"reviews/day={DAY}/{before.content}.parquet").unlink()
    return before, left


def test_the_name_of_what_somebody_was_removed_from_means_what_is_left(store: ParquetStore) -> None:
    before, left = forget_ann(store)
    assert store.current("reviews", DAY) == Version(before.content, 1)
    assert store.day_path("reviews", DAY, before).stem == left.content
    assert [row["learner_id"] for row in read_table(store.day_path("reviews", DAY, before)).to_pylist()] == ["bob"]


def test_the_same_rows_read_again_keep_their_name_and_nobody_comes_back(store: ParquetStore) -> None:
    before, left = forget_ann(store)
    rest = pa.Table.from_batches([batch("ann", "bob")]).slice(1)
    assert store.put_day("reviews", DAY, rest.to_batches(), SCHEMA) == Version(before.content, 1)
    assert store.put_day("reviews", DAY, [batch("ann", "bob")], SCHEMA) == Version(before.content, 1)
    assert [path.stem for path in visible(store)] == [left.content]


def test_who_is_forgotten_second_leaves_the_first_name_in_place(store: ParquetStore) -> None:
    before, left = forget_ann(store)
    nobody = store.add_day("reviews", DAY, [], SCHEMA)
    store.successors.record({left.content: Redaction(nobody.content, 0)}, {nobody.content: before.content})
    assert store.day_path("reviews", DAY, before).stem == nobody.content
    assert store.current("reviews", DAY) == Version(before.content, 0)
