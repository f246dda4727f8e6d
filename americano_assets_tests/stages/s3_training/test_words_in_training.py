"""A learner's own word is the label of their episode's training rows, from the night after it was said."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd

from americano_assets.core.study_days.study_day import day_number, study_day_of
from americano_assets.evaluation.own_data import evaluate_own
from americano_assets.stages.common.schemas import TOLD
from americano_assets.stages.s3_training.learner_feedback import feedback
from americano_assets.stages.s3_training.training_rows import store_training_set
from americano_assets_tests.world import ClockedDeployment, World, at, read_world, study_day, world_settings

DAY = "2026-03-20"
CUTOFF = at("2026-03-21 23:00")


def labels(deployment: ClockedDeployment) -> dict[str, tuple[bool, bool]]:
    """Each learner's label and whether it is their own word."""
    rows: pd.DataFrame = store_training_set(deployment, study_day(DAY))[0].rows
    return dict(zip(rows["learner_id"], zip(rows["struggled"], rows[TOLD], strict=True), strict=True))


def test_a_word_is_the_label(world: World, module_database: str, home: Path) -> None:
    world.learner("owner")
    world.course("anatomy", "owner")
    world.objective("heart", "anatomy")
    # Training cut-offs lie on a weekly grid: one whose window has closed by then, and a plan in its first days.
    opened = next(day for day in range(day_number(study_day(DAY)) - 7, 0, -1) if day % 7 == 0)
    cutoff = at("1970-01-01 23:00") + timedelta(days=opened + 1)
    planned = cutoff + timedelta(days=1)
    for learner in ("failing", "passing", "idle"):
        world.learner(learner)
        world.mission(learner, planned, ["heart"])
        world.reviews(learner, "heart", cutoff - timedelta(days=2), "GGG")
    world.reviews("failing", "heart", planned, "AAAA")
    world.reviews("passing", "heart", planned, "GGGG")
    deployment = ClockedDeployment(world_settings(module_database, home), datetime(2026, 3, 22, tzinfo=UTC))
    read_world(deployment, "2026-02-20", DAY)
    computed = {"failing": (True, False), "passing": (False, False)}
    assert labels(deployment) == computed

    def say(learner: str, struggled: bool, when: datetime) -> None:
        day = study_day("1970-01-01") + timedelta(days=opened + 2)
        world.execute(
            """INSERT INTO ml.episodes (prediction_id, user_id, learning_objective_id, planned_day, refreshed_at,
              probability, threshold, model_version, live, window_end)
            VALUES (%s, %s, 'heart', %s, now(), 0.5, 0.5, 'm', true, now())""",
            learner,
            learner,
            day,
        )
        world.execute(
            """INSERT INTO ml.prediction_feedback VALUES (%s, %s, %s, %s, 'INACCURATE', NULL, %s)""",
            learner,
            learner,
            learner,
            struggled,
            when,
        )

    say("failing", False, CUTOFF - timedelta(milliseconds=1))
    say("idle", True, CUTOFF - timedelta(days=1))
    say("passing", True, CUTOFF)  # said when the day had closed
    assert labels(deployment) == {"failing": (False, True), "passing": (False, False), "idle": (True, True)}

    # The objective is planned for a day that opens with the cut-off, or a day later: then nothing is known of it yet.
    for planned_day, label in ((study_day(DAY) + timedelta(days=2), False), (study_day(DAY) + timedelta(days=1), True)):
        world.execute("UPDATE ml.episodes SET planned_day = %s WHERE user_id = 'failing'", planned_day)
        with deployment.connect() as connection:
            heard = feedback(connection, study_day_of(CUTOFF.replace(tzinfo=UTC), deployment.zone), CUTOFF)
        assert ("failing" in set(heard["learner_id"])) is label
    world.execute("UPDATE ml.episodes SET planned_day = %s", study_day("1970-01-01") + timedelta(days=opened + 2))

    # What is evaluated is what a night trains on.
    judged = evaluate_own(deployment.settings, "demo", lambda *_: None).rows
    assert dict(zip(judged["learner_id"], judged["struggled"], strict=True)) == {
        "failing": False,
        "passing": False,
        "idle": True,
    }
