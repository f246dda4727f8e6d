"""Nights that simulated learners live with: what one publishes changes what they do before the next."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg

from americano_assets.core.study_days.study_day import cutoff
from americano_assets.loading.demo.scenarios.living_cohort import bring_to, record_truth
from americano_assets.loading.demo.simulator import load_simulated, simulate
from americano_assets.loading.demo.simulator.draw.timing import ZONE
from americano_assets_tests.world import Nights, world_settings

END = date(2026, 3, 1)


@dataclass(frozen=True)
class Found:
    """What a night says, beside the truth that was planted; rates are differences of shares, 0-1."""

    truth: float
    estimate: float
    low: float
    high: float
    before_after: float

    @property
    def holds_the_truth(self) -> bool:
        """Whether the interval does."""
        return self.low <= self.truth <= self.high


@contextmanager
def lived(
    url: str, home: Path, *, learners: int, days: int, weeks: int, help_logits: float, seed: int = 1
) -> Iterator[tuple[psycopg.Connection[Any], list[date]]]:
    """A database after weekly nights on time, and their study days; the windows of all but the last have closed.

    Half of the episodes are held out, so that few learners are enough. Rules score them: nothing is trained.
    """
    cohort = simulate(learners=learners, days=days, seed=seed, end=END, help_logits=help_logits)
    nights = [END - timedelta(weeks=week) for week in range(weeks, -1, -1)]
    read_from = cohort.arguments.first
    with psycopg.connect(url, autocommit=True) as connection, dg.DagsterInstance.ephemeral() as instance:
        load_simulated(connection, cohort, now=cutoff(nights[0], ZONE))
        # An interval misses the truth for one draw of the arms in twenty: here they are drawn alike each time.
        # Coverage over many draws is shown in test_planted_truth.py.
        connection.execute("INSERT INTO ml.experiment (salt, created_at) VALUES ('drawn once', now())")
        settings = world_settings(
            url, home, americano_start_day=read_from, model_type="rule_based", americano_holdout_share=0.5
        )
        runner = Nights(settings, instance)
        for night in nights:
            bring_to(connection, cutoff(night, ZONE))
            record_truth(connection, night)
            runner.deployment.clock = cutoff(night, ZONE) + timedelta(minutes=10)
            assert runner.history(read_from.isoformat(), (night - timedelta(days=1)).isoformat()).success
            assert runner.night(night.isoformat()).success
            read_from = night + timedelta(days=1)
        yield connection, nights


def found(connection: psycopg.Connection[Any], night: date) -> Found:
    """The primary effect of a night, its truth, and the before/after figure as a difference of the same kind."""
    row = connection.execute(
        """
        SELECT t.effect, e.estimate, e.low, e.high, r.current_rate - r.baseline_rate
        FROM ml.effects e JOIN ml.planted_effects t USING (study_day) JOIN ml.struggle_reduction r USING (study_day)
        WHERE e.study_day = %s AND (e.scope, e.period, e.estimand) = ('all', 'all', 'intention_to_treat')
          AND e.evidence = 'experiment' AND (r.scope, r.period) = ('all', 'all')
        """,
        [night],
    ).fetchone()
    assert row is not None, f"no effect of {night}"
    return Found(*row)
