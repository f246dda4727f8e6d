"""The fifteen features and the candidates of one night, against values worked out by hand.

Every learner stands for one feature. T is 2026-03-10 23:00 UTC, the cut-off of study day 2026-03-09.
"""

from collections.abc import Mapping
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import pytest

from americano_assets.core.features import FEATURE_NAMES, FEATURES
from americano_assets_tests.world import ClockedDeployment, World, at, read_world, study_day, world_settings

T = at("2026-03-10 23:00")
DAY = "2026-03-09"
SOON = at("2026-03-12 09:00")
Features = Mapping[tuple[str, str], Mapping[str, Any]]


@pytest.fixture(scope="module")
def features(world: World, module_database: str, home: Path) -> Features:
    curriculum(world)
    for fill in (retention, answers, recorded_twice, mastery, history, formats, sessions, exams, plans, unplanned):
        fill(world)
    deployment = ClockedDeployment(
        world_settings(module_database, home), (T + timedelta(minutes=10)).replace(tzinfo=UTC)
    )
    read_world(deployment, "2025-12-08", "2026-03-12")
    tables = deployment.latest_tables(study_day(DAY))
    assert not tables.state(study_day(DAY)).from_later
    version = tables.features([study_day(DAY)])[study_day(DAY)]
    rows = deployment.store.read_whole("features_at", version.content).to_pylist()
    return {(row["learner_id"], row["objective_id"]): row for row in rows}


def curriculum(world: World) -> None:
    world.learner("owner")
    world.course("anatomy", "owner")
    world.course("imaging", "owner")
    for objective, complexity in (
        ("heart", "ADVANCED"),
        ("lung", "INTERMEDIATE"),
        ("kidney", "BASIC"),
        ("liver", "INTERMEDIATE"),
    ):
        world.objective(objective, "anatomy", complexity)
    world.objective("xray", "imaging", text="Read an x-ray of the chest")
    world.objective("ward", "imaging", text="Ask a patient the right things")
    world.prerequisite("heart", "lung", 1.0)
    world.prerequisite("heart", "kidney", 0.5)
    world.prerequisite("heart", "liver", 0.5)
    world.prerequisite("lung", "heart", 1.0)  # cycles occur
    world.prerequisite("heart", "heart", 1.0)  # nonsense that must not count


def planned(world: World, learner: str, *objectives: str) -> str:
    world.learner(learner)
    world.mission(learner, SOON, objectives)
    return learner


def retention(world: World) -> None:
    learner = planned(world, "retention", "heart", "lung")
    world.reviews(learner, "heart", at("2026-02-08 22:59"), "A")  # 30 days and a minute ago
    world.reviews(learner, "heart", at("2026-02-08 23:00"), "A")
    world.reviews(learner, "heart", at("2026-03-01 10:00"), "GGA")
    world.reviews(learner, "heart", at("2026-03-05 10:00"), "GH")
    world.reviews(learner, "lung", at("2026-03-05 12:00"), "E")
    world.reviews(learner, "xray", at("2026-03-05 12:00"), "AAA")  # another topic
    world.reviews(learner, "heart", T, "AAAA")  # at T is future
    learner = planned(world, "declining", "heart")
    world.reviews(learner, "heart", at("2026-02-18 10:00"), "GGGG")
    world.reviews(learner, "heart", at("2026-02-28 10:00"), "GGGA")
    world.reviews(learner, "lung", at("2026-03-10 10:00"), "GGAA")
    learner = planned(world, "two-days", "heart")
    world.reviews(learner, "heart", at("2026-02-18 10:00"), "G")
    world.reviews(learner, "heart", at("2026-02-28 10:00"), "A")
    planned(world, "new", "heart", "kidney")


