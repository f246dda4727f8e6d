"""What follows from decisions about models, whoever took them."""

from datetime import date
from typing import Any

from americano_assets.core.training.champion_history import (
    GATE,
    PASSED_OVER,
    PROMOTED,
    REFUSED,
    RELEASED,
    ROLLED_BACK,
    ModelEvent,
    former,
    held,
)


def event(day: int, what: str, version: str, instead: str | None = None, **values: Any) -> ModelEvent:
    own = {"decided_by": "ada", "by_hand": True, "forced": False, "reason": "why not"}
    return ModelEvent(date(2026, 3, day), what, version, instead, **{**own, **values})


def by_gate(day: int, what: str, version: str, instead: str | None = None) -> ModelEvent:
    return event(day, what, version, instead, decided_by=GATE, by_hand=False)


def test_nothing_is_held_while_nobody_decided() -> None:
    assert held([], date(2026, 3, 9)) is None
    assert held([by_gate(1, PROMOTED, "a"), by_gate(8, REFUSED, "b")], date(2026, 3, 9)) is None


def test_a_person_holds_a_model_from_their_day_on_whatever_the_gate_says_later() -> None:
    mine = event(5, PROMOTED, "b", "a")
    events = [by_gate(1, PROMOTED, "a"), mine, by_gate(8, PASSED_OVER, "c")]
    assert held(events, date(2026, 3, 4)) is None
    assert held(events, date(2026, 3, 5)) == mine
    assert held(events, date(2026, 3, 30)) == mine


def test_of_two_decisions_for_the_same_day_the_later_one_counts() -> None:
    first, second = event(5, PROMOTED, "b", "a"), event(5, ROLLED_BACK, "a", "b")
    assert held([first, second], date(2026, 3, 5)) == second
    assert held([first, second, event(5, RELEASED, "a", "a")], date(2026, 3, 5)) is None


def test_a_rollback_returns_to_what_scored_before() -> None:
    assert former("c", ["c", "c", "b", "a"], []) == "b"
    # Promoted, but no night has scored with it yet.
    assert former("d", ["c", "b"], [event(5, PROMOTED, "d", "c")]) == "c"
    assert former("a", ["a", "a"], []) is None
    assert former("a", [], []) is None


def test_two_rollbacks_go_two_steps_back_and_not_in_a_circle() -> None:
    once = [event(5, ROLLED_BACK, "b", "c")]
    assert former("b", ["c", "b", "a"], once) == "a"
    assert former("b", ["b", "c", "b", "a"], once) == "a"


def test_what_was_rolled_back_from_counts_again_once_it_is_promoted_again() -> None:
    events = [event(5, ROLLED_BACK, "a", "b"), by_gate(9, PROMOTED, "b", "a"), by_gate(16, PROMOTED, "c", "b")]
    assert former("c", ["c", "b", "a", "b", "a"], events) == "b"
