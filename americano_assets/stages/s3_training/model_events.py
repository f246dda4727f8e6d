"""Decisions about models in ml.model_events: written once, never changed."""

from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

import psycopg
from psycopg import sql

from americano_assets.core.training.champion_history import ModelEvent

_COLUMNS = tuple(field.name for field in fields(ModelEvent))
_LISTED = sql.SQL(", ").join(map(sql.Identifier, _COLUMNS))


def model_events(connection: psycopg.Connection[Any]) -> list[ModelEvent]:
    """All decisions, in the order in which they came into force."""
    rows = connection.execute(sql.SQL("SELECT {} FROM ml.model_events ORDER BY study_day, id").format(_LISTED))
    return [ModelEvent(*row) for row in rows.fetchall()]


def decisions_about(connection: psycopg.Connection[Any], version: str) -> list[tuple[datetime, ModelEvent]]:
    """When (naive, UTC) and what was decided about a version, or made another score instead of it; oldest first."""
    rows = connection.execute(
        sql.SQL(
            "SELECT happened_at, {} FROM ml.model_events WHERE %s IN (model_version, instead_of) ORDER BY id"
        ).format(_LISTED),
        [version],
    )
    return [(row[0], ModelEvent(*row[1:])) for row in rows.fetchall()]


def record_event(connection: psycopg.Connection[Any], event: ModelEvent, at: datetime) -> None:
    """Add a decision; what the gate decided of the same model on the same day before is not said twice.

    Args:
        connection: On the app's database.
        event: The decision.
        at: The clock, naive and in UTC.
    """
    connection.execute(
        sql.SQL("INSERT INTO ml.model_events ({}, happened_at) VALUES ({}) ON CONFLICT DO NOTHING").format(
            _LISTED, sql.SQL(", ").join([sql.Placeholder()] * (len(_COLUMNS) + 1))
        ),
        [*asdict(event).values(), at],
    )
