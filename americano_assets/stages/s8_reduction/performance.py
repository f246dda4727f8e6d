"""Computes and writes model performance and struggle reduction of a study day into schema ml."""

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pandas as pd
import psycopg
import pyarrow as pa
from psycopg import sql

from americano_assets.core.effects.before_after import (
    BASELINE,
    BASELINE_DAYS,
    PERIODS,
    TIMELINE_WEEKS,
    Reduction,
    reductions,
)
from americano_assets.core.outcomes.performance import LEARNER, MODEL_TYPE, Performance
from americano_assets.core.statistics.metrics import FIGURES
from americano_assets.core.study_days.cutoff import naive
from americano_assets.core.study_days.study_day import shift
from americano_assets.stages.common.deployment import Deployment
from americano_assets.stages.common.measurements import ReadBackgrounds, no_backgrounds
from americano_assets.stages.s1_snapshots.input_manifest import current_inputs
from americano_assets.stages.s2_features.day_tables import latest_tables
from americano_assets.stages.s2_features.feature_engine import open_feature_engine
from americano_assets.stages.s8_reduction.coverage import Coverage, coverage
from americano_assets.stages.s8_reduction.matured_figures import figures_of_day
from americano_assets.stages.s8_reduction.sql import query

HISTORY_NIGHTS = 90
OBSERVATIONAL = "observational"
_PERFORMANCE_KEYS = ("study_day", "scope", "scope_id", "model_type", "model_version", "n")
_WHOSE = ("made_by", "versions", "scored_from", "scored_to", "slices", "gaps", "warnings")
_SEGMENTS = pa.schema(
    [
        ("learner_id", pa.string()),
        ("segment", pa.string()),
        ("from_at", pa.timestamp("us")),
        ("to_at", pa.timestamp("us")),
    ]
)


def measure_performance(
    deployment: Deployment, day: date, read_backgrounds: ReadBackgrounds = no_backgrounds
) -> tuple[list[Performance], Coverage, float | None]:
    """Figures of matured predictions at the day's cut-off, written to ml.model_performance in one transaction.

    Args:
        deployment: The deployment.
        day: The study day.
        read_backgrounds: What figures of models are shown by too.

    Returns:
        The figures, the coverage over everything of the newest closed window, and of which share of the learners the
        figures are, drawn whole (None: of all; each learner's own always are of all their rows).
    """
    found, drawn = figures_of_day(deployment, day, read_backgrounds)
    by_course = coverage(deployment, day)
    overall = Coverage(sum(one.struggles for one in by_course.values()), sum(one.scored for one in by_course.values()))
    at = naive(deployment.moment(day).at)
    with deployment.connect() as connection:
        replace_day(
            connection,
            "model_performance",
            day,
            (
                *(*_PERFORMANCE_KEYS, *FIGURES, "calibration", "struggles", "struggles_scored", "reason"),
                *(*_WHOSE, "drawn_share", "computed_at"),
            ),
            [
                (
                    day,
                    one.scope,
                    one.scope_id,
                    *one.newest,
                    int(one.values["n"] or 0),
                    *(one.values[name] for name in FIGURES),
                    json.dumps(vars(one.curve) if one.curve else {"prob_true": [], "prob_pred": [], "count": []}),
                    *_covered(one, overall, by_course),
                    one.reason,
                    *_whose(one),
                    None if one.scope == LEARNER else drawn,
                    at,
                )
                for one in found
            ],
        )
    return found, overall, drawn


