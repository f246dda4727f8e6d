"""Which model is the champion by hand, and which was before it: what follows from what was decided."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

PROMOTED, REFUSED, PASSED_OVER = "promoted", "refused", "passed_over"
ROLLED_BACK, RELEASED = "rolled_back", "released"
GATE = "gate"
# The MODEL_TYPE that lets the gate choose.
AUTO = "auto"


@dataclass(frozen=True)
class ModelEvent:
    """A decision about a model, as ml.model_events keeps it.

    Attributes:
        study_day: In force from this study day on.
        event: promoted, refused (by the gate), passed_over (the gate would have promoted it, a person had set another),
            rolled_back (to this model) or released (the gate may replace it again).
        model_version: The model that it is about.
        instead_of: What scored before; None where nothing did.
        decided_by: GATE, or a person's name.
        by_hand: A person decided.
        forced: Promoted although the gate refused.
        reason: Why, in a sentence.
    """

    study_day: date
    event: str
    model_version: str
    instead_of: str | None
    decided_by: str
    by_hand: bool
    forced: bool
    reason: str


def held(events: Iterable[ModelEvent], day: date) -> ModelEvent | None:
    """The decision of a person that is in force on a study day; None while the gate decides.

    A model that a person set stays until a person releases it: else the next training, on much the same rows, would
    bring back the very model that somebody had just rolled back from.

    Args:
        events: In the order in which they happened.
        day: The study day.
    """
    newest = None
    for event in events:
        if event.by_hand and event.study_day <= day:
            newest = event
    return None if newest is None or newest.event == RELEASED else newest


def former(current: str, scored: Sequence[str], events: Iterable[ModelEvent]) -> str | None:
    """The version that a roll-back from `current` returns to; None where nothing else ever scored.

    Args:
        current: The version that would score next.
        scored: What scored each published study day, newest first.
        events: In the order in which they happened. What was rolled back from is no champion to return to, unless it
            was promoted again.
    """
    abandoned: set[str] = set()
    for event in events:
        if event.event == ROLLED_BACK and event.instead_of is not None:
            abandoned.add(event.instead_of)
        if event.event in (PROMOTED, ROLLED_BACK):
            abandoned.discard(event.model_version)
    return next((version for version in scored if version != current and version not in abandoned), None)
