"""What a night never touches in the app's tables, and what it takes back."""

from datetime import datetime

import pytest

from americano_assets.stages.s6_publication.transaction import INDICATORS, PREDICTIONS, RECOMMENDATIONS
from americano_assets_tests.api.rows import WRITTEN
from americano_assets_tests.stages.s6_publication.night import (
    FIRST,
    FORGETTING,
    GAPS,
    OVERLOADED,
    SECOND,
    THIRD,
    Night,
)
from americano_assets_tests.world import at, published_rows


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


def test_hand_made_tables_with_text_for_enums_are_written_alike(night: Night) -> None:
    night.enums_as_text()
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
