"""Rows of the app's that break no rule, and that no night takes all the same: counted, lest somebody look for them."""

from dataclasses import dataclass
from datetime import date
from typing import Any

import psycopg

from americano_assets.core.study_days.cutoff import naive
from americano_assets.core.study_days.study_day import cutoff, opening
from americano_assets.stages.common.deployment import Deployment
from americano_assets.stages.s1_snapshots.snapshots import refreshed_days
from americano_assets.stages.s1_snapshots.sql import query


@dataclass(frozen=True)
class Unread:
    """So many rows of a table, and which."""

    table: str
    which: str
    rows: int

    def shown(self) -> dict[str, Any]:
        """As a row of a table in Dagster."""
        return {"table": self.table, "rows": self.rows, "which": self.which}


def unread_log(connection: psycopg.Connection[Any], deployment: Deployment, day: date) -> list[Unread]:
    """What the night of `day` did not take of the log."""
    first, zone = refreshed_days(day, deployment.first_day)[0], deployment.zone
    values = {
        "start": naive(opening(deployment.first_day, zone)),
        "first": naive(opening(first, zone)),
        "end": naive(cutoff(day, zone)),
        "now": naive(deployment.now()),
    }
    return _found(connection, "unread_log", values)


def unread_plans(connection: psycopg.Connection[Any], deployment: Deployment, day: date) -> list[Unread]:
    """What the night of `day` did not take of the plans."""
    return _found(connection, "unread_plans", {"first": naive(cutoff(day, deployment.zone))})


def _found(connection: psycopg.Connection[Any], name: str, values: dict[str, Any]) -> list[Unread]:
    return [Unread(*row) for row in connection.execute(query(name), values)]
