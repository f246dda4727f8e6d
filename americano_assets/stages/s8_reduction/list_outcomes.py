"""What became of whom a morning list would have named: measured once of each night, when its window has closed."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any

import psycopg
import pyarrow as pa

from americano_assets.core.interventions.measured_help import Measured, MeasuredHelp, measured_help
from americano_assets.core.morning_list.capacity import MOST_RANKS, WEEKS, CourseNight
from americano_assets.core.morning_list.order import Episode, Ranking, Today, entry_of
from americano_assets.core.study_days.cutoff import naive
from americano_assets.core.study_days.study_day import days_between
from americano_assets.resources.duckdb.connection import Engine, open_engine
from americano_assets.stages.common.deployment import Deployment
from americano_assets.stages.s2_features.day_tables import latest_tables
from americano_assets.stages.s2_features.point_in_time import PairSource
from americano_assets.stages.s4_predictions.scored_predictions import TABLE as SCORED
from americano_assets.stages.s6_publication.sql import query as of_publication
from americano_assets.stages.s8_reduction.sql import query

TABLE = "list_outcomes"
_ADVICE = "interventions"
_ADVISED = pa.schema([("prediction_id", pa.string()), ("intervention_type", pa.string())])
_ROWS_AT_ONCE = 50_000


def nights_of_the_curve(day: date, horizon_days: int) -> list[date]:
    """Study days whose lists are looked at as of a night: of WEEKS, the newest window closed."""
    last = day - timedelta(days=horizon_days)
    return days_between(last - timedelta(weeks=WEEKS) + timedelta(days=1), last)


def measure_lists(deployment: Deployment, day: date) -> dict[date, int]:
    """Measure the nights whose window has closed and that no other night has measured; returns courses by night.

    A list is what it would have been at its night's cut-off, without a capacity, whatever anybody did about it: in the
    order of the live list, by what was known to help then. What late events change afterwards is left.
    """
    wanted = nights_of_the_curve(day, deployment.target.horizon_days)
    with deployment.connect() as connection:
        connection.execute(f"DELETE FROM ml.{TABLE} WHERE study_day = %s".encode(), [day])
        known = {row[0] for row in connection.execute(f"SELECT DISTINCT listed_on FROM ml.{TABLE}".encode())}
    scored = deployment.store.current_days(SCORED, [one for one in wanted if one not in known])
    shared = [learner for learner, counted in deployment.analysable().items() if counted]
    done = {}
    for night in sorted(one for one, version in scored.items() if version.rows):
        found = _lists_of(deployment, day, night, shared)
        with deployment.connect() as connection:
            _write(connection, day, night, found)
        done[night] = len(found)
    return done


def kept_lists(connection: psycopg.Connection[Any], day: date, horizon_days: int) -> list[CourseNight]:
    """What was measured of the nights that are looked at as of a night."""
    nights = nights_of_the_curve(day, horizon_days)
    rows = connection.execute(
        f"SELECT outcomes, struggled FROM ml.{TABLE} WHERE listed_on BETWEEN %s AND %s AND study_day <= %s"
        " ORDER BY listed_on, course_id".encode(),
        [nights[0], nights[-1], day],
    )
    return [CourseNight(tuple(outcomes), struggled) for outcomes, struggled in rows]


def _write(connection: psycopg.Connection[Any], day: date, night: date, found: dict[str, CourseNight]) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(
            f"INSERT INTO ml.{TABLE} (listed_on, course_id, outcomes, struggled, study_day) VALUES (%s, %s, %s, %s, %s)"
            " ON CONFLICT DO NOTHING".encode(),
            [(night, course, list(one.outcomes), one.struggled, day) for course, one in found.items()],
        )


def _lists_of(deployment: Deployment, day: date, night: date, shared: list[str]) -> dict[str, CourseNight]:
    store, at = deployment.store, naive(deployment.moment(night).at)
    version = store.current_days(SCORED, [night])[night]
    source = {night: PairSource(version.content, store.day_path(SCORED, night, version))}
    labels = latest_tables(deployment, day).labels(source)[night]
    advice = {one: kept for one, kept in store.current_days(_ADVICE, [night]).items() if kept.rows}
    with deployment.connect() as connection:
        known = _known_help(connection, night)
        held = connection.execute(
            "SELECT prediction_id FROM ml.assignments WHERE arm = 'holdout' AND flagged_at <= %s AND planned_day >= %s",
            [at, night],
        ).fetchall()
    with open_engine() as engine:
        engine.view("scored", store.paths(SCORED, {night: version}))
        engine.view("label_files", [store.whole_path("labels_at", labels.content)])
        engine.register("shared", pa.table({"learner_id": pa.array(shared, pa.string())}))
        engine.register("held", pa.table({"prediction_id": pa.array([row[0] for row in held], pa.string())}))
        if advice:
            engine.view("advised", store.paths(_ADVICE, advice))
        else:
            engine.register("advised", _ADVISED.empty_table())
        engine.make("pairs", query("list_pairs"), {})
        engine.make("outcomes", query("list_outcomes"), {})
        struggles = {row["course_id"]: row["struggled"] for row in engine.run(query("list_struggles")).to_pylist()}
        listed = _ranked(engine, known, at, night)
    return {course: CourseNight(listed.get(course, ()), count) for course, count in struggles.items()}


def _ranked(
    engine: Engine, known: MeasuredHelp, at: datetime, night: date
) -> dict[str | None, tuple[bool | None, ...]]:
    """Outcomes by rank of each course's list."""
    outcomes: dict[tuple[str | None, str], bool | None] = {}
    ranking = Ranking(MOST_RANKS, 0)
    for pair, own in groupby(_rows(engine), key=lambda row: (row["course_id"], row["learner_id"])):
        rows = list(own)
        episodes = [
            Episode(row["prediction_id"], *pair, row["probability"], row["confidence"], tuple(row["types"] or ()), at)
            for row in rows
        ]
        ranking.add(entry_of(episodes, known, {}, Today(at, night)))
        outcomes[pair] = rows[0]["struggled"]
    return {
        course: tuple(outcomes[course, entry.learner] for entry in one.listed)
        for course, one in ranking.courses().items()
    }


def _rows(engine: Engine) -> Iterator[dict[str, Any]]:
    for batch in engine.batches(query("listed_pairs"), _ROWS_AT_ONCE):
        yield from batch.to_pylist()


def _known_help(connection: psycopg.Connection[Any], night: date) -> MeasuredHelp:
    rows = connection.execute(of_publication("measured_effects").encode(), {"day": night}).fetchall()
    found = {kind: Measured(*values) for kind, *values in rows}
    return measured_help(found.pop(None, None), found)