def answers(world: World) -> None:
    learner = planned(world, "answers", "heart", "lung")
    for hour in range(12):
        world.answer(learner, "heart", at(f"2026-03-01 {hour:02}:00"), 0.0 if hour < 2 else 0.8)
    world.answer(learner, "heart", at("2026-02-08 22:00"), 1.0)  # more than 30 days ago
    learner = planned(world, "long-answered", "heart", "lung")
    world.answer(learner, "heart", at("2026-01-20 10:00"), 0.9)
    learner = planned(world, "skipping", "heart", "lung", "kidney")
    world.answer(learner, "heart", at("2026-03-01 10:00"), None)
    world.answer(learner, "heart", at("2026-03-02 10:00"), 0.9)
    world.answer(learner, "lung", at("2026-03-01 10:00"), 0.9)
    world.answer(learner, "lung", at("2026-03-02 10:00"), None)
    world.answer(learner, "kidney", at("2026-03-01 10:00"), None)
    world.answer(learner, "kidney", T, 1.0)


def recorded_twice(world: World) -> None:
    learner = planned(world, "twice", "heart", "lung")
    world.reviews(learner, "heart", at("2026-03-04 10:00"), "G")
    review = world.review(learner, "heart", at("2026-03-05 10:00"), "AGAIN")
    card = {"cardId": "heart-card", "objectiveId": "heart", "rating": "AGAIN"}
    world.event(learner, "CARD_REVIEWED", at("2026-03-05 10:00:02"), {**card, "reviewId": review})
    world.review(learner, "heart", at("2026-03-06 10:00"), "AGAIN")
    world.event(learner, "CARD_REVIEWED", at("2026-03-06 10:00:03"), card)  # without the review's id
    review = world.review(learner, "heart", at("2026-03-07 22:59:59"), "AGAIN")
    world.event(learner, "CARD_REVIEWED", at("2026-03-07 23:00:01"), {**card, "reviewId": review})  # over midnight
    world.event(learner, "CARD_REVIEWED", at("2026-03-08 10:00"), {**card, "rating": "GOOD"})  # an event alone counts
    answer = world.answer(learner, "lung", at("2026-03-05 11:00"), 0.4)
    prompt = {"promptId": "lung-prompt", "objectiveId": "lung"}
    world.event(
        learner, "VALIDATION_COMPLETED", at("2026-03-05 11:00:01"), {**prompt, "responseId": answer, "score": 0.4}
    )
    world.answer(learner, "lung", at("2026-03-06 11:00"), 1.0)
    world.event(learner, "VALIDATION_COMPLETED", at("2026-03-07 11:00"), {**prompt, "confidenceLevel": 0.1})


def mastery(world: World) -> None:
    ninety_days_ago = at("2025-12-10 23:00")  # the weight is one half
    learner = planned(world, "groundwork", "heart", "kidney")
    for _ in range(3):
        world.review(learner, "lung", ninety_days_ago, "GOOD")
    world.review(learner, "kidney", ninety_days_ago, "GOOD")
    world.review(learner, "kidney", ninety_days_ago, "AGAIN")


def history(world: World) -> None:
    learner = planned(world, "history", "heart", "xray")
    world.reviews(learner, "heart", at("2026-03-05 10:00"), "GGG")
    world.reviews(learner, "heart", at("2026-02-26 10:00"), "AAA")
    world.answer(learner, "lung", at("2026-03-03 23:00"), 0.2)  # the newer window begins here
    world.answer(learner, "lung", at("2026-03-03 22:59:59.999"), 1.0)
    world.reviews(learner, "liver", at("2026-03-05 10:00"), "AAAGGGGGGG")
    world.reviews(learner, "kidney", at("2026-03-05 10:00"), "AA")  # too few to tell


def formats(world: World) -> None:
    planned(world, "looking", "xray", "ward", "heart")
    world.profile("looking", visual=0.9, reading=0.5, kinesthetic=0.1)
    planned(world, "undecided", "xray", "ward", "heart")
    world.profile("undecided", visual=0.5, reading=0.5, kinesthetic=0.1)


