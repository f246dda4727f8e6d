"""What practice left, in the features of a night: by the ratings that the night kept, put together by hand."""

import math
from datetime import UTC, timedelta
from pathlib import Path

import pytest

from americano_assets.core.features import skill_update
from americano_assets.stages.s2_features.day_tables import latest_tables
from americano_assets.stages.s2_features.skill_ratings import state_of
from americano_assets_tests.stages.s2_features.feature_school import DAY, T, ann_and_bob
from americano_assets_tests.world import ClockedDeployment, World, at, read_world, study_day, world_settings


def test_what_was_practised_lately_and_well_is_remembered_better(
    world: World, module_database: str, home: Path
) -> None:
    ann_and_bob(world)
    for learner in ("ann", "bob"):
        for objective, days in (("heart", ("2026-02-01", "2026-02-20", "2026-03-08")), ("lung", ("2025-12-20",))):
            for day in days:
                world.answer(learner, objective, at(f"{day} 10:00"), 0.9 if learner == "ann" else 0.4)
    deployment = ClockedDeployment(
        world_settings(module_database, home), (T + timedelta(minutes=10)).replace(tzinfo=UTC)
    )
    read_world(deployment, "2025-12-19", DAY)
    tables, today = latest_tables(deployment, study_day(DAY)), study_day(DAY)
    found = deployment.store.read_whole("features_at", tables.features([today])[today].content).to_pylist()
    practice = {(row["learner_id"], row["objective_id"]): row["elo_practice"] for row in found}

    state = state_of(deployment.store.read_whole("elo_at", tables.elo_state(today).content))
    shared = state[skill_update.COEFFICIENT]
    _, since, studied, right, wrong = shared.mean[shared.key == shared.other]
    assert 0 not in (since, studied, right, wrong)
    slopes = dict(zip(state[skill_update.FORGETTING].key, state[skill_update.FORGETTING].mean, strict=True))
    pairs = state[skill_update.PAIR]
    expected = []
    for learner, day, rights, wrongs in zip(pairs.key, pairs.day, pairs.right, pairs.wrong, strict=True):
        age = math.log(1 + (max(pairs.day) + 3 - day) / 7) - skill_update.USUAL_TIME_SINCE
        logs = [math.log(1 + n / skill_update.ANSWERS_SCALE) for n in (rights, wrongs)]
        x = studied + right * logs[0] + wrong * logs[1] + (since + slopes[learner]) * age
        expected.append(0.5 + x / 12)
    # The last answer was given on the study day of 2026-03-07, and that of 2026-03-10 opens.
    assert sorted(practice.values()) == pytest.approx(sorted(expected), abs=1e-9)
    assert sorted(pairs.right) == pytest.approx([0.4, 0.9, 1.2, 2.7])
    assert len(set(practice.values())) == 4
