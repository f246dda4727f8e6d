"""Who stands first, who stands nowhere: on rows whose order is computed by hand."""

from datetime import date, datetime, timedelta
from itertools import groupby
from random import Random

import pytest

from americano_assets.core.interventions.measured_help import (
    ASSUMED,
    MIN_LEARNERS,
    Measured,
    MeasuredHelp,
    measured_help,
)
from americano_assets.core.morning_list.order import (
    Action,
    CourseList,
    Episode,
    LastAction,
    Pair,
    Ranking,
    Standing,
    Today,
    entry_of,
    standing,
)

OPENED = datetime.fromisoformat("2026-11-23 23:00")
TODAY = Today(OPENED, date(2026, 11, 24))
YESTERDAY = OPENED - timedelta(days=1)
NOTHING_KNOWN = measured_help(None, {})
REVIEW, BREAKS = "PREREQUISITE_REVIEW", "BREAK_SCHEDULE_ADJUST"


def episode(learner: str, p: float, confidence: float = 0.8, number: int = 0, **values: object) -> Episode:
    own = {"course": "anatomy", "types": (), "flagged_at": YESTERDAY, **values}
    return Episode(f"{learner}-{number}", learner=learner, probability=p, confidence=confidence, **own)  # type: ignore[arg-type]


def ranked(rows: list[Episode], known: MeasuredHelp = NOTHING_KNOWN, most: int = 100) -> list[str]:
    return [one.learner for one in listed(rows, known, most=most).listed]


def listed(
    rows: list[Episode],
    known: MeasuredHelp = NOTHING_KNOWN,
    last: dict[Pair, LastAction] | None = None,
    most: int = 100,
) -> CourseList:
    ranking = Ranking(most, most_aside=10)
    for _, own in groupby(rows, key=lambda one: one.pair):
        ranking.add(entry_of(list(own), known, last or {}, TODAY))
    assert len(ranking._courses["anatomy"][0]) <= most, "no more are kept than are shown"
    return ranking.courses()["anatomy"]


def test_the_surest_warning_stands_first_where_nothing_is_known_to_help() -> None:
    # 0.9 x 0.5 = 0.45; 0.6 x 0.9 = 0.54; 0.7 x 0.7 = 0.49
    rows = [episode("doubtful", 0.9, 0.5), episode("sure", 0.6, 0.9), episode("between", 0.7, 0.7)]
    assert ranked(rows) == ["sure", "between", "doubtful"]


def test_three_objectives_of_a_learner_count_and_a_fourth_does_not() -> None:
    # three: 3 x 0.5 x 0.8 = 1.2; four: 4 x 0.48 x 0.8 = 1.536, of which 1.152 count; one: 0.95 x 0.8 = 0.76
    rows = [
        episode("one", 0.95),
        *(episode("four", 0.48, number=number) for number in range(4)),
        *(episode("three", 0.5, number=number) for number in range(3)),
    ]
    assert ranked(rows) == ["three", "four", "one"]


def test_help_that_is_known_to_work_goes_before_help_that_is_not() -> None:
    # Overall unknown: 0.05. Of the review 0.12 were spared with an error of 0.05: (0.05 + 0.12) / 2 = 0.085.
    known = measured_help(None, {REVIEW: Measured(-0.12, 0.05, MIN_LEARNERS), BREAKS: Measured(0.1, 0.05, 400)})
    assert known.by_type[REVIEW] == pytest.approx(0.085)
    assert known.by_type[BREAKS] == 0, "harm is no benefit"
    # 0.5 x 0.8 x 0.085 = 0.034; 0.8 x 0.8 x 0.05 = 0.032; 0.95 x 0.8 x 0 = 0
    rows = [
        episode("unknown", 0.8, types=("CONTENT_FORMAT_ADAPT",)),
        episode("harmed", 0.95, types=(BREAKS,)),
        episode("helped", 0.5, types=(BREAKS, REVIEW)),
    ]
    assert ranked(rows, known) == ["helped", "unknown", "harmed"]
    assert ranked(rows, NOTHING_KNOWN) == ["harmed", "unknown", "helped"]