def sessions(world: World) -> None:
    learner = planned(world, "sessions", "heart")
    ended = "SESSION_ENDED"
    for day, performance in ((1, 0), (2, 80), (5, 40), (6, 100)):
        session = world.session(learner, at(f"2026-03-{day:02} 10:00"), 20)
        world.event(
            learner,
            ended,
            at(f"2026-03-{day:02} 10:20:01"),
            {"sessionId": session},
            sessionPerformanceScore=performance,
        )
    for day, ratings in ((3, ("GOOD", "AGAIN")), (4, ("EASY", "HARD")), (7, ())):
        session = world.session(learner, at(f"2026-03-{day:02} 10:00"), 20)
        for rating in ratings:
            world.review(learner, "heart", at(f"2026-03-{day:02} 10:05"), rating, sessionId=session)
    unfinished = world.session(learner, at("2026-03-08 10:00"), None)
    world.review(learner, "heart", at("2026-03-08 10:05"), "AGAIN", sessionId=unfinished)
    pause = {"sessionId": "paused", "eventType": "pause"}
    world.event(learner, ended, at("2026-03-08 11:00"), pause, sessionPerformanceScore=0)
    for learner, start, minutes in (("tired", "2026-03-09 22:30", 60), ("brisk", "2026-03-10 09:15", 45)):
        planned(world, learner, "heart")
        world.profile(learner, minutes=30)
        session = world.session(learner, at(start), minutes)
        end = at(start) + timedelta(minutes=minutes)
        world.event(learner, ended, end, {"sessionId": session}, sessionPerformanceScore=40)


def exams(world: World) -> None:
    learner = planned(world, "examined", "heart", "xray")
    world.exam(learner, "anatomy", at("2026-04-24 23:00"))
    world.exam(learner, "anatomy", at("2026-06-01 09:00"))
    world.exam(learner, "anatomy", at("2026-03-10 22:59"))  # over
    world.exam(learner, "anatomy", at("2026-03-15 09:00"), created=T)  # not known yet
    planned(world, "exam-now", "heart", "xray")
    world.exam("exam-now", "anatomy", T)
    world.exam("exam-now", "imaging", at("2026-08-01 09:00"))


def plans(world: World) -> None:
    learner = planned(world, "planning", "heart", "lung")
    world.old_mission(learner, at("2026-03-16 09:00"), ["lung", "kidney", "liver"])
    world.answer(learner, "liver", at("2026-03-09 10:00"), 1.0)  # mastered
    world.mission(learner, at("2026-03-24 23:00"), ["xray"])  # in 14 days
    world.mission(learner, at("2026-03-13 09:00"), ["ward"], status="COMPLETED", completedAt=at("2026-03-10 22:59"))
    world.mission(learner, at("2026-03-10 22:00"), ["ward"])  # over
    learner = world.learner("edges")
    world.mission(learner, T, ["heart"])
    world.mission(learner, at("2026-03-17 22:59"), ["lung"])
    world.mission(learner, at("2026-03-17 23:00"), ["kidney"])
    world.mission(learner, SOON, ["liver"], status="SKIPPED")
    world.mission(learner, SOON, ["xray", "ward"], done=["xray"])
    world.mission(learner, at("2026-03-13 09:00"), ["ward"], status="IN_PROGRESS")
    world.learner("late-comer")
    world.execute('UPDATE users SET "createdAt" = %s WHERE "id" = %s', T, "late-comer")
    world.mission("late-comer", SOON, ["heart"])


def unplanned(world: World) -> None:
    world.course("bank", "owner")
    for learner in ("free", "gone-quiet"):
        world.learner(learner)
    for number in range(1, 14):
        world.objective(f"bank-{number:02}", "bank")
        if number != 13:
            rating = "AGAIN" if number > 10 else "GOOD"
            world.review("free", f"bank-{number:02}", at("2026-03-08 10:00"), rating)
    world.answer("free", "bank-13", at("2026-03-08 10:00"), 0.0)
    world.execute("""DELETE FROM cards WHERE "id" = 'bank-13-card'""")
    world.mission("free", at("2026-05-01 09:00"), ["bank-03"])
    world.review("gone-quiet", "bank-01", at("2026-02-10 22:59"))  # 28 days and a minute ago


