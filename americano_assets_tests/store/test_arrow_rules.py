"""The quick yes about Arrow rows is never given where the rules of their model say no."""

from datetime import datetime

import pyarrow as pa
import pytest

from americano_assets.core.validation import split_valid
from americano_assets.resources.arrow_rules import keeps_every_rule
from americano_assets.schemas import LOG_TABLES, STATE_TABLES

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
