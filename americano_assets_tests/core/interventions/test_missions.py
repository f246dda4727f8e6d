"""A recommendation in a mission's JSON: nothing that stands there is lost, and noting it twice changes nothing."""

import copy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from americano_assets.core.interventions.missions import RECOMMENDATIONS, PlannedObjective, names, with_recommendation

PLANNED = PlannedObjective("o1", "Interpret a blood gas", "ADVANCED", True, "l1", 4)
NOTE = {"id": "i1", "type": "PREREQUISITE_REVIEW", "description": "Review acids first."}

_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)
_ids = st.sampled_from(["o1", "o2", "o3"])
_items = st.one_of(
    st.builds(lambda one, rest: {**rest, "id": one}, _ids, st.dictionaries(st.text(max_size=4), _json, max_size=2)),
    st.builds(lambda one, rest: {**rest, "objectiveId": one}, _ids, st.dictionaries(st.just("x"), _json)),
    _json,
)


@given(st.lists(_items, max_size=4))
def test_everything_that_stands_there_stays(objectives: list[Any]) -> None:
    before = copy.deepcopy(objectives)
    noted = with_recommendation(objectives, PLANNED, NOTE)
    assert objectives == before
    assert len(noted) in (len(before), len(before) + 1)
    for old, new in zip(before, noted, strict=False):
        if isinstance(old, dict) and isinstance(new, dict):
            old, new = ({k: v for k, v in one.items() if k != RECOMMENDATIONS} for one in (old, new))
        assert new == old
    about = [item for item in noted if names(item, "o1")]
    assert sum(NOTE in item.get(RECOMMENDATIONS, []) for item in about) == 1
    assert with_recommendation(noted, PLANNED, NOTE) == noted


def test_a_missing_objective_is_added_as_the_app_writes_it() -> None:
    assert with_recommendation([], PLANNED, NOTE) == [
        {
            "id": "o1",
            "objective": {
                "id": "o1",
                "objective": "Interpret a blood gas",
                "complexity": "ADVANCED",
                "isHighYield": True,
                "lectureId": "l1",
            },
            "cardCount": 4,
            "estimatedMinutes": 15,
            "completed": False,
            "recommendations": [NOTE],
        }
    ]


def test_an_item_of_the_older_shape_keeps_it_and_earlier_notes_stay() -> None:
    earlier = {"id": "i0", "type": "SPACED_REPETITION_BOOST", "description": ""}
    found = with_recommendation([{"objectiveId": "o1", "stray": 1, "recommendations": [earlier]}], PLANNED, NOTE)
    assert found == [{"objectiveId": "o1", "stray": 1, "recommendations": [earlier, NOTE]}]
