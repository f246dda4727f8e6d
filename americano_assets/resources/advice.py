"""Indicators and interventions of a study day's flagged predictions, from stored rows."""

from datetime import date
from typing import Any

from americano_assets.core.interventions import Indicator, Intervention, indicators_of, interventions_of
from americano_assets.resources.deployment import Deployment
from americano_assets.resources.scored_store import require_day


def indicators_of_day(deployment: Deployment, day: date) -> list[Indicator]:
    """Indicators of all scored rows at or above the threshold."""
    return [indicator for row in _flagged(deployment, day) for indicator in indicators_of(row)]


def interventions_of_day(deployment: Deployment, day: date) -> list[Intervention]:
    """Interventions of all scored rows at or above the threshold."""
    tables = deployment.tables(day).state(day).snapshot.tables
    objectives = deployment.store.read_whole("objectives", tables["objectives"]).to_pandas()
    profiles = deployment.store.read_whole("profiles", tables["profiles"]).to_pandas()
    names = dict(zip(objectives["objective_id"], objectives["objective_text"], strict=True))
    minutes = dict(zip(profiles["learner_id"], profiles["optimal_session_minutes"], strict=True))
    return [
        intervention
        for row in _flagged(deployment, day)
        for intervention in interventions_of(row, names, minutes.get(row["learner_id"]))
    ]


def _flagged(deployment: Deployment, day: date) -> list[dict[str, Any]]:
    scored = require_day(deployment, "scored_predictions", day)
    rows = [{str(name): value for name, value in row.items()} for row in scored[scored["flagged"]].to_dict("records")]
    for row in rows:
        # A rate that nobody has is NaN in a frame.
        if row["cohort_lapse_rate"] is None or row["cohort_lapse_rate"] != row["cohort_lapse_rate"]:
            row["cohort_lapse_rate"] = None
    return rows
