"""What a night writes into the app's tables, and what it never touches there.

Nights are published below Dagster, from rows scored by the rules: the transaction and the ownership are the subject.
"""

import threading
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import psycopg
import pytest

from americano_assets.core.interventions import Indicator, Intervention, indicators_of, interventions_of
from americano_assets.core.moment import Moment, Target
from americano_assets.core.scoring import Scorer
from americano_assets.resources.ledger import StudyDay
from americano_assets.resources.model_store import StoredModel
from americano_assets.resources.publication import (
    INDICATORS,
    PREDICTIONS,
    RECOMMENDATIONS,
    Published,
    publish_day,
)
from americano_assets_tests.api.rows import WRITTEN
from americano_assets_tests.frames import PLANNED_AT, scored_rows
from americano_assets_tests.world import World, at, published_rows, study_day

UTC = ZoneInfo("UTC")
TARGET = Target(7, 0.65)
THRESHOLD = 0.4
FIRST, SECOND, THIRD = "2026-03-07", "2026-03-08", "2026-03-09"
FIRST_CUTOFF, SECOND_CUTOFF = at("2026-03-08 23:00"), at("2026-03-09 23:00")
FORGETTING = {"retention_score": 0.2}
OVERLOADED = {"retention_score": 0.3, "cognitive_load_indicator": 0.9}
GAPS = {"retention_score": 0.3, "prerequisite_gap_count": 1.0, "prerequisite_mastery_gap": 0.9}
FINE = {"retention_score": 0.95}


class Night:
    """Publishes study days on one database."""

    def __init__(self, url: str, world: World) -> None:
        self.url = url
        self.world = world

    def publish(self, day: str, *rows: Mapping[str, Any], live: bool = True) -> Published:
        """Publish rows of learner-1, learner-2 …, each for an objective of the same number."""
        scored = scored_rows(rows, THRESHOLD) if rows else scored_rows([{}], THRESHOLD).head(0)
        flagged: list[Any] = scored[scored["flagged"]].to_dict("records")
        model = StoredModel(f"model-of-{day}", "rule_based", study_day(day), "d", TARGET, Scorer(None, 0.3, THRESHOLD))
        moment = Moment.closing(study_day(day), UTC, TARGET)
        with psycopg.connect(self.url) as connection:
            return publish_day(
                connection,
                StudyDay(study_day(day), moment, model, f"inputs-of-{day}", "nightly", live),
                scored,
                _frame([one for row in flagged for one in indicators_of(row)], Indicator),
                _frame([one for row in flagged for one in interventions_of(row, {}, 30)], Intervention),
            )

    def prediction(self, number: int = 1) -> dict[str, Any]:
        """The row of a learner's only prediction."""
        ((row,),) = self.world.rows(f'SELECT to_jsonb(t) FROM {PREDICTIONS} t WHERE "userId" = %s', f"learner-{number}")
        return dict(row)

    def kinds(self, table: str = RECOMMENDATIONS, number: int = 1) -> set[str]:
        """The types of a learner's rows."""
        column = '"interventionType"' if table == RECOMMENDATIONS else '"indicatorType"'
        return {
            kind
            for (kind,) in self.world.rows(
                f'SELECT {column}::text FROM {table} WHERE "userId" = %s', f"learner-{number}"
            )
        }


def _frame(rows: list[Any], kind: type[Indicator] | type[Intervention]) -> pd.DataFrame:
    return pd.DataFrame([asdict(row) for row in rows], columns=list(kind.__dataclass_fields__))


@pytest.fixture
def night(database: str) -> Iterator[Night]:
    with psycopg.connect(database, autocommit=True) as connection:
        world = World(connection)
        world.learner("owner")
        world.course("anatomy", "owner")
        for number in range(1, 4):
            world.learner(f"learner-{number}")
            world.objective(f"objective-{number}", "anatomy")
        yield Night(database, world)