def test_too_few_learners_or_no_error_make_nothing_known() -> None:
    few = {REVIEW: Measured(-0.4, 0.01, MIN_LEARNERS - 1), BREAKS: Measured(-0.4, None, 400)}
    assert measured_help(Measured(None, None, 400), few) == MeasuredHelp(ASSUMED, {})


def test_what_is_known_of_everybody_is_what_a_type_is_shrunk_to() -> None:
    # Everybody: (0.05 + 0.15) / 2 = 0.1. The type was measured without any effect: (0.1 + 0) / 2 = 0.05.
    known = measured_help(Measured(-0.15, 0.05, 400), {REVIEW: Measured(0.0, 0.05, 400)})
    assert known.usual == pytest.approx(0.1)
    assert known.by_type[REVIEW] == pytest.approx(0.05)
    assert measured_help(Measured(0.5, 0.05, 400), {}).usual == 0


def test_equals_stand_by_p_and_then_by_id() -> None:
    rows = [episode("b", 0.5, 0.8), episode("c", 0.8, 0.5), episode("a", 0.5, 0.8)]
    assert ranked(rows) == ["c", "a", "b"]


def test_few_are_kept_and_all_are_counted() -> None:
    rows = [episode(f"l{number:04}", number / 1000) for number in range(1000)]
    Random(3).shuffle(rows)
    found = listed(rows, most=4)
    assert [one.learner for one in found.listed] == ["l0999", "l0998", "l0997", "l0996"]
    assert found.waiting == 1000


def test_who_is_set_aside_takes_nobodys_place() -> None:
    last: dict[Pair, LastAction] = {
        ("anatomy", "in-hand"): LastAction(Action.ACKNOWLEDGE, OPENED - timedelta(hours=1)),
        ("anatomy", "snoozed"): LastAction(Action.SNOOZE, OPENED, date(2026, 11, 25)),
        ("anatomy", "today"): LastAction(Action.ACKNOWLEDGE, OPENED + timedelta(hours=9)),
        ("biology", "open"): LastAction(Action.SNOOZE, OPENED, date(2026, 12, 25)),
    }
    rows = [episode(one, p) for one, p in (("in-hand", 0.9), ("snoozed", 0.85), ("today", 0.8), ("open", 0.5))]
    found = listed(rows, NOTHING_KNOWN, last, most=1)
    assert [(one.learner, one.standing) for one in found.listed] == [
        ("today", Standing.TAKEN_TODAY),
    ], "one place, and it is not one of theirs who are set aside"
    assert [(one.learner, one.standing) for one in found.aside] == [
        ("in-hand", Standing.IN_HAND),
        ("snoozed", Standing.SNOOZED),
    ]
    assert (found.waiting, found.set_aside) == (2, 2)


@pytest.mark.parametrize(
    ("last", "flag", "expected"),
    [
        (None, YESTERDAY, Standing.OPEN),
        (LastAction(Action.REOPEN, OPENED), YESTERDAY, Standing.OPEN),
        (LastAction(Action.ACKNOWLEDGE, OPENED), YESTERDAY, Standing.TAKEN_TODAY),
        (LastAction(Action.ACKNOWLEDGE, OPENED - timedelta(seconds=1)), YESTERDAY, Standing.IN_HAND),
        (LastAction(Action.ACKNOWLEDGE, OPENED - timedelta(hours=1)), OPENED, Standing.OPEN),
        (LastAction(Action.SNOOZE, OPENED, date(2026, 11, 25)), OPENED, Standing.SNOOZED),
        (LastAction(Action.SNOOZE, YESTERDAY, date(2026, 11, 24)), YESTERDAY, Standing.OPEN),
    ],
)
def test_where_an_entry_stands(last: LastAction | None, flag: datetime, expected: Standing) -> None:
    assert standing(last, flag, TODAY) is expected


def test_an_entry_says_since_when() -> None:
    first = episode("a", 0.1, number=1, flagged_at=YESTERDAY - timedelta(days=5))
    entry = entry_of([first, *(episode("a", 0.9, number=number) for number in range(2, 5))], NOTHING_KNOWN, {}, TODAY)
    assert (entry.since, entry.newest) == (YESTERDAY - timedelta(days=5), YESTERDAY)
    assert [one.prediction_id for one in entry.episodes] == ["a-2", "a-3", "a-4"]
