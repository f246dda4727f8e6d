"""What several stages ask of the database: what nights have measured, names of courses, whose a demo's rows are."""

from collections.abc import Callable
from dataclasses import fields
from datetime import date
from typing import Any

import pandas as pd
import psycopg
from psycopg import sql

from americano_assets.core.outcomes.drift import Drift

OULAD = "oulad"
# What is known of learners beside the app's tables, to show figures by: values by the index of their ids, by name.
ReadBackgrounds = Callable[[psycopg.Connection[Any], pd.Series], dict[str, pd.Series]]
DRIFT_COLUMNS = tuple(field.name for field in fields(Drift))


def drift_of(connection: psycopg.Connection[Any], day: date) -> list[Drift]:
    """What was kept of a study day."""
    listed = sql.SQL(", ").join(map(sql.Identifier, DRIFT_COLUMNS))
    rows = connection.execute(sql.SQL("SELECT {} FROM ml.drift WHERE study_day = %s").format(listed), [day])
    return [Drift(*row) for row in rows.fetchall()]


def course_names(connection: psycopg.Connection[Any]) -> dict[str, str]:
    """What people call a course, by id; one without a name is called by that."""
    return dict(connection.execute('SELECT "id", ml.first_words("code"::text, "name", "id") FROM courses').fetchall())


def demo_cohort(connection: psycopg.Connection[Any]) -> str | None:
    """Which learners a demo loaded; None where the database holds none of a demo's."""
    row = connection.execute("SELECT cohort FROM ml.demo_load").fetchone()
    return None if row is None else row[0]


def no_backgrounds(*_: object) -> dict[str, pd.Series]:
    """Nothing is known beside the tables."""
    return {}
