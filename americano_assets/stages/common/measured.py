"""What nights have measured, for whoever decides by it: training before it, reports after it."""

from dataclasses import fields
from datetime import date
from typing import Any

import psycopg
from psycopg import sql

from americano_assets.core.outcomes.drift import Drift

DRIFT_COLUMNS = tuple(field.name for field in fields(Drift))


def drift_of(connection: psycopg.Connection[Any], day: date) -> list[Drift]:
    """What was kept of a study day."""
    listed = sql.SQL(", ").join(map(sql.Identifier, DRIFT_COLUMNS))
    rows = connection.execute(sql.SQL("SELECT {} FROM ml.drift WHERE study_day = %s").format(listed), [day])
    return [Drift(*row) for row in rows.fetchall()]


def course_names(connection: psycopg.Connection[Any]) -> dict[str, str]:
    """What people call a course, by id."""
    rows = connection.execute("""SELECT "id", COALESCE(NULLIF("code"::text, ''), "name") FROM courses""").fetchall()
    return dict(rows)
