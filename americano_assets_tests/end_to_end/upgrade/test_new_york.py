"""West of Greenwich: what was begun keeps its id and arm although its date was an instant; new plans are dates."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from americano_assets.api.tokens import create_token
from americano_assets.core.models.scorer import episode_id
from americano_assets.resources.postgres.connection import prepare
from americano_assets.stages.s6_publication.transaction import PREDICTIONS
from americano_assets_tests.api.serving import serving
from americano_assets_tests.end_to_end.upgrade.restoring import LAST_NIGHT, Upgraded, without_reasons
from americano_assets_tests.world import at, published_rows

NEXT_NIGHT = LAST_NIGHT + timedelta(days=1)
CUTOFF = at("2026-03-17 03:00")
# Planned for the date of 2026-03-19, which as an instant was in the study day before.
BEGUN = """SELECT e.prediction_id, e.user_id, e.learning_objective_id FROM ml.episodes e
  JOIN struggle_predictions p ON p."id" = e.prediction_id
  WHERE e.outcome IS NULL AND e.planned_day = '2026-03-17' AND p."predictionDate" = '2026-03-19' ORDER BY 1"""
LEDGER = """SELECT prediction_id, e.planned_day, arm FROM ml.episodes e LEFT JOIN ml.assignments a USING (prediction_id)
  WHERE e.outcome IS NULL ORDER BY 1"""


@dataclass
class Told:
    home: Upgraded
    learners: list[str]
    begun: list[tuple[Any, ...]]
    ledger: list[tuple[Any, ...]]
    generated: list[dict[str, Any]] = field(default_factory=list)

    def features(self) -> dict[tuple[str, str], tuple[datetime, int]]:
        """When and on which study day the next night finds each candidate planned."""
        stored = self.home.deployment.store.read_day("features", NEXT_NIGHT)
        assert stored is not None
        rows = stored.select(["learner_id", "objective_id", "planned_at", "planned_day"]).to_pylist()
        return {(row["learner_id"], row["objective_id"]): (row["planned_at"], row["planned_day"]) for row in rows}


@pytest.fixture(scope="module")
def told(in_new_york: Upgraded) -> Told:
    """A new objective is planned for the date that begins an hour after the cut-off; somebody asks; then a night."""
    home, world = in_new_york, in_new_york.world
    analysed = 'SELECT "id" FROM users WHERE "performanceTrackingEnabled" AND "id" <> %s ORDER BY 1'
    told = Told(home, [row[0] for row in world.rows(analysed, "owner")], world.rows(BEGUN), world.rows(LEDGER))
    world.objective("kidney", "anatomy")
    for learner in told.learners:
        world.mission(learner, at("2026-03-17 00:00"), ["kidney"])
        world.exam(learner, "anatomy", at("2026-03-17 00:00"))
    asking = told.begun[0][1]
    prepare(home.settings)  # as the commands do that make a token and serve the API
    token = create_token(world.connection, "asking", home.deployment.now())
    with serving(home.settings) as service:
        service.now = at("2026-03-17 01:00")  # nine in the evening of the day before
        headers = {"Authorization": f"Bearer {token}"}
        answer = service.ask("/predictions/generate", method="POST", headers=headers, json={"user_id": asking})
        assert answer.status_code == 201, answer.text
        told.generated += answer.json()["predictions"]
    home.answers(at("2026-03-16 10:00"))
    home.night(NEXT_NIGHT)
    return told


def test_the_home_holds_episodes_begun_under_another_day(told: Told) -> None:
    assert len(told.begun) > 3
    assert {arm for _, _, arm in told.ledger} == {"treated", "holdout"}


def test_what_was_begun_keeps_its_id_and_arm(told: Told) -> None:
    assert set(told.ledger) <= set(told.home.world.rows(LEDGER))
    for prediction, learner, objective in told.begun:
        assert prediction == episode_id(learner, objective, date(2026, 3, 17))
        again = episode_id(learner, objective, date(2026, 3, 18))
        assert told.home.world.rows("SELECT count(*) FROM ml.episodes WHERE prediction_id = %s", again) == [(0,)]
        assert told.features()[learner, objective] == (at("2026-03-19 00:00"), 20529)
    refreshed = told.home.world.rows(f'SELECT "predictedAt" FROM {PREDICTIONS} WHERE "id" = ANY(%s)', _ids(told))
    assert set(refreshed) == {(CUTOFF,)}


def test_a_date_that_begins_after_the_cut_off_is_predicted(told: Told) -> None:
    found = told.features()
    planned = (date(2026, 3, 16) - date(1970, 1, 1)).days
    assert {learner for learner, objective in found if objective == "kidney"} == set(told.learners)
    assert {found[learner, "kidney"] for learner in told.learners} == {(at("2026-03-17 04:00"), planned)}


def test_an_exam_of_tomorrow_is_ahead(told: Told) -> None:
    stored = told.home.deployment.store.read_day("features", NEXT_NIGHT)
    assert stored is not None
    assert min(stored["days_until_exam"].to_pylist()) > 0.999


def test_predictions_asked_for_are_of_the_same_plans(told: Told) -> None:
    (asking,) = {row["user_id"] for row in told.generated}
    begun = {prediction for prediction, learner, _ in told.begun if learner == asking}
    assert begun <= {row["id"] for row in told.generated}
    kidney = [row for row in told.generated if row["learning_objective_id"] == "kidney"]
    assert [row["prediction_date"] for row in kidney] in ([], ["2026-03-17T04:00:00.000Z"])


def test_the_night_run_before_is_not_made_anew(told: Told) -> None:
    before = without_reasons(published_rows(told.home.world))
    features = told.home.deployment.store.current("features", LAST_NIGHT)
    told.home.night(LAST_NIGHT)
    assert told.home.deployment.store.current("features", LAST_NIGHT) == features
    assert without_reasons(published_rows(told.home.world)) == before


def _ids(told: Told) -> list[str]:
    return [prediction for prediction, *_ in told.begun]
