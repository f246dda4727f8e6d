"""Rows that break a rule are told apart from the rest, and why is said in words."""

from typing import Any

import pandas as pd
import pandera.errors
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from americano_assets.core.base.validation import (
    EXAMPLES,
    RulesBrokenError,
    Violation,
    merged,
    require_valid,
    split_valid,
)
from americano_assets.stages.common.schemas import LOG_TABLES, STATE_TABLES

ANSWERS = LOG_TABLES["validation_responses"]


def answers(*rows: dict[str, Any]) -> pd.DataFrame:
    own = {
        "learner_id": "learner-1",
        "occurred_at": pd.Timestamp("2026-03-10"),
        "prompt_id": "prompt",
        "skipped": False,
    }
    frame = pd.DataFrame([{**own, "response_id": f"r{number}", "score": 0.5, **row} for number, row in enumerate(rows)])
    return frame.astype({"occurred_at": "datetime64[us]", "score": float})


@settings(max_examples=40)
@given(st.lists(st.sampled_from([0.0, 0.5, 1.0, -0.1, 1.1]), min_size=1, max_size=30))
def test_every_row_is_on_one_side_and_none_is_lost(scores: list[float]) -> None:
    split = split_valid(answers(*({"score": score} for score in scores)), ANSWERS)
    assert split.good["score"].tolist() == [score for score in scores if 0 <= score <= 1]
    assert split.bad["score"].tolist() == [score for score in scores if not 0 <= score <= 1]
    assert set(split.good["response_id"]) | set(split.bad["response_id"]) == {f"r{n}" for n in range(len(scores))}
    assert bool(split.violations) == bool(len(split.bad))


def test_the_reason_names_table_column_rule_and_count() -> None:
    split = split_valid(answers({}, {"score": 1.5}, {"score": -1.0}, {"learner_id": "", "score": 2.0}), ANSWERS)
    told = [str(violation) for violation in split.violations]
    assert told == [
        "validation_responses.learner_id: 1 row breaks «not empty» (e.g. r3)",
        "validation_responses.score: 3 rows break «in_range(0, 1)» (e.g. r1, r2, r3)",
    ]
    assert split.bad["reason"].iloc[-1] == "learner_id: not empty; score: in_range(0, 1)"


@pytest.mark.parametrize(
    ("row", "column"),
    [({"prompt_id": None}, "prompt_id"), ({"score": float("nan")}, "score"), ({"response_id": ""}, "response_id")],
)
def test_missing_values_are_bad_rows(row: dict[str, Any], column: str) -> None:
    split = split_valid(answers({}, row), ANSWERS)
    assert [violation.column for violation in split.violations] == [column]
    assert (len(split.good), len(split.bad)) == (1, 1)


def test_a_table_that_is_wrong_as_a_whole_is_refused() -> None:
    with pytest.raises(pandera.errors.SchemaErrors):
        split_valid(answers({}).drop(columns="score"), ANSWERS)


def test_rows_are_counted_from_the_top_of_their_batch() -> None:
    frame = answers({}, {"score": 3.0})
    frame.index = pd.Index([70, 71])
    split = split_valid(frame, ANSWERS)
    assert split.good.index.tolist() == [0]
    assert split.bad.index.tolist() == [1]


def test_the_same_rule_in_several_batches_is_told_once_with_all_its_rows() -> None:
    batches = [answers({}, {"score": 2.0}), answers({"response_id": "late", "score": -1.0}, {"learner_id": ""})]
    told = merged(violation for frame in batches for violation in split_valid(frame, ANSWERS).violations)
    assert told == [
        Violation("validation_responses", "score", "in_range(0, 1)", 2, ("r1", "late")),
        Violation("validation_responses", "learner_id", "not empty", 1, ("r1",)),
    ]
    assert len(merged(told * 4)[0].examples) == EXAMPLES


def test_rows_of_people_are_counted_and_not_pointed_at() -> None:
    learners = STATE_TABLES["learners"]
    frame = pd.DataFrame({"learner_id": ["", "ann"], "in_analytics": True, "created_at": pd.Timestamp("2026-03-10")})
    (violation,) = split_valid(frame.astype({"created_at": "datetime64[us]"}), learners).violations
    assert str(violation) == "learners.learner_id: 1 row breaks «not empty»"


def test_rows_of_ours_that_break_a_rule_are_told_without_their_values() -> None:
    learners = pd.DataFrame(
        {"learner_id": ["who-1", "who-2"], "in_analytics": [True, True], "created_at": [None, None]}
    )
    with pytest.raises(RulesBrokenError, match=r"learners\.created_at: 2 rows break «not_nullable»") as error:
        require_valid(learners.astype({"created_at": "datetime64[us]"}), STATE_TABLES["learners"])
    assert "who-" not in str(error.value)
    # Dagster writes what stands behind an error as well.
    assert error.value.__suppress_context__
