"""What was generated, and the night that comes after it: one definition, one episode, nothing taken back."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from americano_assets.resources.postgres.embedded.server import EmbeddedServer
from americano_assets.stages.s6_publication.transaction import INDICATORS, PREDICTIONS, RECOMMENDATIONS
from americano_assets_tests.api.live_prediction.conftest import (
    FIRST_CUTOFF,
    MORNING,
    SECOND,
    SECOND_CUTOFF,
    School,
    copied,
)

APP_TABLES = (PREDICTIONS, INDICATORS, RECOMMENDATIONS)
Rows = list[tuple[Any, ...]]


@dataclass
class Evening:
    """Three learners asked: in the morning, at the cut-off itself, and between it and the night's publication."""

    school: School
    before: dict[str, list[Rows]]

    def of(self, learner: str) -> list[Rows]:
        """All that is written of a learner: the app's tables, the ledger, actions, alerts."""
        ours = (
            "SELECT to_jsonb(t)::text FROM ml.episodes t WHERE user_id = %s ORDER BY 1",
            "SELECT to_jsonb(t)::text FROM ml.assignments t WHERE user_id = %s ORDER BY 1",
            "SELECT to_jsonb(t)::text FROM ml.intervention_actions t WHERE user_id = %s ORDER BY 1",
            "SELECT type, study_day::text, created_at FROM ml.alerts WHERE user_id = %s ORDER BY 1",
        )
        return [
            *(self.school.of_learner(table, learner) for table in APP_TABLES),
            *(self.school.world.rows(statement, learner) for statement in ours),
        ]


@pytest.fixture(scope="module")
def evening(
    after_a_night: tuple[str, Path], server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Evening]:
    for school in copied(after_a_night, server, tmp_path_factory.mktemp("evening")):
        made = Evening(school, {})
        asked = {"early": MORNING, "asking": SECOND_CUTOFF, "steep": SECOND_CUTOFF}
        asked["late"] = SECOND_CUTOFF + timedelta(minutes=5)  # the night publishes at 23:10, as of 23:00
        with school.serving() as service:
            for learner, service.now in asked.items():
                assert service.post("/predictions/generate", 201, user_id=learner)["predictions"]
        made.before = {learner: made.of(learner) for learner in asked}
        school.night(SECOND)
        yield made


@pytest.mark.parametrize("learner", ["asking", "steep"])
def test_at_the_cut_off_it_gives_what_the_night_gives_to_the_byte(evening: Evening, learner: str) -> None:
    *rows, alerts = evening.of(learner)
    *before, told = evening.before[learner]
    assert rows == before
    assert all(rows)
    # The study day that has just opened is later than the night's: what the learner was told then stays.
    assert alerts == told
    assert set(told) == {("REAL_TIME_ALERT", "2026-03-10", FIRST_CUTOFF)}


def test_what_nobody_has_studied_is_named_as_the_night_names_it(evening: Evening) -> None:
    ((described,),) = evening.school.world.rows(
        f"""SELECT string_agg("description", ' ' ORDER BY "priority" DESC) FROM {RECOMMENDATIONS}
        WHERE "userId" = 'steep'"""
    )
    assert "what this builds on: «Know the basic»" in described
    assert "Start with «Know the basic»" in described  # it goes first, since the hard one builds on it
    assert "Start with «Know the small»" in described  # nothing builds on it: it is the smaller step of the topic


def test_the_next_night_carries_the_same_episode_on(evening: Evening) -> None:
    predictions, *_, alerts = evening.of("early")
    asked, *_, told = evening.before["early"]
    assert len(predictions) == len(asked) == 1
    assert evening.school.world.rows(f'SELECT "predictedAt" FROM {PREDICTIONS} WHERE "userId" = %s', "early") == [
        (SECOND_CUTOFF,)
    ]
    assert told == [("REAL_TIME_ALERT", SECOND, FIRST_CUTOFF)]
    assert [row[1:] for row in alerts] == [(SECOND, FIRST_CUTOFF)]
    assert alerts[0][0] != "REAL_TIME_ALERT"


def test_a_night_that_publishes_late_takes_nothing_back(evening: Evening) -> None:
    assert evening.of("late") == evening.before["late"]
    assert evening.school.world.rows(f'SELECT "predictedAt" FROM {PREDICTIONS} WHERE "userId" = %s', "quiet") == [
        (SECOND_CUTOFF,)
    ]