def performance_history(
    deployment: Deployment, day: date, model_type: str
) -> tuple[list[date], dict[str, list[float | None]]]:
    """Nights up to a study day, oldest first, the newest HISTORY_NIGHTS, and their figures of one type of model."""
    names = ("auc_roc", "accuracy", "recall", "ece")
    statement = sql.SQL(
        "SELECT study_day, {} FROM ml.model_performance WHERE (scope, scope_id) = (%s, %s) AND study_day <= %s "
        "ORDER BY study_day DESC LIMIT %s"
    ).format(sql.SQL(", ").join(map(sql.Identifier, names)))
    with deployment.connect() as connection:
        rows = connection.execute(statement, [MODEL_TYPE, model_type, day, HISTORY_NIGHTS]).fetchall()[::-1]
    return [row[0] for row in rows], {name: [row[place] for row in rows] for place, name in enumerate(names, 1)}


def _whose(one: Performance) -> tuple[Any, ...]:
    """Values of _WHOSE."""
    is_sliced = one.scope == MODEL_TYPE
    return (
        json.dumps(one.made_by),
        one.versions,
        *one.scored,
        json.dumps(one.slices) if is_sliced else None,
        json.dumps([vars(gap) for gap in one.gaps]) if is_sliced else None,
        json.dumps(one.warnings) if is_sliced else None,
    )


def _covered(one: Performance, overall: Coverage, by_course: dict[str, Coverage]) -> tuple[int | None, int | None]:
    """Struggles and scored struggles of a scope; a model version has no struggles of its own, nor is a learner told."""
    if one.scope not in ("all", "course"):
        return None, None
    counted = overall if one.scope == "all" else by_course.get(one.scope_id, Coverage(0, 0))
    return counted.struggles, counted.scored


def measure_reduction(deployment: Deployment, day: date) -> list[Reduction]:
    """Before/after figures at the day's cut-off, written to ml.struggle_reduction in one transaction."""
    moment = deployment.moment(day)
    at = naive(moment.at)
    with deployment.connect() as connection:
        firsts = _first_predictions(connection, at)
        found: list[Reduction] = []
        analysable = deployment.analysable()
        firsts = {learner: first for learner, first in firsts.items() if learner in analysable}
        if firsts:
            found = _reductions(deployment, day, firsts, analysable)
        replayed = bool(
            connection.execute(
                "SELECT count(*) FROM ml.study_days WHERE kind = 'replay' AND study_day <= %s", [day]
            ).fetchone()[0]  # type: ignore[index]
        )
        replace_day(
            connection,
            "struggle_reduction",
            day,
            (
                "study_day",
                "scope",
                "scope_id",
                "period",
                "kind",
                "baseline_rate",
                "current_rate",
                "reduction_percentage",
                "baseline_start",
                "baseline_end",
                "current_start",
                "current_end",
                "baseline_studied",
                "current_studied",
                "replayed",
                "timeline",
                "reason",
                "computed_at",
            ),
            [_reduction_row(deployment, day, one, at, replayed) for one in found],
        )
    return found


def _reduction_row(deployment: Deployment, day: date, one: Reduction, at: datetime, replayed: bool) -> tuple[Any, ...]:
    first = one.first_prediction_at
    days = PERIODS[one.period]
    start = first if days is None else max(first, naive(shift(deployment.moment(day).at, -days, deployment.zone)))
    return (
        day,
        one.scope,
        one.scope_id,
        one.period,
        OBSERVATIONAL,
        one.baseline_rate,
        one.current_rate,
        one.reduction_percentage,
        one.baseline_start,
        first,
        start,
        at,
        one.baseline_studied,
        one.current_studied,
        replayed,
        json.dumps(one.timeline),
        one.reason,
        at,
    )


