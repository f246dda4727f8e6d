"""Alerts on a real database: the three most pressing of a learner, refreshed each night, and never to the holdout."""

from typing import Any

import pandas as pd
import psycopg
import pytest

from americano_assets.core.base.experiment_arms import HOLDOUT
from americano_assets.core.publication.alerts import PER_LEARNER, alert_of, ranked
from americano_assets.core.publication.random_assignment import EPISODE, Policy
from americano_assets.stages.s6_publication.transaction import PREDICTIONS, RECOMMENDATIONS
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
    THIRD,
    Night,
)

ALERTS = "SELECT user_id, type, study_day::text FROM ml.alerts ORDER BY user_id"
NO_INDICATORS = pd.DataFrame(columns=["prediction_id", "indicator_type", "severity"])


def rows_of_one(*rows: dict[str, Any]) -> pd.DataFrame:
    """Rows of one learner, each of another objective, with values named as in the frame."""
    overrides = {"confidence", "probability", "planned_at"}
    plain = [{name: value for name, value in row.items() if name not in overrides} for row in rows]
    scored = scored_rows(plain).assign(learner_id="learner")
    for name in overrides:
        scored[name] = [row.get(name, old) for row, old in zip(rows, scored[name], strict=True)]
    return scored


def test_the_priority_is_the_weighted_sum_that_is_promised() -> None:
    due = pd.Timestamp(FIRST_CUTOFF) + pd.Timedelta(days=3.5)
    one = rows_of_one({"probability": 0.75, "confidence": 0.6, "planned_at": due, "cognitive_load_indicator": 0.8})
    (found,) = ranked(one, NO_INDICATORS, FIRST_CUTOFF).to_dict("records")
    assert found["alert_priority"] == pytest.approx(0.4 * 50 + 0.3 * 60 + 0.2 * 75 + 0.1 * 80)
    assert found["alert_severity"] == "HIGH"
    deeper = NO_INDICATORS.assign(
        prediction_id=one["prediction_id"], indicator_type="LOW_RETENTION", severity="CRITICAL"
    )
    assert ranked(one, deeper, FIRST_CUTOFF)["alert_severity"].tolist() == ["CRITICAL"]


def test_of_many_the_three_most_pressing_of_each_learner() -> None:
    due = [pd.Timestamp(FIRST_CUTOFF) + pd.Timedelta(days=days) for days in (6, 1, 5, 2, 3)]
    many = rows_of_one(*({"planned_at": day, "probability": 0.5, "confidence": 0.5} for day in due))
    top = ranked(many, NO_INDICATORS, FIRST_CUTOFF)
    assert len(top) == PER_LEARNER
    assert top["objective_id"].tolist() == ["objective-2", "objective-4", "objective-5"]
    assert ranked(many.head(0), NO_INDICATORS, FIRST_CUTOFF).empty


def test_an_alert_says_what_why_when_and_what_to_do() -> None:
    (row,) = ranked(rows_of_one(FORGETTING), NO_INDICATORS, FIRST_CUTOFF).to_dict("records")
    named: dict[str, Any] = {**{str(name): value for name, value in row.items()}, "days_left": 2}
    alert = alert_of(named, "Name the leads", PLANNED_AT, "Cards have been slipping", ("i", "Add short reviews."))
    assert alert.title == "«Name the leads» may be hard for you"
    assert alert.message == "It is planned for Thursday, 12 March. Cards have been slipping. Add short reviews."
    assert alert_of(named, " ", PLANNED_AT, "Why", None).title == "An objective may be hard for you"
    suggestion = alert_of({**named, "days_left": 5}, "X", PLANNED_AT, "Why", ("i", "Do."))
    gap = alert_of({**named, "gap": True}, "X", PLANNED_AT, "Why", None)
    now = alert_of(named, "X", PLANNED_AT, "Why", None, within_day=True)
    assert [one.type for one in (alert, suggestion, gap, now)] == [
        "PROACTIVE_WARNING",
        "INTERVENTION_SUGGESTION",
        "PREREQUISITE_ALERT",
        "REAL_TIME_ALERT",
    ]


