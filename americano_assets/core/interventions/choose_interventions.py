"""What to do about flagged predictions, in a student's words."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from americano_assets.core.base.arrays import BoolArray
from americano_assets.core.interventions.learner_profile import FORMAT_WORDS, Hours, Profile
from americano_assets.core.interventions.signs import (
    COMPLEXITY,
    FORMAT,
    HISTORY,
    LAPSES,
    OVERLOAD,
    PREREQUISITES,
    RETENTION,
    SIGN_COLUMNS,
    in_order,
    signs_of,
)
from americano_assets.core.interventions.type_priorities import shifted

MAX_PER_PREDICTION = 3
LONG_SESSION_MINUTES = 50
SHORTEST_MINUTES = 10
BREAK_EVERY_MINUTES = 25
MORE_TIME = 1.25
REVIEW_DAYS = (1, 3, 7)
NOTHING_KNOWN = Profile()
# What a scored row has to have to be advised on; unmastered prerequisites are ids, strongest first.
ADVICE_COLUMNS = (*SIGN_COLUMNS, "learner_id", "objective_id", "unmastered_prerequisites")
# Learners study alike, and the same objectives: so many pieces of JSON are made once.
_KEPT = 16_384


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


@dataclass(frozen=True)
class Known:
    """What advice is cut to.

    Attributes:
        names: Objective texts by id; one that is missing or blank is not named.
        profiles: How learners study, by id.
        easier: An easier objective of the topic that is not mastered, by (learner, objective).
        shifts: What was learned about types (core/interventions/type_priorities.py), added to their priority.
    """

    names: Mapping[str, str]
    profiles: Mapping[str, Profile] = field(default_factory=dict)
    easier: Mapping[tuple[str, str], str] = field(default_factory=dict)
    shifts: Mapping[str, int] = field(default_factory=dict)

    def named(self, objectives: Sequence[str]) -> list[str]:
        """The objectives that have words, in them."""
        texts = (self.names.get(one, "") for one in objectives)
        return [f"«{text}»" for text in texts if text.strip()]


class Case(NamedTuple):
    """What the words about one row depend on; `forgets`: its learner has been forgetting."""

    learner: str
    objective: str
    profile: Profile
    gaps: Sequence[str]
    forgets: bool


class Advice(NamedTuple):
    """What is said, with the objectives to turn to, the related one first; `actions` is JSON on both sides of them."""

    description: str
    reasoning: str
    objectives: Sequence[str]
    actions: tuple[str, str]


def interventions_of(rows: pd.DataFrame, known: Known) -> pd.DataFrame:
    """What to do about flagged rows, row after row: at most three each, one of a type, highest priority first.

    Args:
        rows: Columns ADVICE_COLUMNS.
        known: What is known of learners, objectives and types.

    Returns:
        As Intervention.
    """
    fired = signs_of(rows)
    forgets = fired[RETENTION] | fired[LAPSES]
    profiles = [known.profiles.get(one, NOTHING_KNOWN) for one in rows["learner_id"]]
    long_sessions = np.array([(one.longest_habit or 0) > LONG_SESSION_MINUTES for one in profiles], dtype=bool)
    because: dict[str, BoolArray] = {
        "PREREQUISITE_REVIEW": fired[PREREQUISITES],
        "DIFFICULTY_PROGRESSION": fired[COMPLEXITY],
        "COGNITIVE_LOAD_REDUCE": fired[OVERLOAD],
        "BREAK_SCHEDULE_ADJUST": fired[OVERLOAD] & long_sessions,
        "CONTENT_FORMAT_ADAPT": fired[FORMAT],
        "SPACED_REPETITION_BOOST": forgets | fired[HISTORY],
    }
    columns = (rows["learner_id"], rows["objective_id"], rows["unmastered_prerequisites"], rows["prediction_id"])
    learners, objectives, gaps, predictions = (one.to_numpy(dtype=object) for one in columns)
    priorities = {kind: shifted(base, known.shifts.get(kind, 0)) for kind, (base, _) in _ADVICE.items()}
    chosen = np.zeros(len(rows), dtype=int)
    found: list[pd.DataFrame] = []
    for kind in sorted(priorities, key=lambda one: (-priorities[one], one)):
        at = np.flatnonzero(because[kind] & (chosen < MAX_PER_PREDICTION))
        chosen[at] += 1
        base, advice = _ADVICE[kind]
        told = [advice(Case(learners[n], objectives[n], profiles[n], gaps[n], forgets[n]), known) for n in at.tolist()]
        found.append(
            pd.DataFrame(
                {
                    "prediction_id": predictions[at],
                    "intervention_type": kind,
                    "description": [one.description for one in told],
                    "reasoning": [one.reasoning for one in told],
                    "priority": priorities[kind],
                    "base_priority": base,
                    "related_objective_id": [one.objectives[0] for one in told],
                    "actions": [", ".join(map(_quoted, one.objectives)).join(one.actions) for one in told],
                },
                index=at,
            )
        )
    return in_order(found, "intervention", list(Intervention.__dataclass_fields__))


def _review_prerequisites(case: Case, known: Known) -> Advice:
    gaps, half, hours = [str(gap) for gap in case.gaps], _half(case.profile), case.profile.hours
    listed = ", ".join(known.named(gaps))
    what = f"what this builds on: {listed}" if listed else "the groundwork of this objective"
    return Advice(
        f"A day or two before, take about {half} minutes to go over {what}.{_best_time(hours)}",
        "This objective builds on things that are not secure yet; going over them first makes it easier.",
        gaps or [case.objective],
        _actions("PREREQUISITE_REVIEW", minutes=half, days_before=(2, 1), hours=hours),
    )


def _progress_in_difficulty(case: Case, known: Known) -> Advice:
    easier = known.easier.get((case.learner, case.objective))
    named = known.named([easier] if easier else [])
    return Advice(
        f"Start with {named[0] if named else 'an easier objective'}, a smaller step in the same topic, and plan 25 %"
        " more time for this one.",
        "This one is a big step from where you are in the topic; a smaller one first gives you a foothold.",
        [easier, case.objective] if easier else [case.objective],
        _actions("DIFFICULTY_PROGRESSION", minutes=round(case.profile.minutes * MORE_TIME), time_factor=MORE_TIME),
    )


def _reduce_load(case: Case, _: Known) -> Advice:
    half = _half(case.profile)
    return Advice(
        f"Make your next mission half as long, about {half} minutes, and keep the rest for the day after.",
        "Your last day of study was heavy, and what is learned tired does not last: less today is more later.",
        [case.objective],
        _actions("COGNITIVE_LOAD_REDUCE", minutes=half, load_factor=0.5, hours=case.profile.hours),
    )


def _take_breaks(case: Case, _: Known) -> Advice:
    minutes = round(case.profile.longest_habit or 0)
    return Advice(
        f"Take a short break every {BREAK_EVERY_MINUTES} minutes.",
        f"Your sessions last about {minutes} minutes; short breaks keep you fresh.",
        [case.objective],
        _actions("BREAK_SCHEDULE_ADJUST", minutes=minutes, break_every_minutes=BREAK_EVERY_MINUTES),
    )


def _adapt_format(case: Case, _: Known) -> Advice:
    best = case.profile.best_format
    return Advice(
        f"Look for the same content as {FORMAT_WORDS.get(best or '', 'the form that you learn best from')}.",
        "This objective comes in the form that suits you least; the same content in another form may click sooner.",
        [case.objective],
        _actions("CONTENT_FORMAT_ADAPT", minutes=case.profile.minutes, format=best),
    )


def _space_reviews(case: Case, _: Known) -> Advice:
    hours = case.profile.hours
    return Advice(
        f"Add short reviews of this topic after 1, 3 and 7 days, about {SHORTEST_MINUTES} minutes each."
        f"{_best_time(hours)}",
        "Cards of this topic have been slipping lately; short reviews at growing distances hold them."
        if case.forgets
        else "Earlier objectives of this topic were often hard; short reviews at growing distances help them stay.",
        [case.objective],
        _actions("SPACED_REPETITION_BOOST", minutes=SHORTEST_MINUTES, review_days=REVIEW_DAYS, hours=hours),
    )


# By type: its priority before anything is learned, 1-10, and what it says.
_ADVICE: Mapping[str, tuple[int, Callable[[Case, Known], Advice]]] = {
    "PREREQUISITE_REVIEW": (9, _review_prerequisites),
    "DIFFICULTY_PROGRESSION": (8, _progress_in_difficulty),
    "COGNITIVE_LOAD_REDUCE": (8, _reduce_load),
    "BREAK_SCHEDULE_ADJUST": (5, _take_breaks),
    "CONTENT_FORMAT_ADAPT": (7, _adapt_format),
    "SPACED_REPETITION_BOOST": (6, _space_reviews),
}


@lru_cache(_KEPT)
def _quoted(identity: str) -> str:
    return json.dumps(identity)


@lru_cache(_KEPT)
def _actions(kind: str, **told: Any) -> tuple[str, str]:
    if isinstance(hours := told.get("hours"), Hours):
        told["hours"] = asdict(hours)
    slot = '"objective_ids": ['
    before, after = json.dumps({"type": kind, "objective_ids": [], **told}, sort_keys=True).split(slot)
    return before + slot, after


def _half(profile: Profile) -> int:
    return max(round(profile.minutes / 2), SHORTEST_MINUTES)


def _best_time(hours: Hours | None) -> str:
    return f" Between {hours.text} is when your studying goes best." if hours else ""
