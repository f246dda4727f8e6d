"""Profiles as the app writes them, with keys absent and values that are none."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from americano_assets.core.interventions.learner_profile import Hours, Profile, best_hours, profile_of


def times(*items: Any) -> str:
    return json.dumps(list(items))


MORNING = {"dayOfWeek": 1, "startHour": 9, "endHour": 11, "effectiveness": 0.8}
EVENING = {"dayOfWeek": 1, "startHour": 20, "endHour": 22, "effectiveness": 0.9}


def test_the_most_effective_hours_count_and_the_earliest_among_equals() -> None:
    assert best_hours(times(MORNING, EVENING)) == Hours(20, 22)
    assert best_hours(times(EVENING, {**MORNING, "effectiveness": 0.9})) == Hours(9, 11)


@pytest.mark.parametrize(
    "told",
    [None, "", "not json", "{}", "[]", '["x"]', times({"startHour": 11, "endHour": 9}), times({"startHour": "9"})],
)
def test_what_cannot_be_read_is_left_out(told: str | None) -> None:
    assert best_hours(told) is None


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
def test_nothing_in_a_profile_stops_a_night(value: Any) -> None:
    best_hours(json.dumps([value]))
    profile_of({"preferred_study_times": json.dumps(value), "optimal_session_minutes": value, "visual": value})


def test_a_profile_with_gaps() -> None:
    assert profile_of({"learner_id": "a"}) == Profile()
    assert Profile().minutes == 30
    full = {
        "optimal_session_minutes": 40,
        "average_session_minutes": 90,
        "visual": 0.2,
        "reading": 0.5,
        "kinesthetic": 0.3,
    }
    profile = profile_of({**full, "preferred_study_times": times(MORNING)})
    assert profile == Profile(40.0, 90.0, Hours(9, 11), "text")
    assert (profile.minutes, profile.longest_habit) == (40, 90.0)
    assert profile_of({**full, "visual": None}).best_format is None
