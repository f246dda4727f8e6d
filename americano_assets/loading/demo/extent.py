"""How much a demo shows: a sample of the real students within two minutes, or everyone; and how it says so."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import psycopg

from americano_assets.installation import COMMAND
from americano_assets.loading.demo.oulad.load import students
from americano_assets.stages.common.measurements import OULAD

REPLAY_WEEKS = 9
# Of a sample: enough learners and terms for a model to pass the gate, and one night a horizon before the last one, by
# which all of its outcomes are known.
SAMPLE_LEARNERS, SAMPLE_LOG, _SAMPLE_REPLAYS = 10_000, timedelta(weeks=78), (2,)


def is_sample(connection: psycopg.Connection[Any]) -> bool:
    """Whether the database holds real students, and not all of them."""
    row = connection.execute("SELECT cohort, learners FROM ml.demo_load").fetchone()
    return row is not None and row[0] == OULAD and row[1] < students()


def replay_weeks(connection: psycopg.Connection[Any]) -> Sequence[int]:
    """How many weeks before the demo's first night nights are replayed, oldest first."""
    return _SAMPLE_REPLAYS if is_sample(connection) else range(REPLAY_WEEKS, 0, -1)


def whom(connection: psycopg.Connection[Any]) -> str | None:
    """Whom the demo shows, in sentences; None where the database holds no demo."""
    row = connection.execute("SELECT cohort, learners FROM ml.demo_load").fetchone()
    if row is None:
        return None
    cohort, learners = row
    if cohort != OULAD:
        return f"{learners:,} simulated learners, of whom everything is known."
    if not is_sample(connection):
        return f"All {learners:,} students of the Open University's data set."
    return (
        f"{learners:,} of the {students():,} students of the Open University's data set, drawn by a hash of their"
        f" number, with the last {SAMPLE_LOG.days // 7} weeks of their log at most. Everyone, two years of log and"
        f" {REPLAY_WEEKS} weekly nights, in about five minutes: {COMMAND} demo --all --fresh"
    )