def test_each_night_has_its_alerts_and_a_rerun_changes_no_byte(night: Night) -> None:
    assert night.publish(FIRST, FORGETTING, GAPS, FINE).alerts == 2
    assert night.world.rows(ALERTS) == [
        ("learner-1", "INTERVENTION_SUGGESTION", FIRST),  # there is time for it yet
        ("learner-2", "PREREQUISITE_ALERT", FIRST),
    ]
    whole = "SELECT to_jsonb(a)::text FROM ml.alerts a ORDER BY id"
    before = night.world.rows(whole)
    night.publish(FIRST, FORGETTING, GAPS, FINE)
    assert night.world.rows(whole) == before
    night.publish(SECOND, OVERLOADED, FINE, FORGETTING)
    assert night.world.rows(ALERTS) == [
        ("learner-1", "PROACTIVE_WARNING", SECOND),
        ("learner-3", "PROACTIVE_WARNING", SECOND),
    ]
    assert night.world.rows("SELECT created_at, due_at FROM ml.alerts ORDER BY user_id") == [
        (FIRST_CUTOFF, PLANNED_AT),
        (SECOND_CUTOFF, PLANNED_AT),
    ]
    after = night.world.rows(whole)
    night.publish(FIRST, GAPS, GAPS, GAPS)  # an older night takes nothing back
    assert night.world.rows(whole) == after


def test_an_alert_refers_to_what_is_recommended(night: Night) -> None:
    night.publish(FIRST, OVERLOADED)
    assert night.world.rows(
        f"""SELECT r."interventionType"::text, right(a.message, length(r."description")) = r."description"
        FROM ml.alerts a JOIN {RECOMMENDATIONS} r ON r."id" = a.intervention_id"""
    ) == [("COGNITIVE_LOAD_REDUCE", True)]


def test_no_alert_where_nobody_wants_or_may_have_one(night: Night) -> None:
    night.publish(FIRST, FORGETTING, FORGETTING, FORGETTING)
    night.world.execute(f"""UPDATE {PREDICTIONS} SET "predictionStatus" = 'DISMISSED' WHERE "userId" = 'learner-1'""")
    night.world.execute("""UPDATE users SET "behavioralAnalysisEnabled" = false WHERE "id" = 'learner-2'""")
    assert night.publish(SECOND, FORGETTING, FINE, FORGETTING).alerts == 1
    assert night.world.rows(ALERTS) == [("learner-3", "PROACTIVE_WARNING", SECOND)]
    night.publish("2026-03-12", FINE, FINE, FORGETTING)  # the planned day is over
    assert night.world.rows(ALERTS) == []


def test_the_holdout_gets_no_alert_and_no_action(night: Night) -> None:
    everybody = Policy(EPISODE, 1.0)
    assert night.publish(FIRST, OVERLOADED, policy=everybody).alerts == 0
    assert night.world.rows("SELECT arm FROM ml.assignments") == [(HOLDOUT,)]
    assert night.world.rows("SELECT count(*) FROM ml.intervention_actions") == [(0,)]
    for columns, values in (
        (
            "alerts (id, user_id, type, title, message, severity, priority, due_at, created_at, study_day",
            "'planted', user_id, 'REAL_TIME_ALERT', '', '', 'LOW', 1, now(), now(), now()",
        ),
        ("intervention_actions (intervention_id, user_id, actions", "'planted', user_id, '{}'"),
    ):
        with pytest.raises(psycopg.errors.RaiseException, match="takes no row of a holdout episode"):
            night.world.execute(
                f"INSERT INTO ml.{columns}, prediction_id) SELECT {values}, prediction_id FROM ml.assignments"
            )


def test_actions_are_kept_for_what_stands_and_go_with_what_is_withdrawn(night: Night) -> None:
    kept = "SELECT actions->>'type' FROM ml.intervention_actions ORDER BY 1"
    night.publish(FIRST, OVERLOADED)
    assert night.world.rows(kept) == [("COGNITIVE_LOAD_REDUCE",), ("SPACED_REPETITION_BOOST",)]
    night.publish(SECOND, FORGETTING)
    assert night.world.rows(kept) == [("SPACED_REPETITION_BOOST",)]
    night.publish(THIRD, FINE)
    assert night.world.rows(kept) == []
