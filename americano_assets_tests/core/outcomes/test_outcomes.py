"""What became of an episode, whose score counts, and the figures before and after."""

from typing import Any

import pandas as pd
import pytest

from americano_assets.core.effects.before_after import Reduction, reductions
from americano_assets.core.outcomes.outcomes import outcome_of
from americano_assets.core.outcomes.performance import (
    MODEL_TYPE,
    TRAINED_COURSE,
    Performance,
    own_performance,
    performance,
    whose,
)
from americano_assets.core.statistics.metrics import LEAST_ROWS
from americano_assets.core.training.fit import LOGISTIC, RULES
from americano_assets_tests.frames import feature_row


def test_an_unknown_label_is_an_unstudied_objective() -> None:
    labels = pd.Series([True, False, None], index=[3, 1, 2])
    assert outcome_of(labels).to_dict() == {3: "struggled", 1: "not_struggled", 2: "unstudied"}


def matured(learners: dict[str, tuple[int, bool]]) -> pd.DataFrame:
    """Per learner so many rows, and whether they count in aggregates; every second row struggled, and was flagged.

    The rules made every second pair of them, a week before the trained model.
    """
    return pd.DataFrame(
        [
            feature_row(
                number,
                learner_id=learner,
                model_version="old" if number % 4 < 2 else "new",
                model_type=RULES if number % 4 < 2 else LOGISTIC,
                scored_day=20_000 if number % 4 < 2 else 20_007,
                probability=0.8 if number % 2 else 0.2,
                confidence=0.5,
                flagged=number % 2 == 1,
                struggled=number % 2 == 1,
                in_analytics=included,
            )
            for learner, (rows, included) in learners.items()
            for number in range(rows)
        ]
    )


def everything(rows: pd.DataFrame) -> list[Performance]:
    return [*performance(rows), *own_performance(rows)]


def test_figures_are_of_all_of_each_course_and_of_learners_with_enough() -> None:
    found = {(one.scope, one.scope_id): one for one in everything(matured({"a": (50, True), "b": (14, True)}))}
    versions = {("model_version", "old"), ("model_version", "new")}
    types = {(MODEL_TYPE, RULES), (MODEL_TYPE, LOGISTIC)}
    trained = (TRAINED_COURSE, "anatomy")
    assert set(found) == {("all", ""), ("course", "anatomy"), trained, ("learner", "a"), *versions, *types}
    assert found[trained].values["n"] == found["model_version", "new"].values["n"]
    assert sum(found[version].values["n"] or 0 for version in versions) == 64
    assert found["all", ""].values["n"] == 64
    assert found["all", ""].values["recall"] == 1
    assert found["all", ""].reason is None


def test_what_the_rules_said_is_not_told_of_the_model() -> None:
    """The rules said half to everything: pooled, that would be an AUC and a calibration error of neither's."""
    rows = matured({"a": (160, True)})
    rows.loc[rows["model_type"] == RULES, "probability"] = 0.5
    found = {(one.scope, one.scope_id): one for one in performance(rows)}
    model, rules, pooled = found[MODEL_TYPE, LOGISTIC], found[MODEL_TYPE, RULES], found["all", ""]
    assert (model.values["auc_roc"], rules.values["auc_roc"]) == (1.0, 0.5)
    assert pooled.values["auc_roc"] not in (1.0, 0.5)
    assert (pooled.newest, pooled.made_by) == ((LOGISTIC, "new"), {LOGISTIC: 80, RULES: 80})
    assert whose(LOGISTIC, model.versions, 80, *model.scored) == (
        "80 predictions by logistic regression (1 version), made on 11 Oct 2024, whose outcome is known"
    )
    assert whose(RULES, 1, 80, *rules.scored, 0.1234).endswith(
        "known (of 12.3% of the learners, drawn whole by a hash of their ids)"
    )
    assert whose(RULES, rules.versions, 80, *pooled.scored) == (
        "80 predictions by the rules, made from 04 Oct 2024 to 11 Oct 2024, whose outcome is known"
    )


def test_warnings_are_counted_by_who_gave_them_those_of_unknown_outcome_too() -> None:
    rows = matured({"a": (160, True), "b": (20, False)}).astype({"struggled": object})
    rows.loc[rows["model_type"] == RULES, "flagged"] = True
    rows.loc[rows.index % 8 == 0, "struggled"] = None  # of the rules, every fourth that did not struggle
    found = {(one.scope, one.scope_id): one for one in performance(rows)}
    assert found[MODEL_TYPE, RULES].warnings == {"right": 40, "known": 60, "unknown": 20}
    assert found[MODEL_TYPE, LOGISTIC].warnings == {"right": 40, "known": 40, "unknown": 0}
    assert found["all", ""].values["n"] == 140
    assert found["all", ""].warnings is None
    assert performance(rows.assign(struggled=None)) == []