def ours(night: Night) -> list[Any]:
    """Our own bookkeeping, but for when a day was published."""
    return [
        night.world.rows("SELECT to_jsonb(t)::text FROM ml.published t ORDER BY table_name, row_id"),
        night.world.rows("SELECT to_jsonb(t)::text FROM ml.episodes t ORDER BY prediction_id"),
        night.world.rows("SELECT (to_jsonb(t) - 'published_at')::text FROM ml.study_days t ORDER BY study_day"),
    ]


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
    before, bookkeeping = published_rows(night.world), ours(night)
    done = night.publish(FIRST, FORGETTING, OVERLOADED, GAPS)
    assert (done.inserted, done.refreshed, done.indicators, done.interventions, done.withdrawn) == (0, 0, 0, 0, 0)
    assert published_rows(night.world) == before
    assert ours(night) == bookkeeping


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


@pytest.mark.parametrize(
    "change",
    ["\"status\" = 'SKIPPED'", '"acknowledgedAt" = now()', '"appliedAt" = now()', "\"appliedToMissionId\" = 'm'"],
)
def test_what_no_longer_applies_stays_where_somebody_touched_it(night: Night, change: str) -> None:
    night.publish(FIRST, OVERLOADED)
    night.world.execute(
        f"UPDATE {RECOMMENDATIONS} SET {change} WHERE \"interventionType\"::text = 'COGNITIVE_LOAD_REDUCE'"
    )
    night.publish(SECOND, FORGETTING)
    assert night.kinds() == {"COGNITIVE_LOAD_REDUCE", "SPACED_REPETITION_BOOST"}


def test_once_published_an_episode_stays_also_below_the_threshold(night: Night) -> None:
    night.publish(FIRST, FORGETTING)
    done = night.publish(SECOND, FINE)
    row = night.prediction()
    assert (done.inserted, done.refreshed) == (0, 1)
    assert row["predictedStruggleProbability"] < THRESHOLD
    assert row["predictionStatus"] == "PENDING"
    assert night.kinds() == night.kinds(INDICATORS) == set()


def test_what_a_learner_did_with_a_prediction_survives_every_night(night: Night) -> None:
    night.publish(FIRST, FORGETTING, FORGETTING)
    touched = {
        "acknowledgedAt": "2026-03-09T07:00:00",
        "predictionStatus": "DISMISSED",
        "interventionApplied": True,
        "interventionId": "intervention",
        "actualOutcome": False,
        "actualOutcomeRecordedAt": "2026-03-09T08:00:00",
    }
    assignments = ", ".join(f'"{column}" = %s' for column in touched)
    night.world.execute(f'UPDATE {PREDICTIONS} SET {assignments} WHERE "userId" = %s', *touched.values(), "learner-1")
    for day in (SECOND, SECOND, THIRD):
        night.publish(day, OVERLOADED, OVERLOADED)
        row = night.prediction()
        assert {column: row[column] for column in touched} == touched
    # What is still ours goes on being brought up to date.
    assert row["featureVector"]["cognitive_load_indicator"] == 0.9
    assert datetime.fromisoformat(row["predictedAt"]) == at("2026-03-10 23:00")


def test_a_text_that_somebody_edited_is_theirs(night: Night) -> None:
    night.publish(FIRST, GAPS)
    night.world.execute(f"""UPDATE {RECOMMENDATIONS} SET "description" = 'As I say' WHERE "priority" = 9""")
    night.world.execute(f"""UPDATE {PREDICTIONS} SET "strugglingFactors" = '[]'""")
    night.publish(SECOND, {**GAPS, "retention_score": 0.1})
    assert night.world.rows(f'SELECT "description" FROM {RECOMMENDATIONS} WHERE "priority" = 9') == [("As I say",)]
    row = night.prediction()
    assert row["strugglingFactors"] == []
    assert row["featureVector"]["retention_score"] == 0.1


