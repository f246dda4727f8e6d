"""Measures the drift of a study day and keeps it in ml.drift."""

from dataclasses import astuple
from datetime import date, timedelta
from typing import Any

import psycopg

from americano_assets.core.outcomes.drift import COURSE, OK, PSI, Drift, calibration_drift, row_drift
from americano_assets.core.outcomes.performance import TRAINED_COURSE
from americano_assets.core.statistics.metrics import Calibration
from americano_assets.core.study_days.cutoff import naive
from americano_assets.stages.common.deployment import Deployment
from americano_assets.stages.common.measurements import DRIFT_COLUMNS
from americano_assets.stages.s3_training.dataset_versions import TRAINING_SET
from americano_assets.stages.s4_predictions.scored_predictions import require_day
from americano_assets.stages.s8_reduction.performance import replace_day

# Single features of courses without drift are kept for so long: they would outgrow everything else.
_KEPT_DAYS = 30


def measure_drift(deployment: Deployment, day: date) -> list[Drift]:
    """Everything that was looked at, of the training set and of published predictions, written in one transaction."""
    rows = require_day(deployment, TRAINING_SET, day)
    with deployment.connect() as connection:
        found = [*row_drift(rows, course_runs(connection)), *_calibration(connection, day)]
        at = naive(deployment.moment(day).at)
        columns = ("study_day", *DRIFT_COLUMNS, "computed_at")
        replace_day(connection, "drift", day, columns, [(day, *astuple(one), at) for one in found])
        connection.execute(
            "DELETE FROM ml.drift WHERE study_day < %s AND scope = %s AND measure = %s AND status = %s",
            [day - timedelta(days=_KEPT_DAYS), COURSE, PSI, OK],
        )
    return found


def course_runs(connection: psycopg.Connection[Any]) -> dict[str, str]:
    """What each course has in common with its other runs: its code without the term that it names."""
    rows = connection.execute(
        'SELECT "id", "code"::text, "term"::text FROM courses WHERE "code" IS NOT NULL AND "term" IS NOT NULL'
    ).fetchall()
    return {course: " ".join(code.replace(term, " ").split()) for course, code, term in rows if term}


def _calibration(connection: psycopg.Connection[Any], day: date) -> list[Drift]:
    rows = connection.execute(
        "SELECT scope_id, n, ece, calibration FROM ml.model_performance WHERE study_day = %s AND scope = %s "
        "ORDER BY scope_id",
        [day, TRAINED_COURSE],
    ).fetchall()
    return [
        calibration_drift(course, n, ece, Calibration(**curve) if curve["count"] else None)
        for course, n, ece, curve in rows
    ]
