"""Computes and writes model performance of a study day into schema ml."""

import json
from datetime import date
from typing import Any

import psycopg
from psycopg import sql

from americano_assets.core.outcomes.performance import LEARNER, MODEL_TYPE, Performance
from americano_assets.core.statistics.metrics import FIGURES
from americano_assets.core.study_days.cutoff import naive
from americano_assets.stages.common.deployment import Deployment
from americano_assets.stages.common.measurements import ReadBackgrounds, no_backgrounds
from americano_assets.stages.s8_reduction.coverage import Coverage, coverage
from americano_assets.stages.s8_reduction.matured_figures import figures_of_day

HISTORY_NIGHTS = 90
_PERFORMANCE_KEYS = ("study_day", "scope", "scope_id", "model_type", "model_version", "n")
_WHOSE = ("made_by", "versions", "scored_from", "scored_to", "slices", "gaps", "warnings")


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
