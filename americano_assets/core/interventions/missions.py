"""Bringing a recommendation into a mission's list of objectives, without losing anything that stands there."""

import copy
from dataclasses import dataclass
from typing import Any

RECOMMENDATIONS = "recommendations"
# What the app plans for an objective of which it knows nothing else.
DEFAULT_MINUTES = 15


@dataclass(frozen=True)
class PlannedObjective:
    """An objective as a mission names it."""

    id: str
    objective: str
    complexity: str
    is_high_yield: bool
    lecture_id: str
    card_count: int

    def item(self) -> dict[str, Any]:
        """As the app writes it into a mission today."""
        return {
            "id": self.id,
            "objective": {
                "id": self.id,
                "objective": self.objective,
                "complexity": self.complexity,
                "isHighYield": self.is_high_yield,
                "lectureId": self.lecture_id,
            },
            "cardCount": self.card_count,
            "estimatedMinutes": DEFAULT_MINUTES,
            "completed": False,
        }


def with_recommendation(objectives: list[Any], planned: PlannedObjective, intervention: dict[str, Any]) -> list[Any]:
    """The mission's objectives with a recommendation noted at its objective, which is added where it is missing.

    Nothing that stands in the list is changed but for the key `recommendations` of that one item; noting the same
    recommendation twice changes nothing.

    Args:
        objectives: The list as it stands, items of either shape, strangers' keys and items included.
        planned: The objective that the recommendation is about.
        intervention: `{id, type, description}`.
    """
    found = copy.deepcopy(objectives)
    item = next((one for one in found if names(one, planned.id)), None)
    if item is None:
        item = planned.item()
        found.append(item)
    noted = item.get(RECOMMENDATIONS)
    if not isinstance(noted, list):
        noted = []
    if all(not isinstance(one, dict) or one.get("id") != intervention["id"] for one in noted):
        item[RECOMMENDATIONS] = [*noted, intervention]
    return found


def names(item: object, objective_id: str) -> bool:
    """Whether an item of a mission is about an objective, in today's shape (`id`) or the older one (`objectiveId`)."""
    return isinstance(item, dict) and item.get("id", item.get("objectiveId")) == objective_id
