"""What Dagster knows of a day's content: an unchanged day keeps its version, a late event shows what is out of date."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import psycopg
import pytest
from dagster._core.definitions.data_version import CachingStaleStatusResolver, StaleStatus
from dagster._core.loader import LoadingContextForTest

from americano_assets.stages.common.partitions import NIGHTS
from americano_assets_tests.end_to_end.story import FIRST, SECOND, school
from americano_assets_tests.world import Nights, World, at, world_settings

_VERSION = "dagster/data_version"
LOGS = ("log_snapshots", "interactions")


@pytest.fixture
def nights(database: str, tmp_path: Path) -> Iterator[tuple[Nights, World]]:
    with psycopg.connect(database, autocommit=True) as connection, dg.DagsterInstance.ephemeral() as instance:
        world = World(connection)
        school(world)
        nights = Nights(world_settings(database, tmp_path / "home", model_type="rule_based"), instance)
        nights.deployment.clock = datetime(2026, 3, 9, 20, tzinfo=UTC)
        assert nights.history("2026-02-20", "2026-03-07").success
        assert nights.night(FIRST).success
        yield nights, world


def _out_of_date(nights: Nights, asset: str, day: str) -> bool:
    """What the UI says of a partition."""
    graph = nights.definitions.resolve_asset_graph()
    statuses = CachingStaleStatusResolver(nights.instance, graph, LoadingContextForTest(nights.instance))
    return statuses.get_status(dg.AssetKey.from_user_string(asset), day) is StaleStatus.STALE


def _tag(nights: Nights, asset: str, day: str, tag: str) -> str:
    """A tag of the newest materialization of a day."""
    filtered = dg.AssetRecordsFilter(dg.AssetKey(asset), asset_partitions=[day])
    (record,) = nights.instance.fetch_materializations(filtered, limit=1).records
    event = record.asset_materialization
    assert event is not None
    assert event.tags is not None
    return event.tags[tag]


def test_a_late_event_changes_its_day_and_no_other_and_shows_what_is_out_of_date(
    nights: tuple[Nights, World],
) -> None:
    told, world = nights
    before = {asset: _tag(told, asset, FIRST, _VERSION) for asset in LOGS}
    assert not _out_of_date(told, "features", FIRST)
    other = {asset: _tag(told, asset, "2026-03-05", _VERSION) for asset in LOGS}
    # Stamped within the first night's day, and written only after it.
    world.review("stuck", "heart", at("2026-03-09 12:00"), "AGAIN")
    assert told.night(SECOND).success
    after = {asset: _tag(told, asset, FIRST, _VERSION) for asset in LOGS}
    assert all(after[asset] != before[asset] for asset in LOGS)
    assert {asset: _tag(told, asset, "2026-03-05", _VERSION) for asset in LOGS} == other
    assert _out_of_date(told, "features", FIRST)
    assert _out_of_date(told, "ml/struggle_reduction", FIRST)
    assert not _out_of_date(told, "features", SECOND)
    assert told.night(FIRST).success
    assert not _out_of_date(told, "features", FIRST)


def test_a_day_that_follows_makes_no_night_out_of_date(nights: tuple[Nights, World]) -> None:
    told, world = nights
    world.review("stuck", "heart", at("2026-03-10 12:00"), "AGAIN")
    assert told.night(SECOND).success
    graph = told.definitions.resolve_asset_graph()
    days = graph.get(dg.AssetKey("interactions")).partitions_def
    assert days is not None
    last = days.get_last_partition_key()
    assert last is not None
    assert told.history(last, last).success
    computed = [key for key in graph.materializable_asset_keys if graph.get(key).partitions_def == NIGHTS]
    assert [key for key in computed if _out_of_date(told, key.to_user_string(), FIRST)] == []


def test_dagster_accepts_how_days_and_nights_are_joined(nights: tuple[Nights, World]) -> None:
    nights[0].definitions.resolve_asset_graph().validate_partitions()  # type: ignore[no-untyped-call]


def test_a_rerun_without_new_rows_keeps_every_version(nights: tuple[Nights, World]) -> None:
    told, _ = nights
    assets = (*LOGS, "features", "scored_predictions")
    before = {asset: _tag(told, asset, FIRST, _VERSION) for asset in assets}
    assert told.night(FIRST).success
    assert {asset: _tag(told, asset, FIRST, _VERSION) for asset in assets} == before


@pytest.mark.parametrize(
    ("key", "why"),
    [
        ("tomorrow", "Partition «tomorrow» is not a study day: write it as YYYY-MM-DD."),
        ("2019-01-01", "Study day 2019-01-01 is before the first one, 2025-12-01"),
        ("2027-01-01", "Study day 2027-01-01 has not begun"),
    ],
)
def test_a_key_that_somebody_typed_is_refused_before_anything_is_read(
    database: str, tmp_path: Path, key: str, why: str
) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        nights = Nights(world_settings(database, tmp_path / "home"), instance)
        instance.add_dynamic_partitions("nights", [key])
        told = nights.definitions.resolve_job_def("nightly").execute_in_process(
            instance=instance, partition_key=key, raise_on_error=False
        )
        failed = {event.step_key: event.step_failure_data for event in told.all_events if event.is_step_failure}
        assert set(failed) == {"night_log", "state_snapshots"}
        for failure in failed.values():
            assert failure.error is not None
            assert why in str(failure.error)
        assert not list((tmp_path / "home").rglob("*.parquet"))


def test_what_a_night_has_read_is_a_study_day_of_the_log(nights: tuple[Nights, World]) -> None:
    told, world = nights
    world.review("stuck", "heart", at("2026-03-10 12:00"), "AGAIN")
    assert told.night(SECOND).success
    for asset in LOGS:
        filtered = dg.AssetRecordsFilter(dg.AssetKey(asset), asset_partitions=[SECOND])
        (record,) = told.instance.fetch_materializations(filtered, limit=1).records
        event = record.asset_materialization
        assert event is not None
        assert event.metadata["read_by"].value == f"the night of {SECOND}"
        assert event.metadata["dagster/row_count"].value == 1
