"""What a night writes into the app's tables: whole or not at all, the same again, and never backwards."""

import threading
from datetime import datetime, timedelta

import psycopg
import pytest

from americano_assets.core.publication.random_assignment import Policy
from americano_assets.stages.s6_publication import alerts
from americano_assets.stages.s6_publication.transaction import INDICATORS, PREDICTIONS, RECOMMENDATIONS
from americano_assets_tests.frames import PLANNED_AT, scored_rows
from americano_assets_tests.stages.s6_publication.night import (
    FINE,
    FIRST,
    FIRST_CUTOFF,
    FORGETTING,
    GAPS,
    OVERLOADED,
    SECOND,
    SECOND_CUTOFF,
    THRESHOLD,
    Night,
)
from americano_assets_tests.world import published_rows, study_day


def test_a_night_shows_what_is_at_or_above_the_threshold(night: Night) -> None:
    done = night.publish(FIRST, FORGETTING, FINE, {})
    assert (done.candidates, done.inserted) == (3, 1)
    row = night.prediction()
    expected = scored_rows([FORGETTING]).iloc[0]
    assert row["id"] == expected["prediction_id"]
    assert (row["learningObjectiveId"], row["topicId"]) == ("objective-1", "anatomy")
    assert row["predictedStruggleProbability"] == expected["probability"]
    assert row["predictionConfidence"] == expected["confidence"]
    assert datetime.fromisoformat(row["predictionDate"]) == PLANNED_AT
    assert datetime.fromisoformat(row["predictedAt"]) == FIRST_CUTOFF
    assert (row["predictionStatus"], row["actualOutcome"], row["interventionApplied"]) == ("PENDING", None, False)
    assert row["featureVector"]["retention_score"] == 0.2
    assert len(row["featureVector"]) == 16
    assert [factor["feature"] for factor in row["strugglingFactors"]] == ["retention_score"]
    assert night.world.rows(
        f'SELECT "predictionId", "learningObjectiveId", "severity"::text, "detectedAt" FROM {INDICATORS}'
    ) == [(row["id"], "objective-1", "MEDIUM", FIRST_CUTOFF)]
    assert night.world.rows(
        f'SELECT "predictionId", "interventionType"::text, "status"::text, "createdAt", priority FROM {RECOMMENDATIONS}'
    ) == [(row["id"], "SPACED_REPETITION_BOOST", "PENDING", FIRST_CUTOFF, 6)]
    assert night.world.rows("SELECT candidates, published, live FROM ml.study_days") == [(3, 1, True)]


def test_a_rerun_changes_no_byte(night: Night) -> None:
    night.publish(FIRST, FORGETTING, OVERLOADED, GAPS)
    before, bookkeeping = published_rows(night.world), night.bookkeeping()
    done = night.publish(FIRST, FORGETTING, OVERLOADED, GAPS)
    assert (done.inserted, done.refreshed, done.indicators, done.interventions, done.withdrawn) == (0, 0, 0, 0, 0)
    assert published_rows(night.world) == before
    assert night.bookkeeping() == bookkeeping


def test_batches_of_any_size_write_the_same_rows(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alerts, "_RANKED_ROWS", 1)
    written = []
    for rows_at_once in (1, 2, 1000):
        policy = Policy("episode", 0.3)
        night.publish(FIRST, FORGETTING, OVERLOADED, GAPS, FINE, policy=policy, rows_at_once=rows_at_once)
        night.publish(SECOND, OVERLOADED, FINE, GAPS, FORGETTING, policy=policy, rows_at_once=rows_at_once)
        told = night.world.rows("SELECT to_jsonb(a)::text FROM ml.alerts a ORDER BY id")
        ((alerting,),) = night.world.rows(
            "SELECT count(*) FROM ml.episodes e JOIN ml.assignments a USING (prediction_id) "
            "WHERE a.arm = 'treated' AND e.probability >= e.threshold"
        )
        assert len(told) == alerting
        written.append((published_rows(night.world), night.bookkeeping(), told))
        night.world.execute(
            "ALTER TABLE ml.assignments DISABLE TRIGGER ALL;"
            f"TRUNCATE {PREDICTIONS}, {INDICATORS}, {RECOMMENDATIONS}, ml.published, ml.episodes, ml.assignments, "
            "ml.study_days, ml.alerts, ml.intervention_actions CASCADE;"
            "ALTER TABLE ml.assignments ENABLE TRIGGER ALL"
        )
    assert written[0] == written[1] == written[2]


