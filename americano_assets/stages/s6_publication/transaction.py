"""Publishes one study day, or one learner within the open one, into the app's tables, whole or not at all."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd
import psycopg

from americano_assets.core.base.experiment_arms import HOLDOUT
from americano_assets.core.study_days.cutoff import naive
from americano_assets.resources.postgres.clock import require_clock
from americano_assets.resources.postgres.staging import Staging
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
from americano_assets.stages.s6_publication.holdout import require_untouched_holdout
from americano_assets.stages.s6_publication.owned_tables import OwnedTable, lock_learner, lock_publication
from americano_assets.stages.s6_publication.sql import query

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
# What is staged beside a prediction and is not written: its episode is held out, it stands at another cut-off, it is
# not there.
_OF_HOLDOUT = (
    f"EXISTS (SELECT 1 FROM ml.assignments a WHERE a.prediction_id = s.\"predictionId\" AND a.arm = '{HOLDOUT}')"
)
_OF_OTHERS = (
    f'EXISTS (SELECT 1 FROM {PREDICTIONS} q JOIN staged_{PREDICTIONS} r USING ("id") '
    'WHERE q."id" = s."predictionId" AND q."predictedAt" <> r."predictedAt")'
)
_OF_NONE = f'NOT EXISTS (SELECT 1 FROM {PREDICTIONS} q WHERE q."id" = s."predictionId")'


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
    connection: psycopg.Connection[Any],
    study_day: StudyDay,
    scored: pd.DataFrame,
    indicators: pd.DataFrame,
    interventions: pd.DataFrame,
) -> Published:
    """Publish flagged episodes, and refresh those published before, in one transaction.

    A row whose `predictedAt` is later is left as it is: a rerun of an old day does not undo newer ones. The ledger is
    written first, with each episode's arm; a holdout episode is published without its interventions.

    Args:
        connection: On the app's database.
        study_day: The day.
        scored: As schemas.SCORED_PREDICTIONS, all candidates.
        indicators: Rows of core.interventions.Indicator for the flagged, as a frame.
        interventions: Rows of core.interventions.Intervention for the flagged, as a frame, whatever their arm.

    Raises:
        AmericanoError: A holdout episode would be left with an intervention; then nothing was written.
    """
    with connection.transaction():
        lock_publication(connection)
        withdrawn = _withdraw_opted_out(connection, study_day.day)
        rows = _shown(connection, study_day, scored)
        done = _write(Staging(connection), study_day, rows, indicators, interventions)
        record_day(connection, study_day, candidates=len(scored), published=len(rows), held_out=done.held_out)
    return Published(**vars(done), candidates=len(scored), withdrawn=withdrawn, holdout_share=study_day.policy.share)


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
        rows = _shown(connection, study_day, scored)
        _write(Staging(connection), study_day, rows, indicators, interventions, learner)
    found: list[str] = rows["prediction_id"].tolist()
    return found


def may_be_analysed(connection: psycopg.Connection[Any], learner: str) -> bool:
    """Whether this account exists and has not opted out, as of now."""
    found = connection.execute(query("may_be_analysed"), {"user_id": learner})
    return found.fetchone() is not None


def _shown(connection: psycopg.Connection[Any], study_day: StudyDay, scored: pd.DataFrame) -> pd.DataFrame:
    """The rows that are published: flagged now, or in an episode that was flagged before."""
    known = known_episodes(connection, scored, naive(study_day.moment.at))
    return of_present_objectives(connection, scored[scored["flagged"] | scored["prediction_id"].isin(known)])


def _write(
    staging: Staging,
    study_day: StudyDay,
    rows: pd.DataFrame,
    indicators: pd.DataFrame,
    interventions: pd.DataFrame,
    learner: str | None = None,
) -> Written:
    """Everything that a publication writes but the record of the day; of one learner where one is given."""
    at = naive(study_day.moment.at)
    owner = dict(zip(rows["prediction_id"], zip(rows["learner_id"], rows["objective_id"], strict=True), strict=True))

    held_out = write_ledger(staging, study_day, rows, _types_of(interventions))

    predictions = OwnedTable(staging, PREDICTIONS, study_day.day)
    predictions.stage(PREDICTION_COLUMNS, prediction_rows(rows, at))
    inserted = predictions.insert_new(PREDICTION_COLUMNS)
    refreshed = predictions.refresh(REFRESHED_PREDICTION_COLUMNS, _NOT_OLDER)

    # Rows beside a prediction follow it: only where the prediction itself now stands at this cut-off.
    shown = OwnedTable(staging, INDICATORS, study_day.day)
    shown.stage(INDICATOR_COLUMNS, indicator_rows(indicators, owner, at))
    n_indicators = _write_beside(shown, INDICATOR_COLUMNS, ("severity", "context"))
    advised = OwnedTable(staging, RECOMMENDATIONS, study_day.day)
    advised.stage(RECOMMENDATION_COLUMNS, recommendation_rows(interventions, owner, at))
    n_interventions = _write_beside(
        advised,
        RECOMMENDATION_COLUMNS,
        ("description", "reasoning", "priority", "relatedObjectiveId"),
        _OF_HOLDOUT,
    )
    write_actions(staging, interventions, learner)
    require_untouched_holdout(staging.connection, learner)
    alerts = refresh_alerts(staging, study_day, rows, indicators, learner)
    return Written(inserted, refreshed, n_indicators, n_interventions, alerts, held_out)


def of_present_objectives(connection: psycopg.Connection[Any], rows: pd.DataFrame) -> pd.DataFrame:
    """Without rows of objectives that were deleted since the curriculum was read: no prediction can refer to them."""
    if rows.empty:
        return rows
    found = connection.execute(
        'SELECT "id" FROM learning_objectives WHERE "id" = ANY (%s)', [rows["objective_id"].unique().tolist()]
    )
    return rows[rows["objective_id"].isin([row[0] for row in found])]


def _write_beside(table: OwnedTable, columns: Sequence[str], refreshed: Sequence[str], *withheld: str) -> int:
    table.staging.drop(table.staged, *withheld, _OF_OTHERS, _OF_NONE)
    table.withdraw(_OF_REFRESHED + f' AND NOT EXISTS (SELECT 1 FROM {table.staged} s WHERE s."id" = t."id")')
    return table.insert_new(columns) + table.refresh(refreshed, _OF_REFRESHED)


def _types_of(interventions: pd.DataFrame) -> dict[str, list[str]]:
    types: dict[str, list[str]] = {}
    for prediction, kind in zip(interventions["prediction_id"], interventions["intervention_type"], strict=True):
        types.setdefault(prediction, []).append(kind)
    return {prediction: sorted(kinds) for prediction, kinds in types.items()}


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