@pytest.mark.parametrize(
    ("learner", "objective", "feature", "value"),
    [
        ("retention", "heart", "retention_score", 5 / 7),
        ("retention", "lung", "retention_score", 5 / 7),
        ("retention", "heart", "retention_decline_rate", 0),
        ("retention", "heart", "review_lapse_rate", 2 / 6),
        ("retention", "lung", "review_lapse_rate", 0),
        ("retention", "heart", "days_since_last_study", (5 + (12 * 60 + 59) / 1440) / 30),
        ("declining", "heart", "retention_decline_rate", 0.25),
        ("declining", "heart", "retention_score", 9 / 12),
        ("answers", "heart", "validation_score", 0.8),
        ("answers", "lung", "validation_score", 0.8),
        ("answers", "heart", "days_since_last_study", 9.5 / 30),
        ("skipping", "heart", "validation_score", 0.9),
        ("skipping", "lung", "validation_score", 0.45),
        ("skipping", "kidney", "validation_score", 0),
        ("twice", "heart", "retention_score", 2 / 5),
        ("twice", "heart", "review_lapse_rate", 3 / 5),
        ("twice", "lung", "validation_score", 0.7),
        ("groundwork", "heart", "prerequisite_gap_count", (0.5 + 0.5) / 2),
        ("groundwork", "heart", "prerequisite_mastery_gap", 1 - (1 * 0.84 + 0.5 * 0.55) / 2),
        ("groundwork", "kidney", "prerequisite_gap_count", 0),
        ("groundwork", "kidney", "prerequisite_mastery_gap", 0),
        ("groundwork", "heart", "complexity_mismatch", 0.9 - (0.84 + 0.55) / 2),
        ("groundwork", "kidney", "complexity_mismatch", 0),
        ("groundwork", "heart", "days_since_last_study", 1),
        ("new", "heart", "prerequisite_gap_count", 1),
        ("new", "heart", "prerequisite_mastery_gap", 1),
        ("new", "heart", "content_complexity", 0.9),
        ("new", "kidney", "content_complexity", 0.3),
        ("history", "heart", "historical_struggle_score", (3 + 1) / (5 + 2)),
        ("looking", "xray", "content_type_mismatch", 0),
        ("looking", "heart", "content_type_mismatch", 0.3),
        ("looking", "ward", "content_type_mismatch", 0.6),
        ("undecided", "xray", "content_type_mismatch", 0),
        ("undecided", "heart", "content_type_mismatch", 0),
        ("undecided", "ward", "content_type_mismatch", 0.6),
        ("sessions", "heart", "session_performance_score", (0.8 + 0.5 + 0.5 + 0.4 + 1.0) / 5),
        ("tired", "heart", "session_performance_score", 0.4),
        ("tired", "heart", "cognitive_load_indicator", 1 - 0.4 + 0.1 + 0.1),
        ("brisk", "heart", "cognitive_load_indicator", 1 - 0.4),
        ("examined", "heart", "days_until_exam", 0.5),
        ("exam-now", "heart", "days_until_exam", 1),
        ("exam-now", "xray", "days_until_exam", 0),
        ("planning", "heart", "workload_level", 3 / 50),
        ("new", "heart", "workload_level", 2 / 50),
    ],
)
def test_a_value_is_what_its_definition_says(
    features: Features, learner: str, objective: str, feature: str, value: float
) -> None:
    row = features[learner, objective]
    assert row[f"observed_{feature}"]
    assert row[feature] == pytest.approx(value, abs=2e-9)


