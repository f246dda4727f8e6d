"""Until when the tables that the app reads must have been written each night.

Dagster looks at when a table was last materialized, whichever night that was for: a backfill of an old day looks fresh
to it. Whether the newest closed study day is there is what `GET /health/ready` says.
"""

from collections.abc import Mapping
from datetime import timedelta

import dagster as dg

from americano_assets.core.study_days.study_day import CLOSING_HOUR
from americano_assets.settings import Settings
from americano_assets.stages.common.metadata import app_key, ml_key
from americano_assets.stages.s6_publication.transaction import INDICATORS, PREDICTIONS, RECOMMENDATIONS

READ_BY_THE_APP = (app_key(PREDICTIONS), app_key(INDICATORS), app_key(RECOMMENDATIONS), ml_key("alerts"))
# Half past one: between two and three there is no such time in the night in which clocks change.
_DEADLINE_HOUR, _DEADLINE_MINUTE = 1, 30
_SINCE_CLOSING = timedelta(hours=24 - CLOSING_HOUR + _DEADLINE_HOUR, minutes=_DEADLINE_MINUTE)


def freshness(settings: Settings) -> Mapping[dg.AssetKey, dg.FreshnessPolicy]:
    """The policy of each table: written between 23:00 and 1:30, else it is overdue until it is written."""
    policy = dg.FreshnessPolicy.cron(
        deadline_cron=f"{_DEADLINE_MINUTE} {_DEADLINE_HOUR} * * *",
        lower_bound_delta=_SINCE_CLOSING,
        timezone=settings.americano_timezone,
    )
    return dict.fromkeys(READ_BY_THE_APP, policy)
