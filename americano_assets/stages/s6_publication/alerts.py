"""Writes ml.alerts and ml.intervention_actions within a publication: what the app shows beside its own tables."""

from collections.abc import Iterator
from datetime import UTC
from typing import Any

import pandas as pd
import pyarrow as pa

from americano_assets.core.base.records import mappings
from americano_assets.core.publication.alerts import Alert, alert_of, ranked
from americano_assets.core.study_days.cutoff import naive
from americano_assets.resources.postgres.connection import frame_of
from americano_assets.resources.postgres.staging import Staging, like
from americano_assets.stages.s6_publication.episode_ledger import StudyDay
from americano_assets.stages.s6_publication.sql import query

# Of everybody, or of one learner alone, where an open day is computed for them.
_OF_LEARNER = "(%(learner)s::text IS NULL OR {table}.user_id = %(learner)s::text)"
# Rows that are ranked at once; a learner's are not torn apart.
_RANKED_ROWS = 32_768


def write_actions(staging: Staging, learner: str | None = None) -> None:
    """Keep the machine's part of the interventions that stand, and let go of those that were withdrawn.

    Reads the staged recommendations of this transaction, among which the holdout's are not.

    Args:
        staging: In the publication's transaction.
        learner: Let go of this learner's alone.
    """
    if staging.count("staged_intervention_recommendations"):
        staging.execute(query("actions_upsert"))
    staging.execute(
        f"DELETE FROM ml.intervention_actions i WHERE {_OF_LEARNER.format(table='i')} AND NOT EXISTS "
        '(SELECT FROM intervention_recommendations r WHERE r."id" = i.intervention_id) AND NOT EXISTS '
        "(SELECT FROM ml.struggle_predictions_archive a WHERE a.prediction_id = i.prediction_id)",
        {"learner": learner},
    )


def refresh_alerts(staging: Staging, study_day: StudyDay, learner: str | None = None) -> int:
    """Bring ml.alerts to this night, unless a later one was published; returns how many there are of this night.

    A holdout episode gives none, nor does one that is over, that its learner dismissed, or whose learner opted out.
    Whoever asked for fresh predictions after the night's cut-off keeps the alerts that they were given then.

    Args:
        staging: In the publication's transaction, after the app's rows were written.
        study_day: The day.
        learner: Only this learner's alerts, within the open study day.
    """
    of_learner = _OF_LEARNER.format(table="a")
    staging.execute(
        f'DELETE FROM ml.alerts a WHERE {of_learner} AND NOT EXISTS (SELECT FROM users u WHERE u."id" = a.user_id '
        'AND u."behavioralAnalysisEnabled" AND u."performanceTrackingEnabled")',
        {"learner": learner},
    )
    at = naive(study_day.moment.at)
    if staging.execute(query("later_alerts"), {"at": at, "study_day": study_day.day, "learner": learner}).fetchone():
        return 0
    staging.put_batches(
        "staged_alerts", like("ml.alerts"), _alert_batches(staging, study_day, within_day=learner is not None)
    )
    staging.execute(
        f"DELETE FROM ml.alerts a WHERE {of_learner} AND a.study_day <= %(study_day)s "
        "AND NOT EXISTS (SELECT FROM staged_alerts s WHERE s.id = a.id)",
        {"learner": learner, "study_day": study_day.day},
    )
    if staging.count("staged_alerts"):
        staging.execute(query("alerts_upsert"))
    return staging.count("staged_alerts")


def _alert_batches(staging: Staging, study_day: StudyDay, *, within_day: bool) -> Iterator[pa.RecordBatch]:
    """Rows of ml.alerts: at most three a learner."""
    at = naive(study_day.moment.at)
    for rows in _candidates(staging, study_day, within_day=within_day):
        found = staging.execute(query("alert_indicators"), {"predictions": rows["prediction_id"].tolist()})
        top = ranked(rows, frame_of(found), at)
        alerts = pd.DataFrame(map(vars, _alerts(staging, study_day, top, within_day=within_day)))
        told = alerts.assign(
            user_id=top["learner_id"].to_numpy(),
            due_at=top["planned_at"].to_numpy(),
            created_at=at,
            study_day=study_day.day,
        )
        yield from pa.Table.from_pandas(told, preserve_index=False).to_batches()


def _candidates(staging: Staging, study_day: StudyDay, *, within_day: bool) -> Iterator[pd.DataFrame]:
    """What may alert, as `ranked` takes it, all rows of a learner together."""
    among = {"at": naive(study_day.moment.at), "study_day": study_day.day}
    # All rows will be fetched: not the plan that gives the first ones soonest.
    staging.execute("SET LOCAL cursor_tuple_fraction = 1")
    # One learner's are few: they need no cursor on the server.
    with staging.connection.cursor("" if within_day else "alert_candidates") as cursor:
        cursor.execute(query("alert_candidates").encode(), among)
        names = [column.name for column in cursor.description or []]
        learner, rows = names.index("learner_id"), list[Any]()
        for row in cursor:
            if len(rows) >= _RANKED_ROWS and row[learner] != rows[-1][learner]:
                yield pd.DataFrame(rows, columns=names)
                rows = []
            rows.append(row)
        if rows:
            yield pd.DataFrame(rows, columns=names)


def _alerts(staging: Staging, study_day: StudyDay, top: pd.DataFrame, *, within_day: bool) -> list[Alert]:
    """The alerts of ranked rows, in their order."""
    if top.empty:
        return []
    predictions, objectives = top["prediction_id"].tolist(), top["objective_id"].unique().tolist()
    interventions = {
        row[0]: (row[1], row[2])
        for row in staging.execute(query("alert_interventions"), {"predictions": predictions}).fetchall()
    }
    names = dict(
        staging.execute(
            'SELECT "id", "objective" FROM learning_objectives WHERE "id" = ANY (%(ids)s)', {"ids": objectives}
        ).fetchall()
    )
    zone = study_day.moment.zone
    return [
        alert_of(
            row,
            names[row["objective_id"]],
            row["planned_at"].to_pydatetime().replace(tzinfo=UTC).astimezone(zone),
            row["reason"],
            interventions.get(row["prediction_id"]),
            within_day=within_day,
        )
        for row in mappings(top)
    ]
