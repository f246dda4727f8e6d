"""Which study days a tick asks for. Pure: the clock, the past and the cursor come in as values."""

import json
from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta

from americano_assets.core.study_days.study_day import days_between

CATCH_UP_DAYS = 14
OPEN_DAY_PAUSE = timedelta(minutes=30)


def missing_days(closed: date, began: date, done: Collection[date]) -> list[date]:
    """Closed study days that were never published since the deployment began, oldest first, at most fourteen.

    Args:
        closed: The last closed study day.
        began: The first study day of the deployment.
        done: Days already published.
    """
    first = max(began, closed - timedelta(days=CATCH_UP_DAYS - 1))
    return [day for day in days_between(first, closed) if day not in done]


def given_up(closed: date, began: date, done: Collection[date]) -> str | None:
    """In words: the closed study days that were never published and are too old to be made up for; None if none is.

    Args:
        closed: The last closed study day.
        began: The first study day of the deployment.
        done: Days already published.
    """
    last = closed - timedelta(days=CATCH_UP_DAYS)
    missed = [day for day in days_between(began, last) if day not in done] if began <= last else []
    if not missed:
        return None
    first, last = missed[0], missed[-1]
    one = first == last
    which = f"study day {first} was" if one else f"{len(missed)} study days, {first} to {last}, were"
    return (
        f"{which} never published and will not be made up for, being more than {CATCH_UP_DAYS} days old:"
        f" `americano backfill --from {first} --to {last}` replays {'it' if one else 'them'}"
    )


@dataclass(frozen=True)
class EventCursor:
    """What the events sensor remembers: the newest event it acted on, and when it last asked (aware, ISO 8601)."""

    newest_event: str | None = None
    asked_at: str | None = None

    @classmethod
    def parse(cls, text: str | None) -> "EventCursor":
        """Read a cursor; an empty or unknown one starts afresh."""
        try:
            return cls(**json.loads(text or "{}"))
        except (ValueError, TypeError):
            return cls()

    def __str__(self) -> str:
        """As Dagster keeps it."""
        return json.dumps(asdict(self))

    def wait(self, newest: datetime | None, now: datetime) -> str | None:
        """Why nothing is to be done, or None where the open day should be refreshed."""
        if newest is None or newest.isoformat() == self.newest_event:
            return "no new events since the last refresh"
        if self.asked_at and now - datetime.fromisoformat(self.asked_at) < OPEN_DAY_PAUSE:
            return f"refreshed less than {OPEN_DAY_PAUSE} ago"
        return None