def test_what_did_not_change_is_not_written_again(night: Night) -> None:
    night.publish(FIRST, FORGETTING, GAPS)
    places = [f"SELECT ctid, xmin FROM {table} ORDER BY 1" for table in (INDICATORS, RECOMMENDATIONS)]
    places.append(f"SELECT ctid, xmin FROM ml.published WHERE table_name <> '{PREDICTIONS}' ORDER BY 1")
    before = [night.world.rows(place) for place in places]
    assert night.publish(SECOND, FORGETTING, GAPS).refreshed == 2
    assert [night.world.rows(place) for place in places] == before


def test_the_next_night_refreshes_the_episode_in_place(night: Night) -> None:
    night.publish(FIRST, FORGETTING)
    first = night.prediction()
    night.publish(SECOND, OVERLOADED)
    row = night.prediction()
    assert row["id"] == first["id"]
    assert datetime.fromisoformat(row["predictedAt"]) == SECOND_CUTOFF
    assert row["featureVector"]["cognitive_load_indicator"] == 0.9
    assert row["predictedStruggleProbability"] != first["predictedStruggleProbability"]
    # What was there keeps the time of its first writing, what is new has its own.
    assert night.world.rows(f'SELECT "indicatorType"::text, "detectedAt" FROM {INDICATORS} ORDER BY 1') == [
        ("COGNITIVE_OVERLOAD", SECOND_CUTOFF),
        ("LOW_RETENTION", FIRST_CUTOFF),
    ]
    assert night.kinds() == {"COGNITIVE_LOAD_REDUCE", "SPACED_REPETITION_BOOST"}


def test_what_no_longer_applies_is_withdrawn_where_nobody_touched_it(night: Night) -> None:
    night.publish(FIRST, {**OVERLOADED, "historical_struggle_score": 0.9})
    assert night.kinds(INDICATORS) == {"LOW_RETENTION", "COGNITIVE_OVERLOAD", "HISTORICAL_STRUGGLE_PATTERN"}
    assert night.kinds() == {"COGNITIVE_LOAD_REDUCE", "SPACED_REPETITION_BOOST"}
    night.publish(SECOND, FORGETTING)
    assert night.kinds(INDICATORS) == {"LOW_RETENTION"}
    assert night.kinds() == {"SPACED_REPETITION_BOOST"}


def test_once_published_an_episode_stays_also_below_the_threshold(night: Night) -> None:
    night.publish(FIRST, FORGETTING)
    done = night.publish(SECOND, FINE)
    row = night.prediction()
    assert (done.inserted, done.refreshed) == (0, 1)
    assert row["predictedStruggleProbability"] < THRESHOLD
    assert row["predictionStatus"] == "PENDING"
    assert [factor["feature"] for factor in row["strugglingFactors"]] == ["cohort_rate"]
    assert night.kinds() == night.kinds(INDICATORS) == set()


def test_a_rerun_of_an_older_day_undoes_nothing(night: Night) -> None:
    night.publish(FIRST, FORGETTING, GAPS, on_time=False)
    night.publish(SECOND, OVERLOADED, GAPS)
    before, bookkeeping = published_rows(night.world), night.bookkeeping()[:2]
    # The old day now sees it quite differently: it also flags a learner whom the newer night has not.
    night.publish(FIRST, {**GAPS, "retention_score": 0.01}, FINE)
    assert published_rows(night.world) == before
    assert night.bookkeeping()[:2] == bookkeeping
    night.publish(FIRST, FORGETTING, GAPS, FORGETTING)
    assert datetime.fromisoformat(night.prediction(3)["predictedAt"]) == FIRST_CUTOFF
    assert night.prediction(1)["predictedAt"] == "2026-03-09T23:00:00"


