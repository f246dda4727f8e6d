"""Publishes one study day, or one learner within the open one, into the app's tables, whole or not at all."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import pandas as pd
import psycopg
import pyarrow as pa

from americano_assets.core.base.experiment_arms import HOLDOUT
from americano_assets.core.models.scorer import explained
from americano_assets.core.publication.random_assignment import Experiment
from americano_assets.core.study_days.cutoff import naive
from americano_assets.core.study_days.study_day import EPOCH
from americano_assets.resources.postgres.clock import require_clock
from americano_assets.resources.postgres.staging import Staging, like
from americano_assets.stages.s6_publication.alerts import refresh_alerts, write_actions
from americano_assets.stages.s6_publication.app_rows import (
    INDICATOR_COLUMNS,
    PREDICTION_COLUMNS,
    RECOMMENDATION_COLUMNS,
    REFRESHED_PREDICTION_COLUMNS,
    indicator_rows,
    prediction_rows,
    recommendation_rows,
)
from americano_assets.stages.s6_publication.episode_ledger import StudyDay, known_episodes, record_day, write_ledger
from americano_assets.stages.s6_publication.holdout import experiment_of, require_untouched_holdout
from americano_assets.stages.s6_publication.owned_tables import OwnedTable, lock_learner, lock_publication
from americano_assets.stages.s6_publication.sql import query

# A frame after another.
Frames = Iterable[pd.DataFrame]

PREDICTIONS = "struggle_predictions"
INDICATORS = "struggle_indicators"
RECOMMENDATIONS = "intervention_recommendations"

# A row that a clock ahead of the server's once stamped is older than anything.
_NOT_OLDER = (
    '(t."predictedAt" <= s."predictedAt" '
    "OR t.\"predictedAt\" > (clock_timestamp() AT TIME ZONE 'UTC') + INTERVAL '5 minutes')"
)
_OF_REFRESHED = (
    f'EXISTS (SELECT 1 FROM {PREDICTIONS} q JOIN staged_{PREDICTIONS} r USING ("id") '
    'WHERE q."id" = t."predictionId" AND q."predictedAt" = r."predictedAt")'
)
_OF_HOLDOUT = (
    f"EXISTS (SELECT 1 FROM ml.assignments a WHERE a.prediction_id = g.\"predictionId\" AND a.arm = '{HOLDOUT}')"
)
# What is staged beside the columns of a prediction.
_BESIDE = {"planned_day": "date", "arm": "text", "planned": "boolean", "flagged": "boolean", "load": "double precision"}
_LOAD = "cognitive_load_indicator"
# What a row beside a prediction has of it.
_OF_PREDICTION = ("userId", "learningObjectiveId")


@dataclass(frozen=True)
class Written:
    """What was written, in rows."""

    inserted: int
    refreshed: int
    indicators: int
    interventions: int
    alerts: int
    held_out: int


@dataclass(frozen=True)
class Published(Written):
    """What the publication of a study day did, in rows."""

    candidates: int
    withdrawn: int
    holdout_share: float

    @property
    def metadata(self) -> dict[str, int | float]:
        """For Dagster."""
        return dict(vars(self))


def publish_day(
    connection: psycopg.Connection[Any], study_day: StudyDay, scored: Frames, indicators: Frames, interventions: Frames
) -> Published:
    """Publish flagged episodes, and refresh those published before, in one transaction.

    A row whose `predictedAt` is later is left as it is: a rerun of an old day does not undo newer ones. The ledger is
    written first, with each episode's arm; a holdout episode is published without its interventions.

    Args:
        connection: On the app's database.
        study_day: The day.
        scored: As schemas.SCORED_PREDICTIONS, all candidates; a frame after another, as those that follow.
        indicators: Rows of core.interventions.Indicator for the flagged.
        interventions: Rows of core.interventions.Intervention for the flagged, whatever their arm.

    Raises:
        AmericanoError: A holdout episode would be left with an intervention; then nothing was written.
    """
    candidates = 0

    def counted() -> Iterator[pd.DataFrame]:
        nonlocal candidates
        for rows in scored:
            candidates += len(rows)
            yield rows

    with connection.transaction():
        lock_publication(connection)
        withdrawn = _withdraw_opted_out(connection, study_day.day)
        staging = Staging(connection)
        done = _write(staging, study_day, _shown(connection, study_day, counted()), indicators, interventions)
        published = staging.count(f"staged_{PREDICTIONS}")
        record_day(connection, study_day, candidates=candidates, published=published, held_out=done.held_out)
    return Published(**vars(done), candidates=candidates, withdrawn=withdrawn, holdout_share=study_day.policy.share)


def publish_learner(
    connection: psycopg.Connection[Any],
    study_day: StudyDay,
    learner: str,
    scored: pd.DataFrame,
    indicators: pd.DataFrame,
    interventions: pd.DataFrame,
) -> list[str]:
    """As `publish_day`, of one learner within the open study day, which stays unpublished. Others keep theirs.

    Waits for a night that is being published, and for another call for the same learner.

    Args:
        connection: On the app's database.
        study_day: The open day; its moment is T, not the day's closing.
        learner: The learner.
        scored: Their candidates.
        indicators: Theirs.
        interventions: Theirs.

    Returns:
        Ids of the published episodes that stand at T now, or later, in the order of `scored`; none where the learner
        has opted out meanwhile.

    Raises:
        AmericanoError: As `publish_day`.
        ClockError: T is ahead of the database's clock.
    """
    with connection.transaction():
        lock_learner(connection, learner)
        require_clock(connection, study_day.moment.at)
        if not may_be_analysed(connection, learner):
            return []
        shown = list(_shown(connection, study_day, [scored]))
        _write(Staging(connection), study_day, shown, [indicators], [interventions], learner)
    return [str(one) for rows in shown for one in rows["prediction_id"]]


def may_be_analysed(connection: psycopg.Connection[Any], learner: str) -> bool:
    """Whether this account exists and has not opted out, as of now."""
    found = connection.execute(query("may_be_analysed"), {"user_id": learner})
    return found.fetchone() is not None


def _shown(connection: psycopg.Connection[Any], study_day: StudyDay, scored: Frames) -> Iterator[pd.DataFrame]:
    """The rows that are published, each with its reasons: flagged now, or in an episode that was flagged before."""
    for rows in scored:
        flagged = rows["flagged"].to_numpy(dtype=bool)
        others = rows.loc[~flagged, "prediction_id"].tolist()
        known = known_episodes(connection, others, naive(study_day.moment.at))
        shown = rows[flagged | rows["prediction_id"].isin(known)]
        yield explained(of_present_objectives(connection, shown), study_day.model.scorer)


def _write(
    staging: Staging,
    study_day: StudyDay,
    shown: Frames,
    indicators: Frames,
    interventions: Frames,
    learner: str | None = None,
) -> Written:
    """Everything that a publication writes but the record of the day; of one learner where one is given."""
    at = naive(study_day.moment.at)
    predictions = OwnedTable(staging, PREDICTIONS, study_day.day)
    shown_signs = OwnedTable(staging, INDICATORS, study_day.day)
    advised = OwnedTable(staging, RECOMMENDATIONS, study_day.day)
    experiment = experiment_of(staging.connection, study_day.policy)
    predictions.stage_batches((_prediction_batch(rows, at, experiment) for rows in shown), **_BESIDE)
    given = f"given_{INDICATORS}", f"given_{RECOMMENDATIONS}"
    staging.put_batches(given[0], like(INDICATORS), (indicator_rows(rows, at) for rows in indicators))
    staging.put_batches(
        given[1], like(RECOMMENDATIONS, actions="text"), (recommendation_rows(rows, at) for rows in interventions)
    )
    held_out = write_ledger(staging, study_day)

    # A row that is new stands as it is staged: what was there before is refreshed first.
    refreshed = predictions.refresh(REFRESHED_PREDICTION_COLUMNS, _NOT_OLDER)
    inserted = predictions.insert_new(PREDICTION_COLUMNS)
    n_indicators = _write_beside(shown_signs, INDICATOR_COLUMNS, ("severity", "context"))
    n_interventions = _write_beside(
        advised,
        RECOMMENDATION_COLUMNS,
        ("description", "reasoning", "priority", "relatedObjectiveId"),
        more="g.actions",
        withheld=_OF_HOLDOUT,
    )
    write_actions(staging, learner)
    require_untouched_holdout(staging.connection, learner)
    alerts = refresh_alerts(staging, study_day, learner)
    return Written(inserted, refreshed, n_indicators, n_interventions, alerts, held_out)


def _prediction_batch(rows: pd.DataFrame, at: datetime, experiment: Experiment) -> pa.RecordBatch:
    days = {day: EPOCH + timedelta(days=int(day)) for day in rows["planned_day"].unique()}
    beside = {
        "planned_day": pa.array([days[day] for day in rows["planned_day"]], pa.date32()),
        "arm": pa.array(experiment.arms(rows["learner_id"], rows["objective_id"]), pa.string()),
        "planned": pa.array(rows["planned"], pa.bool_()),
        "flagged": pa.array(rows["flagged"], pa.bool_()),
        "load": pa.array(rows[_LOAD].to_numpy(float), mask=~rows[f"observed_{_LOAD}"].to_numpy(bool)),
    }
    return pa.record_batch({**prediction_rows(rows, at), **beside})


def of_present_objectives(connection: psycopg.Connection[Any], rows: pd.DataFrame) -> pd.DataFrame:
    """Without rows of objectives that were deleted since the curriculum was read: no prediction can refer to them."""
    if rows.empty:
        return rows
    found = connection.execute(
        'SELECT "id" FROM learning_objectives WHERE "id" = ANY (%s)', [rows["objective_id"].unique().tolist()]
    )
    return rows[rows["objective_id"].isin([row[0] for row in found])]


def _write_beside(
    table: OwnedTable, columns: Sequence[str], refreshed: Sequence[str], *, more: str = "", withheld: str = "false"
) -> int:
    """Write what was given beside predictions: of those alone that now stand at this cut-off, whose rows they are."""
    listed = ", ".join(f'{"r" if column in _OF_PREDICTION else "g"}."{column}"' for column in columns)
    table.staging.keep(
        table.staged,
        f"SELECT {listed}{more and ', '}{more} FROM given_{table.table} g "
        f'JOIN staged_{PREDICTIONS} r ON r."id" = g."predictionId" '
        f'JOIN {PREDICTIONS} q ON q."id" = r."id" AND q."predictedAt" = r."predictedAt" WHERE NOT {withheld}',
        key="id",
    )
    table.withdraw(_OF_REFRESHED + f' AND NOT EXISTS (SELECT 1 FROM {table.staged} s WHERE s."id" = t."id")')
    return table.refresh(refreshed, 't."predictionId" = s."predictionId"') + table.insert_new(columns)


def _withdraw_opted_out(connection: psycopg.Connection[Any], day: date) -> int:
    """Take back open rows, untouched by anyone, of learners who opted out or whose account is gone."""
    gone = (
        'NOT EXISTS (SELECT 1 FROM users u WHERE u."id" = t."userId" '
        'AND u."behavioralAnalysisEnabled" AND u."performanceTrackingEnabled")'
    )
    staging = Staging(connection)
    counts = [
        OwnedTable(staging, table, day).withdraw(f"t.{column}::text = 'PENDING' AND {gone}" if column else gone)
        for table, column in ((RECOMMENDATIONS, '"status"'), (INDICATORS, None), (PREDICTIONS, '"predictionStatus"'))
    ]
    return sum(counts)