def _reductions(
    deployment: Deployment, day: date, firsts: dict[str, datetime], analysable: dict[str, bool]
) -> list[Reduction]:
    moment = deployment.moment(day)
    starts = {
        first: naive(shift(first.replace(tzinfo=UTC), -BASELINE_DAYS, deployment.zone))
        for first in set(firsts.values())
    }
    back = {
        period: None if days is None else naive(shift(moment.at, -days, deployment.zone))
        for period, days in PERIODS.items()
    }
    now = naive(moment.at)
    segments: list[tuple[Any, ...]] = []
    for learner, first in firsts.items():
        segments.append((learner, BASELINE, starts[first], first))
        segments.extend((learner, period, max(first, since or first), now) for period, since in back.items())
    bounds = [naive(shift(moment.at, -7 * week, deployment.zone)) for week in range(TIMELINE_WEEKS + 1)]
    weeks = [
        (learner, (day - timedelta(weeks=week)).isoformat(), bounds[week + 1], bounds[week])
        for learner in firsts
        for week in range(TIMELINE_WEEKS)
    ]
    inputs = current_inputs(deployment, day).days["interactions"]
    oldest = min(starts.values()).date() - timedelta(days=1)
    oldest = min(oldest, (moment.at - timedelta(weeks=TIMELINE_WEEKS + 1)).date())
    with open_feature_engine() as engine:
        engine.view("objectives", [latest_tables(deployment, day).state_path("objectives", day)])
        engine.view(
            "interactions", deployment.store.paths("interactions", {d: v for d, v in inputs.items() if d >= oldest})
        )
        totals = _totals(engine, segments, deployment.target.struggle_below)
        weekly = _totals(engine, weeks, deployment.target.struggle_below).rename(columns={"segment": "week"})
    shared = {learner: included for learner, included in analysable.items() if learner in firsts}
    totals = totals.assign(
        in_analytics=totals["learner_id"].map(shared).astype(bool),
        first_at=totals["learner_id"].map(firsts),
        baseline_start=totals["learner_id"].map({learner: starts[first] for learner, first in firsts.items()}),
    )
    return reductions(totals, weekly.assign(in_analytics=weekly["learner_id"].map(shared).astype(bool)))


def _totals(engine: Any, segments: list[tuple[Any, ...]], struggle_below: float) -> pd.DataFrame:
    columns = list(zip(*segments, strict=True))
    engine.register(
        "segment_rows",
        pa.table(
            [pa.array(column, kind) for column, kind in zip(columns, _SEGMENTS.types, strict=True)], schema=_SEGMENTS
        ),
    )
    engine.make("segments", "SELECT *, md5_number_lower(learner_id) AS learner_key FROM segment_rows", {})
    frame: pd.DataFrame = engine.run(query("struggle_totals"), {"struggle_below": struggle_below}).to_pandas()
    return frame


def _first_predictions(connection: psycopg.Connection[Any], at: datetime) -> dict[str, datetime]:
    rows = connection.execute(
        "SELECT user_id, min(first_flagged_at) FROM ml.episodes WHERE first_flagged_at <= %s GROUP BY user_id", [at]
    ).fetchall()
    return dict(rows)


def replace_day(
    connection: psycopg.Connection[Any], table: str, day: date, columns: tuple[str, ...], rows: list[tuple[Any, ...]]
) -> None:
    """Write a study day's rows into a table of schema ml, in place of those that stand there.

    Whoever else is at it waits: of two nights at once both would find nothing to remove, and write the same rows. A
    learner's own figures are kept for the newest day alone, also by a rerun of an old one: they would outgrow all else.

    Args:
        connection: In a transaction that is about this table.
        table: Its name, with columns `study_day` and `scope`.
        day: The study day.
        columns: Of `rows`, `study_day` among them.
        rows: As many as there are now.
    """
    name, listed = sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
    connection.execute(sql.SQL("LOCK TABLE ml.{} IN SHARE ROW EXCLUSIVE MODE").format(name))
    connection.execute(sql.SQL("DELETE FROM ml.{} WHERE study_day = %s").format(name), [day])
    statement = sql.SQL("COPY ml.{} ({}) FROM STDIN").format(name, listed)
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)
    newest = sql.SQL("SELECT max(study_day) FROM ml.{} WHERE scope <> 'learner'").format(name)
    connection.execute(sql.SQL("DELETE FROM ml.{} WHERE scope = 'learner' AND study_day < ({})").format(name, newest))
