"""Twenty-two weekly nights before the first one, in bulk: what the first night scored, moved back week by week.

Features and scored rows are stored, the ledger, the arms and the verdicts are written by the code that a night writes
them with. Rows of the app's tables are published for the newest two alone: those of older nights count as archived.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import pandas as pd
import psycopg
import pyarrow as pa

from americano_assets.core.study_days.cutoff import Cutoff, naive
from americano_assets.core.study_days.study_day import EPOCH, days_between
from americano_assets.resources.postgres.staging import Staging, like
from americano_assets.stages.common.model_files import model_of_day
from americano_assets.stages.s2_features.feature_engine import FeatureEngine, open_feature_engine
from americano_assets.stages.s6_publication.episode_ledger import StudyDay, record_day, write_ledger
from americano_assets.stages.s6_publication.holdout import experiment_of
from americano_assets.stages.s6_publication.owned_tables import lock_publication
from americano_assets.stages.s6_publication.transaction import PREDICTIONS, RECOMMENDATIONS, publish_day
from americano_assets.stages.s7_outcomes.label_episodes import judge
from americano_assets.stages.s7_outcomes.write_outcomes import FIRST_FLAG, LAST_REFRESH, closing, write_outcomes
from benchmarks.cohort import TARGET, ZONE
from benchmarks.night.home import DeploymentOf, app_session

WEEKS = 22
_PUBLISHED_WEEKS = 2
# An id of the same form, and another for each week.
_MOVED_ID = "'c' || substr(md5({name} || ' {week}'), 1, 24)"
_SCORED = """
SELECT * EXCLUDE (p) REPLACE ({prediction} AS prediction_id, planned_day - {days} AS planned_day,
  planned_at - to_days({days}) AS planned_at, p AS probability, p >= threshold AND NOT cold_start AS flagged)
FROM (SELECT *, greatest(0.001, least(0.999, probability + (hash(prediction_id, {week}) % 1000 / 1000 - 0.5) / 10)) AS p
  FROM read_parquet('{path}', hive_partitioning = false))
"""
_FEATURES = "SELECT * REPLACE (planned_day - {days} AS planned_day, planned_at - to_days({days}) AS planned_at) "
_ADVICE = """
SELECT * REPLACE ({own} AS id, {prediction} AS prediction_id) FROM read_parquet('{path}', hive_partitioning = false)
WHERE {prediction} IN (SELECT prediction_id FROM flagged)
"""
_EPISODE_COLUMNS = {
    "id": "prediction_id",
    "userId": "learner_id",
    "learningObjectiveId": "objective_id",
    "topicId": "course_id",
    "predictedStruggleProbability": "probability",
}
_LEDGER_COLUMNS = ", ".join((*_EPISODE_COLUMNS.values(), "planned_day"))
# As the API writes it, of one in fifty of the episodes whose rows stand in the app's tables.
_FEEDBACK = """
INSERT INTO ml.prediction_feedback (id, prediction_id, user_id, actual_struggle, feedback_type, submitted_at)
SELECT 'f' || substr(e.prediction_id, 2), e.prediction_id, e.user_id, COALESCE(e.outcome = 'struggled', false),
  'HELPFUL', e.window_end
