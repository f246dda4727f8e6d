"""Cohorts that several tests look at, made once."""

from datetime import UTC, date, datetime
from typing import Any

import psycopg
import pytest
from psycopg import sql

from americano_assets.loading.demo.simulator import Cohort, simulate
from americano_assets.loading.demo.simulator.load import LOG_TABLES, STATE_TABLES

END = date(2026, 3, 1)
# An hour after the last study day's cut-off: nothing of the cohort is later, but what was sent late is not there yet.
AFTER = datetime(2026, 3, 3, tzinfo=UTC)


@pytest.fixture(scope="session")
def crowd() -> Cohort:
    """Enough learners for shares and means to mean something."""
    return simulate(learners=200, days=120, seed=1, end=END)


@pytest.fixture(scope="session")
def class_of_30() -> Cohort:
    """Few enough to load into a database."""
    return simulate(learners=30, days=60, seed=5, end=END)


def contents(connection: psycopg.Connection[Any]) -> dict[str, bytes]:
    """Every table that the cohort fills as text, byte for byte."""
    dumps = {}
    for name in (*STATE_TABLES, *LOG_TABLES):
        statement = sql.SQL("COPY (SELECT * FROM {} ORDER BY id) TO STDOUT").format(sql.Identifier(name))
        with connection.cursor().copy(statement) as copy:
            dumps[name] = b"".join(bytes(block) for block in copy)
    return dumps
