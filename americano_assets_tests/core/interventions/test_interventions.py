"""Indicators and interventions: what fires them, how severe, at most three and one of a type, in kind words."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from americano_assets.contract.enums import IndicatorType, InterventionType, Severity
from americano_assets.core.base.ids import cuid
from americano_assets.core.features.catalog import FEATURE_NAMES
from americano_assets.core.interventions.choose_interventions import (
    MAX_PER_PREDICTION,
    NOTHING_KNOWN,
    Known,
    interventions_of,
)
from americano_assets.core.interventions.learner_profile import Hours, Profile
from americano_assets.core.interventions.signs import indicators_of, severity
from americano_assets_tests.frames import feature_rows

NAMES = {"gap-1": "Describe the axes", "gap-2": "Name the leads"}
EVERYTHING = {
    "retention_score": 0.1,
    "review_lapse_rate": 0.9,
    "prerequisite_gap_count": 1.0,
    "complexity_mismatch": 0.8,
    "cognitive_load_indicator": 0.95,
    "historical_struggle_score": 0.9,
    "content_type_mismatch": 0.6,
}
some_features = st.dictionaries(st.sampled_from(FEATURE_NAMES), st.floats(0, 1), max_size=15)


def row(**values: Any) -> pd.DataFrame:
    return feature_rows(values).assign(prediction_id="c1")


def shown(rows: pd.DataFrame) -> list[Any]:
    """Indicators, row by row."""
    return list(indicators_of(rows).itertuples(index=False))


def advised(
    rows: pd.DataFrame,
    names: dict[str, str],
    profile: Profile = NOTHING_KNOWN,
    easier: str | None = None,
    shifts: dict[str, int] | None = None,
) -> list[Any]:
    """Interventions, row by row, of learners who study alike."""
    pairs = list(zip(rows["learner_id"], rows["objective_id"], strict=True))
    profiles = {learner: profile for learner, _ in pairs}
    known = Known(names, profiles, dict.fromkeys(pairs, easier) if easier else {}, shifts or {})
    return list(interventions_of(rows, known).itertuples(index=False))


def kinds(**values: Any) -> list[str]:
    return [one.indicator_type for one in shown(row(**values))]


def advice(minutes: float | None = 30, **values: Any) -> list[tuple[str, int]]:
    return [
        (one.intervention_type, one.priority) for one in advised(row(**values), NAMES, Profile(session_minutes=minutes))
    ]


@pytest.mark.parametrize(
    ("at", "past", "indicator", "intervention"),
    [
        ({"retention_score": 0.5}, {"retention_score": 0.49}, "LOW_RETENTION", ("SPACED_REPETITION_BOOST", 6)),
        ({"review_lapse_rate": 0.3}, {"review_lapse_rate": 0.31}, "LOW_RETENTION", ("SPACED_REPETITION_BOOST", 6)),
        (
            {"prerequisite_gap_count": 0.5},
            {"prerequisite_gap_count": 0.51},
            "PREREQUISITE_GAP",
            ("PREREQUISITE_REVIEW", 9),
        ),
        (
            {"complexity_mismatch": 0.4},
            {"complexity_mismatch": 0.41},
            "COMPLEXITY_MISMATCH",
            ("DIFFICULTY_PROGRESSION", 8),
        ),
        (
            {"cognitive_load_indicator": 0.7},
            {"cognitive_load_indicator": 0.71},
            "COGNITIVE_OVERLOAD",
            ("COGNITIVE_LOAD_REDUCE", 8),
        ),
        (
            {"historical_struggle_score": 0.6},
            {"historical_struggle_score": 0.61},
            "HISTORICAL_STRUGGLE_PATTERN",
            ("SPACED_REPETITION_BOOST", 6),
        ),
    ],
)
def test_each_sign_fires_past_its_threshold_only(
    at: dict[str, float], past: dict[str, float], indicator: str, intervention: tuple[str, int]
) -> None:
    assert kinds(**at) == []
    assert advice(**at) == []
    assert kinds(**past) == [indicator]
    assert advice(**past) == [intervention]


def test_what_was_not_observed_is_no_sign() -> None:
    unseen = row().assign(**EVERYTHING)
    assert shown(unseen) == []
    assert advised(unseen, NAMES, Profile(session_minutes=90)) == []


def test_the_lowest_ranked_format_is_advised_on_but_no_indicator() -> None:
    assert kinds(content_type_mismatch=0.6) == []
    assert advice(content_type_mismatch=0.6) == [("CONTENT_FORMAT_ADAPT", 7)]
    assert advice(content_type_mismatch=0.3) == []


def test_lapses_count_only_above_the_cohorts_own() -> None:
    assert kinds(review_lapse_rate=0.5, cohort_lapse_rate=0.5) == []
    assert kinds(review_lapse_rate=0.5, cohort_lapse_rate=0.49) == ["LOW_RETENTION"]


def test_long_sessions_also_get_a_break() -> None:
    overloaded = {"cognitive_load_indicator": 0.9}
    assert advice(50, **overloaded) == [("COGNITIVE_LOAD_REDUCE", 8)]
    assert advice(51, **overloaded) == [("COGNITIVE_LOAD_REDUCE", 8), ("BREAK_SCHEDULE_ADJUST", 5)]
    assert advice(None, **overloaded) == [("COGNITIVE_LOAD_REDUCE", 8)]


def test_severity_grows_by_thirds_of_the_way_to_the_extreme() -> None:
    assert severity(np.array([0, 0.33, 0.34, 0.66, 0.67, 1])) == [
        "LOW",
        "LOW",
        "MEDIUM",
        "MEDIUM",
        "HIGH",
        "HIGH",
    ]
    levels = {value: shown(row(retention_score=value))[0].severity for value in (0.45, 0.3, 0.1, 0.0)}
    assert levels == {0.45: "LOW", 0.3: "MEDIUM", 0.1: "HIGH", 0.0: "HIGH"}


def test_two_signs_of_one_indicator_show_the_deeper() -> None:
    (one,) = shown(row(retention_score=0.45, review_lapse_rate=0.9))
    assert one.severity == "HIGH"
    assert json.loads(one.context) == {"feature": "review_lapse_rate", "value": 0.9, "threshold": 0.3}


def test_the_missing_groundwork_is_named_and_related() -> None:
    gaps = {"prerequisite_gap_count": 1.0, "unmastered_prerequisites": ["gap-2", "gap-1", "unknown"]}
    (one,) = advised(row(**gaps), NAMES)
    assert "«Name the leads», «Describe the axes»" in one.description
    assert "unknown" not in one.description
    assert one.related_objective_id == "gap-2"
    blank = dict.fromkeys(NAMES, " ")
    (wordless,) = advised(row(**gaps), blank)
    assert "go over the groundwork of this objective" in wordless.description
    (unnamed,) = advised(row(prerequisite_gap_count=1.0), NAMES)
    assert unnamed.related_objective_id == "objective-1"


def test_of_many_the_three_most_urgent_are_advised() -> None:
    assert advice(90, **EVERYTHING) == [
        ("PREREQUISITE_REVIEW", 9),
        ("COGNITIVE_LOAD_REDUCE", 8),
        ("DIFFICULTY_PROGRESSION", 8),
    ]


@given(st.lists(some_features, min_size=1, max_size=4), st.sampled_from([None, 20.0, 90.0]))
def test_at_most_three_one_of_a_type_of_kinds_that_the_app_knows(
    values: list[dict[str, float]], minutes: float | None
) -> None:
    rows = feature_rows(*values).assign(prediction_id=[f"c{number}" for number in range(len(values))])
    profile = Profile(session_minutes=minutes)
    chosen, told = advised(rows, NAMES, profile), shown(rows)
    alone = [rows.iloc[[number]] for number in range(len(rows))]
    # Row after row, each as it would be alone.
    assert chosen == [one for only in alone for one in advised(only, NAMES, profile)]
    assert told == [one for only in alone for one in shown(only)]
    for prediction in rows["prediction_id"]:
        own = [one for one in chosen if one.prediction_id == prediction]
        assert len(own) <= MAX_PER_PREDICTION
        assert len({one.intervention_type for one in own}) == len(own)
        assert [one.priority for one in own] == sorted((one.priority for one in own), reverse=True)
        signs = [one.indicator_type for one in told if one.prediction_id == prediction]
        assert len(set(signs)) == len(signs)
        assert bool(signs) <= bool(own)
    assert {one.intervention_type for one in chosen} <= set(map(str, InterventionType))
    assert all(1 <= one.priority <= 10 and one.description and one.reasoning for one in chosen)
    assert {one.indicator_type for one in told} <= set(map(str, IndicatorType))
    assert {one.severity for one in told} <= set(map(str, Severity))
    assert len({one.id for one in chosen} | {one.id for one in told}) == len(chosen) + len(told)


def test_ids_follow_the_episode_and_the_type() -> None:
    one, other = (shown(row(retention_score=value))[0] for value in (0.1, 0.4))
    assert one.id == other.id == cuid("indicator", "c1", "LOW_RETENTION")
    assert one.id != shown(row(retention_score=0.1).assign(prediction_id="c2"))[0].id
    (advice,) = advised(row(retention_score=0.1), NAMES)
    assert advice.id == cuid("intervention", "c1", "SPACED_REPETITION_BOOST")


def only(profile: Profile = NOTHING_KNOWN, easier: str | None = None, **values: Any) -> tuple[Any, Any]:
    """The first intervention, and its actions read back."""
    chosen = advised(row(**values), NAMES, profile, easier)
    return chosen[0], json.loads(chosen[0].actions)


def test_advice_is_cut_to_the_learner() -> None:
    profile = Profile(session_minutes=50, usual_minutes=90, hours=Hours(9, 11), best_format="visual")
    one, actions = only(profile, prerequisite_gap_count=1.0, unmastered_prerequisites=["gap-1", "gap-2"])
    assert "about 25 minutes" in one.description
    assert "Between 9:00 and 11:00" in one.description
    assert actions == {
        "type": "PREREQUISITE_REVIEW",
        "objective_ids": ["gap-1", "gap-2"],
        "minutes": 25,
        "days_before": [2, 1],
        "hours": {"start": 9, "end": 11},
    }
    one, actions = only(profile, retention_score=0.1)
    assert actions["review_days"] == [1, 3, 7]
    one, actions = only(profile, content_type_mismatch=0.6)
    assert "diagrams and pictures" in one.description
    assert actions["format"] == "visual"
    load, pause = advised(row(cognitive_load_indicator=0.9), NAMES, profile)
    assert "about 25 minutes" in load.description
    assert "about 90 minutes" in pause.reasoning
    assert json.loads(pause.actions)["break_every_minutes"] == 25


def test_the_easier_objective_to_start_with_is_named() -> None:
    one, actions = only(easier="gap-1", complexity_mismatch=0.8)
    assert one.description.startswith("Start with «Describe the axes»")
    assert one.related_objective_id == "gap-1"
    assert (actions["objective_ids"], actions["time_factor"]) == (["gap-1", "objective-1"], 1.25)
    one, actions = only(complexity_mismatch=0.8)
    assert one.description.startswith("Start with an easier objective,")
    (wordless,) = advised(row(complexity_mismatch=0.8), {"gap-1": "\n"}, easier="gap-1")
    assert wordless.description.startswith("Start with an easier objective,")
    assert (one.related_objective_id, actions["objective_ids"]) == ("objective-1", ["objective-1"])


def test_what_was_learned_moves_a_priority_within_bounds() -> None:
    def order(shifts: dict[str, int]) -> list[tuple[str, int, int]]:
        found = advised(row(**EVERYTHING), NAMES, Profile(session_minutes=90), None, shifts)
        return [(one.intervention_type, one.priority, one.base_priority) for one in found]

    assert order({"PREREQUISITE_REVIEW": 2})[0] == ("PREREQUISITE_REVIEW", 10, 9)
    assert [kind for kind, _, _ in order({"SPACED_REPETITION_BOOST": 2, "DIFFICULTY_PROGRESSION": -2})] == [
        "PREREQUISITE_REVIEW",
        "COGNITIVE_LOAD_REDUCE",
        "SPACED_REPETITION_BOOST",
    ]
