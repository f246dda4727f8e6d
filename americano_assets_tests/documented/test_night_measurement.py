"""What a whole night is measured on, and that a measurement that was broken off counts nothing twice."""

import json
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from americano_assets.core.study_days.cutoff import naive
from americano_assets.core.study_days.study_day import cutoff
from americano_assets.resources.postgres.connection import connect
from benchmarks.cohort import LAST_DAY, ZONE
from benchmarks.night.app_rows import made
from benchmarks.night.cost import Cost
from benchmarks.night.one_night import BEFORE, Step, steps_of
from benchmarks.night.table import markdown, nights_of

LEARNERS, OBJECTIVES = 20, 30
LOG = {
    "reviews": "reviewedAt",
    "validation_responses": "respondedAt",
    "behavioral_events": "timestamp",
    "study_sessions": "completedAt",
}
_PLANNED = """
SELECT count(DISTINCT (m."userId", o ->> 'id')) FROM missions m, jsonb_array_elements(m.objectives) o
WHERE m.status = 'PENDING' AND m.date >= %s AND m.date < %s
"""


def test_no_row_is_of_the_future_some_come_late_and_every_pair_is_planned_each_night(
    database: str, tmp_path: Path
) -> None:
    """Foreign keys are checked here, which the measurement leaves out."""
    late = 0
    with made(LEARNERS, OBJECTIVES, LAST_DAY, tmp_path) as cohort, connect(database, autocommit=True) as app:
        loaded = cohort.load_history(app)
        assert app.execute("SELECT count(*) FROM reviews").fetchone() == (loaded.rows["reviews"],)
        assert loaded.interactions > LEARNERS * OBJECTIVES * 12
        for later in range(3):
            at = naive(cutoff(LAST_DAY + timedelta(days=later), ZONE))
            if later:
                known = _reviews_before(app, at - timedelta(days=1))
                cohort.load_day(app, later)
                late += _reviews_before(app, at - timedelta(days=1)) - known
            for table, stamp in LOG.items():
                future = app.execute(f'SELECT count(*) FROM {table} WHERE "{stamp}" >= %s'.encode(), [at])
                assert future.fetchone() == (0,), table
            planned = app.execute(_PLANNED, [at, at + timedelta(days=7)]).fetchone()
            assert planned == (LEARNERS * OBJECTIVES,)
    assert late > 0


def _reviews_before(app: psycopg.Connection[Any], at: datetime) -> int:
    found = app.execute('SELECT count(*) FROM reviews WHERE "reviewedAt" < %s', [at]).fetchone()
    assert found is not None
    return int(found[0])


def _step(name: str, began: float, **values: Any) -> Step:
    return Step(name, began, **{"clock": 2.0, "processor": 1.0, "peak": 0.5, "ended": True, **values})


def _written(file: Path, *told: Step | dict[str, int]) -> None:
    lines = ({"rows_by_step": one} if isinstance(one, dict) else asdict(one) for one in told)
    file.write_text("\n".join(map(json.dumps, lines)))


def test_of_a_night_that_was_run_again_only_the_last_time_counts_and_the_past_once(tmp_path: Path) -> None:
    file = tmp_path / "steps"
    _written(
        file,
        _step(BEFORE, 1),
        _step("log_snapshots", 2),
        {"log_snapshots": 7},
        _step("features", 3),
        _step("publish", 4, ended=False),
        _step(BEFORE, 5),
        _step("features", 6, clock=0.0, ended=False),
        _step("features", 6),
        {"features": 9},
    )
    found = steps_of(file)
    assert [(one.name, one.began, one.rows) for one in found] == [
        ("log_snapshots", 2, 7),
        (BEFORE, 5, 0),
        ("features", 6, 9),
    ]


@pytest.fixture
def figures() -> dict[str, Any]:
    """A night that spent two fifths of its scoring on reasons, and published at five times its yardstick."""
    names = {"scored_predictions": 10.0, "indicators": 1.0, "publish": 10.0, "nothing": 0.01}
    beside = {"server": 0.2, "server_processor": 0.5}
    steps = [{**asdict(_step(name, 1, clock=clock, rows=100)), **beside} for name, clock in names.items()]
    costs = {"predicted": Cost(1.0, 0.1), "reasons": Cost(9.0, 0.4), "contributions": Cost(0.1, 0.2)}
    scoring = {"flagged": 50, **{name: asdict(cost) for name, cost in costs.items()}}
    yardsticks = {
        "costs": {"scored_predictions": asdict(Cost(1.0, 0.5)), "publish": asdict(Cost(2.0, 1.0))},
        "scoring": scoring,
    }
    parts = {"ordinary": steps, "ordinary yardsticks": yardsticks, "load": {"interactions": 12_000}}
    told = {name: {"result": result, "load": 1.0, "clock": 30.0} for name, result in parts.items()}
    sizes = {"scale": 0.01, "learners": 10, "objectives": 10, "cores": 2, "disk": 1.0}
    return {**sizes, "commit": "abc", "memory": None, "parts": told}


def test_reasons_are_a_line_of_their_own_and_what_is_above_its_bound_is_bold(figures: dict[str, Any]) -> None:
    stages = {stage.name: stage for stage in nights_of(figures)["ordinary"]}
    assert (stages["scored_predictions"].clock, stages["scored_predictions"].ratio) == pytest.approx((6.0, 3.0))
    assert (stages["reasons"].clock, stages["reasons"].ratio) == pytest.approx((4.0, 40.0))
    text = markdown(figures)
    assert "| `publish` | 10.0 | 1.0 + 0.5 | 0.50 + 0.20 | 100 | 10 | 2.00 | 1.00 | **5.0** | 1.5 |" in text
    assert "| `reasons` | 4.0 | 0.4 + 0.2 | 0.50 + 0.20 | 50 | 12 | 0.10 | 0.20 | 40.0 | 3.0 |" in text
    assert "advice 20000 and 20000 µs (wanted 20), reasons 180000 and 8000 µs." in text
    assert "| 1 others | 0.0 |" in text
