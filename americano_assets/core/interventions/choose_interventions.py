"""Which indicators a flagged prediction shows, and what to do about them, in a student's words."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from americano_assets.core.base.ids import cuid
from americano_assets.core.interventions.learner_profile import FORMAT_WORDS, Profile
from americano_assets.core.interventions.type_priorities import shifted

MAX_PER_PREDICTION = 3
LONG_SESSION_MINUTES = 50
SHORTEST_MINUTES = 10
BREAK_EVERY_MINUTES = 25
MORE_TIME = 1.25
REVIEW_DAYS = (1, 3, 7)
NOTHING_KNOWN = Profile()


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
    """A row of intervention_recommendations, and what a machine needs of it.

    Attributes:
        priority: 1-10, with what was learned about its type.
        base_priority: The same before anything was learned.
        actions: JSON: `type`, `objective_ids`, `minutes`; by type also `days_before`, `review_days`, `hours`,
            `time_factor`, `load_factor`, `break_every_minutes`, `format`.
    """

    id: str
    prediction_id: str
    intervention_type: str
    description: str
    reasoning: str
    priority: int
    base_priority: int
    related_objective_id: str
    actions: str


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
    row: Mapping[str, Any],
    names: Mapping[str, str],
    profile: Profile = NOTHING_KNOWN,
    easier: str | None = None,
    shifts: Mapping[str, int] | None = None,
) -> list[Intervention]:
    """What to do about one flagged row: at most three, one of a type, highest priority first.

    Args:
        row: A scored row, with `unmastered_prerequisites` (ids, strongest first).
        names: Objective texts by id; one that is missing or blank is not named.
        profile: How the learner studies.
        easier: An easier objective of the topic that they have not mastered, by id.
        shifts: What was learned about types (core/interventions/type_priorities.py), added to their priority.
    """
    prediction, objective = str(row["prediction_id"]), str(row["objective_id"])
    signs = signs_of(row)
    chosen: dict[str, Intervention] = {}
    hours = {"start": profile.hours.start, "end": profile.hours.end} if profile.hours else None
    best_time = f" Between {profile.hours.text} is when your studying goes best." if profile.hours else ""
    half = max(round(profile.minutes / 2), SHORTEST_MINUTES)

    def add(
        kind: str, priority: int, description: str, reasoning: str, related: str = objective, **actions: Any
    ) -> None:
        chosen.setdefault(
            kind,
            Intervention(
                cuid("intervention", prediction, kind),
                prediction,
                kind,
                description,
                reasoning,
                shifted(priority, (shifts or {}).get(kind, 0)),
                priority,
                related,
                json.dumps({"type": kind, **actions}, sort_keys=True),
            ),
        )

    if PREREQUISITES in signs:
        gaps = [str(gap) for gap in row["unmastered_prerequisites"]]
        listed = _listed([names[gap] for gap in gaps if names.get(gap, "").strip()])
        what = f"what this builds on: {listed}" if listed else "the groundwork of this objective"
        add(
            "PREREQUISITE_REVIEW",
            9,
            f"A day or two before, take about {half} minutes to go over {what}.{best_time}",
            "This objective builds on things that are not secure yet; going over them first makes it easier.",
            gaps[0] if gaps else objective,
            objective_ids=gaps or [objective],
            minutes=half,
            days_before=[2, 1],
            hours=hours,
        )
    if COMPLEXITY in signs:
        start = (
            f"Start with «{names[easier]}»"
            if easier is not None and names.get(easier, "").strip()
            else "Start with an easier objective"
        )
        add(
            "DIFFICULTY_PROGRESSION",
            8,
            f"{start}, a smaller step in the same topic, and plan 25 % more time for this one.",
            "This one is a big step from where you are in the topic; a smaller one first gives you a foothold.",
            easier or objective,
            objective_ids=[easier, objective] if easier else [objective],
            minutes=round(profile.minutes * MORE_TIME),
            time_factor=MORE_TIME,
        )
    if OVERLOAD in signs:
        add(
            "COGNITIVE_LOAD_REDUCE",
            8,
            f"Make your next mission half as long, about {half} minutes, and keep the rest for the day after.",
            "Your last day of study was heavy, and what is learned tired does not last: less today is more later.",
            objective_ids=[objective],
            minutes=half,
            load_factor=0.5,
            hours=hours,
        )
        if profile.longest_habit is not None and profile.longest_habit > LONG_SESSION_MINUTES:
            add(
                "BREAK_SCHEDULE_ADJUST",
                5,
                f"Take a short break every {BREAK_EVERY_MINUTES} minutes.",
                f"Your sessions last about {round(profile.longest_habit)} minutes; short breaks keep you fresh.",
                objective_ids=[objective],
                minutes=round(profile.longest_habit),
                break_every_minutes=BREAK_EVERY_MINUTES,
            )
    if FORMAT in signs:
        form = FORMAT_WORDS.get(profile.best_format or "", "the form that you learn best from")
        add(
            "CONTENT_FORMAT_ADAPT",
            7,
            f"Look for the same content as {form}.",
            "This objective comes in the form that suits you least; the same content in another form may click sooner.",
            objective_ids=[objective],
            minutes=profile.minutes,
            format=profile.best_format,
        )
    if any(sign in signs for sign in (RETENTION, LAPSES, HISTORY)):
        forgetting = RETENTION in signs or LAPSES in signs
        add(
            "SPACED_REPETITION_BOOST",
            6,
            f"Add short reviews of this topic after 1, 3 and 7 days, about {SHORTEST_MINUTES} minutes each.{best_time}",
            "Cards of this topic have been slipping lately; short reviews at growing distances hold them."
            if forgetting
            else "Earlier objectives of this topic were often hard; short reviews at growing distances help them stay.",
            objective_ids=[objective],
            minutes=SHORTEST_MINUTES,
            review_days=list(REVIEW_DAYS),
            hours=hours,
        )
    return sorted(chosen.values(), key=lambda one: (-one.priority, one.intervention_type))[:MAX_PER_PREDICTION]


def _listed(parts: Sequence[str]) -> str:
    return ", ".join(f"«{part}»" for part in parts)
