"""What lists would have reached, on a night whose order, exclusions and outcomes are written by hand."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pyarrow as pa
import pytest
from psycopg.types.json import Jsonb

from americano_assets.core.morning_list.capacity import MOST_RANKS, CourseNight, reached
from americano_assets.stages.s4_predictions.scored_predictions import TABLE as SCORED
from americano_assets.stages.s8_reduction.list_outcomes import kept_lists, measure_lists, nights_of_the_curve
from americano_assets_tests.world import ClockedDeployment, World, at, read_world, study_day, world_settings

NIGHT, DAY = "2026-03-08", "2026-03-15"  # the window is [2026-03-09 23:00, 2026-03-16 23:00)
HORIZON = 7
# learner: p, whether flagged, letters of reviews in the window
ANATOMY = {
    "right": (0.9, True, "AAAG"),
    "wrong": (0.8, True, "GGGG"),
    "unknown": (0.7, True, ""),
    "unflagged": (0.3, False, "AAAG"),
    "held-out": (0.99, True, "AAAG"),
    "private": (0.95, True, "AAAG"),
    "gone": (0.94, True, "AAAG"),
}


@pytest.fixture
def school(database: str, tmp_path: Path) -> Iterator[tuple[World, ClockedDeployment]]:
    settings = world_settings(database, tmp_path / "home")
    with psycopg.connect(database, autocommit=True) as connection:
        deployment = ClockedDeployment(settings, datetime(2026, 3, 17, 23, 10, tzinfo=UTC))
        yield _filled(World(connection), deployment), deployment


def _filled(world: World, deployment: ClockedDeployment) -> World:
    world.learner("owner")
    for course in ("anatomy", "statistics"):
        world.course(course, "owner")
        world.objective(f"{course}-1", course)
    for learner in ANATOMY:
        values = {"private": {"includeInAnalytics": False}, "gone": {"performanceTrackingEnabled": False}}
        world.learner(learner, **values.get(learner, {}))
    for learner, (_, _, letters) in ANATOMY.items():
        world.reviews(learner, "anatomy-1", at("2026-03-12 10:00"), letters)
    # Who struggles elsewhere struggles there alone.
    world.reviews("wrong", "statistics-1", at("2026-03-12 12:00"), "AAAG")
    read_world(deployment, "2026-03-01", "2026-03-16")
    world.execute(
        "INSERT INTO ml.assignments (prediction_id, user_id, learning_objective_id, planned_day, arm, unit,"
        " holdout_share, eligible, live, flagged_at, window_end, probability, threshold, model_version,"
        " intervention_types) VALUES"
        " ('anatomy-1 held-out', 'held-out', 'anatomy-1', '2026-03-12', 'holdout', 'episode', 0.5, true, true,"
        " '2026-03-08 23:00', '2026-03-16 23:00', 0.99, 0.5, 'm', '{}')"
    )
    score(deployment, NIGHT)
    return world


def score(deployment: ClockedDeployment, night: str) -> None:
    pairs = [(learner, "anatomy", p, flagged) for learner, (p, flagged, _) in ANATOMY.items()]
    pairs.append(("wrong", "statistics", 0.6, True))
    pairs.sort()
    rows = pa.table(
        {
            "learner_id": [one[0] for one in pairs],
            "objective_id": [f"{one[1]}-1" for one in pairs],
            "course_id": [one[1] for one in pairs],
            "prediction_id": [f"{one[1]}-1 {one[0]}" for one in pairs],
            "probability": [one[2] for one in pairs],
            "confidence": [0.8] * len(pairs),
            "flagged": [one[3] for one in pairs],
        }
    )
    deployment.store.put_day(SCORED, study_day(night), rows.to_batches(), rows.schema)


def kept(world: World, deployment: ClockedDeployment, day: str = DAY) -> list[CourseNight]:
    return kept_lists(world.connection, study_day(day), HORIZON)


EXPECTED = [CourseNight((True, False, None), struggled=2), CourseNight((True,), struggled=1)]


def test_outcomes_stand_by_rank_and_the_unlisted_are_counted(school: tuple[World, ClockedDeployment]) -> None:
    world, deployment = school
    assert measure_lists(deployment, study_day(DAY)) == {study_day(NIGHT): 2}
    assert kept(world, deployment) == EXPECTED
    assert measure_lists(deployment, study_day(DAY)) == {study_day(NIGHT): 2}, "a rerun finds the same"
    assert kept(world, deployment) == EXPECTED
    # Three struggles, two of them first on their lists.
    assert [(one.capacity, one.listed, one.known, one.right) for one in reached(kept(world, deployment))] == [
        (1, 2, 2, 2),
        (2, 3, 3, 2),
        (3, 4, 3, 2),
    ]
    assert kept(world, deployment, "2026-03-14") == [], "an older night knew nothing of it"


def test_what_was_known_to_help_then_gives_the_order(school: tuple[World, ClockedDeployment]) -> None:
    world, deployment = school
    advised = pa.table(
        {"prediction_id": ["anatomy-1 wrong"], "intervention_type": ["PREREQUISITE_REVIEW"], "priority": [9]}
    )
    deployment.store.put_day("interventions", study_day(NIGHT), advised.to_batches(), advised.schema)

    def effect(day: str, estimate: float) -> None:
        world.execute(
            "INSERT INTO ml.effects (study_day, evidence, scope, scope_id, period, estimand, method, estimate,"
            " standard_error, n_treated, n_holdout, learners_treated, learners_holdout, details, computed_at)"
            " VALUES (%s, 'experiment', 'type', 'PREREQUISITE_REVIEW', 'all', 'intention_to_treat', 'm', %s, 0.05, 900,"
            " 900, 90, 90, %s, now())",
            study_day(day),
            estimate,
            Jsonb({}),
        )

    effect("2026-03-09", -0.25)
    measure_lists(deployment, study_day(DAY))
    assert kept(world, deployment)[0].outcomes == (True, False, None), "what a later night found was not known yet"
    effect(NIGHT, -0.25)
    measure_lists(deployment, study_day(DAY))
    # 0.8 x 0.8 x (0.05 + 0.25) / 2 = 0.096, against 0.9 x 0.8 x 0.05 = 0.036.
    assert kept(world, deployment)[0].outcomes == (False, True, None)


def test_a_night_is_measured_once_and_a_missing_one_made_up_for(school: tuple[World, ClockedDeployment]) -> None:
    world, deployment = school
    measure_lists(deployment, study_day(DAY))
    score(deployment, "2026-03-07")
    world.execute("""UPDATE users SET "includeInAnalytics" = false WHERE "id" = 'right'""")
    later = study_day(DAY) + timedelta(days=1)
    assert measure_lists(deployment, later) == {study_day("2026-03-07"): 2}
    found = kept(world, deployment, str(later))
    assert found[2:] == EXPECTED, "what another night measured stays"
    assert found[0] == CourseNight((False, None), struggled=1)


def test_eight_weeks_are_looked_at() -> None:
    nights = nights_of_the_curve(study_day(DAY), HORIZON)
    assert (str(nights[0]), str(nights[-1]), len(nights)) == ("2026-01-12", NIGHT, 56)


def test_a_long_list_is_kept_as_far_as_it_is_shown(school: tuple[World, ClockedDeployment]) -> None:
    world, deployment = school
    learners = [f"l{number:04}" for number in range(MOST_RANKS + 5)]
    for learner in learners:
        world.learner(learner)
    rows = pa.table(
        {
            "learner_id": learners,
            "objective_id": ["anatomy-1"] * len(learners),
            "course_id": ["anatomy"] * len(learners),
            "prediction_id": learners,
            "probability": [0.6] * len(learners),
            "confidence": [0.8] * len(learners),
            "flagged": [True] * len(learners),
        }
    )
    deployment.store.put_day(SCORED, study_day(NIGHT), rows.to_batches(), rows.schema)
    measure_lists(deployment, study_day(DAY))
    assert kept(world, deployment) == [CourseNight((None,) * MOST_RANKS, struggled=0)]
