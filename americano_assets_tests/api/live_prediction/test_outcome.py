"""What becomes of an episode that was first flagged within a day: its window begins then, not at a cut-off."""

from datetime import UTC, timedelta

import pytest

from americano_assets.core.study_days.study_day import cutoff
from americano_assets.stages.s7_outcomes.label_episodes import record_outcomes
from americano_assets_tests.api.live_prediction.conftest import MORNING, School
from americano_assets_tests.world import ClockedDeployment, read_world, study_day, world_settings

CLOSED = "2026-03-16"  # its cut-off is the first after MORNING + 7 days


@pytest.mark.parametrize(
    ("minutes", "ratings", "outcome"),
    [
        (-1, "AAAA", "unstudied"),  # what was done before T is no part of the window
        (0, "AAAA", "struggled"),
        (0, "GGGG", "not_struggled"),
        (7 * 24 * 60 - 4, "AAAA", "struggled"),  # the last four minutes of the window
        (7 * 24 * 60, "AAAA", "unstudied"),
    ],
)
def test_its_window_is_judged_to_the_minute(school: School, minutes: int, ratings: str, outcome: str) -> None:
    school.world.reviews("fine", "heart", MORNING - timedelta(hours=2), "AAAAAAAA")
    assert school.generate("fine")["total_count"] == 1
    learner_has_studied(school, minutes, ratings)
    settings = world_settings(school.url, school.home, **school.values)
    deployment = ClockedDeployment(settings, cutoff(study_day(CLOSED), settings.zone).astimezone(UTC))
    read_world(deployment, "2026-03-09", CLOSED, plans=False)
    record_outcomes(deployment, study_day(CLOSED))
    for table in ("first_flag_outcomes", "episodes"):
        assert school.world.rows(f"SELECT outcome FROM ml.{table} WHERE user_id = 'fine'") == [(outcome,)], table


def learner_has_studied(school: School, minutes: int, ratings: str) -> None:
    """Reviews a minute apart, so many minutes after T; the first at that minute, where they end before T all before."""
    first = MORNING + timedelta(minutes=minutes if minutes >= 0 else minutes - len(ratings))
    school.world.reviews("fine", "heart", first, ratings)
