"""Verdicts on closed windows: into the ledger always, into the app's rows where they are still ours."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pandas as pd
import psycopg
import pytest

from americano_assets.core.study_days.study_day import study_day_of
from americano_assets.stages.s6_publication.transaction import PREDICTIONS, RECOMMENDATIONS
from americano_assets.stages.s7_outcomes.write_outcomes import (
    FIRST_FLAG,
    LAST_REFRESH,
    OutcomesWritten,
    closing,
    write_outcomes,
)
from americano_assets_tests.frames import scored_rows
from americano_assets_tests.stages.s6_publication.night import (
    FINE,
    FIRST,
    FIRST_CUTOFF,
    FORGETTING,
    OVERLOADED,
    SECOND,
    SECOND_CUTOFF,
    THRESHOLD,
    Night,
)
from americano_assets_tests.world import published_rows, study_day

END = FIRST_CUTOFF + timedelta(days=7)
DAY = study_day("2026-03-14")
TOLD = (
    f'SELECT "predictionStatus"::text, "actualOutcome", "actualOutcomeRecordedAt" FROM {PREDICTIONS} ORDER BY "userId"'
)

EVERYBODY = [f"learner-{number}" for number in range(1, 4)]
EVIDENCE = {"mean_struggle": True, "mean_score": 0.5, "n_reviews": 4, "n_validations": 0, "n_again": 2}


def judge(
    night: Night, *outcomes: str, missed: pd.DataFrame | None = None, cutoff: datetime = END, **evidence: float
) -> OutcomesWritten:
    """Write the outcomes of the learners' episodes, in the order of their numbers, in both windows."""
    with psycopg.connect(night.url) as connection:
        rows = []
        for basis in (LAST_REFRESH, FIRST_FLAG):
            found = closing(connection, basis, cutoff, EVERYBODY).sort_values("learner_id").head(len(outcomes))
            rows.append(found.assign(outcome=list(outcomes)[: len(found)], **{**EVIDENCE, **evidence}))
        opened = study_day_of(cutoff.replace(tzinfo=UTC), ZoneInfo("UTC"))
        return write_outcomes(
            connection, DAY, cutoff, rows[0], rows[1], () if missed is None else [missed], 0.65, opened
        )


def unflagged(number: int = 1) -> pd.DataFrame:
    """A learner's row that was scored below the threshold in the first night."""
    rows = scored_rows([FINE] * number, THRESHOLD).tail(1)
    return rows.assign(predicted_at=FIRST_CUTOFF, window_end=END, model_version="m", threshold=THRESHOLD)


@pytest.mark.parametrize("text", [False, True], ids=["enums", "text"])
def test_each_outcome_has_its_status_and_the_time_at_which_its_window_closed(night: Night, text: bool) -> None:
    if text:
        night.enums_as_text()
    night.publish(FIRST, FORGETTING, FORGETTING, FORGETTING)
    judge(night, "struggled", "not_struggled", "unstudied")
    assert night.world.rows(TOLD) == [("CONFIRMED", True, END), ("FALSE_POSITIVE", False, END), ("RESOLVED", None, END)]
    assert night.world.rows("SELECT outcome, outcome_at FROM ml.episodes ORDER BY user_id") == [
        ("struggled", END),
        ("not_struggled", END),
        ("unstudied", END),
    ]


def test_before_its_window_closes_nothing_is_judged(night: Night) -> None:
    night.publish(FIRST, FORGETTING)
    with psycopg.connect(night.url) as connection:
        assert closing(connection, LAST_REFRESH, END - timedelta(milliseconds=1), EVERYBODY).empty
        assert len(closing(connection, LAST_REFRESH, END, EVERYBODY)) == 1


def test_a_verdict_is_open_to_correction_for_a_fortnight(night: Night) -> None:
    night.publish(FIRST, FORGETTING)
    assert judge(night, "unstudied").changed == 1
    assert judge(night, "struggled").changed == 1
    assert night.world.rows(TOLD) == [("CONFIRMED", True, END)]
    with psycopg.connect(night.url) as connection:
        assert len(closing(connection, LAST_REFRESH, END + timedelta(days=13, hours=23), EVERYBODY)) == 1
        assert closing(connection, LAST_REFRESH, END + timedelta(days=14), EVERYBODY).empty


