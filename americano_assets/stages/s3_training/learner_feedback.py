"""What learners said of predictions whose day has opened, and which they could see: training learns from both."""

from datetime import date, datetime
from typing import Any

import pandas as pd
import psycopg

from americano_assets.resources.postgres.connection import frame_of
from americano_assets.stages.s3_training.sql import query


def feedback(connection: psycopg.Connection[Any], opened: date, before: datetime | None = None) -> pd.DataFrame:
    """What learners said became of predictions (feedback.sql).

    It goes before the computed outcome in the app's rows and in training, never in the effect.

    Args:
        connection: On the app's database.
        opened: The last study day that has opened: words on what is planned later are kept, and count when it opens.
        before: Said by then (naive, UTC); None: ever.
    """
    return frame_of(connection.execute(query("feedback"), {"before": before, "opened": opened}))


def on_time_flags(connection: psycopg.Connection[Any], before: datetime) -> pd.DataFrame:
    """Episodes of which learners could see in time that they were flagged (on_time_flags.sql), by `before`."""
    return frame_of(connection.execute(query("on_time_flags"), {"before": before}))
