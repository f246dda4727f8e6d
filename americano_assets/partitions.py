"""The study day as Dagster's partition. Key D names the day that opens on D at 23:00 and closes at D + 1, 23:00."""

from datetime import date

import dagster as dg

from americano_assets.core.study_day import CLOSING_HOUR
from americano_assets.settings import Settings


def study_days(settings: Settings) -> dg.DailyPartitionsDefinition:
    """All study days from the configured start to the one that is open now."""
    return dg.DailyPartitionsDefinition(
        start_date=settings.americano_start_day.isoformat(),
        hour_offset=CLOSING_HOUR,
        end_offset=1,
        timezone=settings.americano_timezone,
    )


def days_of(context: dg.AssetExecutionContext) -> list[date]:
    """The study days of this run, in order."""
    return [date.fromisoformat(key) for key in sorted(context.partition_keys)]


def day_of(context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext) -> date:
    """The one study day of this run."""
    return date.fromisoformat(context.partition_key)
