"""POST /interventions/{id}/apply."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from americano_assets_tests.api.rows import LEARNER, NOW, OBJECTIVE, OTHER, Rows
from americano_assets_tests.api.serving import Service, serving, settings_for
from americano_assets_tests.world import at

_APPLIED = 'SELECT status::text, "appliedAt", "appliedToMissionId" FROM intervention_recommendations WHERE id = %s'
_OBJECTIVES = "SELECT objectives FROM missions WHERE id = %s"


def test_it_goes_into_the_next_open_mission_once(rows: Rows, service: Service) -> None:
    there = [{"id": "elsewhere", "completed": True, "stray": {"kept": 1}}]
    rows.prediction("p1")
    rows.intervention("i1", predictionId="p1")
    rows.mission("past", [], date=NOW - timedelta(days=2))
    rows.mission("done", [], status="COMPLETED")
    rows.mission("later", [], date=NOW + timedelta(days=3))
    rows.mission("next", there, date=NOW + timedelta(days=1))
    rows.mission("foreign", [], userId=OTHER)
    service.now = NOW.replace(microsecond=1700)  # finer than the app's columns, which would round it up
    first = service.post("/interventions/i1/apply")
    assert (first["success"], first["intervention_id"], first["mission_id"]) == (True, "i1", "next")
    service.now = NOW + timedelta(hours=1)
    again = service.post("/interventions/i1/apply", missionId="next")
    assert {**again, "message": ""} == {**first, "message": ""}
    (objectives,) = rows.one(_OBJECTIVES, "next")
    assert objectives[0] == there[0]
    assert [item["id"] for item in objectives] == ["elsewhere", OBJECTIVE]
    assert [note["id"] for note in objectives[1]["recommendations"]] == ["i1"]
    assert rows.one(_APPLIED, "i1") == ("IN_PROGRESS", NOW.replace(microsecond=1000), "next")
    assert rows.one('SELECT "interventionApplied", "interventionId" FROM struggle_predictions') == (True, "i1")
    assert all(rows.one(_OBJECTIVES, name) == ([],) for name in ("past", "done", "later", "foreign"))


def test_a_mission_of_todays_date_is_open_until_the_study_day_closes(
    rows: Rows, shared_database: str, tmp_path: Path
) -> None:
    """West of Greenwich midnight UTC is the evening before; missions come in the order in which they begin there."""
    rows.prediction("p1")
    rows.intervention("i1", predictionId="p1")
    rows.mission("yesterday", [], date=at("2026-11-23 00:00"))
    rows.mission("at nine", [], date=at("2026-11-24 14:00"))
    rows.mission("today", [], date=at("2026-11-24 00:00"))
    rows.intervention("i2", predictionId="p1")
    rows.mission("tomorrow", [], date=at("2026-11-25 00:00"))
    rows.mission("late tonight", [], date=at("2026-11-25 04:30"))
    settings = settings_for(shared_database, tmp_path, americano_timezone="America/New_York")
    with serving(settings) as service:
        service.now = at("2026-11-25 01:00")  # eight in the evening of the 24th
        assert service.post("/interventions/i1/apply")["mission_id"] == "today"
        service.now = at("2026-11-25 04:00")  # the study day of the 25th has begun
        assert service.post("/interventions/i2/apply")["mission_id"] == "late tonight"


def test_calls_at_once_have_the_effect_once(rows: Rows, service: Service) -> None:
    rows.prediction("p1")
    rows.mission("m1", [])
    for number in range(4):
        rows.intervention(f"i{number}", predictionId="p1")
    calls = [f"/interventions/i{number % 4}/apply" for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(service.post, calls))
    assert {answer["mission_id"] for answer in answers} == {"m1"}
    ((item,),) = rows.one(_OBJECTIVES, "m1")
    assert sorted(note["id"] for note in item["recommendations"]) == ["i0", "i1", "i2", "i3"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"applyToMissionId": "foreign"}, 404, "no_mission"),
        ({"mission_id": "nowhere"}, 404, "no_mission"),
        ({}, 404, "no_mission"),
        ({"mission_id": "done"}, 409, "mission_closed"),
        ({"mission_id": "odd"}, 409, "mission_unreadable"),
        ({"mission_id": ""}, 422, "invalid_request"),
    ],
)
def test_what_cannot_be_done_is_told_and_changes_nothing(
    rows: Rows, service: Service, body: dict[str, Any], status: int, code: str
) -> None:
    rows.prediction("p1")
    rows.intervention("i1", predictionId="p1")
    rows.mission("done", [], status="COMPLETED")
    rows.mission("odd", [], date=NOW - timedelta(days=9))
    rows.execute("UPDATE missions SET objectives = '{\"a\": 1}' WHERE id = 'odd'")
    rows.mission("foreign", [], userId=OTHER)
    assert service.post("/interventions/i1/apply", status, **body)["code"] == code
    assert rows.one(_APPLIED, "i1") == ("PENDING", None, None)
    assert rows.one("SELECT count(*) FROM missions WHERE strpos(objectives::text, 'i1') > 0") == (0,)


def test_another_mission_a_closed_or_an_unknown_intervention_are_refused(rows: Rows, service: Service) -> None:
    rows.prediction("p1")
    rows.intervention("i1", predictionId="p1")
    rows.intervention("i2", predictionId="p1", status="SKIPPED")
    rows.mission("m1", [])
    rows.mission("m2", [])
    service.post("/interventions/i1/apply", mission_id="m1")
    assert service.post("/interventions/i1/apply", 409, mission_id="m2")["code"] == "applied_elsewhere"
    assert service.post("/interventions/i2/apply", 409)["code"] == "intervention_closed"
    assert service.post("/interventions/i3/apply", 404)["code"] == "unknown_intervention"


def test_no_body_at_all_will_do_and_text_columns_too(rows_apart: Rows, service_apart: Service) -> None:
    rows_apart.enums_as_text()
    rows_apart.prediction("p1")
    rows_apart.intervention("i1", relatedObjectiveId=OBJECTIVE)
    rows_apart.mission("m1", [{"objectiveId": OBJECTIVE}])
    answer = service_apart.ask("/interventions/i1/apply", method="POST")
    assert answer.status_code == 200, answer.text
    ((item,),) = rows_apart.one(_OBJECTIVES, "m1")
    assert item["objectiveId"] == OBJECTIVE
    assert item["recommendations"][0]["type"] == "PREREQUISITE_REVIEW"
    assert rows_apart.one('SELECT "userId" FROM missions')[0] == LEARNER


@pytest.mark.parametrize(
    ("objectives", "noted"),
    [('"objectives"', True), ("jsonb_agg(objectives->0)", False), ("(objectives || '[]')", False)],
    ids=["of one table", "grouped", "computed"],
)
def test_in_a_mission_that_is_a_view_it_is_noted_where_postgresql_can_update_it(
    rows_apart: Rows, service_apart: Service, objectives: str, noted: bool
) -> None:
    rows_apart.prediction("p1")
    rows_apart.intervention("i1", predictionId="p1")
    rows_apart.mission("m1", [{"id": OBJECTIVE}])
    grouped = 'GROUP BY "id", "userId", "date", "status"' if "agg" in objectives else ""
    rows_apart.execute(
        'ALTER TABLE missions RENAME TO plans; CREATE VIEW missions AS SELECT "id", "userId", "date", "status",'
        f' {objectives} AS "objectives" FROM plans {grouped}'
    )
    answer = service_apart.post("/interventions/i1/apply")
    assert answer["mission_id"] == "m1"
    assert ("shows no note" in answer["message"]) is not noted
    assert rows_apart.one(_APPLIED, "i1") == ("IN_PROGRESS", NOW, "m1")
    assert rows_apart.one('SELECT "interventionApplied" FROM struggle_predictions') == (True,)
    ((item,),) = rows_apart.one("SELECT objectives FROM plans")
    assert ("recommendations" in item) is noted
    assert service_apart.post("/interventions/i1/apply")["mission_id"] == "m1"
