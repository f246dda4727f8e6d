"""Profile fields that personalise interventions: how long a learner studies, when it goes best, what form suits."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

DEFAULT_SESSION_MINUTES = 30
# The shares of a profile, and the format that each speaks for.
FORMAT_SHARES = {"visual": "visual", "reading": "text", "kinesthetic": "clinical"}
FORMAT_WORDS = {
    "visual": "diagrams and pictures",
    "text": "a written summary in your own words",
    "clinical": "worked patient cases",
}


@dataclass(frozen=True)
class Hours:
    """Hours of the day, local, `start` before `end`, 0-24."""

    start: int
    end: int

    @property
    def text(self) -> str:
        """As a student reads it."""
        return f"{self.start}:00 and {self.end}:00"


@dataclass(frozen=True)
class Profile:
    """What is known of how a learner studies; None where it is not.

    Attributes:
        session_minutes: Length of session that suits them.
        usual_minutes: Length that their sessions usually have.
        hours: When study goes best for them.
        best_format: visual, text or clinical.
    """

    session_minutes: float | None = None
    usual_minutes: float | None = None
    hours: Hours | None = None
    best_format: str | None = None

    @property
    def minutes(self) -> int:
        """A session's length to plan with."""
        return round(self.session_minutes or self.usual_minutes or DEFAULT_SESSION_MINUTES)

    @property
    def longest_habit(self) -> float | None:
        """How long a session usually is, as far as anything says so."""
        return self.usual_minutes if self.usual_minutes is not None else self.session_minutes


def profile_of(row: Mapping[str, Any]) -> Profile:
    """A profile from a row of the state table `profiles`; what cannot be read is left out, never an error."""
    return Profile(
        session_minutes=_positive(row.get("optimal_session_minutes")),
        usual_minutes=_positive(row.get("average_session_minutes")),
        hours=best_hours(row.get("preferred_study_times")),
        best_format=_best_format(row),
    )


def best_hours(preferred: object) -> Hours | None:
    """The most effective hours of `preferredStudyTimes` (JSON text), the earliest among equals."""
    try:
        listed = json.loads(preferred) if isinstance(preferred, str) else None
    except (ValueError, RecursionError):  # No JSON, or one that is nested deeper than Python reads.
        return None
    found = []
    for item in listed if isinstance(listed, list) else []:
        if not isinstance(item, dict):
            continue
        start, end, effect = (_number(item.get(name)) for name in ("startHour", "endHour", "effectiveness"))
        if start is not None and end is not None and 0 <= start < end <= 24:
            found.append((-(effect or 0.0), int(start), math.ceil(end)))
    return Hours(*min(found)[1:]) if found else None


def _best_format(row: Mapping[str, Any]) -> str | None:
    shares = {name: _number(row.get(column)) for column, name in FORMAT_SHARES.items()}
    known = {name: share for name, share in shares.items() if share is not None}
    return max(known, key=lambda name: known[name]) if len(known) == len(FORMAT_SHARES) else None


def _positive(value: object) -> float | None:
    number = _number(value)
    return number if number is not None and number > 0 else None


def _number(value: object) -> float | None:
    """A finite number; JSON's true and a frame's NaN are none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None
