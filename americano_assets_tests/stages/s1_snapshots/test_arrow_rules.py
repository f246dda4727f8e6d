"""The quick yes about Arrow rows is never given where the rules of their model say no."""

from datetime import datetime
from typing import Any

import pandas as pd
import pandera.errors
import pyarrow as pa
import pytest

from americano_assets.core.base.validation import split_valid
from americano_assets.stages.common.schemas import LOG_TABLES, SCORED_PREDICTIONS, STATE_TABLES, ruled
from americano_assets.stages.s1_snapshots.fast_validation import frame_keeps_every_rule, keeps_every_rule
from americano_assets_tests.frames import scored_rows

AT = datetime.fromisoformat("2026-03-09 12:00")
GOOD = {
    "response_id": pa.array(["a", "b"]),
    "learner_id": pa.array(["ada", "bob"]),
    "occurred_at": pa.array([AT, AT], pa.timestamp("us")),
    "prompt_id": pa.array(["p", "p"]),
    "score": pa.array([0.0, 1.0]),
    "skipped": pa.array([True, False]),
}
REVIEWS = {
    "review_id": pa.array(["a"]),
    "learner_id": pa.array(["ada"]),
    "occurred_at": pa.array([AT], pa.timestamp("us")),
    "card_id": pa.array(["c"]),
    "rating": pa.array(["GOOD"]),
}
PROFILE = {"learner_id": pa.array(["ada"]), **{name: pa.array([0.5]) for name in ("visual", "reading", "kinesthetic")}}


def agrees(rows: pa.Table, table: str) -> bool:
    """What the quick answer is; the rows must bear it out."""
    model = LOG_TABLES.get(table) or STATE_TABLES[table]
    quick = keeps_every_rule(rows, model)
    if quick:
        assert split_valid(rows.to_pandas(), model).bad.empty
    return quick


def test_good_rows_are_seen_at_once() -> None:
    assert agrees(pa.table(GOOD), "validation_responses")
    assert agrees(pa.table(REVIEWS), "reviews")
    assert agrees(pa.table({**PROFILE, "visual": pa.array([None], pa.float64())}), "profiles")
    assert agrees(pa.table(GOOD).slice(0, 0), "validation_responses")


@pytest.mark.parametrize(
    ("table", "rows"),
    [
        ("validation_responses", {**GOOD, "score": pa.array([0.0, 1.01])}),
        ("validation_responses", {**GOOD, "score": pa.array([0.5, None])}),
        ("validation_responses", {**GOOD, "score": pa.array([0.5, float("nan")])}),
        ("validation_responses", {**GOOD, "score": pa.array([0, 1])}),
        ("validation_responses", {**GOOD, "prompt_id": pa.array(["p", ""])}),
        ("validation_responses", {**GOOD, "learner_id": pa.array(["ada", None])}),
        ("validation_responses", {name: values for name, values in GOOD.items() if name != "skipped"}),
        ("reviews", {**REVIEWS, "rating": pa.array(["SO SO"])}),
        ("profiles", {**PROFILE, "reading": pa.array([-0.1])}),
    ],
)
def test_anything_else_is_left_to_the_rules_themselves(table: str, rows: dict[str, pa.Array]) -> None:
    assert not agrees(pa.table(rows), table)


SCORED = scored_rows([{"retention_score": 0.1}, {"retention_score": 0.9}, {}])
_FLOATS = [name for name, column in SCORED_PREDICTIONS.columns.items() if str(column.dtype) == "float64"]


def frame_agrees(rows: pd.DataFrame) -> bool:
    """What the quick answer about scored rows is; where it is yes, Pandera must find nothing."""
    quick = frame_keeps_every_rule(rows, SCORED_PREDICTIONS)
    if quick:
        SCORED_PREDICTIONS.validate(rows, lazy=True)
    return quick


def test_good_scored_rows_are_seen_at_once() -> None:
    assert frame_agrees(SCORED)
    assert frame_agrees(SCORED.iloc[[2, 0]])
    assert frame_agrees(SCORED.assign(more=[b"of no model"] * 3))


@pytest.mark.parametrize("column", ruled(SCORED_PREDICTIONS))
def test_a_column_that_lacks_or_has_a_hole_is_left_to_the_rules(column: str) -> None:
    assert not frame_agrees(SCORED.drop(columns=column))
    holed = SCORED.astype({column: object})
    holed.loc[1, column] = None
    assert not frame_agrees(holed)


@pytest.mark.parametrize("column", _FLOATS)
def test_shares_beyond_their_range_or_of_another_type_are_left_to_the_rules(column: str) -> None:
    for values in ([0.5, 1.01, 0.5], [-1e-9, 0.5, 0.5], [0.5, float("nan"), 0.5], [0, 1, 0], ["0.5"] * 3):
        assert not frame_agrees(SCORED.assign(**{column: values}))


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("prediction_id", "c1"),
        ("prediction_id", "x" + SCORED["prediction_id"][1]),
        ("prediction_id", SCORED["prediction_id"][1].upper()),
        ("prediction_id", SCORED["prediction_id"][1] + "\nmore"),
        ("prediction_id", SCORED["prediction_id"][0]),
        ("learner_id", ""),
        ("learner_id", 7),
        ("factors", ""),
    ],
)
def test_any_other_text_is_left_to_the_rules(column: str, value: Any) -> None:
    rows = SCORED.assign(**{column: [SCORED[column][0], value, SCORED[column][2]]})
    assert not frame_agrees(rows)
    with pytest.raises((pandera.errors.SchemaErrors, AttributeError)):
        SCORED_PREDICTIONS.validate(rows, lazy=True)


@pytest.mark.parametrize("column", ["flagged", "cold_start"])
def test_objects_are_no_booleans(column: str) -> None:
    assert not frame_agrees(SCORED.assign(**{column: SCORED[column].astype(object)}))
    assert not frame_agrees(SCORED.assign(**{column: SCORED[column].astype(int)}))
