"""A machine whose clock is ahead of PostgreSQL's writes nothing, and what one once stamped stands in nobody's way."""

from datetime import UTC, datetime, timedelta

import pytest

from americano_assets.resources.postgres.clock import ClockError
from americano_assets.stages.s1_snapshots.snapshots import snapshot_state
from americano_assets.stages.s1_snapshots.state_snapshots import snapshots
from americano_assets.stages.s6_publication.transaction import PREDICTIONS
from americano_assets_tests.api.live_prediction.conftest import FIRST_CUTOFF, MORNING, SECOND, SECOND_CUTOFF, School
from americano_assets_tests.world import ClockedDeployment, published_rows, world_settings

AHEAD = timedelta(days=3)
STAMPED = f'SELECT DISTINCT "predictedAt" FROM {PREDICTIONS} WHERE "userId" = %s'


def test_the_service_refuses_and_writes_nothing(school: School) -> None:
    before = published_rows(school.world)
    ((prediction, _),) = school.world.rows(f'SELECT "id", 1 FROM {PREDICTIONS} WHERE "userId" = %s', "asking")
    with school.serving() as service:
        service.now = datetime.now(UTC).replace(tzinfo=None) + AHEAD
        for path, body in (
            ("/predictions/generate", {"user_id": "asking"}),
            (f"/predictions/{prediction}/feedback", {"actual_struggle": True, "feedback_type": "HELPFUL"}),
        ):
            answer = service.ask(path, method="POST", json={"user_id": "asking", **body})
            assert (answer.status_code, answer.json()["code"]) == (503, "clock_ahead")
            assert "3 days, 0:00:00 ahead of PostgreSQL's" in answer.json()["detail"]
    assert published_rows(school.world) == before
    assert school.world.rows("SELECT count(*) FROM ml.generate_budget") == [(0,)]


@pytest.mark.parametrize(("minutes", "refused"), [(6, True), (4, False)])
def test_a_step_refuses_and_keeps_no_snapshot(school: School, minutes: int, refused: bool) -> None:
    now = datetime.now(UTC) + timedelta(minutes=minutes)
    deployment = ClockedDeployment(world_settings(school.url, school.home, **school.values), now)
    before = len(snapshots(deployment.store))
    if refused:
        with pytest.raises(ClockError, match=r"clock is 0:0[56]:\d\d ahead of PostgreSQL's.*Set whichever"):
            snapshot_state(deployment)
    else:
        snapshot_state(deployment)
    assert len(snapshots(deployment.store)) == before + (not refused)


def test_what_an_older_version_stamped_in_the_future_is_written_anew(school: School) -> None:
    future = datetime.now(UTC).replace(tzinfo=None) + AHEAD
    school.world.execute(f'UPDATE {PREDICTIONS} SET "predictedAt" = %s', future)
    school.world.execute(
        "UPDATE ml.published SET written = written || jsonb_build_object('predictedAt', to_jsonb(%s::timestamp(3)))"
        f" WHERE table_name = '{PREDICTIONS}'",
        future,
    )
    school.world.execute("UPDATE ml.episodes SET refreshed_at = %s", future)
    school.world.execute("INSERT INTO ml.generate_budget (user_id, whole_at) VALUES ('asking', %s)", future)
    answer = school.generate("asking")
    assert answer["predictions"]
    assert school.world.rows(STAMPED, "asking") == [(MORNING,)]
    assert school.world.rows("SELECT max(refreshed_at) FROM ml.episodes WHERE user_id = 'asking'") == [(MORNING,)]
    assert FIRST_CUTOFF < MORNING < SECOND_CUTOFF
    school.night(SECOND)
    assert school.world.rows(STAMPED, "late") == [(SECOND_CUTOFF,)]
