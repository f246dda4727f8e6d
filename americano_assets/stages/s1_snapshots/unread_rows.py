"""Rows of the app's that break no rule, and that no night takes all the same: counted, lest somebody look for them."""

from dataclasses import dataclass
from datetime import date
from typing import Any

import psycopg

from americano_assets.contract.tables import READ
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
        "day": day,
        "start": naive(opening(deployment.first_day, zone)),
        "first": naive(opening(first, zone)),
        "end": naive(cutoff(day, zone)),
        "now": naive(deployment.now()),
    }
    found = []
    for table in READ:
        if table.dated is not None:
            statement = query("unread_log").format(table=table.name, stamped=f'"{table.dated}"')
            found += [Unread(table.name, *row) for row in connection.execute(statement.encode(), values)]
    return found


def unread_plans(connection: psycopg.Connection[Any], deployment: Deployment, day: date) -> list[Unread]:
    """What the night of `day` did not take of the plans."""
    values = {"first": naive(cutoff(day, deployment.zone))}
    return [Unread(*row) for row in connection.execute(query("unread_plans"), values)]
