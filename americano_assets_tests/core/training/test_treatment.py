"""Rows that help may have changed are marked, by hand, at every edge of both windows."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from americano_assets.core.training.retraining_policy import UNTREATED
from americano_assets.core.training.treated_rows import FEEDBACK_WEIGHT, HELD_OUT, TREATED, row_weights, with_marks

ROW = {
    "learner_id": "ada",
    "objective_id": "heart",
    "window_start": pd.Timestamp("2026-03-09 23:00"),
    "window_end": pd.Timestamp("2026-03-16 23:00"),
}
FLAG = {
    "learner_id": "ada",
    "objective_id": "heart",
    "arm": "treated",
    "eligible": True,
    "holdout_share": 0.2,
    "flagged_at": pd.Timestamp("2026-03-09 23:00"),
    "flag_window_end": pd.Timestamp("2026-03-16 23:00"),
}


def marks(*flags: dict[str, Any]) -> tuple[bool, float]:
    """Whether the one row is treated, and the share by which it was held out."""
    found = with_marks(pd.DataFrame([ROW]), pd.DataFrame([{**FLAG, **flag} for flag in flags])).iloc[0]
    return bool(found[TREATED]), float(found[HELD_OUT])


@pytest.mark.parametrize(
    ("flag", "treated"),
    [
        ({}, True),
        ({"flagged_at": pd.Timestamp("2026-03-16 22:59")}, True),
        ({"flagged_at": pd.Timestamp("2026-03-16 23:00")}, False),
        ({"flagged_at": pd.Timestamp("2026-03-01"), "flag_window_end": pd.Timestamp("2026-03-09 23:01")}, True),
        ({"flagged_at": pd.Timestamp("2026-03-01"), "flag_window_end": pd.Timestamp("2026-03-09 23:00")}, False),
        ({"learner_id": "bob"}, False),
        ({"objective_id": "lung"}, False),
        ({"arm": "holdout"}, False),
    ],
)
def test_a_row_is_treated_where_help_could_reach_its_window(flag: dict[str, Any], treated: bool) -> None:
    assert marks(flag)[0] is treated


def test_the_holdout_is_marked_with_its_share_where_chance_drew_it() -> None:
    assert marks({"arm": "holdout"}) == (False, 0.2)
    assert marks({"arm": "holdout", "eligible": False}) == (False, 0.0)
    assert marks({"arm": "holdout"}, {}) == (True, 0.2)


def test_nobody_was_flagged() -> None:
    found = with_marks(pd.DataFrame([ROW]), pd.DataFrame())
    assert found[[TREATED, HELD_OUT]].to_numpy().tolist() == [[False, 0.0]]
    assert with_marks(pd.DataFrame([ROW]).head(0), pd.DataFrame([FLAG])).empty


def test_a_word_weighs_more_and_the_holdout_stands_for_the_treated() -> None:
    told, held_out = np.array([False, True, False]), np.array([0.0, 0.0, 0.2])
    assert row_weights(told, held_out, "all").tolist() == [1.0, FEEDBACK_WEIGHT, 1.0]
    assert row_weights(told, held_out, UNTREATED).tolist() == [1.0, FEEDBACK_WEIGHT, 5.0]
