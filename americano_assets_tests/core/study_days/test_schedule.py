"""Which study days a tick asks for, and when the sensor waits."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from americano_assets.core.study_days.catch_up import CATCH_UP_DAYS, OPEN_DAY_PAUSE, EventCursor, given_up, missing_days

CLOSED = date(2026, 3, 29)
NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
NEWEST = datetime(2026, 3, 10, 11, 59)  # noqa: DTZ001  as the database gives it
near = st.dates(CLOSED - timedelta(days=40), CLOSED + timedelta(days=2))


@given(near, st.sets(near))
def test_a_tick_asks_for_the_closed_days_of_a_fortnight_that_are_missing(began: date, done: set[date]) -> None:
    wanted = missing_days(CLOSED, began, done)
    fortnight = [CLOSED - timedelta(days=back) for back in reversed(range(CATCH_UP_DAYS))]
    assert wanted == [day for day in fortnight if day >= began and day not in done]


def test_a_tick_asks_oldest_first_for_at_most_fourteen() -> None:
    wanted = missing_days(CLOSED, date(2025, 1, 1), ())
    assert len(wanted) == 14
    assert wanted[0] == date(2026, 3, 16)
    assert wanted[-1] == CLOSED


@given(near, st.sets(near))
def test_every_closed_day_is_published_asked_for_or_given_up_in_words(began: date, done: set[date]) -> None:
    told = given_up(CLOSED, began, done) or ""
    asked = missing_days(CLOSED, began, done)
    left = [
        day for day in (CLOSED - timedelta(days=n) for n in range(60)) if began <= day not in done and day not in asked
    ]
    assert (min(left, default=None), max(left, default=None)) == (
        (date.fromisoformat(told.rsplit("--from ")[1][:10]), date.fromisoformat(told.rsplit("--to ")[1][:10]))
        if told
        else (None, None)
    )
    assert told.startswith(f"{len(left)} study days, ") or len(left) < 2


def test_what_is_given_up_is_said_with_what_to_do() -> None:
    assert given_up(CLOSED, date(2026, 3, 15), ()) == (
        "study day 2026-03-15 was never published and will not be made up for, being more than 14 days old:"
        " `americano backfill --from 2026-03-15 --to 2026-03-15` replays it"
    )
    assert given_up(CLOSED, date(2026, 3, 16), ()) is None


def test_new_events_are_acted_on_once() -> None:
    fresh = EventCursor.parse(None)
    assert fresh.wait(None, NOW) == "no new events since the last refresh"
    assert fresh.wait(NEWEST, NOW) is None
    asked = EventCursor.parse(str(EventCursor(NEWEST.isoformat(), NOW.isoformat())))
    assert asked.wait(NEWEST, NOW + timedelta(hours=5)) == "no new events since the last refresh"


def test_the_open_day_is_refreshed_at_most_every_half_hour() -> None:
    asked = EventCursor(NEWEST.isoformat(), NOW.isoformat())
    newer = NEWEST + timedelta(minutes=1)
    wait = asked.wait(newer, NOW + OPEN_DAY_PAUSE - timedelta(seconds=1))
    assert wait is not None
    assert "0:30:00" in wait
    assert asked.wait(newer, NOW + OPEN_DAY_PAUSE) is None


@pytest.mark.parametrize("text", ["", "{", "[]", "[1]", "7", '{"other": 1}'])
def test_a_cursor_that_cannot_be_read_starts_afresh(text: str) -> None:
    assert EventCursor.parse(text) == EventCursor()
