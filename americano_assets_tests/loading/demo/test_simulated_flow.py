"""The order in which the demo lives through a simulated cohort's weeks; no night is run."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from americano_assets.core.study_days.study_day import cutoff, days_between, last_closed
from americano_assets.loading.demo.extent import REPLAY_WEEKS
from americano_assets.loading.demo.flow import Plan, lived, load_cohort
from americano_assets.loading.demo.scenarios.living_cohort import LivingDeployment
from americano_assets.loading.demo.simulator.draw.timing import ZONE
from americano_assets.settings import Settings
from americano_assets.stages.common.metadata import NIGHTLY, REPLAY


def loaded_through(deployment: LivingDeployment) -> datetime:
    with deployment.connect() as connection:
        row = connection.execute("SELECT loaded_through FROM ml.demo_load").fetchone()
    assert row is not None
    found: datetime = row[0]
    return found.replace(tzinfo=UTC)


def load(settings: Settings, **wanted: Any) -> LivingDeployment:
    given = {"learners": 8, "days": 90, "seed": 2, "help_logits": 1.0} | wanted
    load_cohort(settings, progress=lambda table, rows: None, **given)
    return LivingDeployment(settings)


def weeks_of(closed: date) -> list[date]:
    return [closed - timedelta(weeks=week) for week in range(REPLAY_WEEKS, 0, -1)]


def test_each_week_is_lived_through_with_the_clock_at_its_night(settings: Settings) -> None:
    deployment = load(settings)
    closed = last_closed(deployment.now(), ZONE)
    weeks = weeks_of(closed)
    assert loaded_through(deployment) == cutoff(weeks[0], ZONE)
    days = days_between(weeks[0] - timedelta(days=2), closed)
    told = []
    for part in lived(deployment, Plan(days, [*((week, REPLAY) for week in weeks), (closed, NIGHTLY)])):
        ((night, kind),) = part.nights
        told.append((night, kind, part.history))
        if night == closed:
            # The night that a person runs: on the clock of this machine, with all that happened until now.
            assert deployment.clock is None
            assert loaded_through(deployment) > cutoff(closed, ZONE)
        else:
            assert deployment.now() - cutoff(night, ZONE) == timedelta(minutes=10)
            assert loaded_through(deployment) == cutoff(night, ZONE)
    assert [(night, kind) for night, kind, _ in told] == [*((week, NIGHTLY) for week in weeks), (closed, NIGHTLY)]
    assert [day for _, _, history in told for day in history] == days
    assert all(max(history) <= night for night, _, history in told)
    assert deployment.clock is None


@pytest.mark.long
def test_a_demo_that_was_interrupted_goes_on_where_it_was(settings: Settings) -> None:
    deployment = load(settings)
    closed = last_closed(deployment.now(), ZONE)
    weeks = weeks_of(closed)
    begun = lived(deployment, Plan([], [*((week, REPLAY) for week in weeks), (closed, NIGHTLY)]))
    next(begun)
    next(begun)
    begun.close()  # type: ignore[attr-defined]
    again = load(settings, learners=None, days=None, seed=None, help_logits=None)
    assert loaded_through(again) == cutoff(weeks[1], ZONE)
    part = next(iter(lived(again, Plan([], [*((week, REPLAY) for week in weeks[1:]), (closed, NIGHTLY)]))))
    assert part.nights == [(weeks[1], NIGHTLY)]


def test_a_week_that_the_tables_are_past_is_replayed(settings: Settings) -> None:
    deployment = load(settings, days=30)
    closed = last_closed(deployment.now(), ZONE)
    early, late = closed - timedelta(weeks=4), closed - timedelta(weeks=2)
    # A fortnight is needed to foresee anything by; the first week that has one is lived through.
    assert loaded_through(deployment) == cutoff(late, ZONE)
    nights = [(early, REPLAY), (late, REPLAY), (closed, NIGHTLY)]
    parts, held = [], []
    for part in lived(deployment, Plan([], nights)):
        parts.append(part.nights)
        held.append(loaded_through(deployment))
    assert parts == [[(early, REPLAY)], [(late, NIGHTLY)], [(closed, NIGHTLY)]]
    # The tables are not brought on to now for the first: nobody would live through the second then.
    assert held[:2] == [cutoff(late, ZONE), cutoff(late, ZONE)]
    assert held[2] > cutoff(closed, ZONE)
