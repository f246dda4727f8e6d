"""Writes ml.alerts and ml.intervention_actions within a publication: what the app shows beside its own tables."""

import json
from dataclasses import fields
from datetime import UTC

import pandas as pd

from americano_assets.core.base.records import mappings
from americano_assets.core.publication.alerts import Alert, alert_of, ranked
from americano_assets.core.study_days.cutoff import naive
from americano_assets.resources.postgres.staging import Staging, like, typed
from americano_assets.stages.s6_publication.episode_ledger import StudyDay
from americano_assets.stages.s6_publication.sql import query

# Of everybody, or of one learner alone, where an open day is computed for them.
_OF_LEARNER = "(%(learner)s::text IS NULL OR {table}.user_id = %(learner)s::text)"
# What an alert needs of a scored row.
_OF_ROW = [
    "prediction_id",
    "learner_id",
    "objective_id",
    "planned",
    "planned_at",
    "probability",
    "confidence",
    "cognitive_load_indicator",
    "observed_cognitive_load_indicator",
    "factors",
]


def write_actions(staging: Staging, interventions: pd.DataFrame, learner: str | None = None) -> None:
    """Keep the machine's part of the interventions that stand, and let go of those that were withdrawn.

    Reads the staged recommendations of this transaction, from which the holdout's were taken.

    Args:
        staging: In the publication's transaction.
        interventions: What was chosen.
        learner: Let go of this learner's alone.
    """
    if len(interventions):
        staging.put(
            "staged_actions",
            typed("intervention_id text, actions text"),
            ("intervention_id", "actions"),
            zip(interventions["id"], interventions["actions"], strict=True),
        )
        staging.execute(query("actions_upsert"))
    staging.execute(
        f"DELETE FROM ml.intervention_actions i WHERE {_OF_LEARNER.format(table='i')} AND NOT EXISTS "
        '(SELECT FROM intervention_recommendations r WHERE r."id" = i.intervention_id) AND NOT EXISTS '
        "(SELECT FROM ml.struggle_predictions_archive a WHERE a.prediction_id = i.prediction_id)",
        {"learner": learner},
    )


def refresh_alerts(
    staging: Staging,
    study_day: StudyDay,
    rows: pd.DataFrame,
    indicators: pd.DataFrame,
    learner: str | None = None,
) -> int:
    """Bring ml.alerts to this night, unless a later one was published; returns how many there are of this night.

    A holdout episode gives none, nor does one that is over, that its learner dismissed, or whose learner opted out.
    Whoever asked for fresh predictions after the night's cut-off keeps the alerts that they were given then.

    Args:
        staging: In the publication's transaction, after the app's rows were written.
        study_day: The day.
        rows: Scored rows that were published.
        indicators: Their indicators.
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
    among = {"at": at, "study_day": study_day.day}
    allowed = [row[0] for row in staging.execute(query("alert_candidates"), among).fetchall()]
    alerting = rows.loc[rows["flagged"] & rows["prediction_id"].isin(allowed), _OF_ROW]
    top = ranked(alerting, indicators, at)
    alerts = _alerts(staging, study_day, top, within_day=learner is not None)
    staging.put(
        "staged_alerts",
        like("ml.alerts"),
        (*(field.name for field in fields(Alert)), "user_id", "due_at", "created_at", "study_day"),
        (
            (*vars(alert).values(), owner, due.to_pydatetime(), at, study_day.day)
            for alert, owner, due in zip(alerts, top["learner_id"], top["planned_at"], strict=True)
        ),
    )
    staging.execute(
        f"DELETE FROM ml.alerts a WHERE {of_learner} AND a.study_day <= %(study_day)s "
        "AND NOT EXISTS (SELECT FROM staged_alerts s WHERE s.id = a.id)",
        {"learner": learner, "study_day": study_day.day},
    )
    if alerts:
        staging.execute(query("alerts_upsert"))
    return len(alerts)


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
            json.loads(row["factors"])[0]["text"],
            interventions.get(row["prediction_id"]),
            within_day=within_day,
        )
        for row in mappings(top)
    ]
