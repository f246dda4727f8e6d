"""Writes a planted ledger into the tables that an experiment fills."""

from datetime import date
from typing import Any

import pandas as pd

from americano_assets_tests.world import World


def write_ledger(world: World, ledger: pd.DataFrame) -> None:
    """Learners, their assignments and what became of them."""
    for learner in sorted(ledger["user_id"].unique()):
        world.learner(learner)
    rows: list[dict[Any, Any]] = ledger.to_dict("records")
    with world.connection.cursor() as cursor:
        with cursor.copy(
            "COPY ml.assignments (prediction_id, user_id, learning_objective_id, course_id, planned_day, arm, unit, "
            "holdout_share, eligible, live, flagged_at, window_end, probability, threshold, model_version, "
            "intervention_types) FROM STDIN"
        ) as copy:
            for row in rows:
                copy.write_row(
                    (
                        *(row[name] for name in ("prediction_id", "user_id", "learning_objective_id", "course_id")),
                        date(2026, 1, 1),
                        *(row[name] for name in ("arm", "unit", "holdout_share", "eligible", "live")),
                        row["flagged_at"].to_pydatetime(),
                        row["outcome_at"].to_pydatetime(),
                        row["probability"],
                        0.5,
                        "model",
                        row["intervention_types"],
                    )
                )
        with cursor.copy(
            "COPY ml.first_flag_outcomes (prediction_id, user_id, outcome, mean_struggle, mean_score, n_reviews, "
            "n_validations, n_again, struggle_below, applied_types, outcome_at) FROM STDIN"
        ) as copy:
            for row in rows:
                outcome = "struggled" if row["struggle"] else "not_struggled"
                copy.write_row(
                    (
                        row["prediction_id"],
                        row["user_id"],
                        outcome if row["studied"] else "unstudied",
                        row["struggle"],
                        row["mean_score"] if row["studied"] else None,
                        row["answers"],
                        0,
                        0,
                        0.65,
                        row["applied_types"],
                        row["outcome_at"].to_pydatetime(),
                    )
                )
