"""Which indicators a flagged prediction shows, and what to do about them, in a student's words."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from americano_assets.core.ids import cuid

MAX_PER_PREDICTION = 3
LONG_SESSION_MINUTES = 50


@dataclass(frozen=True)
class Sign:
    """What fires an indicator: an observed feature past a threshold.

    Attributes:
        indicator: IndicatorType, or None where the sign only leads to an intervention.
        feature: Column.
        threshold: Fires past it.
        extreme: Where the severity is at its highest.
    """

    indicator: str | None
    feature: str
    threshold: float
    extreme: float

    def depth(self, value: float) -> float:
        """How far past the threshold, 0 (not, or just there) to 1 (at the extreme)."""
        return min(max((value - self.threshold) / (self.extreme - self.threshold), 0.0), 1.0)

    def fires(self, row: Mapping[str, Any]) -> bool:
        """Whether the feature was observed and is past the threshold."""
        if not row[f"observed_{self.feature}"]:
            return False
        value = row[self.feature]
        return bool(value < self.threshold if self.extreme < self.threshold else value > self.threshold)


RETENTION = Sign("LOW_RETENTION", "retention_score", 0.5, 0.0)
LAPSES = Sign("LOW_RETENTION", "review_lapse_rate", 0.3, 1.0)
PREREQUISITES = Sign("PREREQUISITE_GAP", "prerequisite_gap_count", 0.5, 1.0)
COMPLEXITY = Sign("COMPLEXITY_MISMATCH", "complexity_mismatch", 0.4, 0.9)
OVERLOAD = Sign("COGNITIVE_OVERLOAD", "cognitive_load_indicator", 0.7, 1.0)
HISTORY = Sign("HISTORICAL_STRUGGLE_PATTERN", "historical_struggle_score", 0.6, 1.0)
# Fires at 0.6, the value of the lowest-ranked format.
FORMAT = Sign(None, "content_type_mismatch", 0.6 - 1e-9, 1.0)
SIGNS = (RETENTION, LAPSES, PREREQUISITES, COMPLEXITY, OVERLOAD, HISTORY, FORMAT)


@dataclass(frozen=True)
class Indicator:
    """A row of struggle_indicators."""

    id: str
    prediction_id: str
    indicator_type: str
    severity: str
    context: str


@dataclass(frozen=True)
class Intervention:
    """A row of intervention_recommendations."""

    id: str
    prediction_id: str
    intervention_type: str
    description: str
    reasoning: str
    priority: int
    related_objective_id: str


def signs_of(row: Mapping[str, Any]) -> list[Sign]:
    """The signs that fire in one scored row. Lapses count only above what the cohort has on the same objective."""
    above_cohort = row.get("cohort_lapse_rate") is None or row["review_lapse_rate"] > row["cohort_lapse_rate"]
    return [sign for sign in SIGNS if sign.fires(row) and (sign is not LAPSES or above_cohort)]


def indicators_of(row: Mapping[str, Any]) -> list[Indicator]:
    """The indicators of one scored row, one of a type, with the deepest sign's severity."""
    deepest: dict[str, Sign] = {}
    for sign in signs_of(row):
        held = deepest.get(sign.indicator) if sign.indicator else None
        if sign.indicator and (held is None or sign.depth(row[sign.feature]) > held.depth(row[held.feature])):
            deepest[sign.indicator] = sign
    prediction = str(row["prediction_id"])
    return [
        Indicator(
            cuid("indicator", prediction, kind),
            prediction,
            kind,
            severity(sign.depth(row[sign.feature])),
            json.dumps(
                {"feature": sign.feature, "value": round(float(row[sign.feature]), 6), "threshold": sign.threshold}
            ),
        )
        for kind, sign in deepest.items()
    ]


def severity(depth: float) -> str:
    """LOW, MEDIUM or HIGH by thirds of the way from the threshold to the extreme."""
    return ("LOW", "MEDIUM", "HIGH")[min(int(depth * 3), 2)]


def interventions_of(
    row: Mapping[str, Any], names: Mapping[str, str], session_minutes: float | None
) -> list[Intervention]:
    """What to do about one flagged row: at most three, one of a type, highest priority first.

    Args:
        row: A scored row, with `unmastered_prerequisites` (ids, strongest first).
        names: Objective texts by id.
        session_minutes: The learner's usual session, or None.
    """
    prediction, objective = str(row["prediction_id"]), str(row["objective_id"])
    signs = signs_of(row)
    chosen: list[Intervention] = []

    def add(kind: str, priority: int, description: str, reasoning: str, related: str = objective) -> None:
        if all(one.intervention_type != kind for one in chosen):
            identity = cuid("intervention", prediction, kind)
            chosen.append(Intervention(identity, prediction, kind, description, reasoning, priority, related))

    if PREREQUISITES in signs:
        gaps = [str(gap) for gap in row["unmastered_prerequisites"]]
        listed = _listed([names[gap] for gap in gaps if gap in names])
        add(
            "PREREQUISITE_REVIEW",
            9,
            f"Go over what this builds on a day or two before: {listed}."
            if listed
            else "Go over the groundwork first.",
            "This objective builds on things that are not secure yet; going over them first makes it easier.",
            gaps[0] if gaps else objective,
        )
    if COMPLEXITY in signs:
        add(
            "DIFFICULTY_PROGRESSION",
            8,
            "Start with an easier objective of the same topic, and plan 25 % more time for this one.",
            "It is a big step from where you are in this topic; a smaller step first helps.",
        )
    if OVERLOAD in signs:
        add(
            "COGNITIVE_LOAD_REDUCE",
            8,
            "Halve today's mission and keep the rest for tomorrow.",
            "Your last day of study was heavy; what is learned tired does not last.",
        )
        if session_minutes is not None and session_minutes > LONG_SESSION_MINUTES:
            add("BREAK_SCHEDULE_ADJUST", 5, "Take a short break every 25 minutes.", "Your sessions are long.")
    if FORMAT in signs:
        add(
            "CONTENT_FORMAT_ADAPT",
            7,
            "Look for the same content in the format that you learn best from.",
            "The format of this objective is the one that suits you least.",
        )
    if any(sign in signs for sign in (RETENTION, LAPSES, HISTORY)):
        forgetting = RETENTION in signs or LAPSES in signs
        add(
            "SPACED_REPETITION_BOOST",
            6,
            "Add short reviews of this topic after 1, 3 and 7 days.",
            "Cards of this topic have been slipping lately; short reviews at growing distances hold them."
            if forgetting
            else "Earlier objectives of this topic were often hard; short reviews at growing distances help them stay.",
        )
    return sorted(chosen, key=lambda one: (-one.priority, one.intervention_type))[:MAX_PER_PREDICTION]


def _listed(parts: Sequence[str]) -> str:
    return ", ".join(f"«{part}»" for part in parts)
