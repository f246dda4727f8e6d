"""The study day: 23:00 to 23:00 local time.

Day D *opens* on D at 23:00 and closes on D + 1 at 23:00, the instant that is its cut-off. Every instant here is
an aware datetime in UTC; every window is counted in study days, so a day of a window may last 23 or 25 hours.
"""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

CLOSING_HOUR = 23
EPOCH = date(1970, 1, 1)


def opening(day: date, zone: ZoneInfo) -> datetime:
    """The instant, in UTC, at which study day `day` opens."""
    return datetime.combine(day, time(CLOSING_HOUR), zone).astimezone(UTC)


def cutoff(day: date, zone: ZoneInfo) -> datetime:
    """The instant, in UTC, at which study day `day` closes: its cut-off T."""
    return opening(day + timedelta(days=1), zone)


def study_day_of(instant: datetime, zone: ZoneInfo) -> date:
    """The study day that holds an aware `instant`; one stamped exactly at a cut-off belongs to the next day."""
    local_day = instant.astimezone(zone).date()
    return local_day if instant >= opening(local_day, zone) else local_day - timedelta(days=1)


def last_closed(now: datetime, zone: ZoneInfo) -> date:
    """The latest study day whose cut-off is not after `now`."""
    return study_day_of(now, zone) - timedelta(days=1)


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - EPOCH).days


def day_of_number(number: int) -> date:
    """The day so many days after 1970-01-01."""
    return EPOCH + timedelta(days=number)


def shift(instant: datetime, days: int, zone: ZoneInfo) -> datetime:
    """The same local wall-clock time `days` study days later (earlier if negative), in UTC."""
    local = instant.astimezone(zone)
    moved = datetime.combine(
        local.date() + timedelta(days=days),
        local.time(),
        zone,
    )
    return moved.replace(fold=local.fold).astimezone(UTC)


def days_between(first: date, last: date) -> list[date]:
    """All days from `first` to `last`, both included; empty if `last` is earlier."""
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def weekly_cutoffs(day: date, first: date, weeks: int, horizon_days: int) -> list[date]:
    """The study days of the training cut-offs known at `day`: one a week, window closed, at most `weeks` back.

    They lie on a grid counted from 1970-01-01, so that a later night finds the same ones and computes only the new.
    """
    last = day - timedelta(days=horizon_days)
    candidates = days_between(max(first, last - timedelta(weeks=weeks)), last)
    return [candidate for candidate in candidates if day_number(candidate) % 7 == 0]
