"""Whose clock counts: a stamp far ahead of PostgreSQL's would stand in the way of all that is written after it."""

from datetime import datetime, timedelta
from typing import Any

import psycopg
from psycopg.rows import scalar_row

from americano_assets.core.study_days.cutoff import naive
from americano_assets.errors import AmericanoError
from americano_assets.resources.postgres.sql import query

# Clocks of machines that ask a time server differ by far less. In SQL too: publication.py, sql/.
MOST_AHEAD = timedelta(minutes=5)


class ClockError(AmericanoError):
    """This machine's clock, or PostgreSQL's, is wrong; nothing was written."""


def require_clock(connection: psycopg.Connection[Any], at: datetime) -> None:
    """Refuse to write what is stamped with an instant that PostgreSQL does not know yet.

    Args:
        connection: On the app's database.
        at: The present instant, or a cut-off; aware.

    Raises:
        ClockError: It is more than five minutes ahead.
    """
    with connection.cursor(row_factory=scalar_row) as cursor:
        ahead = cursor.execute(query("clock_ahead").encode(), {"at": naive(at)}).fetchone()
    if ahead is not None and ahead > MOST_AHEAD:
        raise ClockError(told_ahead(ahead))


def told_ahead(ahead: timedelta) -> str:
    """What a person is told."""
    return (
        f"This machine's clock is {timedelta(seconds=round(ahead.total_seconds()))} ahead of PostgreSQL's, and at most"
        " five minutes are allowed: nothing was written. Set whichever of the two is wrong, and run it again."
    )