def test_who_keeps_out_of_analytics_counts_in_no_aggregate() -> None:
    found = {one.scope: one for one in everything(matured({"a": (40, True), "b": (40, False)}))}
    assert found["all"].values["n"] == found["course"].values["n"] == 40
    assert found["learner"].scope_id == "b"


def test_too_few_rows_have_no_figures_but_a_reason() -> None:
    (overall, course, *_) = performance(matured({"a": (LEAST_ROWS - 1, True)}))
    for one in (overall, course):
        assert one.values.pop("n") == LEAST_ROWS - 1
        assert set(one.values.values()) == {None}
        assert one.curve is None
        assert one.reason == "29 matured predictions, at least 30 are needed"


def test_a_share_of_too_few_struggles_or_flags_is_none() -> None:
    overall, *_, learner = everything(matured({"a": (LEAST_ROWS, True)}))
    assert overall.values["accuracy"] == 1
    assert (overall.values["recall"], overall.values["precision"]) == (None, None)
    assert overall.reason == "15 rows are flagged; at least 30 are needed; 15 rows struggled; at least 30 are needed"
    # A learner's own figures have a minimum of their own.
    assert learner.values["recall"] == 1


def before_and_after(
    baseline: tuple[int, int], current: tuple[int, int], sessions: int = 20, objectives: int = 10, **values: Any
) -> dict[str, Reduction]:
    """Reductions by scope for the whole time, from (struggled, studied) before and since."""
    own = {
        "learner_id": "a",
        "course_id": "anatomy",
        "in_analytics": True,
        "first_at": pd.Timestamp("2026-03-10 23:00"),
        "baseline_start": pd.Timestamp("2026-01-27 23:00"),
        "whole_weeks": 3,
        "objectives": objectives,
        **values,
    }
    totals = pd.DataFrame(
        [
            {**own, "segment": segment, "struggled": struggled, "studied": studied, "sessions": sessions}
            for segment, (struggled, studied) in (("baseline", baseline), ("all", current))
        ]
    )
    weekly = pd.DataFrame([{**own, "week": "2026-03-16", "struggled": current[0], "studied": current[1]}])
    return {one.scope: one for one in reductions(totals, weekly) if one.period == "all"}


def test_a_reduction_is_the_share_of_the_baseline_rate_that_is_gone() -> None:
    found = before_and_after((5, 10), (2, 8))
    for one in found.values():
        assert (one.baseline_rate, one.current_rate) == (0.5, 0.25)
        assert one.reduction_percentage == pytest.approx(50)
        assert one.reason is None
    assert set(found) == {"all", "course", "learner"}
    assert found["all"].timeline == [
        {"date": "2026-03-16", "struggle_rate": 0.25, "struggles_count": 2, "topics_studied": 8}
    ]
    assert before_and_after((2, 8), (4, 8))["all"].reduction_percentage == pytest.approx(-100)


@pytest.mark.parametrize(
    ("baseline", "current", "sessions", "weeks", "reason"),
    [
        ((5, 9), (2, 8), 19, 3, "only 9 objectives and 19 sessions"),
        ((5, 10), (0, 0), 20, 3, "has enough graded answers since the first prediction to tell how it went"),
        ((5, 10), (0, 0), 20, 0, "no whole week has passed since the first prediction"),
        ((0, 10), (2, 8), 20, 3, "there was no struggle before"),
        ((0, 0), (2, 8), 40, 3, "only 0 objectives and 40 sessions"),
    ],
)
def test_what_cannot_be_said_is_never_zero_per_cent(
    baseline: tuple[int, int], current: tuple[int, int], sessions: int, weeks: int, reason: str
) -> None:
    one = before_and_after(baseline, current, sessions, objectives=min(baseline[1], 9), whole_weeks=weeks)["all"]
    assert one.reduction_percentage is None
    assert one.reason is not None
    assert reason in one.reason


def test_few_objectives_are_enough_where_sessions_are_many_and_the_other_way_round() -> None:
    assert before_and_after((5, 9), (2, 8), sessions=20, objectives=9)["all"].reason is None
    assert before_and_after((5, 10), (2, 8), sessions=1)["all"].reason is None
    weeks_of_two = before_and_after((5, 12), (2, 8), sessions=1, objectives=2)["all"]
    assert weeks_of_two.reason is not None
    assert weeks_of_two.reason.startswith("before the first prediction only 2 objectives and 1 sessions")


def test_a_learner_outside_analytics_is_in_their_own_figures_only() -> None:
    assert set(before_and_after((5, 10), (2, 8), in_analytics=False)) == {"learner"}