def test_a_verdict_told_twice_changes_no_byte(night: Night) -> None:
    night.publish(FIRST, FORGETTING, FORGETTING)
    judge(night, "struggled", "unstudied", missed=unflagged(3))
    before, bookkeeping = published_rows(night.world), night.bookkeeping()
    assert judge(night, "struggled", "unstudied", missed=unflagged(3)).changed == 0
    assert published_rows(night.world) == before
    assert night.bookkeeping() == bookkeeping


def test_what_was_resolved_by_hand_stays_and_the_outcome_is_kept_beside_it(night: Night) -> None:
    night.publish(FIRST, FORGETTING)
    night.world.execute(f"""UPDATE {PREDICTIONS} SET "predictionStatus" = 'RESOLVED'""")
    judge(night, "struggled")
    assert night.world.rows(TOLD) == [("RESOLVED", True, END)]
    assert night.world.rows("SELECT outcome FROM ml.episodes") == [("struggled",)]


def test_a_miss_is_published_once(night: Night) -> None:
    assert judge(night, missed=unflagged()).missed == 1
    assert night.world.rows(TOLD) == [("MISSED", True, END)]
    assert judge(night, missed=unflagged()).missed == 0
    assert night.world.rows("SELECT first_flagged_at, outcome FROM ml.episodes") == [(None, "struggled")]


def test_a_miss_on_an_objective_deleted_since_stops_no_night(night: Night) -> None:
    night.world.execute("""DELETE FROM learning_objectives WHERE "id" = 'objective-1'""")
    missed = pd.concat([unflagged(1), unflagged(2)], ignore_index=True)
    assert judge(night, missed=missed).missed == 1
    assert night.world.rows("SELECT user_id FROM ml.episodes") == [("learner-2",)]


CHANGES = "SELECT user_id, basis, old_outcome, new_outcome, known_at FROM ml.outcome_changes ORDER BY basis, user_id"


def say(night: Night, number: int, struggled: bool, when: datetime = END) -> None:
    """What a learner said became of their prediction."""
    night.world.execute(
        """INSERT INTO ml.prediction_feedback (id, prediction_id, user_id, actual_struggle, feedback_type, submitted_at)
        SELECT 'said-' || user_id, prediction_id, user_id, %s, 'INACCURATE', %s FROM ml.episodes WHERE user_id = %s
        ON CONFLICT (prediction_id, user_id) DO UPDATE SET actual_struggle = EXCLUDED.actual_struggle,
          submitted_at = EXCLUDED.submitted_at""",
        struggled,
        when,
        f"learner-{number}",
    )


def test_late_events_change_the_row_once_and_leave_a_trace(night: Night) -> None:
    night.publish(FIRST, FORGETTING, FORGETTING)
    assert judge(night, "not_struggled", "struggled").corrected == 0
    assert night.world.rows(CHANGES) == []
    later = END + timedelta(days=1)
    for corrected in (2, 0):  # of either window, and the second time nothing is new
        assert judge(night, "struggled", "struggled", cutoff=later).corrected == corrected
        assert night.world.rows(TOLD)[0] == ("CONFIRMED", True, END)
        assert night.world.rows(CHANGES) == [
            ("learner-1", "first_flag", "not_struggled", "struggled", later),
            ("learner-1", "last_refresh", "not_struggled", "struggled", later),
        ]


def test_a_learners_word_goes_before_the_computed_outcome_and_stays(night: Night) -> None:
    night.publish(FIRST, FORGETTING, FORGETTING)
    said_at = END - timedelta(days=3)
    say(night, 1, False, said_at)
    judge(night)  # the window is still open: a word needs none
    assert night.world.rows(TOLD) == [("FALSE_POSITIVE", False, said_at), ("PENDING", None, None)]
    for outcome in ("struggled", "unstudied", "struggled"):
        judge(night, outcome, outcome)
        assert night.world.rows(TOLD)[0] == ("FALSE_POSITIVE", False, said_at)
        night.publish(SECOND, FORGETTING, FORGETTING)
    assert night.world.rows("SELECT outcome FROM ml.episodes ORDER BY user_id") == [("struggled",), ("struggled",)]


def test_a_word_said_before_the_planned_day_waits_until_that_opens(night: Night) -> None:
    night.publish(FIRST, FORGETTING)
    ((planned,),) = night.world.rows("SELECT planned_day FROM ml.episodes")
    opens = datetime.combine(planned, time(23))
    said_at = FIRST_CUTOFF + timedelta(hours=1)
    assert said_at < opens - timedelta(days=1)
    say(night, 1, True, said_at)
    judge(night, cutoff=opens - timedelta(milliseconds=1))
    assert night.world.rows(TOLD) == [("PENDING", None, None)]
    assert night.world.rows(CHANGES) == []
    judge(night, cutoff=opens)  # as the night does that ends when the planned day opens
    assert night.world.rows(TOLD) == [("CONFIRMED", True, said_at)]
    assert night.world.rows(CHANGES) == [("learner-1", "feedback", None, "struggled", said_at)]


