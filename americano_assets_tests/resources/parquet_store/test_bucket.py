"""A store in a bucket: what is put once, what is read anew, what a cache may serve, and what an error says."""

import os
import subprocess
import sys
import time
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from americano_assets.installation import PROJECT_ROOT
from americano_assets.resources.parquet_store import bucket as bucket_module
from americano_assets.resources.parquet_store import object_store
from americano_assets.resources.parquet_store.bucket import Bucket
from americano_assets.resources.parquet_store.cache import Cache
from americano_assets.resources.parquet_store.names import EPOCH
from americano_assets.resources.parquet_store.object_store import NoRightError, StoreAwayError, StoreError
from americano_assets.resources.parquet_store.redactions import Redaction
from americano_assets.resources.parquet_store.store import ParquetStore
from americano_assets_tests.s3_server import BUCKET, S3Server

DAY = date(2026, 3, 5)
URL = f"s3://{BUCKET}/americano"
ROWS = pa.table({"learner_id": ["ann", "bob"], "score": [0.5, 1.0]})


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tries follow each other at once, and an epoch's end is not waited for."""
    backoff = {"init_backoff": timedelta(milliseconds=1), "max_backoff": timedelta(milliseconds=5), "base": 2}
    monkeypatch.setattr(object_store, "RETRIES", object_store.RETRIES | {"max_retries": 4, "backoff": backoff})
    monkeypatch.setattr(bucket_module, "LEASE", 0.0)


def files(folder: Path, bound: int = 10**9, url: str = URL) -> Bucket:
    """The bucket, as a machine with a cache of its own sees it."""
    return Bucket(url, "data", Cache(folder / "data", bound))


def put(store: ParquetStore, rows: pa.Table = ROWS, day: date = DAY) -> str:
    return store.put_day("reviews", day, rows.to_batches(), rows.schema).content


def test_what_one_machine_stores_another_reads_and_equal_rows_are_put_once(s3: S3Server, tmp_path: Path) -> None:
    here, there = ParquetStore(files(tmp_path / "a")), ParquetStore(files(tmp_path / "b"))
    content = put(here)
    in_a_folder = ParquetStore(tmp_path / "folder")
    assert put(in_a_folder) == content
    assert there.read_day("reviews", DAY) == here.read_day("reviews", DAY) == ROWS
    stored = {one.name for one in here.files.walk()}
    assert stored == {one.name for one in in_a_folder.files.walk()}
    for name in stored:
        assert here.files.read(name) == in_a_folder.files.read(name)
    s3.asked.clear()
    assert put(there) == content  # The second is told that it is there: 412.
    assert [path for method, path in s3.asked if method == "PUT"] == [
        f"/{BUCKET}/americano/data/reviews/day={DAY}/{content}.parquet"
    ]
    assert there.read_day("reviews", DAY) == ROWS
    there.remember("features_at", "a key", there.put_whole("features_at", ROWS))
    assert here.remembered("features_at", "a key") is not None
    assert here.remembered("features_at", "another") is None
    assert here.days("reviews") == in_a_folder.days("reviews") == [DAY]


def test_a_content_that_is_there_is_never_written_over(s3: S3Server, tmp_path: Path) -> None:
    here = files(tmp_path)
    here.write_file("reviews/x.parquet", b"what was first")
    with here.written_beside("reviews") as written:
        written.write_bytes(b"what came later")
        here.add(written, "reviews/x.parquet")
    assert here.read("reviews/x.parquet") == b"what was first"


def test_contents_are_fetched_once_and_pointers_each_time(s3: S3Server, tmp_path: Path) -> None:
    put(ParquetStore(files(tmp_path / "a")))
    there = ParquetStore(files(tmp_path / "b"))
    s3.asked.clear()
    for _ in range(3):
        assert there.read_day("reviews", DAY) == ROWS
    fetched = [path.rsplit("/", 1)[1] for method, path in s3.asked if method == "GET"]
    assert sum(name.endswith(".parquet") for name in fetched) == 1
    assert fetched.count("current.json") == 3
    later = ROWS.slice(1)
    put(ParquetStore(files(tmp_path / "a")), later)
    assert there.read_day("reviews", DAY) == later


def test_after_a_learner_is_forgotten_no_copy_is_served_and_none_is_left(s3: S3Server, tmp_path: Path) -> None:
    here, there = ParquetStore(files(tmp_path / "a")), ParquetStore(files(tmp_path / "b"))
    content = put(here)
    pruned = here.put_whole("features_at", ROWS).content
    there.read_day("reviews", DAY)
    there.read_whole("features_at", pruned)
    here.files.remove(f"features_at/{pruned}.parquet")  # As `prune` does: nothing in the bucket tells of it any more.
    rest = ROWS.slice(1)
    left = here.add_remainder(f"reviews/day={DAY}", rest.to_batches(), rest.schema)
    here.successors.record({content: Redaction(left.content, left.rows)}, {left.content: content})
    here.files.renew()
    here.files.remove(f"reviews/day={DAY}/{content}.parquet")
    for store in (there, here):
        assert store.read_day("reviews", DAY) == rest
    copies = {path.stem for path in tmp_path.rglob("*.parquet")}
    assert copies == {left.content}


