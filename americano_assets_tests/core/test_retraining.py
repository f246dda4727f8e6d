"""A champion is challenged once a week; an old day does not wait for a newer one."""

from datetime import date, timedelta

import pytest

from americano_assets.core.retraining import not_due

TRAINED = date(2026, 3, 8)


@pytest.mark.parametrize("days", [0, 1, 6])
def test_a_night_within_the_week_trains_nothing_and_says_when(days: int) -> None:
    why = not_due(TRAINED + timedelta(days=days), TRAINED)
    assert why is not None
    assert "2026-03-15" in why


@pytest.mark.parametrize("days", [-1, 7, 8, 400])
def test_a_week_later_or_on_an_older_day_it_trains(days: int) -> None:
    assert not_due(TRAINED + timedelta(days=days), TRAINED) is None