FROM ml.episodes e JOIN struggle_predictions p ON p."id" = e.prediction_id
WHERE abs(hashtext(e.prediction_id)) % 50 = 0 ON CONFLICT DO NOTHING
"""
_APPLIED = """
UPDATE intervention_recommendations SET status = 'COMPLETED', "appliedAt" = "createdAt" + interval '1 day'
WHERE abs(hashtext("id")) % 20 = 0 AND status = 'PENDING'
"""


def write_past(
    home: DeploymentOf,
    first_night: date,
    tell: Callable[[str], None],
    done: Callable[[int], bool],
    weeks: int = WEEKS,
) -> None:
    """Write the weekly nights before `first_night`, oldest first; those that are `done` (by week) stay."""
    with app_session(home.settings.americano_home) as connection, open_feature_engine() as engine:
        for week in range(weeks, 0, -1):
            if not done(week):
                _write_night(home, connection, engine, first_night, week)
                tell(str(week))
        connection.execute(_FEEDBACK)
        connection.execute(_APPLIED)
        connection.execute("ANALYZE")


def _write_night(
    home: DeploymentOf,
    connection: psycopg.Connection[tuple[object, ...]],
    engine: FeatureEngine,
    first_night: date,
    week: int,
) -> None:
    day = first_night - timedelta(weeks=week)
    study_day = StudyDay(
        day=day,
        moment=Cutoff.closing(day, ZONE, TARGET),
        model=model_of_day(home.store, home.models, first_night),
        manifest_hash=f"week-{week}",
        kind="nightly",
        on_time=True,
        policy=home.settings.experiment,
    )
    with duckdb.connect(":memory:") as moved:
        moved.execute("SET enable_progress_bar = false")
        _store(home, moved, first_night, week)
        flagged = "flagged" if week <= _PUBLISHED_WEEKS else f"(SELECT {_LEDGER_COLUMNS} FROM flagged)"
        rows = moved.sql(f"FROM {flagged} ORDER BY learner_id, objective_id").df()
        indicators, interventions = (
            _advice(home, moved, first_night, week, name) for name in ("indicators", "interventions")
        )
        candidates = home.store.current("scored_predictions", day)
        with connection.transaction():
            lock_publication(connection)
            if week <= _PUBLISHED_WEEKS:
                publish_day(connection, study_day, [rows], [indicators], [interventions])
            else:
                held_out = _enter(connection, study_day, rows, interventions)
                record_day(
                    connection,
                    study_day,
                    candidates=candidates.rows if candidates else 0,
                    published=len(rows),
                    held_out=held_out,
                )
    _judge(home, connection, engine, day)


def _enter(
    connection: psycopg.Connection[tuple[object, ...]],
    study_day: StudyDay,
    rows: pd.DataFrame,
    interventions: pd.DataFrame,
) -> int:
    """Enter a night's episodes into the ledger, and what was chosen for them, without publishing them."""
    arms = experiment_of(connection, study_day.policy).arms(rows["learner_id"], rows["objective_id"])
    episodes = pd.DataFrame(
        {
            **{column: rows[of] for column, of in _EPISODE_COLUMNS.items()},
            "predictedAt": naive(study_day.moment.at),
            "planned_day": [EPOCH + timedelta(days=int(day)) for day in rows["planned_day"]],
            "arm": arms,
        }
    )
    chosen = interventions.set_axis(["predictionId", "interventionType"], axis="columns")
    staging = Staging(connection)
    for name, shape, frame in (
        (f"staged_{PREDICTIONS}", like(PREDICTIONS, planned_day="date", arm="text"), episodes),
        (f"given_{RECOMMENDATIONS}", like(RECOMMENDATIONS), chosen),
    ):
        staging.put_batches(name, shape, pa.Table.from_pandas(frame, preserve_index=False).to_batches())
    return write_ledger(staging, study_day)


def _store(home: DeploymentOf, moved: duckdb.DuckDBPyConnection, first_night: date, week: int) -> None:
    """Store features and scored rows of a week, and make the view `flagged`."""
    day = first_night - timedelta(weeks=week)
    for table, text in (
        ("features", _FEATURES + "FROM read_parquet('{path}', hive_partitioning = false)"),
        ("scored_predictions", _SCORED),
    ):
        path = _path(home, table, first_night)
        prediction = _MOVED_ID.format(name="prediction_id", week=week)
        query = text.format(path=path, days=7 * week, week=week, prediction=prediction)
        schema = pa.parquet.read_schema(path)
        batches = moved.sql(query).to_arrow_reader(100_000)
        home.store.put_day(table, day, (batch.cast(schema) for batch in batches), schema)
    moved.execute(
        f"CREATE VIEW flagged AS SELECT * FROM read_parquet('{_path(home, 'scored_predictions', day)}') WHERE flagged"
    )


def _advice(
    home: DeploymentOf, moved: duckdb.DuckDBPyConnection, first_night: date, week: int, table: str
) -> pd.DataFrame:
    own, prediction = (_MOVED_ID.format(name=name, week=week) for name in ("id", "prediction_id"))
    query = _ADVICE.format(path=_path(home, table, first_night), own=own, prediction=prediction)
    if week > _PUBLISHED_WEEKS:
        query = (
            f"SELECT prediction_id, intervention_type FROM ({query})"
            if table == "interventions"
            else f"{query} LIMIT 0"
        )
    frame: pd.DataFrame = moved.sql(query).df()
    return frame.astype(object).where(frame.notna(), None)


def _judge(
    home: DeploymentOf, connection: psycopg.Connection[tuple[object, ...]], engine: FeatureEngine, day: date
) -> None:
    """Write what became of a night's episodes, a week later, by the labels of the log."""
    moment = Cutoff.closing(day, ZONE, TARGET)
    end = naive(moment.horizon_end)
    within = days_between(day + timedelta(days=1), day + timedelta(days=TARGET.horizon_days))
    engine.view("interactions", home.store.paths("interactions", home.store.current_days("interactions", within)))

    def labels_of(pairs: pa.Table, start: datetime, until: datetime) -> pd.DataFrame:
        frame: pd.DataFrame = engine.labels(pairs, start, until, TARGET.struggle_below).to_pandas()
        return frame

    known_at = end.replace(tzinfo=UTC)
    judged, everybody = {}, home.analysable()
    for basis in (LAST_REFRESH, FIRST_FLAG):
        windows = closing(connection, basis, end, everybody)
        judged[basis] = judge(windows[windows["window_end"] == end], labels_of)
    closed = day + timedelta(days=TARGET.horizon_days)
    write_outcomes(
        connection, closed, end, judged[LAST_REFRESH], judged[FIRST_FLAG], (), TARGET.struggle_below,
        opened=known_at.date(),
    )  # fmt: skip


def _path(home: DeploymentOf, table: str, day: date) -> Path:
    version = home.store.current(table, day)
    if version is None:
        raise ValueError(f"study day {day} has no {table}")
    return home.store.day_path(table, day, version)