def test_a_row_that_was_deleted_is_not_brought_back(night: Night) -> None:
    night.publish(FIRST, FORGETTING, FORGETTING)
    night.world.execute(f"""DELETE FROM {PREDICTIONS} WHERE "userId" = 'learner-1'""")
    night.world.execute(f'DELETE FROM {INDICATORS} WHERE "predictionId" IS NULL')
    night.world.execute(f"""DELETE FROM {RECOMMENDATIONS} WHERE "userId" = 'learner-2'""")
    for day in (FIRST, SECOND):
        night.publish(day, OVERLOADED, FORGETTING)
        assert night.world.rows(f'SELECT "userId" FROM {PREDICTIONS}') == [("learner-2",)]
        assert night.kinds(INDICATORS) == set()
        assert night.kinds(RECOMMENDATIONS, 2) == set()


def test_a_rerun_of_an_older_day_undoes_nothing(night: Night) -> None:
    night.publish(FIRST, FORGETTING, GAPS, live=False)
    night.publish(SECOND, OVERLOADED, GAPS)
    before, bookkeeping = published_rows(night.world), ours(night)[:2]
    # The old day now sees it quite differently: it also flags a learner whom the newer night has not.
    night.publish(FIRST, {**GAPS, "retention_score": 0.01}, FINE)
    assert published_rows(night.world) == before
    assert ours(night)[:2] == bookkeeping
    night.publish(FIRST, FORGETTING, GAPS, FORGETTING)
    assert datetime.fromisoformat(night.prediction(3)["predictedAt"]) == FIRST_CUTOFF
    assert night.prediction(1)["predictedAt"] == "2026-03-09T23:00:00"


def test_who_opts_out_is_withdrawn_but_for_what_they_touched(night: Night) -> None:
    night.publish(FIRST, OVERLOADED, OVERLOADED, FORGETTING)
    night.world.execute(f"""UPDATE {PREDICTIONS} SET "acknowledgedAt" = now() WHERE "userId" = 'learner-2'""")
    night.world.execute(f"""UPDATE {RECOMMENDATIONS} SET "status" = 'IN_PROGRESS'
        WHERE "userId" = 'learner-2' AND "interventionType"::text = 'COGNITIVE_LOAD_REDUCE'""")
    night.world.execute("""UPDATE users SET "behavioralAnalysisEnabled" = false WHERE "id" = 'learner-1'""")
    night.world.execute("""UPDATE users SET "performanceTrackingEnabled" = false WHERE "id" = 'learner-2'""")
    kept = night.prediction(2)
    third = night.prediction(3)
    done = night.publish(SECOND)
    assert done.withdrawn == 1 + 2 + 2 + 2 + 1  # all of learner-1's five; learner-2's indicators and one intervention
    assert night.world.rows(f'SELECT "userId" FROM {PREDICTIONS} ORDER BY 1') == [("learner-2",), ("learner-3",)]
    assert night.prediction(2) == kept
    assert night.kinds(RECOMMENDATIONS, 2) == {"COGNITIVE_LOAD_REDUCE"}
    assert night.prediction(3) == third
    assert night.kinds(INDICATORS, 3) == {"LOW_RETENTION"}


def test_who_keeps_out_of_analytics_alone_keeps_their_predictions(night: Night) -> None:
    night.publish(FIRST, FORGETTING)
    night.world.execute("""UPDATE users SET "includeInAnalytics" = false""")
    assert night.publish(SECOND, FORGETTING).withdrawn == 0
    assert night.prediction()["predictedAt"] == "2026-03-09T23:00:00"


def test_open_rows_of_a_deleted_account_are_withdrawn(night: Night) -> None:
    night.publish(FIRST, FORGETTING)
    night.world.execute("""DELETE FROM users WHERE "id" = 'learner-1'""")
    assert night.publish(SECOND).withdrawn == 3
    assert published_rows(night.world) == {PREDICTIONS: [], INDICATORS: [], RECOMMENDATIONS: []}


