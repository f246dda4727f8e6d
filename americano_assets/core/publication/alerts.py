"""The few predictions that matter most to a learner now: their order, and what an alert says."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from americano_assets.core.base.ids import cuid
from americano_assets.core.models.risk import HIGH_RISK, MEDIUM_RISK

PER_LEARNER = 3
SEVERITIES = ("LOW", "MEDIUM", "HIGH", "CRITICAL")
CRITICAL_RISK = 0.9
URGENT_DAYS = 7
# A suggestion rather than a warning where there is still time to follow it.
SUGGESTION_DAYS = 3
_WEIGHTS = {"urgency": 0.4, "confidence": 0.3, "severity": 0.2, "load": 0.1}
_UNKNOWN_LOAD = 0.5
_DAY = pd.Timedelta(days=1)
_GAP = "PREREQUISITE_GAP"


@dataclass(frozen=True)
class Alert:
    """A row of ml.alerts, but for its learner and times."""

    id: str
    prediction_id: str
    type: str
    title: str
    message: str
    severity: str
    priority: float
    intervention_id: str | None


def ranked(rows: pd.DataFrame, indicators: pd.DataFrame, at: datetime) -> pd.DataFrame:
    """The top three predictions of each learner, most pressing first, with `alert_priority`, `alert_severity`, `gap`.

    The priority is 0.4 urgency + 0.3 confidence + 0.2 severity + 0.1 cognitive load, each 0-100. Urgency is 100 for
    what is due now and 0 for what is a week away; severity counts 25, 50, 75, 100.

    Args:
        rows: Scored rows that may alert: `probability`, `confidence`, `planned_at`, `cognitive_load_indicator` with
            its observed bit.
        indicators: `prediction_id`, `indicator_type`, `severity`.
        at: The cut-off (naive, UTC).
    """
    by_type = indicators[["prediction_id", "indicator_type"]]
    gaps = by_type.loc[by_type["indicator_type"] == _GAP, "prediction_id"]
    shown = indicators["severity"].map({name: rank for rank, name in enumerate(SEVERITIES)})
    deepest = shown.groupby(indicators["prediction_id"]).max()
    risk = np.searchsorted([MEDIUM_RISK, HIGH_RISK, CRITICAL_RISK], rows["probability"].to_numpy(float), side="right")
    severity = np.maximum(risk, rows["prediction_id"].map(deepest).fillna(0).to_numpy(int))
    days = ((rows["planned_at"] - pd.Timestamp(at)) / _DAY).to_numpy(float)
    load = np.where(rows["observed_cognitive_load_indicator"], rows["cognitive_load_indicator"], _UNKNOWN_LOAD)
    parts = {
        "urgency": 1 - np.clip(days / URGENT_DAYS, 0, 1),
        "confidence": rows["confidence"].to_numpy(float),
        "severity": (severity + 1) / len(SEVERITIES),
        "load": load.astype(float),
    }
    priority = sum(100 * weight * parts[name] for name, weight in _WEIGHTS.items())
    found = rows.assign(
        alert_priority=np.round(priority, 6),
        alert_severity=[SEVERITIES[rank] for rank in severity],
        days_left=days,
        gap=rows["prediction_id"].isin(gaps),
    ).sort_values(["learner_id", "alert_priority", "prediction_id"], ascending=[True, False, True], kind="stable")
    return found.groupby("learner_id", sort=False).head(PER_LEARNER)


def alert_of(
    row: Mapping[str, Any],
    objective: str,
    due: datetime,
    reason: str,
    intervention: tuple[str, str] | None,
    *,
    within_day: bool = False,
) -> Alert:
    """What a learner is told about one row of `ranked`.

    Args:
        row: The row.
        objective: Its objective, in words; where it has none it is not named.
        due: When it is planned for, local; used where `planned` is true.
        reason: What speaks for a struggle, a sentence without its full stop.
        intervention: Id and description of what to do, if there is anything.
        within_day: Computed in the open study day, from what the learner has just done.
    """
    kind = _type(row, intervention, within_day)
    named = f"«{objective}»" if objective.strip() else "an objective"
    title = {
        "PREREQUISITE_ALERT": f"First the groundwork of {named}",
        "INTERVENTION_SUGGESTION": f"A way to make {named} easier",
    }.get(kind, f"{named[:1].upper()}{named[1:]} may be hard for you")
    when = f"It is planned for {due:%A}, {due.day} {due:%B}." if row["planned"] else "It is not planned yet."
    message = " ".join(part for part in (when, f"{reason}.", intervention[1] if intervention else "") if part)
    return Alert(
        cuid("alert", str(row["prediction_id"])),
        str(row["prediction_id"]),
        kind,
        title,
        message,
        str(row["alert_severity"]),
        float(row["alert_priority"]),
        intervention[0] if intervention else None,
    )


def _type(row: Mapping[str, Any], intervention: tuple[str, str] | None, within_day: bool) -> str:
    if within_day:
        return "REAL_TIME_ALERT"
    if row["gap"]:
        return "PREREQUISITE_ALERT"
    if intervention and row["days_left"] > SUGGESTION_DAYS:
        return "INTERVENTION_SUGGESTION"
    return "PROACTIVE_WARNING"
