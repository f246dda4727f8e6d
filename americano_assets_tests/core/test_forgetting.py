"""The forgetting curve, against the package that defines it."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from fsrs import Card, Scheduler
from hypothesis import given
from hypothesis import strategies as st

from americano_assets.core.forgetting import retrievability

_REVIEWED = datetime(2026, 3, 1, 9, tzinfo=UTC)


@given(stability=st.floats(0.01, 2000), days=st.integers(0, 3000))
def test_a_cards_recall_is_what_fsrs_says(stability: float, days: int) -> None:
    card = Card(stability=stability, difficulty=5.0, last_review=_REVIEWED)
    expected = Scheduler().get_card_retrievability(card, _REVIEWED + timedelta(days=days))
    found = retrievability(np.array([days], dtype=float), np.array([stability]))
    assert found == pytest.approx([expected], abs=1e-12)


def test_stability_is_the_days_until_nine_in_ten() -> None:
    days = np.array([0.5, 3.0, 400.0])
    assert retrievability(days, days) == pytest.approx([0.9] * 3)
