"""Files of the store that are cut off, garbled or gone: named with what to do, and healed by doing it."""

from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pytest

from americano_assets.orchestration.run_failures import why_failed
from americano_assets.resources.parquet_store.store import ParquetStore
from americano_assets_tests.end_to_end.faults.conftest import Left, School
from americano_assets_tests.end_to_end.faults.driver import FIRST, nights
from americano_assets_tests.world import study_day

# Older than what a night reads anew, and of it.
OLD, RECENT = "2026-02-21", "2026-03-04"


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def garble(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:4] + bytes(len(content) - 12) + content[-8:])


def remove(path: Path) -> None:
    path.unlink()


DAMAGES: tuple[Callable[[Path], None], ...] = (cut_off, garble, remove)


def stored(school: School, table: str, day: str) -> Path:
    store = ParquetStore(school.home / "data")
    version = store.current(table, study_day(day))
    assert version is not None
    return store.day_path(table, study_day(day), version)


@pytest.mark.long
def test_each_damage_is_named_and_reading_the_day_again_heals_it(school: School, undisturbed: Left) -> None:
    for damage in DAMAGES:
        path = stored(school, "interactions", OLD)
        before = path.read_bytes()
        damage(path)
        result = school.night(raise_on_error=False)
        assert not result.success
        told = why_failed(result.all_events)
        assert "interactions" in told, damage
        assert f"day={OLD}" in told
        assert "materialize those days again" in told
        assert school.left()["struggle_predictions"] == []
        path.unlink(missing_ok=True)
        with dg.DagsterInstance.ephemeral() as instance:
            assert nights(school.url, school.home, instance).history(OLD, OLD).success
        assert path.read_bytes() == before
    assert school.night().success
    assert school.left() == undisturbed


def test_what_a_night_reads_anew_heals_by_itself(school: School, undisturbed: Left) -> None:
    for table, damage in zip(("reviews", "interactions", "session_ends"), DAMAGES, strict=True):
        damage(stored(school, table, RECENT))
    assert school.night().success
    assert school.left() == undisturbed


@pytest.mark.long
def test_a_record_that_cannot_be_read_is_named(school: School, undisturbed: Left) -> None:
    assert school.night().success
    record = school.home / "data" / "manifests" / f"day={FIRST}" / "inputs.json"
    record.write_text(record.read_text()[:100])
    result = school.night(raise_on_error=False)
    assert not result.success
    assert f"manifests/day={FIRST}: the record inputs.json cannot be read" in why_failed(result.all_events)
    record.unlink()
    for memo in (school.home / "data").rglob("by_inputs/*.json"):
        memo.write_text("{")
    assert school.night().success
    assert school.left()["struggle_predictions"] == undisturbed["struggle_predictions"]


@pytest.mark.parametrize("damage", DAMAGES)
def test_the_same_rows_put_again_replace_a_damaged_file(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    store = ParquetStore(tmp_path)
    rows = pa.table({"learner_id": ["ann", "bob"]})
    path = store.whole_path("state", store.put_whole("state", rows).content)
    damage(path)
    assert store.whole_path("state", store.put_whole("state", rows).content) == path
    assert store.read_whole("state", path.stem) == rows