@pytest.mark.parametrize("table", [INDICATORS, RECOMMENDATIONS, "ml.episodes", "ml.assignments", "ml.study_days"])
def test_a_night_is_published_whole_or_not_at_all(night: Night, table: str) -> None:
    night.publish(FIRST, FORGETTING)
    before, bookkeeping = published_rows(night.world), night.bookkeeping()
    night.world.execute("""CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'no room left'; END $$""")
    night.world.execute(
        f"CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse()"
    )
    with pytest.raises(psycopg.errors.RaiseException, match="no room left"):
        night.publish(SECOND, OVERLOADED, GAPS)
    assert published_rows(night.world) == before
    assert night.bookkeeping() == bookkeeping
    night.world.execute(f"DROP TRIGGER refuse ON {table}")
    assert night.publish(SECOND, OVERLOADED, GAPS).inserted == 1


def test_two_publications_at_once_come_to_the_same(night: Night) -> None:
    failures: list[Exception] = []

    def publish() -> None:
        try:
            night.publish(FIRST, FORGETTING, OVERLOADED, GAPS)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=publish) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert night.world.rows(f"SELECT count(*) FROM {PREDICTIONS}") == [(3,)]
    before = published_rows(night.world)
    night.publish(FIRST, FORGETTING, OVERLOADED, GAPS)
    assert published_rows(night.world) == before


def test_an_objective_deleted_since_the_plans_were_read_stops_no_night(night: Night) -> None:
    night.world.execute("""DELETE FROM learning_objectives WHERE "id" = 'objective-1'""")
    done = night.publish(FIRST, FORGETTING, FORGETTING)
    assert done.inserted == 1
    assert night.world.rows(f'SELECT "userId" FROM {PREDICTIONS}') == [("learner-2",)]
    assert night.world.rows("SELECT user_id FROM ml.episodes") == [("learner-2",)]


def test_the_ledger_keeps_the_first_flag_and_follows_until_the_planned_day(night: Night) -> None:
    night.publish(FIRST, FORGETTING, FINE)
    night.publish(SECOND, OVERLOADED, FORGETTING, on_time=False)
    p = {1: night.prediction(1)["predictedStruggleProbability"], 2: night.prediction(2)["predictedStruggleProbability"]}
    first_p = scored_rows([FORGETTING])["probability"].iloc[0]
    statement = """SELECT user_id, first_flagged_at, first_probability, refreshed_at, probability, live, window_end,
        planned_day FROM ml.episodes ORDER BY user_id"""
    day = study_day("2026-03-11")
    end = SECOND_CUTOFF + timedelta(days=7)
    assert night.world.rows(statement) == [
        ("learner-1", FIRST_CUTOFF, first_p, SECOND_CUTOFF, p[1], True, end, day),
        ("learner-2", SECOND_CUTOFF, p[2], SECOND_CUTOFF, p[2], False, end, day),
    ]
    # The planned day has opened: a refresh after that decides no outcome.
    ledger = night.world.rows(statement)
    night.publish("2026-03-11", {**FORGETTING, "retention_score": 0.05}, FORGETTING)
    assert night.world.rows(statement) == ledger
    assert night.prediction(1)["predictedAt"] == "2026-03-12T23:00:00"


def test_a_rerun_knows_no_more_than_its_night_did(night: Night) -> None:
    """An episode that a later night flagged does not join the earlier one's rerun."""
    published = "SELECT published FROM ml.study_days WHERE study_day = %s"
    night.publish(FIRST, FINE)
    assert night.world.rows(published, FIRST) == [(0,)]
    night.publish(SECOND, FORGETTING)
    assert night.world.rows(published, SECOND) == [(1,)]
    night.publish(FIRST, FINE)
    assert night.world.rows(published, FIRST) == [(0,)]


def test_what_advisers_noted_outlasts_every_night(night: Night) -> None:
    night.world.execute(
        "INSERT INTO ml.list_actions (course_id, user_id, action, note, taken_by, taken_at) VALUES"
        " ('anatomy', 'learner-1', 'acknowledge', NULL, 'ada', now()),"
        " ('anatomy', 'learner-1', 'note', 'Hm.', 'ada', now())"
    )
    kept = "SELECT to_jsonb(a)::text FROM ml.list_actions a ORDER BY id"
    before = night.world.rows(kept)
    night.publish(FIRST, FORGETTING, OVERLOADED, GAPS)
    night.publish(SECOND, FINE, FINE, FINE)
    night.publish(FIRST, FORGETTING, OVERLOADED, GAPS)
    assert night.world.rows(kept) == before
