"""A database after a night that found something, and what the report makes of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg.types.json import Jsonb

from americano_assets.core.outcomes.fairness import Gap
from americano_assets.loading.demo.scenarios.planted_ledgers import planted
from americano_assets.resources.postgres.connection import prepare
from americano_assets.stages.common.deployment import Deployment
from americano_assets.stages.s8_reduction.effects import measure_effects
from americano_assets.stages.s9_report.page.data import Report, gather
from americano_assets.stages.s9_report.page.html import render
from americano_assets_tests.api.rows import COURSE, CUTOFF, LAST_CLOSED, Rows
from americano_assets_tests.stages.s8_reduction.ledgers import write_ledger
from americano_assets_tests.world import World, world_settings


@dataclass
class Night:
    """One deployment, and rows to write into its tables."""

    deployment: Deployment
    rows: Rows
    world: World
    day: date = LAST_CLOSED

    def report(self) -> Report:
        return gather(self.deployment, self.day)

    def page(self) -> str:
        return render(self.report())


def part(by: str, name: str, n: int, **values: float | None) -> dict[str, object]:
    """Figures of a part, as a night keeps them."""
    figures = {"base_rate": 0.4, "accuracy": 0.7, "precision": 0.6, "recall": 0.7, "auc_roc": 0.81, "ece": 0.04}
    return {"by": by, "part": name, "n": n, "learners": n, **figures, **values}


def gap(by: str = "course", worse: str = COURSE, low: float = 0.2) -> Gap:
    """A difference between two parts."""
    return Gap(by, worse, "closed", 0.4, 0.8, struggles_worse=90, struggles_better=80, low=low, high=0.6, pairs=3)


@pytest.fixture
def empty_night(database: str, tmp_path: Path) -> Iterator[Night]:
    """A deployment of which nothing is known."""
    settings = world_settings(database, tmp_path)
    prepare(settings)  # What stands there from now on is of this home.
    with psycopg.connect(database, autocommit=True) as connection:
        yield Night(Deployment(settings), Rows(connection), World(connection))


@pytest.fixture
def night(empty_night: Night) -> Night:
    """A night of an experiment with an effect, with predictions, figures and a before/after."""
    rows = empty_night.rows
    rows.curriculum()
    rows.published()
    rows.performance(auc_roc=0.5, ece=0.3, struggles=120, struggles_scored=111, n=1000)
    rows.performance(
        scope=("model_type", "logistic_regression"),
        calibration=Jsonb(
            {"prob_true": [0.08, 0.3, 0.45, 0.71, 1], "prob_pred": [0.1, 0.28, 0.5, 0.69, 0.9], "count": [45] * 4 + [9]}
        ),
        n=300,
        versions=3,
        slices=Jsonb(
            [part("course", COURSE, 290), part("course", "closed", 10, recall=None), part("age_band", "55", 300)]
        ),
        gaps=Jsonb([vars(gap()), vars(gap(by="age_band", worse="55", low=-0.1))]),
    )
    rows.reduction("all", current_rate=0.31, reduction_percentage=22.5)
    for number, p in enumerate((0.92, 0.8, 0.66, 0.5, 0.44)):
        rows.prediction(f"p{number}", due=rows_due(), p=p)
    ledger = planted(5, learners=300, weeks=8, by_type={"PREREQUISITE_REVIEW": -0.3}).ledger
    write_ledger(empty_night.world, ledger)
    measure_effects(empty_night.deployment, empty_night.day)
    return empty_night


def rows_due() -> datetime:
    """A day after the cut-off."""
    return CUTOFF + timedelta(days=3)
