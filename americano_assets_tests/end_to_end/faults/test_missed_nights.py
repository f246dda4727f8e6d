"""The machine was off for weeks: a fortnight is made up for in order, and what is older is given up in words."""

from datetime import date, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from americano_assets.core.study_days.study_day import cutoff
from americano_assets.stages.common.resources import resources_of
from americano_assets_tests.end_to_end.faults.conftest import School
from americano_assets_tests.end_to_end.faults.driver import FIRST, nights
from americano_assets_tests.world import at, study_day

# The first night, then three weeks of nothing.
BACK = study_day(FIRST) + timedelta(days=21)


@pytest.mark.long
def test_fourteen_missed_nights_are_made_up_for_and_the_older_are_given_up_in_words(
    school: School, capfd: pytest.CaptureFixture[str]
) -> None:
    world = school.world
    assert school.night().success
    world.execute("INSERT INTO ml.deployment (first_study_day, began_at) VALUES (%s, %s)", study_day(FIRST), at(FIRST))
    world.reviews("stuck", "heart", at("2026-03-12 10:00"), "AAA")
    for learner in ("stuck", "recovering"):
        world.mission(learner, at("2026-04-01 09:00"), ["heart"])
    tick = cutoff(BACK, ZoneInfo("UTC"))
    with dg.instance_for_test() as instance:
        run = nights(school.url, school.home, instance)
        run.deployment.clock = tick + timedelta(minutes=1)
        instance.report_runless_asset_event(dg.AssetMaterialization(["app", "struggle_predictions"], partition=FIRST))
        with dg.build_schedule_context(
            instance=instance,
            scheduled_execution_time=tick,
            resources=resources_of(run.deployment),
            repository_def=run.definitions.get_repository_def(),
        ) as context:
            found = run.definitions.resolve_schedule_def("nightly_schedule").evaluate_tick(context)
        asked = [date.fromisoformat(str(request.partition_key)) for request in found.run_requests or []]
        assert len(asked) == 14
        assert asked[-1] == BACK
        assert all(later - earlier == timedelta(days=1) for earlier, later in pairwise(asked))
        told = capfd.readouterr().err
        assert "7 study days, 2026-03-09 to 2026-03-15, were never published and will not be made up for" in told
        assert "`americano backfill --from 2026-03-09 --to 2026-03-15` replays them" in told
        for day in asked:
            assert run.night(day.isoformat(), on_time=False).success, day
    days = world.rows("SELECT study_day, kind, live FROM ml.study_days ORDER BY 1")
    assert days[0] == (study_day(FIRST), "nightly", True)
    # Only the last could be seen in time; none counts twice.
    assert days[1:] == [(day, "nightly", day == BACK) for day in asked]
    assert world.rows("""SELECT "predictionStatus"::text FROM struggle_predictions
        WHERE "userId" = 'stuck' AND "predictionDate" = '2026-03-12 09:00'""") == [("CONFIRMED",)]  # fmt: skip
    open_ones = (
        """SELECT DISTINCT "predictedAt" FROM struggle_predictions WHERE "predictionDate" = '2026-04-01 09:00'"""
    )
    assert world.rows(open_ones) == [(tick.replace(tzinfo=None),)]
