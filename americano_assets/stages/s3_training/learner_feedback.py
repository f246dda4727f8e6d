"""What learners said of predictions, and which of these they could see: read for training, which learns from both."""

from datetime import datetime
from typing import Any

import pandas as pd
import psycopg

from americano_assets.resources.postgres.connection import frame_of
from americano_assets.stages.s3_training.sql import query


def feedback(connection: psycopg.Connection[Any], before: datetime | None = None) -> pd.DataFrame:
    """What learners said became of predictions (feedback.sql), by `before` (naive, UTC) where it is given.

    It goes before the computed outcome in the app's rows and in training, never in the effect.
    """
    return frame_of(connection.execute(query("feedback"), {"before": before}))


def on_time_flags(connection: psycopg.Connection[Any], before: datetime) -> pd.DataFrame:
    """Episodes of which learners could see in time that they were flagged (on_time_flags.sql), by `before`."""
    return frame_of(connection.execute(query("on_time_flags"), {"before": before}))
