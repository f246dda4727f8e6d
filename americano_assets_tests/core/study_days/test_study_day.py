"""The study day holds every instant once, also where clocks change."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from americano_assets.core.study_days.study_day import (
    cutoff,
    day_number,
    days_between,
    last_closed,
    opening,
    shift,
    study_day_of,
)

# Nuuk skips and repeats the hour after 23:00 itself; Havana changes at midnight.
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "America/Havana", "America/Nuuk", "Asia/Kolkata")
zones = st.sampled_from(ZONES).map(ZoneInfo)
days = st.dates(date(2020, 1, 1), date(2030, 12, 31))
instants = st.datetimes(datetime(2020, 1, 2), datetime(2030, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001


@given(instants, zones)
def test_every_instant_lies_in_the_study_day_that_is_named_for_it(instant: datetime, zone: ZoneInfo) -> None:
    day = study_day_of(instant, zone)
    assert opening(day, zone) <= instant < cutoff(day, zone)


@given(days, zones)
def test_a_day_ends_where_the_next_begins_and_its_cutoff_is_no_longer_its_own(day: date, zone: ZoneInfo) -> None:
    end = cutoff(day, zone)
    assert study_day_of(end, zone) == day + timedelta(days=1)
    assert study_day_of(end - timedelta(microseconds=1), zone) == day
    assert last_closed(end, zone) == day
    assert last_closed(end - timedelta(microseconds=1), zone) == day - timedelta(days=1)


@pytest.mark.parametrize(
    ("zone", "day", "opens", "hours"),
    [
        ("UTC", date(2026, 3, 28), "2026-03-28T23:00", 24),
        ("Europe/Berlin", date(2026, 3, 27), "2026-03-27T22:00", 24),
        ("Europe/Berlin", date(2026, 3, 28), "2026-03-28T22:00", 23),
        ("Europe/Berlin", date(2026, 3, 29), "2026-03-29T21:00", 24),
        ("Europe/Berlin", date(2026, 10, 24), "2026-10-24T21:00", 25),
        ("America/New_York", date(2026, 3, 7), "2026-03-08T04:00", 23),
        ("America/New_York", date(2026, 10, 31), "2026-11-01T03:00", 25),
        ("America/Havana", date(2026, 3, 7), "2026-03-08T04:00", 23),
    ],
)
def test_days_open_at_eleven_at_night_and_last_as_long_as_the_clocks_say(
    zone: str, day: date, opens: str, hours: int
) -> None:
    found = opening(day, ZoneInfo(zone))
    assert found == datetime.fromisoformat(opens).replace(tzinfo=UTC)
    assert found.utcoffset() == timedelta(0)
    assert cutoff(day, ZoneInfo(zone)) - found == timedelta(hours=hours)


def test_a_window_of_study_days_ends_at_the_same_hour_of_the_clock() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    spring = cutoff(date(2026, 3, 26), berlin)
    assert shift(spring, 7, berlin) == cutoff(date(2026, 4, 2), berlin)
    assert shift(spring, 7, berlin) - spring == timedelta(days=7, hours=-1)
    autumn = cutoff(date(2026, 10, 20), berlin)
    assert shift(autumn, 7, berlin) - autumn == timedelta(days=7, hours=1)
    assert shift(shift(autumn, 7, berlin), -7, berlin) == autumn


def test_days_are_counted_from_1970_and_listed_with_both_ends() -> None:
    assert day_number(date(1970, 1, 1)) == 0
    assert day_number(date(2026, 3, 11)) == 20523
    assert days_between(date(2026, 2, 27), date(2026, 3, 1)) == [date(2026, 2, 27), date(2026, 2, 28), date(2026, 3, 1)]
    assert days_between(date(2026, 3, 1), date(2026, 2, 27)) == []
