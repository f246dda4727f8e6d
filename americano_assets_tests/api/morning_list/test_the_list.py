"""Who stands on the list, in which order, and who never does: on warnings that were written by hand."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from psycopg.types.json import Jsonb

from americano_assets.api.morning_list.reading import list_now
from americano_assets.core.morning_list.order import MOST_NOTE, Standing
from americano_assets.stages.maintenance.erasure.databases import remove_rows
from americano_assets_tests.api.morning_list.conftest import (
    ANATOMY,
    BIOLOGY,
    CLOCK,
    Browser,
    School,
    called,
    words,
)
from americano_assets_tests.api.rows import CUTOFF, NOW
from americano_assets_tests.api.serving import Service, serving, settings_for

REVIEW = "PREREQUISITE_REVIEW"


def test_the_list_says_who_why_what_to_do_and_since_when(school: School, adviser: Browser) -> None:
    school.warned("cada", 0.83, advice=REVIEW, flagged_at=CUTOFF - timedelta(days=3))
    page = adviser.open()
    assert page.status_code == 200
    assert called(page) == ["cada"], "by id, where no names are mapped"
    assert (
        "cada high risk p 0.83 due Thu 26 Nov warned since 20 Nov Basics of Anatomy p 0.83, due 26 Nov"
        " Why: Answers were weak. What to do: Review acids first."
    ) in words(page)
    assert "As of Tuesday, 24 November 2026, 12:00 UTC, by the night of study day 22 Nov." in words(page)


def test_the_order_is_that_of_the_expected_benefit(school: School, adviser: Browser) -> None:
    # p times confidence: 0.54, 0.49, 0.45
    for learner, p, confidence in (("doubtful", 0.9, 0.5), ("sure", 0.6, 0.9), ("between", 0.7, 0.7)):
        school.warned(learner, p, prediction={"predictionConfidence": confidence}, advice=REVIEW)
    assert called(adviser.open()) == ["sure", "between", "doubtful"]
    # Breaks are known to spare (0.05 + 0.25) / 2 = 0.15: 0.45 x 0.15 = 0.0675, against 0.54 x 0.05 = 0.027.
    school.rows.effect(
        scope=("type", "BREAK_SCHEDULE_ADJUST"), period="all", estimate=-0.25, standard_error=0.05, learners_holdout=50
    )
    school.rows.execute(
        """UPDATE intervention_recommendations SET "interventionType" = 'BREAK_SCHEDULE_ADJUST'
        WHERE "userId" = 'doubtful'"""
    )
    assert called(adviser.open()) == ["doubtful", "sure", "between"]
    school.rows.execute("UPDATE ml.effects SET learners_holdout = 49")
    assert called(adviser.open()) == ["sure", "between", "doubtful"], "too few learners make nothing known"


def test_who_is_held_out_or_opted_out_stands_nowhere_and_takes_no_place(
    school: School, shared_database: str, tmp_path: Path
) -> None:
    school.warned("held-out", 0.99, arm="holdout")
    for learner, setting in (
        ("not-analysed", "behavioralAnalysisEnabled"),
        ("untracked", "performanceTrackingEnabled"),
    ):
        school.rows.learner(learner, **{setting: False})
        school.warned(learner, 0.98)
    school.rows.learner("uncounted", includeInAnalytics=False)
    school.warned("uncounted", 0.97)
    # Of one of two objectives held out, the other alone is worth anything, and is shown.
    school.objective("withheld", ANATOMY, "The withheld objective")
    school.warned("half", 0.6)
    school.warned("half", 0.99, arm="holdout", objective="withheld")
    school.warned("last", 0.55)
    with serving(settings_for(shared_database, tmp_path, americano_list_capacity=2)) as service:
        page = Browser(service).open()
    assert called(page) == ["uncounted", "half"], "it keeps out of figures, not out of help"
    assert "2 of 3 learners" in words(page)
    assert "The list takes 2 a course and day." in words(page)
    for nobody in ("held-out", "not-analysed", "untracked", "withheld"):
        assert nobody not in page.text


def test_what_is_over_answered_or_below_the_threshold_is_no_warning(school: School, adviser: Browser) -> None:
    school.warned("yesterday", 0.9, due=CUTOFF - timedelta(minutes=1))
    school.warned("this-morning", 0.8, due=CUTOFF)
    school.warned("fallen", 0.49)
    school.warned("at-the-threshold", 0.5)
    school.warned("over", 0.9, ended="struggled")
    assert called(adviser.open()) == ["this-morning", "at-the-threshold"]


def test_capacity_cuts_each_course_by_itself(school: School, shared_database: str, tmp_path: Path) -> None:
    for number in range(3):
        school.warned(f"a{number}", 0.9 - number / 10)
        school.warned(f"b{number}", 0.6 - number / 100, BIOLOGY)
    with serving(settings_for(shared_database, tmp_path, americano_list_capacity=2)) as service:
        page = Browser(service).open()
        assert called(page) == ["a0", "a1", "b0", "b1"]
        assert called(Browser(service).open(course=BIOLOGY)) == ["b0", "b1"]
    assert school.rows.one(
        "SELECT count(*) FROM struggle_predictions WHERE \"predictionStatus\"::text = 'PENDING'"
    ) == (6,), "capacity is of the list alone"


def test_what_is_done_is_kept_and_frees_the_place(school: School, shared_database: str, tmp_path: Path) -> None:
    for learner, p in (("first", 0.9), ("second", 0.8), ("third", 0.7)):
        school.warned(learner, p)
    with serving(settings_for(shared_database, tmp_path, americano_list_capacity=1)) as service:
        browser = Browser(service)
        assert called(browser.open()) == ["first"]
        assert browser.act("first", "acknowledge").status_code == 303
        page = browser.open()
        assert called(page) == ["first"], "today's place is taken by who is helped today"
        assert "taken on today" in words(page)
        service.now = NOW + timedelta(days=1)
        assert called(browser.open()) == ["second", "first"], "the next day others come; who is in hand stands below"
        assert browser.act("second", "snooze", days="3").status_code == 303
        page = browser.open()
        assert called(page) == ["third", "first", "second"], "set aside, a place is free at once"
        assert "2 in hand or set aside" in words(page)
        assert "Set aside until 28 Nov" in words(page)
        assert browser.act("second", "reopen").status_code == 303
        assert called(browser.open())[:1] == ["second"]
    kept = school.rows.connection.execute("SELECT user_id, action, until::text FROM ml.list_actions ORDER BY id")
    assert kept.fetchall() == [
        ("first", "acknowledge", None),
        ("second", "snooze", "2026-11-28"),
        ("second", "reopen", None),
    ]


def test_a_new_warning_brings_who_is_in_hand_back(school: School, adviser: Browser) -> None:
    school.warned("cada", 0.8)
    adviser.act("cada", "acknowledge")
    adviser.some_days_later(1)
    assert "in hand" in words(adviser.open())
    school.objective("new", ANATOMY, "Nerves")
    school.warned("cada", 0.7, objective="new", flagged_at=CUTOFF + timedelta(days=1))
    page = adviser.open()
    assert "1 learner." in words(page)
    assert "in hand" not in words(page)


def test_notes_are_words_with_their_writer(school: School, adviser: Browser) -> None:
    school.warned("cada", 0.8)
    assert adviser.act("cada", "note", note="Spoke to her.\r\nTries again on Friday.").status_code == 303
    assert "Note 24 Nov 2026, 12:00, ada Spoke to her. Tries again on Friday." in words(adviser.open())
    assert school.rows.one("SELECT note, taken_by FROM ml.list_actions") == (
        "Spoke to her.\nTries again on Friday.",
        "ada",
    )
    for wrong in ("", "  \n", "x" * (MOST_NOTE + 1)):
        assert adviser.act("cada", "note", note=wrong).status_code == 422
    assert adviser.act("cada", "note", note="ä" * MOST_NOTE).status_code == 303


def test_the_history_of_a_learner_goes_down_to_outcomes(school: School, adviser: Browser) -> None:
    school.warned("cada", 0.83)
    school.warned("cada", 0.7, ended="struggled")
    school.objective("nerves", ANATOMY, "Nerves")
    school.warned("cada", 0.6, ended="not_struggled", objective="nerves")
    adviser.act("cada", "note", note="A word.")
    page = adviser.open("/today/learner", id="cada")
    told = words(page)
    assert "Basics of Anatomy Anatomy 26 Nov 2026 22 Nov 2026 0.83 not known yet" in told
    assert "Basics of Anatomy Anatomy 03 Nov 2026 01 Nov 2026 0.70 struggled" in told
    assert "Nerves Anatomy 03 Nov 2026 01 Nov 2026 0.60 did not struggle" in told
    assert "Note in Anatomy 24 Nov 2026, 12:00, ada A word." in told


def test_of_a_held_out_episode_the_history_says_nothing_until_it_has_closed(school: School, adviser: Browser) -> None:
    school.warned("cada", 0.6)
    school.objective("withheld", ANATOMY, "The withheld objective")
    one = school.warned("cada", 0.99, arm="holdout", objective="withheld")
    assert "withheld" not in adviser.open("/today/learner", id="cada").text
    # An early outcome, before the window has closed, is no closing.
    school.rows.execute(
        f"UPDATE ml.episodes SET outcome = 'struggled', outcome_at = now() WHERE prediction_id = '{one}'"
    )
    assert "withheld" not in adviser.open("/today/learner", id="cada").text
    adviser.some_days_later(7)
    assert "The withheld objective" in words(page := adviser.open("/today/learner", id="cada"))
    assert not re.search(r"holdout|\bheld\b|\barm\b", words(page)), "its next episode has the same arm"


def test_a_learner_of_whom_all_is_held_out_is_not_there(school: School, adviser: Browser) -> None:
    school.warned("held-out", 0.9, arm="holdout")
    school.rows.learner("opted-out", behavioralAnalysisEnabled=False)
    school.warned("opted-out", 0.9)
    unknown = adviser.open("/today/learner", id="nobody")
    for one in ("held-out", "opted-out"):
        found = adviser.open("/today/learner", id=one)
        assert (found.status_code, found.text) == (404, unknown.text)
        assert adviser.act(one, "note", note="A word.").status_code == 404
    assert school.rows.one("SELECT count(*) FROM ml.list_actions") == (0,)


def test_a_night_that_is_missing_is_told(school: School, adviser: Browser) -> None:
    school.warned("cada", 0.8)
    assert "missing" not in words(adviser.open())
    adviser.some_days_later(2)
    assert "2 nights since then are missing" in words(adviser.open())
    school.rows.execute("DELETE FROM ml.study_days")
    assert "No night has published anything yet." in words(adviser.open())


def test_names_are_read_where_they_are_mapped_and_kept_nowhere(
    school: School, shared_database: str, tmp_path: Path
) -> None:
    school.warned("cada", 0.8)
    school.warned("cnameless", 0.7)
    school.rows.execute("""UPDATE users SET "name" = 'Ada <script>alert(1)</script>' WHERE "id" = 'cada'""")
    with serving(settings_for(shared_database, tmp_path, americano_name_column="name")) as service:
        browser = Browser(service)
        assert called(browser.open()) == ["Ada <script>alert(1)</script>", "cnameless"]
        assert "<script" not in browser.open().text
        browser.act("cada", "note", note="A word.")
        assert "Ada" in words(browser.open("/today/learner", id="cada"))
    everything = school.rows.one("SELECT string_agg(t::text, ' ') FROM ml.list_actions t")[0]
    assert "Ada" not in everything


@pytest.mark.parametrize("column", ["nickname", 'name" FROM users; DROP TABLE users; --'])
def test_a_column_of_names_that_is_none_is_told(
    school: School, shared_database: str, tmp_path: Path, column: str
) -> None:
    school.warned("cada", 0.8)
    with serving(settings_for(shared_database, tmp_path, americano_name_column=column)) as service:
        page = Browser(service).open()
    assert page.status_code == 503
    assert f'AMERICANO_NAME_COLUMN names the column "{column}" of users' in words(page)
    assert school.rows.one("SELECT count(*) FROM users WHERE id = 'cada'") == (1,)


def test_a_long_course_is_shown_in_parts_and_counted_whole(school: School, adviser: Browser) -> None:
    for number in range(13):
        school.warned(f"l{number:02}", 0.9 - number / 100)
    page = adviser.open()
    assert len(called(page)) == 10
    assert "10 of 13 learners" in words(page)
    assert len(called(adviser.open(course=ANATOMY))) == 13


def test_objectives_of_no_course_are_for_who_may_see_all(school: School, service: Service, adviser: Browser) -> None:
    school.warned("cada", 0.8, None)
    assert called(adviser.open()) == []
    school.rows.execute("DELETE FROM ml.adviser_sessions; DELETE FROM ml.api_tokens")
    anybody = Browser(service)
    assert called(anybody.open()) == ["cada"]
    assert "no course" in words(anybody.open())
    assert anybody.act("cada", "acknowledge", course="").status_code == 303
    assert "taken on today" in words(anybody.open())


def test_reasons_that_are_no_list_give_none(school: School, adviser: Browser) -> None:
    school.warned("cada", 0.8, prediction={"strugglingFactors": Jsonb({"a": 1})})
    assert called(adviser.open()) == ["cada"]
    assert "Why" not in words(adviser.open())


def test_the_list_for_the_command_is_the_pages(school: School, service: Service, shared_database: str) -> None:
    for learner, p in (("first", 0.9), ("second", 0.8)):
        school.warned(learner, p, advice=REVIEW)
    settings = service.app.state.settings
    found = list_now(settings, shared_database, CLOCK, courses=None, at_most=10)
    assert [(one.learner_id, one.standing) for one in found.sections[0].listed] == [
        ("first", Standing.OPEN),
        ("second", Standing.OPEN),
    ]
    assert list_now(settings, shared_database, CLOCK, courses=[BIOLOGY], at_most=10).sections == []


def test_who_is_forgotten_takes_every_note_about_them_along_and_none_of_others(
    school: School, adviser: Browser
) -> None:
    for learner in ("cada", "cben"):
        school.warned(learner, 0.8)
        for action in ("acknowledge", "note"):
            assert adviser.act(learner, action, note="Mentions cada and cben.").status_code == 303
    with school.rows.connection.transaction():
        removed = remove_rows(school.rows.connection, "cada")
    assert removed["ml.list_actions"] == 2
    assert school.rows.one("SELECT count(*), min(user_id), max(user_id) FROM ml.list_actions") == (2, "cben", "cben")
    assert called(adviser.open()) == ["cben"]
    assert adviser.open("/today/learner", id="cada").status_code == 404
