"""One learner's predictions within the open day: the night's values, the night's rules, and nobody else's rows."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from americano_assets.api.live_prediction import Generator
from americano_assets.stages.s6_publication.transaction import INDICATORS, PREDICTIONS, RECOMMENDATIONS
from americano_assets_tests.api.live_prediction.conftest import (
    FAR,
    LEARNERS,
    MISSION,
    MORNING,
    School,
)
from americano_assets_tests.world import at, published_rows, world_settings

APP_TABLES = (PREDICTIONS, INDICATORS, RECOMMENDATIONS)
ALERTS = "SELECT user_id, type, study_day::text, created_at FROM ml.alerts ORDER BY user_id, priority DESC"


def one(answer: dict[str, Any]) -> dict[str, Any]:
    """The only prediction of an answer."""
    (found,) = answer["predictions"]
    return dict(found)


def test_it_sees_what_was_done_since_the_night_and_nothing_later(school: School) -> None:
    before = one(school.generate("asking"))
    assert before["prediction_date"] == "2026-03-12T09:00:00.000Z"
    school.world.reviews("asking", "heart", MORNING - timedelta(hours=1), "GGGGGGGG")
    school.world.reviews("asking", "heart", MORNING, "AAAAAAAAAAAAAAAA")  # stamped at T and after: the future
    after = one(school.generate("asking"))
    assert after["id"] == before["id"]
    assert after["feature_vector"]["retention_score"] == pytest.approx(9 / 12)
    assert after["predicted_struggle_probability"] < before["predicted_struggle_probability"]
    stored = school.world.rows(
        f'SELECT "predictedAt", "predictedStruggleProbability" FROM {PREDICTIONS} WHERE id = %s', after["id"]
    )
    assert stored == [(MORNING, after["predicted_struggle_probability"])]


def test_an_episode_that_has_become_safe_is_answered_below_the_threshold(school: School) -> None:
    school.world.reviews("asking", "heart", MORNING - timedelta(hours=1), "G" * 40)
    answer = school.generate("asking")
    assert one(answer)["predicted_struggle_probability"] < 0.4
    assert (answer["total_count"], answer["low_risk_count"], answer["alerts"]) == (1, 1, [])
    assert school.of_learner(RECOMMENDATIONS, "asking") == []  # what no longer applies is withdrawn


def test_the_answer_counts_warns_and_says_when(school: School) -> None:
    answer = school.generate("asking")
    prediction = one(answer)
    assert (answer["total_count"], answer["high_risk_count"], answer["generated_at"]) == (
        1,
        1,
        "2026-03-10T09:00:00.000Z",
    )
    assert (prediction["objective_name"], prediction["course_name"]) == ("Know the heart", "anatomy")
    assert prediction["prediction_status"] == "PENDING"
    assert not prediction["beyond_horizon"]
    assert {sign["indicator_type"] for sign in prediction["indicators"]} == {
        "LOW_RETENTION",
        "HISTORICAL_STRUGGLE_PATTERN",
    }
    (alert,) = answer["alerts"]
    assert (alert["type"], alert["prediction_id"]) == ("REAL_TIME_ALERT", prediction["id"])
    assert alert["created_at"] == "2026-03-09T23:00:00.000Z"  # the night gave it first
    assert alert["intervention_id"] in {
        row[0] for row in school.world.rows(f'SELECT "id" FROM {RECOMMENDATIONS} WHERE "userId" = %s', "asking")
    }
    with school.serving() as service:
        (listed,) = service.get("/predictions", user_id="asking")["predictions"]
    assert listed == prediction


def test_nobody_elses_rows_change_and_the_open_day_stays_open(school: School) -> None:
    school.world.execute("""UPDATE users SET "behavioralAnalysisEnabled" = false WHERE "id" = 'fine'""")
    others = [school.of_learner(table, "quiet") for table in APP_TABLES]
    alerts = [row for row in school.world.rows(ALERTS) if row[0] != "asking"]
    days = school.world.rows("SELECT to_jsonb(t)::text FROM ml.study_days t")
    school.generate("asking")
    assert [school.of_learner(table, "quiet") for table in APP_TABLES] == others
    assert [row for row in school.world.rows(ALERTS) if row[0] != "asking"] == alerts
    assert {row[0] for row in alerts} == set(LEARNERS) - {"asking"}
    assert school.world.rows("SELECT to_jsonb(t)::text FROM ml.study_days t") == days


def test_the_same_moment_again_changes_no_byte_and_a_later_one_doubles_nothing(school: School) -> None:
    with school.serving() as service:
        first = service.post("/predictions/generate", 201, userId="asking", daysAhead=7)
        before = published_rows(school.world)
        alerts = school.world.rows("SELECT to_jsonb(t)::text FROM ml.alerts t ORDER BY 1")
        assert service.post("/predictions/generate", 201, userId="asking") == first
        assert published_rows(school.world) == before
        assert school.world.rows("SELECT to_jsonb(t)::text FROM ml.alerts t ORDER BY 1") == alerts
        service.now = MORNING + timedelta(seconds=20)
        assert one(service.post("/predictions/generate", 201, user_id="asking"))["id"] == one(first)["id"]
        service.now = MORNING  # another worker's clock is behind: what stands is later
        assert one(service.post("/predictions/generate", 201, user_id="asking"))["id"] == one(first)["id"]
    assert school.world.rows(f'SELECT "predictedAt" FROM {PREDICTIONS} WHERE "userId" = %s', "asking") == [
        (MORNING + timedelta(seconds=20),)
    ]
    assert {table: len(rows) for table, rows in published_rows(school.world).items()} == {
        table: len(rows) for table, rows in before.items()
    }


def test_what_people_did_with_it_survives(school: School) -> None:
    made = one(school.generate("asking"))
    with school.serving(MORNING + timedelta(minutes=1)) as service:
        advised = service.get("/interventions", user_id="asking")["interventions"]
        applied = service.post(f"/interventions/{advised[0]['id']}/apply")
        service.post(f"/predictions/{made['id']}/feedback", actual_struggle=False, feedback_type="INACCURATE")
        service.now = MORNING + timedelta(hours=1)
        school.world.reviews("asking", "heart", MORNING, "G" * 40)
        answer = service.post("/predictions/generate", 201, user_id="asking")
        listed = {row["id"]: row for row in service.get("/interventions", user_id="asking")["interventions"]}
    assert one(answer)["prediction_status"] == "PENDING", "the day that it is planned for has not opened"
    assert one(answer)["predicted_struggle_probability"] < made["predicted_struggle_probability"]
    assert answer["alerts"] == []
    assert listed[advised[0]["id"]]["applied_to_mission_id"] == applied["mission_id"]
    assert listed[advised[0]["id"]]["status"] == "IN_PROGRESS"
    assert school.world.rows("SELECT count(*) FROM ml.prediction_feedback") == [(1,)]


def test_beyond_the_nightly_horizon_it_is_answered_and_kept_nowhere(school: School) -> None:
    before, ledger = published_rows(school.world), school.world.rows("SELECT count(*) FROM ml.assignments")
    near = school.generate("quiet")
    far = school.generate("quiet", days_ahead=10)
    assert one(near) == far["predictions"][0]
    (beyond,) = far["predictions"][1:]
    assert beyond["beyond_horizon"]
    assert (beyond["prediction_date"], beyond["objective_name"]) == ("2026-03-19T09:00:00.000Z", "Know the later")
    assert beyond["predicted_struggle_probability"] >= 0.4
    assert (far["total_count"], near["total_count"]) == (2, 1)
    assert beyond["id"] not in str(published_rows(school.world))
    assert {table: len(rows) for table, rows in published_rows(school.world).items()} == {
        table: len(rows) for table, rows in before.items()
    }
    assert school.world.rows("SELECT count(*) FROM ml.assignments") == ledger
    # Once a night reaches so far, it is the same episode.
    later = one(school.generate("quiet", FAR - timedelta(days=3)))
    assert later["id"] == beyond["id"]
    assert not later["beyond_horizon"]


@pytest.mark.parametrize(("days", "answered"), [(1, 0), (2, 1), (3, 1)])
def test_fewer_days_answer_less_and_publish_the_same(school: School, days: int, answered: int) -> None:
    answer = school.generate("asking", at("2026-03-10 09:00:00.001"), days)
    assert len(answer["predictions"]) == answered
    assert school.world.rows(f'SELECT "predictedAt" FROM {PREDICTIONS} WHERE "userId" = %s', "asking") == [
        (datetime.fromisoformat("2026-03-10 09:00:00.001"),)
    ]


def test_what_was_planned_since_the_night_is_there_at_once(school: School) -> None:
    school.world.mission("fine", MISSION, ["hard"])
    school.world.reviews("fine", "heart", MORNING - timedelta(hours=2), "AAAAAAAA")
    answer = school.generate("fine")
    assert {row["objective_name"] for row in answer["predictions"]} == {"Know the heart", "Know the hard"}
    assert (
        school.world.rows("SELECT live, flagged_at FROM ml.assignments WHERE user_id = 'fine'") == [(True, MORNING)] * 2
    )


def test_what_is_missing_of_another_course_is_named(school: School) -> None:
    school.world.prerequisite("heart", "small")
    school.generate("asking")
    described = school.world.rows(
        f"""SELECT "description" FROM {RECOMMENDATIONS}
        WHERE "userId" = 'asking' AND "interventionType"::text = 'PREREQUISITE_REVIEW'"""
    )
    assert ["what this builds on: «Know the small»" in text for (text,) in described] == [True]


def test_the_holdout_gets_a_prediction_and_nothing_that_could_help(school: School) -> None:
    school.world.reviews("fine", "heart", MORNING - timedelta(hours=2), "AAAAAAAA")
    school.world.mission("fine", FAR, ["later"])
    with school.serving(americano_holdout_share=1.0) as service:
        fresh = service.post("/predictions/generate", 201, user_id="fine", days_ahead=10)
        known = service.post("/predictions/generate", 201, user_id="asking")
        listed = service.get("/interventions", user_id="fine")["interventions"]
    assert [row["beyond_horizon"] for row in fresh["predictions"]] == [False, True]
    assert fresh["alerts"] == listed == []
    # What nobody stores draws no arm; who had one keeps it.
    assert school.world.rows("SELECT prediction_id, arm FROM ml.assignments WHERE user_id = 'fine'") == [
        (fresh["predictions"][0]["id"], "holdout")
    ]
    assert known["alerts"]
    assert school.world.rows("SELECT DISTINCT arm FROM ml.assignments WHERE user_id = 'asking'") == [("treated",)]


def test_connections_that_died_meanwhile_are_made_anew(school: School) -> None:
    with school.serving() as service:
        before = service.post("/predictions/generate", 201, user_id="asking")
        school.world.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname ="
            " current_database()"
        )
        assert service.post("/predictions/generate", 201, user_id="asking") == before


def test_a_broken_model_is_refused_without_telling_a_learner_where_it_lies(school: School) -> None:
    (model,) = (school.home / "models").glob("*.json")
    model.write_text("{}")
    before = published_rows(school.world)
    with school.serving() as service:
        answer = service.ask("/predictions/generate", method="POST", json={"user_id": "asking"})
    assert (answer.status_code, answer.json()["code"]) == (503, "not_ready")
    assert model.stem not in answer.text
    assert published_rows(school.world) == before


def test_whoever_opts_out_while_it_is_computed_gets_nothing_published(school: School) -> None:
    """Today's opt-out is asked for once more in the transaction that writes."""
    settings = world_settings(school.url, school.home, **school.values)
    generator = Generator(settings, school.url, statement_seconds=30, lock_seconds=30)
    features = generator._features

    def and_then_they_leave(*asked: Any) -> Any:
        found = features(*asked)
        school.world.execute("""UPDATE users SET "performanceTrackingEnabled" = false WHERE "id" = 'asking'""")
        return found

    before = published_rows(school.world)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(generator, "_features", and_then_they_leave)
        assert generator.generate("asking", MORNING.replace(tzinfo=UTC), 7).published == []
    assert published_rows(school.world) == before
