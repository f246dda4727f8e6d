"""When the champion's challengers are trained: once in a while, since a week adds few rows and a change must be earned.

Sooner where something is new that the champion was not trained with: learners' own words, a recall that fell, a drift.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

RETRAIN_DAYS = 7
# Training on rows that no help has changed; what that means is in core/training/treated_rows.py.
UNTREATED = "untreated"
FEEDBACK_ROWS = 50
RECALL_TARGET = 0.70
# Struggles below which a recall says nothing: its standard error is about 0.06 there.
LEAST_STRUGGLES = 50


@dataclass(frozen=True)
class Signals:
    """What is known before a night trains.

    Attributes:
        feedback: Words of learners since the last training.
        recall: Share of matured struggles that were flagged; None where they are too few to tell.
        drifting: Courses whose features, struggle rate or calibration alarm; an empty id stands for everybody.
    """

    feedback: int = 0
    recall: float | None = None
    drifting: frozenset[str] = frozenset()

    @property
    def recall_is_low(self) -> bool:
        """Whether too many struggles were missed."""
        return self.recall is not None and self.recall < RECALL_TARGET

    def to_json(self) -> dict[str, Any]:
        """As a night's manifest keeps it."""
        return {"feedback": self.feedback, "recall": self.recall, "drifting": sorted(self.drifting)}

    @classmethod
    def from_json(cls, kept: Mapping[str, Any] | None) -> "Signals":
        """Read back what `to_json` gave; nothing where none was kept."""
        return cls() if kept is None else cls(kept["feedback"], kept["recall"], frozenset(kept["drifting"]))


def early_reasons(now: Signals, at_last_training: Signals) -> list[str]:
    """Why to train before it is time, a clause each; empty if there is no reason.

    What was so at the last training already is no reason: training on it again would give the same.

    Args:
        now: What is known now.
        at_last_training: What was known then.
    """
    reasons = []
    if now.feedback >= FEEDBACK_ROWS:
        reasons.append(f"{now.feedback} learners' words are new, {FEEDBACK_ROWS} are enough")
    if now.recall is not None and now.recall_is_low and not at_last_training.recall_is_low:
        reasons.append(f"recall on matured predictions fell to {now.recall:.3f}, below {RECALL_TARGET}")
    new = now.drifting - at_last_training.drifting
    if new:
        courses = len(new - {""})
        of = [*(["everybody"] if "" in new else []), *([f"{courses} courses"] if courses else [])]
        reasons.append(f"a drift of {' and of '.join(of)} is new".replace("1 courses", "1 course"))
    return reasons


def cooldown_elapsed(day: date, last_trained: date, after_days: int = RETRAIN_DAYS) -> bool:
    """Whether the last training is long enough ago for an early one: half the interval.

    Labels mature slowly: the night after a training has next to no new rows, and courses that begin to drift one by one
    would else ask for a training each.
    """
    return 2 * (day - last_trained).days >= after_days


def wait_reason(day: date, last_trained: date, after_days: int = RETRAIN_DAYS) -> str | None:
    """Why study day `day` trains nothing, where the champion was last challenged on `last_trained`; None if it does."""
    due = last_trained + timedelta(days=after_days)
    if last_trained <= day < due:
        return f"challengers were trained for {last_trained}, the next are due from {due} on"
    return None
