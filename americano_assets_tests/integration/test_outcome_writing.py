"""Verdicts on closed windows: into the ledger always, into the app's rows where they are still ours."""

from datetime import timedelta

import pandas as pd
import psycopg
import pytest

from americano_assets.resources.outcome_writing import OutcomesWritten, closing_episodes, write_outcomes
from americano_assets.resources.publication import PREDICTIONS
from americano_assets_tests.frames import scored_rows
from americano_assets_tests.integration.night import (
    FINE,
    FIRST,
    FIRST_CUTOFF,
    FORGETTING,
    THRESHOLD,
    Night,
)
from americano_assets_tests.world import published_rows, study_day

END = FIRST_CUTOFF + timedelta(days=7)
DAY = study_day("2026-03-14")
TOLD = (
    f'SELECT "predictionStatus"::text, "actualOutcome", "actualOutcomeRecordedAt" FROM {PREDICTIONS} ORDER BY "userId"'
)


def judge(night: Night, *outcomes: str, missed: pd.DataFrame | None = None) -> OutcomesWritten:
    """Write the outcomes of the learners' episodes, in the order of their numbers."""
    with psycopg.connect(night.url) as connection:
        episodes = closing_episodes(connection, END).sort_values("learner_id").head(len(outcomes))
        none = scored_rows([{}]).head(0) if missed is None else missed
        return write_outcomes(connection, DAY, episodes.assign(outcome=list(outcomes)), none)


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
        assert closing_episodes(connection, END - timedelta(milliseconds=1)).empty
        assert len(closing_episodes(connection, END)) == 1


def test_a_verdict_is_open_to_correction_for_a_fortnight(night: Night) -> None:
    night.publish(FIRST, FORGETTING)
    assert judge(night, "unstudied").changed == 1
    assert judge(night, "struggled").changed == 1
    assert night.world.rows(TOLD) == [("CONFIRMED", True, END)]
    with psycopg.connect(night.url) as connection:
        assert len(closing_episodes(connection, END + timedelta(days=13, hours=23))) == 1
        assert closing_episodes(connection, END + timedelta(days=14)).empty


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
