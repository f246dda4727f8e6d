"""Bad rows are set aside and told, none of them vanishes, and too many stop everything."""

from datetime import timedelta

import pytest

from americano_assets.contract.compare import check
from americano_assets.stages.s1_snapshots import snapshots
from americano_assets.stages.s1_snapshots.quarantine import NEVER_TOO_MANY, BadRowsError, bad_rows, readings, rows_of
from americano_assets.stages.s1_snapshots.snapshots import snapshot_log, snapshot_state
from americano_assets_tests.world import ClockedDeployment, World, at, study_day

DAY = study_day("2026-03-09")
GOOD = 400


def answers(school: World, *scores: float) -> None:
    with school.connection.transaction():
        for learner in ("ann", "bob"):
            school.learner(learner)
        for number in range(GOOD):
            school.answer("ann", "heart", at("2026-03-10 09:00") + timedelta(seconds=number), 0.5)
        for number, score in enumerate(scores):
            school.answer("bob", "heart", at("2026-03-10 10:00"), score, id=f"wrong-{number}")


def test_bad_rows_of_every_batch_of_a_reading_are_found_again(
    school: World, deployment: ClockedDeployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers(school, 1.5, -0.5)
    monkeypatch.setattr(snapshots, "_CHECKED_ROWS", GOOD + 1)  # so that each bad row is in a batch of its own
    versions, quality = snapshot_log(deployment, "validation_responses", [DAY])
    assert versions[DAY].rows == GOOD
    assert (quality.rows, quality.bad) == (GOOD + 2, 2)
    (reading,) = readings(deployment.store)
    assert len(reading.files) == 2
    assert reading == quality
    rows = rows_of(deployment.store, reading)
    assert rows["response_id"].tolist() == ["wrong-0", "wrong-1"]
    assert set(rows["reason"]) == {"score: in_range(0, 1)"}
    assert quality.report() == [
        {
            "table": "validation_responses",
            "column": "score",
            "rule": "in_range(0, 1)",
            "rows": 2,
            "examples": "wrong-0, wrong-1",
        }
    ]


def test_each_reading_is_kept_and_found_by_its_day(school: World, deployment: ClockedDeployment) -> None:
    answers(school, 1.5)
    snapshot_log(deployment, "validation_responses", [DAY])
    deployment.clock += timedelta(days=1)
    school.execute("UPDATE validation_responses SET score = 1.7 WHERE id = 'wrong-0'")
    snapshot_log(deployment, "validation_responses", [DAY])
    assert [reading.read_at.day for reading in readings(deployment.store)] == [10, 11]
    (later,) = readings(deployment.store, deployment.clock.date())
    assert rows_of(deployment.store, later)["score"].tolist() == [1.7]
    assert not list(readings(deployment.store, DAY))


def test_a_bad_row_is_counted_once_however_often_its_day_is_read_or_it_is_edited(
    school: World, deployment: ClockedDeployment
) -> None:
    answers(school, 1.5, -0.5)
    for score in (1.5, 1.6, 1.7):
        school.execute("UPDATE validation_responses SET score = %s WHERE id = 'wrong-0'", score)
        snapshot_log(deployment, "validation_responses", [DAY])
        deployment.clock += timedelta(hours=1)
    school.answer("bob", "heart", at("2026-03-10 12:00"), 1.5, id="wrong-too")
    snapshot_log(deployment, "validation_responses", [DAY])
    found = list(readings(deployment.store))
    assert sum(one.bad for one in found) == 9
    assert bad_rows(deployment.store, found) == {"validation_responses": 3}


def test_too_many_stop_the_reading_and_are_kept_all_the_same(school: World, deployment: ClockedDeployment) -> None:
    answers(school, 1.5)
    before, _ = snapshot_log(deployment, "validation_responses", [DAY])
    answers_more = [2.0, 3.0, 4.0, 5.0, 6.0]
    for number, score in enumerate(answers_more):
        school.answer("bob", "heart", at("2026-03-10 11:00"), score, id=f"worse-{number}")
    deployment.clock += timedelta(hours=1)
    with pytest.raises(BadRowsError, match=r"6 of 406 rows are bad, more than 1% and.*e\.g\. wrong-0, worse-0"):
        snapshot_log(deployment, "validation_responses", [DAY])
    assert deployment.store.current("validation_responses", DAY) == before[DAY]
    last = list(readings(deployment.store))[-1]
    assert last.refused
    assert len(rows_of(deployment.store, last)) == 6


def test_a_handful_stops_nobody_however_small_the_table(school: World, deployment: ClockedDeployment) -> None:
    for number in range(NEVER_TOO_MANY):
        school.answer("owner", "heart", at("2026-03-10 09:00"), 1.5, id=f"wrong-{number}")
    school.answer("owner", "heart", at("2026-03-10 10:00"), 0.5)
    versions, quality = snapshot_log(deployment, "validation_responses", [DAY])
    assert (quality.bad, versions[DAY].rows) == (NEVER_TOO_MANY, 1)
    school.answer("owner", "heart", at("2026-03-10 11:00"), 1.5)
    with pytest.raises(BadRowsError, match="6 of 7 rows are bad"):
        snapshot_log(deployment, "validation_responses", [DAY])
    assert deployment.store.current("validation_responses", DAY) == versions[DAY]


def test_fail_names_column_rule_count_and_rows_and_sets_nothing_aside(
    school: World, deployment: ClockedDeployment
) -> None:
    answers(school, 1.5, -0.5)
    deployment.settings = deployment.settings.model_copy(update={"americano_on_invalid": "fail"})
    with pytest.raises(
        BadRowsError,
        match=r"validation_responses\.score: 2 rows break «in_range\(0, 1\)» \(e\.g\. wrong-0, wrong-1\)\. Correct",
    ):
        snapshot_log(deployment, "validation_responses", [DAY])
    assert not list(readings(deployment.store))
    assert deployment.store.current("validation_responses", DAY) is None


def test_fail_counts_every_bad_row_of_the_reading_and_stores_nothing(
    school: World, deployment: ClockedDeployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshots, "_CHECKED_ROWS", 7)  # so that bad rows are in many batches, and good ones between
    deployment.settings = deployment.settings.model_copy(update={"americano_on_invalid": "fail"})
    answers(school)
    with school.connection.transaction():
        school.learner("")
        for number in range(20):
            when = at("2026-03-09 09:00") + timedelta(minutes=number)
            school.answer("bob", "heart", when, -1.0 if number % 2 else 0.5, id=f"odd-{number:02}")
            school.answer("", "heart", when + timedelta(days=1), 0.5, id=f"nobody-{number:02}")
    with pytest.raises(BadRowsError) as error:
        snapshot_log(deployment, "validation_responses", [DAY - timedelta(days=1), DAY])
    told = str(error.value)
    assert "validation_responses.score: 10 rows break «in_range(0, 1)» (e.g. odd-01, odd-03, odd-05)" in told
    assert "validation_responses.learner_id: 20 rows break «not empty» (e.g. nobody-00, nobody-01, nobody-02)" in told
    assert not list(deployment.store.root.rglob("*.parquet"))


def test_what_people_wrote_is_in_no_message(school: World, deployment: ClockedDeployment) -> None:
    answers(school)
    school.review("bob", "heart", at("2026-03-10 09:00"))
    school.event("bob", "CARD_REVIEWED", at("2026-03-10 09:00"), {"rating": "my name is Bob"}, id="odd")
    deployment.settings = deployment.settings.model_copy(update={"americano_on_invalid": "fail"})
    with pytest.raises(BadRowsError) as error:
        snapshot_log(deployment, "behavioral_events", [DAY])
    assert "behavioral_events.rating: 1 row breaks" in str(error.value)
    assert "odd" in str(error.value)
    assert "Bob" not in str(error.value)


@pytest.mark.parametrize("on_invalid", ["fail", "quarantine"])
def test_what_is_no_review_is_left_out_and_counted_and_stops_nothing(
    school: World, deployment: ClockedDeployment, on_invalid: str
) -> None:
    deployment.settings = deployment.settings.model_copy(update={"americano_on_invalid": on_invalid})
    school.execute("ALTER TYPE \"ReviewRating\" ADD VALUE 'MANUAL'")
    school.execute("ALTER TYPE \"MissionStatus\" ADD VALUE 'PAUSED'")
    school.execute("ALTER TYPE \"ObjectiveComplexity\" ADD VALUE 'EXPERT'")
    for number in range(NEVER_TOO_MANY + 1):
        when = at("2026-03-10 09:00") + timedelta(minutes=number)
        review = school.review("owner", "heart", when, "MANUAL", id=f"moved-{number}")
        school.event("owner", "CARD_REVIEWED", when, {"reviewId": review, "rating": "MANUAL"})
        school.mission("owner", at("2026-03-12 09:00"), ["heart"], status="PAUSED")
    known = school.review("owner", "heart", at("2026-03-10 10:00"))
    school.objective("liver", "anatomy", complexity="EXPERT")
    for table, rows in (("reviews", [known]), ("behavioral_events", [])):
        versions, quality = snapshot_log(deployment, table, [DAY])
        assert (quality.bad, quality.left_out, versions[DAY].rows) == (0, NEVER_TOO_MANY + 1, len(rows))
        assert quality.report()[0]["rule"] == "a label of the contract"
    (_, reading) = readings(deployment.store)
    assert not reading.refused
    assert len(rows_of(deployment.store, reading)) == NEVER_TOO_MANY + 1
    _, qualities, counts = snapshot_state(deployment)
    assert (qualities["planned_objectives"].left_out, counts["planned_objectives"]) == (NEVER_TOO_MANY + 1, 0)
    assert (qualities["objectives"].bad, counts["objectives"]) == (0, 3)
    with deployment.connect() as connection:
        warned = [one.where for one in check(connection) if one.kind == "enum label" and one.severity == "warning"]
    assert sorted(warned) == ["MissionStatus", "ObjectiveComplexity", "ReviewRating"]


def test_a_label_that_nobody_declared_is_a_mistake(school: World, deployment: ClockedDeployment) -> None:
    school.event("owner", "CARD_REVIEWED", at("2026-03-10 09:00"), {"rating": "GREAT"})
    school.event("owner", "CARD_REVIEWED", at("2026-03-10 09:00"), {"rating": "MANUAL"})
    _, quality = snapshot_log(deployment, "behavioral_events", [DAY])
    assert (quality.bad, quality.left_out) == (1, 1)
