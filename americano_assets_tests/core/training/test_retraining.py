"""A champion is challenged once a week; an old day does not wait for a newer one."""

import json
from datetime import date, timedelta

import pytest

from americano_assets.core.training.retraining_policy import Signals, cooldown_elapsed, early_reasons, wait_reason

TRAINED = date(2026, 3, 8)


@pytest.mark.parametrize("days", [0, 1, 6])
def test_a_night_within_the_week_trains_nothing_and_says_when(days: int) -> None:
    why = wait_reason(TRAINED + timedelta(days=days), TRAINED)
    assert why is not None
    assert "2026-03-15" in why


@pytest.mark.parametrize("days", [-1, 7, 8, 400])
def test_a_week_later_or_on_an_older_day_it_trains(days: int) -> None:
    assert wait_reason(TRAINED + timedelta(days=days), TRAINED) is None


@pytest.mark.parametrize(("interval", "first"), [(7, 4), (28, 14), (1, 1)])
def test_an_early_training_waits_for_half_the_interval(interval: int, first: int) -> None:
    days = [n for n in range(1, 40) if cooldown_elapsed(TRAINED + timedelta(days=n), TRAINED, interval)]
    assert days[0] == first
    assert days == list(range(first, 40))


def test_fifty_new_words_are_enough() -> None:
    assert early_reasons(Signals(feedback=49), Signals()) == []
    assert early_reasons(Signals(feedback=50), Signals(feedback=60)) == ["50 learners' words are new, 50 are enough"]


def test_a_recall_that_fell_asks_once() -> None:
    low = Signals(recall=0.61)
    assert early_reasons(low, Signals(recall=0.72)) == ["recall on matured predictions fell to 0.610, below 0.7"]
    assert early_reasons(low, Signals()) != []
    # It was low at the last training, which did not help: another on the same rows would not either.
    assert early_reasons(low, Signals(recall=0.65)) == []
    assert early_reasons(Signals(recall=0.7), Signals()) == []
    assert early_reasons(Signals(recall=None), Signals(recall=0.9)) == []


def test_a_drift_asks_where_it_is_new() -> None:
    assert early_reasons(Signals(drifting=frozenset({"a"})), Signals()) == ["a drift of 1 course is new"]
    assert early_reasons(Signals(drifting=frozenset({"", "a", "b"})), Signals()) == [
        "a drift of everybody and of 2 courses is new"
    ]
    assert early_reasons(Signals(drifting=frozenset({"a"})), Signals(drifting=frozenset({"a", "b"}))) == []


def test_signals_are_read_back_as_they_were_kept() -> None:
    kept = Signals(3, 0.5, frozenset({"", "a"}))
    assert Signals.from_json(json.loads(json.dumps(kept.to_json()))) == kept
    assert Signals.from_json(None) == Signals()
