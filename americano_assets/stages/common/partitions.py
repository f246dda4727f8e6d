"""Study days as Dagster's partitions. Key D names the day that opens on D at 23:00 and closes at D + 1, 23:00.

Two definitions share these keys: all study days, which the log has, and the nights, which everything else has. Dagster
lets no job mix definitions, so a job works on one of them.
"""

import warnings
from collections.abc import Iterable
from datetime import date

import dagster as dg

from americano_assets.core.study_days.study_day import CLOSING_HOUR, study_day_of
from americano_assets.errors import AmericanoError
from americano_assets.settings import Settings
from americano_assets.stages.common.deployment import Deployment

# What Dagster may still change and we use all the same; whatever else it warns of is to be seen. Every module that says
# how its assets are partitioned imports this one first.
_ACCEPTED: dict[str, type[Warning]] = {
    # Years of the log are one run of a minute; a run a day would be some hundreds.
    "Parameter `backfill_policy` of function `asset`": dg.BetaWarning,
    # A check speaks of one night; without partitions the UI would show the last night's verdict at all of them.
    "Specifying a partitions_def on an AssetCheckSpec": dg.PreviewWarning,
}
for _message, _category in _ACCEPTED.items():
    warnings.filterwarnings("ignore", _message, _category)

_NAME = "nights"
# The study days that were asked for, one by one: a night that nobody wanted is not a night that is missing.
NIGHTS = dg.DynamicPartitionsDefinition(name=_NAME)


def study_days(settings: Settings) -> dg.DailyPartitionsDefinition:
    """All closed study days from the configured start on. The open one is a night, where it was asked for."""
    return dg.DailyPartitionsDefinition(
        start_date=settings.americano_start_day.isoformat(),
        hour_offset=CLOSING_HOUR,
        timezone=settings.americano_timezone,
    )


def every_day(asset: str) -> dg.AssetDep:
    """A night's dependency on an asset of all study days: docs/decisions/002-nights-depend-on-every-day.md."""
    return dg.AssetDep(asset, partition_mapping=dg.AllPartitionMapping())


def is_night(instance: dg.DagsterInstance, day: date) -> bool:
    """Whether this study day is one of the nights."""
    return instance.has_dynamic_partition(_NAME, day.isoformat())


def add_nights(instance: dg.DagsterInstance, days: Iterable[date]) -> None:
    """Have these study days among the nights, in order; those that are there stay."""
    keys = sorted(day.isoformat() for day in days)
    if keys:
        instance.add_dynamic_partitions(_NAME, keys)


def published_nights(deployment: Deployment) -> list[date]:
    """The study days that were published, oldest first, also those that another instance of Dagster ran."""
    with deployment.connect() as connection:
        return [row[0] for row in connection.execute("SELECT study_day FROM ml.study_days ORDER BY study_day")]


def days_of(context: dg.AssetExecutionContext) -> list[date]:
    """The study days of this run, in order."""
    return [date.fromisoformat(key) for key in sorted(context.partition_keys)]


def day_of(context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext) -> date:
    """The one study day of this run."""
    return date.fromisoformat(context.partition_key)


def night_of(context: dg.AssetExecutionContext, deployment: Deployment) -> date:
    """The one study day of this run, for a step that nothing precedes: whoever starts a run may have typed the key.

    Raises:
        AmericanoError: It is no date, or no study day of this deployment.
    """
    try:
        day = day_of(context)
    except ValueError:
        raise AmericanoError(
            f"Partition «{context.partition_key}» is not a study day: write it as YYYY-MM-DD."
        ) from None
    if day < deployment.first_day:
        raise AmericanoError(
            f"Study day {day} is before the first one, {deployment.first_day}: set AMERICANO_START_DAY to an earlier"
            " day."
        )
    open_now = study_day_of(deployment.now(), deployment.zone)
    if day > open_now:
        raise AmericanoError(f"Study day {day} has not begun: the one that is open now is {open_now}.")
    return day
