"""The study days as a table."""

from datetime import date, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pyarrow as pa

from americano_assets.core.study_days.cutoff import naive
from americano_assets.core.study_days.study_day import EPOCH, days_between, opening

_MARGIN = timedelta(days=400)


@cache
def calendar_until(last: date, zone: ZoneInfo) -> pa.Table:
    """Study days (day, opens_at: UTC) from 1970-01-01 to well after `last`, so that any plan finds its day."""
    days = days_between(EPOCH, last + _MARGIN)
    opens = [naive(opening(day, zone)) for day in days]
    return pa.table({"day": pa.array(days, pa.date32()), "opens_at": pa.array(opens, pa.timestamp("us"))})