def test_a_word_that_agrees_with_the_verdict_holds_also_when_late_events_do_not(night: Night) -> None:
    night.publish(FIRST, FORGETTING)
    judge(night, "struggled")
    say(night, 1, True)
    judge(night, "not_struggled")
    assert night.world.rows(TOLD)[0][:2] == ("CONFIRMED", True)


def test_a_word_never_enters_the_experiment(night: Night) -> None:
    night.publish(FIRST, FORGETTING)
    say(night, 1, False)
    judge(night, "struggled")
    assert night.world.rows("SELECT outcome, mean_struggle FROM ml.first_flag_outcomes") == [("struggled", True)]


def test_a_word_leaves_a_trace_once_each_time_it_is_said(night: Night) -> None:
    night.publish(FIRST, FORGETTING)
    judge(night, "struggled")
    for word, when in ((False, END), (True, END + timedelta(hours=1)), (False, END + timedelta(hours=2))):
        say(night, 1, word, when)
        judge(night, "struggled")
        judge(night, "struggled")
    assert night.world.rows(CHANGES) == [
        ("learner-1", "feedback", "struggled", "not_struggled", END),
        ("learner-1", "feedback", "struggled", "not_struggled", END + timedelta(hours=2)),
    ]


def test_only_the_learner_themself_is_heard(night: Night) -> None:
    night.publish(FIRST, FORGETTING)
    say(night, 1, False)
    night.world.execute("UPDATE ml.prediction_feedback SET user_id = 'learner-2'")
    judge(night, "struggled")
    assert night.world.rows(TOLD) == [("CONFIRMED", True, END)]


def test_a_miss_that_was_none_is_taken_back_in_words(night: Night) -> None:
    judge(night, missed=unflagged())
    judge(night, "not_struggled")
    assert night.world.rows(TOLD) == [("RESOLVED", False, END)]
    say(night, 1, True)
    judge(night, "not_struggled")
    assert night.world.rows(TOLD) == [("MISSED", True, END)]


def test_the_experiments_outcome_is_that_of_the_first_flags_window(night: Night) -> None:
    night.publish(FIRST, FORGETTING)
    night.publish(SECOND, FORGETTING)
    with psycopg.connect(night.url) as connection:
        (first,) = closing(connection, FIRST_FLAG, END, EVERYBODY).to_dict("records")
        assert (first["window_start"], first["window_end"]) == (FIRST_CUTOFF, END)
        assert closing(connection, LAST_REFRESH, END, EVERYBODY).empty
        (last,) = closing(connection, LAST_REFRESH, END + timedelta(days=1), EVERYBODY).to_dict("records")
        assert last["window_start"] == SECOND_CUTOFF


@pytest.mark.parametrize(
    ("outcome", "mean_struggle", "mean_score"),
    [("struggled", True, 0.64), ("struggled", False, 0.7), ("not_struggled", False, 0.65), ("unstudied", False, 0.1)],
)
def test_the_effects_criterion_is_the_mean_score_alone(
    night: Night, outcome: str, mean_struggle: bool, mean_score: float
) -> None:
    night.publish(FIRST, FORGETTING)
    judge(night, outcome, mean_struggle=mean_struggle, mean_score=mean_score)
    assert night.world.rows("SELECT mean_struggle, mean_score, outcome FROM ml.first_flag_outcomes") == [
        (mean_struggle, mean_score, outcome)
    ]


def test_what_was_applied_in_time_is_known_to_the_effect(night: Night) -> None:
    night.publish(FIRST, OVERLOADED, OVERLOADED)
    applied = f"""UPDATE {RECOMMENDATIONS} SET "appliedAt" = %s
        WHERE "userId" = %s AND "interventionType"::text = 'COGNITIVE_LOAD_REDUCE'"""
    night.world.execute(applied, END - timedelta(days=1), "learner-1")
    night.world.execute(applied, END, "learner-2")
    judge(night, "struggled", "struggled")
    assert night.world.rows("SELECT applied_types FROM ml.first_flag_outcomes ORDER BY user_id") == [
        (["COGNITIVE_LOAD_REDUCE"],),
        ([],),
    ]