def test_who_opts_in_again_is_predicted_for_again(night: Night) -> None:
    night.publish(FIRST, FORGETTING)
    night.world.execute("""UPDATE users SET "behavioralAnalysisEnabled" = false WHERE "id" = 'learner-1'""")
    night.publish(SECOND)
    night.world.execute("""UPDATE users SET "behavioralAnalysisEnabled" = true WHERE "id" = 'learner-1'""")
    night.publish(THIRD, FORGETTING)
    assert night.prediction()["predictedAt"] == "2026-03-10T23:00:00"


@pytest.mark.parametrize("table", [INDICATORS, RECOMMENDATIONS, "ml.episodes", "ml.study_days"])
def test_a_night_is_published_whole_or_not_at_all(night: Night, table: str) -> None:
    night.publish(FIRST, FORGETTING)
    before, bookkeeping = published_rows(night.world), ours(night)
    night.world.execute("""CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'no room left'; END $$""")
    night.world.execute(
        f"CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse()"
    )
    with pytest.raises(psycopg.errors.RaiseException, match="no room left"):
        night.publish(SECOND, OVERLOADED, GAPS)
    assert published_rows(night.world) == before
    assert ours(night) == bookkeeping
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


def test_hand_made_tables_with_text_for_enums_are_written_alike(night: Night) -> None:
    for table, columns in WRITTEN.items():
        for column in columns:
            night.world.execute(f'ALTER TABLE {table} ALTER "{column}" DROP DEFAULT')
            night.world.execute(f'ALTER TABLE {table} ALTER "{column}" TYPE text USING "{column}"::text')
    night.publish(FIRST, FORGETTING, OVERLOADED, FORGETTING)
    night.world.execute(f"""UPDATE {PREDICTIONS} SET "predictionStatus" = 'DISMISSED' WHERE "userId" = 'learner-1'""")
    night.world.execute("""UPDATE users SET "behavioralAnalysisEnabled" = false WHERE "id" = 'learner-3'""")
    night.publish(SECOND, OVERLOADED, FORGETTING)
    assert night.prediction(1)["predictionStatus"] == "DISMISSED"
    assert night.prediction(1)["featureVector"]["cognitive_load_indicator"] == 0.9
    assert night.kinds(RECOMMENDATIONS, 1) == {"COGNITIVE_LOAD_REDUCE", "SPACED_REPETITION_BOOST"}
    assert night.kinds(RECOMMENDATIONS, 2) == {"SPACED_REPETITION_BOOST"}
    assert night.kinds(RECOMMENDATIONS, 3) == set()


def test_a_column_that_the_app_added_since_makes_no_row_touched(night: Night) -> None:
    night.publish(FIRST, OVERLOADED)
    for table in WRITTEN:
        night.world.execute(f'ALTER TABLE {table} ADD COLUMN "note" TEXT')
    night.publish(SECOND, FORGETTING)
    assert night.kinds() == {"SPACED_REPETITION_BOOST"}
    night.world.execute("""UPDATE users SET "behavioralAnalysisEnabled" = false""")
    night.publish(THIRD)
    assert published_rows(night.world)[PREDICTIONS] == []


def test_an_objective_deleted_since_the_plans_were_read_stops_no_night(night: Night) -> None:
    night.world.execute("""DELETE FROM learning_objectives WHERE "id" = 'objective-1'""")
    done = night.publish(FIRST, FORGETTING, FORGETTING)
    assert done.inserted == 1
    assert night.world.rows(f'SELECT "userId" FROM {PREDICTIONS}') == [("learner-2",)]
    assert night.world.rows("SELECT user_id FROM ml.episodes") == [("learner-2",)]


def test_the_ledger_keeps_the_first_flag_and_follows_until_the_planned_day(night: Night) -> None:
    night.publish(FIRST, FORGETTING, FINE)
    night.publish(SECOND, OVERLOADED, FORGETTING, live=False)
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