def test_who_forgets_waits_until_no_process_goes_on_with_the_copies_of_before(
    s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between two questions for the epoch a process asks nothing: it may serve a copy for as long, and no longer."""
    monkeypatch.setattr(bucket_module, "LEASE", 0.4)
    here, there = files(tmp_path / "a"), files(tmp_path / "b")
    before = there.root
    began = time.monotonic()
    here.renew()
    assert time.monotonic() - began >= 0.4
    assert there.root != before


def test_the_cache_is_kept_to_its_bound_but_for_what_was_just_used(s3: S3Server, tmp_path: Path) -> None:
    here = files(tmp_path, bound=2_000)
    names = []
    for number in range(6):
        with here.written_beside("t") as written:
            written.write_bytes(os.urandom(600))
            here.add(written, f"t/{number}.parquet")
        names.append(f"t/{number}.parquet")
    assert len(list(tmp_path.rglob("*.parquet"))) == 6, "all of them were just used"
    for name in names[:5]:
        os.utime(here.root / name, (0, 0))
    here.path(names[0])  # It is used again.
    with here.written_beside("t") as written:
        written.write_bytes(os.urandom(600))
        here.add(written, "t/6.parquet")
    assert sorted(path.name for path in tmp_path.rglob("*.parquet")) == ["0.parquet", "5.parquet", "6.parquet"]
    assert len(here.path(names[2]).read_bytes()) == 600, "it is fetched again"


def test_503_is_tried_again_and_an_endless_one_names_bucket_and_key(s3: S3Server, tmp_path: Path) -> None:
    here = ParquetStore(files(tmp_path / "a"))
    with s3.answering(503, times=3) as refused:
        content = put(here)
    assert len(refused) == 3
    assert ParquetStore(files(tmp_path / "b")).read_day("reviews", DAY) == ROWS
    before = {one.name: here.files.read(one.name) for one in here.files.walk()}
    with s3.answering(503, method="PUT") as refused, pytest.raises(StoreAwayError) as error:
        put(here, ROWS.slice(1))
    assert len(refused) == 1 + object_store.RETRIES["max_retries"]
    assert f"{URL}/data/reviews/day={DAY}/" in str(error.value)
    assert "does not answer" in str(error.value)
    assert {one.name: here.files.read(one.name) for one in here.files.walk()} == before
    assert put(here) == content


@pytest.mark.parametrize("status", [401, 403])
def test_no_right_is_told_from_not_there_and_from_no_answer(s3: S3Server, tmp_path: Path, status: int) -> None:
    here = files(tmp_path)
    asks = (
        lambda: here.read("a.json"),
        lambda: here.write_file("a.json", b""),
        lambda: list(here.walk()),
        lambda: here.inside("a"),
        lambda: here.path("a/b.parquet"),
    )
    for ask in asks:
        with s3.answering(status), pytest.raises(NoRightError) as error:
            ask()
        assert f"{URL}/data" in str(error.value)
    with pytest.raises(FileNotFoundError):
        here.read("a.json")
    assert not here.path("a/b.parquet").exists()
    assert (here.inside("a"), list(here.walk()), here.held(["a.json"])) == ([], [], set())
    nowhere = files(tmp_path / "n", url="s3://no-such-bucket/x")
    for ask in (
        lambda: nowhere.read("a.json"),
        lambda: list(nowhere.walk()),
        lambda: nowhere.write_file("a.json", b""),
    ):
        with pytest.raises(StoreError, match="bucket no-such-bucket is not there"):
            ask()


def test_a_server_that_is_away_is_told_and_no_key_is_shown(
    s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(StoreAwayError, match="does not answer") as error:
        files(tmp_path).read("a.json")
    assert error.value.__suppress_context__
    assert s3.environment["AWS_SECRET_ACCESS_KEY"] not in str(error.value)


def test_a_bucket_with_versions_is_known_as_one(s3: S3Server, tmp_path: Path) -> None:
    here = files(tmp_path)
    here.write_file(EPOCH, b"1")
    assert not here.keeps_versions(EPOCH)
    s3.keep_versions()
    here.write_file(EPOCH, b"2")
    assert here.keeps_versions(EPOCH)


def test_without_a_bucket_nothing_of_it_is_imported(tmp_path: Path) -> None:
    text = (
        "import sys; import americano_assets.cli;"
        " from americano_assets.settings import Settings; from pathlib import Path;"
        " from americano_assets.stages.common.deployment import Deployment;"
        f" Deployment(Settings(_env_file=None, americano_home=Path({str(tmp_path)!r})));"
        " print([name for name in sys.modules if 'obstore' in name or name.endswith('parquet_store.bucket')])"
    )
    done = subprocess.run([sys.executable, "-c", text], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