@pytest.mark.parametrize(
    ("learner", "objective", "feature"),
    [
        ("new", "heart", "retention_score"),
        ("new", "heart", "historical_struggle_score"),
        ("new", "heart", "days_since_last_study"),
        ("new", "heart", "content_type_mismatch"),
        ("new", "heart", "days_until_exam"),
        ("two-days", "heart", "retention_decline_rate"),
        ("new", "heart", "review_lapse_rate"),
        ("long-answered", "heart", "validation_score"),
        ("sessions", "heart", "cognitive_load_indicator"),
        ("answers", "heart", "session_performance_score"),
        ("answers", "heart", "retention_score"),
        ("examined", "xray", "days_until_exam"),
        ("history", "xray", "historical_struggle_score"),
    ],
)
def test_what_was_not_observed_is_neutral(features: Features, learner: str, objective: str, feature: str) -> None:
    row = features[learner, objective]
    neutral = {one.name: one.neutral for one in FEATURES}[feature]
    assert not row[f"observed_{feature}"]
    assert row[feature] == neutral


def test_the_step_up_is_from_the_middle_where_nothing_of_the_topic_was_studied(features: Features) -> None:
    for objective, step in (("heart", 0.4), ("kidney", 0.0)):
        row = features["new", objective]
        assert not row["observed_complexity_mismatch"]
        assert row["complexity_mismatch"] == pytest.approx(step)


def test_quality_counts_what_was_observed(features: Features) -> None:
    # Two of the groundwork, the objective's complexity and the plan are known of everyone.
    assert features["new", "heart"]["data_quality"] == pytest.approx(4 / 15)
    for row in features.values():
        observed = sum(row[f"observed_{name}"] for name in FEATURE_NAMES)
        assert row["data_quality"] == pytest.approx(observed / 15)
        assert all(0 <= row[name] <= 1 for name in FEATURE_NAMES)


def test_long_answers_are_shrunk_towards_the_middle(features: Features) -> None:
    for objective in ("heart", "lung"):  # the topic speaks for an objective never answered
        assert features["long-answered", objective]["validation_mean_180"] == pytest.approx((0.9 + 1.2) / 3)
    assert features["new", "heart"]["validation_mean_180"] is None


def test_missing_groundwork_is_listed_strongest_first(features: Features) -> None:
    assert features["new", "heart"]["unmastered_prerequisites"] == ["lung", "kidney", "liver"]
    assert features["groundwork", "heart"]["unmastered_prerequisites"] == ["kidney", "liver"]
    assert features["new", "kidney"]["unmastered_prerequisites"] == []


def test_candidates_are_what_is_planned_and_open_in_the_next_seven_days(features: Features) -> None:
    found = {objective: row for (learner, objective), row in features.items() if learner == "edges"}
    assert set(found) == {"heart", "lung", "ward"}
    assert all(row["planned"] for row in found.values())
    # Planned twice: the earlier plan names the episode; its day is the study day that holds the mission's date.
    assert found["ward"]["planned_at"] == SOON
    assert found["ward"]["planned_day"] == (study_day("2026-03-11") - study_day("1970-01-01")).days
    assert found["heart"]["planned_day"] == (study_day("2026-03-10") - study_day("1970-01-01")).days


def test_who_was_not_there_yet_has_no_candidates(features: Features) -> None:
    assert not [pair for pair in features if pair[0] == "late-comer"]


def test_without_a_plan_the_ten_weakest_of_the_active_join(features: Features) -> None:
    found = {objective: row for (learner, objective), row in features.items() if learner == "free"}
    # 11 and 12 are weakest, the others equal; 3 is planned in May, 13 has no card any more.
    assert set(found) == {f"bank-{number:02}" for number in (11, 12, 1, 2, 4, 5, 6, 7, 8, 9)}
    assert not any(row["planned"] for row in found.values())
    assert {row["planned_at"] for row in found.values()} == {at("2026-03-17 23:00")}
    # Days from 1970-01-01 in cells of seven: 2026-03-05 opens the one that holds T's day.
    assert {row["planned_day"] for row in found.values()} == {(study_day("2026-03-05") - study_day("1970-01-01")).days}
    assert not [pair for pair in features if pair[0] == "gone-quiet"]
