"""Nothing faulty is published: each fault that can be planted in a night's rows is named."""

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from americano_assets.core.publication.checks import problems
from americano_assets.stages.common.schemas import SCORED_PREDICTIONS
from americano_assets_tests.frames import scored_rows

THRESHOLD = 0.4
LEARNERS = ("learner-1", "learner-2", "learner-3")


def night() -> pd.DataFrame:
    """A struggling learner, one who is not, and one of whom nothing is known."""
    return scored_rows([{"retention_score": 0.1}, {"retention_score": 0.9}, {}], THRESHOLD, cohort_rate=0.6)


def found(scored: pd.DataFrame, **options: Any) -> list[str]:
    given = {"candidates": 3, "threshold": THRESHOLD, "allowed": LEARNERS, **options}
    return problems(scored, SCORED_PREDICTIONS, **given)


def with_value(column: str, value: Any) -> Callable[[pd.DataFrame], pd.DataFrame]:
    def plant(scored: pd.DataFrame) -> pd.DataFrame:
        scored = scored.copy()
        scored.loc[0, column] = value
        return scored

    return plant


def test_a_sound_night_has_no_problems() -> None:
    assert night()["flagged"].tolist() == [True, False, False]
    assert found(night()) == []


def test_a_night_without_candidates_may_be_published() -> None:
    assert found(night().head(0), candidates=0) == []


@pytest.mark.parametrize(
    ("plant", "told"),
    [
        (with_value("probability", 1.2), "scored_predictions.probability: 1 rows break «in_range(0, 1)»"),
        (with_value("probability", float("nan")), "scored_predictions.probability: 1 rows break «not_nullable»"),
        (with_value("confidence", -0.1), "scored_predictions.confidence: 1 rows break «in_range(0, 1)»"),
        (with_value("retention_score", 2.0), "scored_predictions.retention_score: 1 rows break «in_range(0, 1)»"),
        (with_value("learner_id", ""), "scored_predictions.learner_id: 1 rows break «not empty»"),
        (with_value("prediction_id", "c1"), "scored_predictions.prediction_id: 1 rows break"),
        (with_value("flagged", False), "1 rows are flagged against the threshold 0.4"),
        (with_value("probability", 0.39), "1 rows are flagged against the threshold 0.4"),
        (with_value("factors", "[]"), "1 flagged rows say no reason"),
        (with_value("learner_id", "stranger"), "1 rows of learners who opted out or are gone"),
        (lambda scored: scored.head(2), "3 candidates, but 2 scored rows"),
    ],
)
def test_each_fault_is_named(plant: Callable[[pd.DataFrame], pd.DataFrame], told: str) -> None:
    assert any(told in problem for problem in found(plant(night())))


def test_a_row_scored_twice_is_named() -> None:
    twice = pd.concat([night(), night().head(1)], ignore_index=True)
    assert any("prediction_id" in problem for problem in found(twice, candidates=4))


def test_a_cold_start_is_not_shown_to_its_learner() -> None:
    shown = night().assign(flagged=[True, False, True])
    assert found(shown) == ["1 rows are flagged against the threshold 0.4"]
