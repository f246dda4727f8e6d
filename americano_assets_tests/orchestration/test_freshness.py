"""The tables that the app reads are overdue when no night has written them, as Dagster's own daemon judges it.

Dagster has no public way to ask it; that is why its inner modules are imported here.
"""

import asyncio
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
from dagster._core.definitions.freshness import FreshnessState
from dagster._core.definitions.freshness_evaluator import CronFreshnessPolicyEvaluator
from dagster._core.loader import LoadingContextForTest
from dagster._core.test_utils import freeze_time

from americano_assets.definitions import build_defs
from americano_assets.orchestration.freshness import READ_BY_THE_APP
from americano_assets_tests.world import world_settings

BERLIN = ZoneInfo("Europe/Berlin")
PASS, FAIL, UNKNOWN = FreshnessState.PASS, FreshnessState.FAIL, FreshnessState.UNKNOWN


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as temporary:
        yield temporary


# The second is a night in which clocks change.
@pytest.mark.parametrize(("night", "next_night"), [("2026-03-10", "2026-03-11"), ("2026-10-24", "2026-10-25")])
def test_a_table_is_fresh_until_the_next_night_has_not_written_it_by_half_past_one(
    tmp_path: Path, instance: dg.DagsterInstance, night: str, next_night: str
) -> None:
    settings = world_settings("postgresql://h/none", tmp_path, americano_timezone="Europe/Berlin")
    graph = build_defs(settings).resolve_asset_graph()

    def judged(day: str, time: str) -> set[FreshnessState]:
        with freeze_time(datetime.fromisoformat(f"{day} {time}").replace(tzinfo=BERLIN)):
            return {
                asyncio.run(
                    CronFreshnessPolicyEvaluator().evaluate_freshness(LoadingContextForTest(instance), graph.get(key))
                )
                for key in READ_BY_THE_APP
            }

    assert judged(next_night, "12:00") == {UNKNOWN}

    def written(day: str, time: str) -> None:
        with freeze_time(datetime.fromisoformat(f"{day} {time}").replace(tzinfo=BERLIN)):
            for key in READ_BY_THE_APP:
                instance.report_runless_asset_event(dg.AssetMaterialization(key, partition=night))

    written(night, "23:05")
    assert judged(next_night, "12:00") == {PASS}
    assert judged(next_night, "23:30") == {PASS}
    after = datetime.fromisoformat(next_night).replace(day=int(next_night[-2:]) + 1).date().isoformat()
    assert judged(after, "01:29") == {PASS}
    assert judged(after, "01:31") == {FAIL}
    written(next_night, "22:30")  # A rerun in the evening is no night.
    assert judged(after, "01:31") == {FAIL}
    written(after, "01:40")
    assert judged(after, "01:45") == {PASS}


def test_nothing_else_has_a_deadline(tmp_path: Path) -> None:
    graph = build_defs(world_settings("postgresql://h/none", tmp_path)).resolve_asset_graph()
    due = {key for key in graph.get_all_asset_keys() if graph.get(key).freshness_policy is not None}
    assert due == {*READ_BY_THE_APP}
