"""The report says what the tables say, and says so where they say nothing."""

import os
import re
from datetime import timedelta
from pathlib import Path
from shutil import which

import pytest
from playwright.sync_api import sync_playwright
from psycopg.types.json import Jsonb

from americano_assets.cli.display import run_summary
from americano_assets.cli.display.at_risk import show_at_risk
from americano_assets.core.training.flagging import NOBODY
from americano_assets.resources.home.folder import write_demo_values
from americano_assets.stages.s6_publication.episode_ledger import record_deployment
from americano_assets.stages.s9_report.page.data import LATER_NIGHTS
from americano_assets.stages.s9_report.page.files import report_path, write_report
from americano_assets.stages.s9_report.page.html import points
from americano_assets_tests.api.rows import COURSE, CUTOFF, LEARNER, OBJECTIVE, OTHER
from americano_assets_tests.stages.s9_report.page.conftest import Night


def text(page: str, element: str) -> str:
    """The words of the element with an id."""
    found = re.search(rf'<(\w+)[^>]*id="{element}"[^>]*>(.*?)</\1>', page, re.DOTALL)
    assert found, element
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", found[2])).strip()


def test_an_empty_deployment_says_so_everywhere(empty_night: Night) -> None:
    page = empty_night.page()
    assert "Nobody: no objective of anybody was scored." in page
    assert "Not known yet" in page
    assert "Not known: nothing was computed." in page
    assert "There are too few rows to tell whether anything has shifted" in page
    assert "— of 0 scored pairs of a learner and an objective are cold starts: nothing of the learner is known" in text(
        page, "quality"
    )
    assert 'id="fairness"' not in page
    assert "None" not in page
    assert "nan" not in page


def test_a_model_that_flags_nobody_is_no_proof_that_nobody_is_at_risk(empty_night: Night) -> None:
    empty_night.rows.published(threshold=NOBODY)
    assert "the model that scores flags nobody" in empty_night.page()


def test_the_figures_are_those_of_the_tables(night: Night) -> None:
    page = night.page()
    ((estimate, low, high),) = night.world.rows(
        "SELECT estimate, low, high FROM ml.effects WHERE (scope, period, estimand, evidence) ="
        " ('all', 'all', 'intention_to_treat', 'experiment')"
    )
    assert text(page, "effect") == f"{points(estimate)} points"
    assert f"({points(low)} to {points(high)})" in page
    assert text(page, "before-after").startswith("Week by week, 40.0 % of 50 outcomes in the 6 weeks before")
    assert text(page, "before-after").endswith(
        "31.0 % of 30 in the whole weeks since: 9.0 points fewer, that is 22.5 % fewer struggles. All nights before"
        " this one were replays: nobody was helped in between. An outcome is of one objective that a learner studied in"
        " one week."
    )
    assert text(page, "help").endswith("Physiology 2 3 0 1")
    assert text(page, "coverage") == (
        "Of 120 struggles in study days 16 Nov to 22 Nov, 9 were with objectives that no night from 09 Nov to 21 Nov"
        " had scored for that learner."
    )


def test_objectives_at_risk_stand_on_the_page_with_who_plans_them_and_why(night: Night) -> None:
    """An unplanned one is due a horizon after its cut-off, and is not said to be planned for then."""
    page = night.page()
    assert text(page, "objectives").endswith(
        "Physiology: Interpret a blood gas 1 of 1: Answers were weak 1 1 from 26 Nov"
    )
    rows = night.rows
    other = "cobjective-unplanned"
    night.world.execute(
        "INSERT INTO learning_objectives SELECT (jsonb_populate_record(o, jsonb_build_object('id', %s::text,"
        " 'objective', ' '))).* FROM learning_objectives o",
        other,
    )
    for number, learner in enumerate((OTHER, LEARNER)):
        due = CUTOFF + timedelta(days=7)
        rows.prediction(f"u{number}", due=due, userId=learner, learningObjectiveId=other, strugglingFactors=Jsonb([]))
    told = text(night.page(), "objectives")
    assert f"planned by Physiology: {other} 2 0 Physiology: Interpret" in told
    night.world.execute("""UPDATE struggle_predictions SET "predictionDate" = %s WHERE id = 'u0'""", CUTOFF)
    assert f"Physiology: {other} 2 1 from 23 Nov Physiology: Interpret" in text(night.page(), "objectives")
    night.world.execute("""UPDATE struggle_predictions SET "strugglingFactors" = '{}' WHERE id = 'u0'""")
    assert other in text(night.page(), "objectives"), "what is no list of reasons gives none, and no night fails of it"
    night.world.execute('UPDATE users SET "includeInAnalytics" = false')
    assert 'id="objectives"' not in night.page()


def test_where_no_night_ran_none_is_said_to_have_missed_struggles(night: Night) -> None:
    night.world.execute("UPDATE ml.model_performance SET struggles_scored = 0 WHERE scope = 'all'")
    assert text(night.page(), "coverage") == (
        "120 struggles in study days 16 Nov to 22 Nov could not be foreseen: no night ran from 09 Nov to 21 Nov."
    )
    night.rows.published(night.day - timedelta(days=3), model="older")
    assert "120 were with objectives that no night from 09 Nov to 21 Nov" in text(night.page(), "coverage")


def test_a_course_without_a_name_is_called_by_its_id(night: Night) -> None:
    night.world.execute("""UPDATE courses SET "name" = ' ', "code" = '' """)
    page = night.page()
    assert text(page, "help").endswith(f"{COURSE} 2 3 0 1")
    assert f"{COURSE}: Interpret a blood gas" in text(page, "objectives")


def test_what_a_later_night_predicted_is_not_of_this_one(night: Night, capsys: pytest.CaptureFixture[str]) -> None:
    """A night may be replayed after later ones; its page is kept."""
    before = {one: text(night.page(), one) for one in ("help", "objectives")}
    assert "Later nights stand" not in night.page()
    for number, learner in enumerate((OTHER, LEARNER)):
        made = CUTOFF + timedelta(days=number + 1)
        night.rows.prediction(f"later{number}", due=made + timedelta(days=2), userId=learner, predictedAt=made)
    night.rows.published(night.day + timedelta(days=1), model="later")
    assert {one: text(night.page(), one) for one in before} == before
    assert LATER_NIGHTS in text(night.page(), "open")
    told = (night.world.connection, night.deployment.settings, night.day, 0.5)
    assert show_at_risk(*told) == LEARNER
    assert LATER_NIGHTS in " ".join(capsys.readouterr().out.split())
    night.world.execute("""DELETE FROM struggle_predictions WHERE "predictedAt" <= %s""", CUTOFF)
    assert text(night.page(), "nobody") == f"None is left. {LATER_NIGHTS}", "which does not say that nobody was at risk"
    assert show_at_risk(*told) is None
    assert f"none is left. {LATER_NIGHTS}" in " ".join(capsys.readouterr().out.split())


def lists_of_thirty_nights(night: Night) -> None:
    """Of one course: the first of the list struggled each time, the second never; one more did unlisted."""
    for number in range(30):
        night.rows.insert(
            "ml.list_outcomes",
            listed_on=night.day - timedelta(days=7 + number),
            course_id=COURSE,
            outcomes=[True, False],
            struggled=2,
            study_day=night.day - timedelta(days=number),
        )


def test_what_lists_would_have_reached_is_told_by_capacity(night: Night) -> None:
    assert "Not known yet: no night with warnings is long enough ago" in text(night.page(), "no-reach")
    lists_of_thirty_nights(night)
    page = night.page()
    assert text(page, "reach").endswith("struggled 1 50 % 100 % 30 30 30 2 50 % 50 % 60 60 30")
    assert "Of 60 that struggled within the horizon" in text(page, "reach-of")
    assert "The list is not cut" in text(page, "reach-capacity")
    night.world.execute("DELETE FROM ml.list_outcomes WHERE listed_on = %s", night.day - timedelta(days=7))
    assert text(night.page(), "reach").endswith("1 50 % — 29 29 29 2 50 % 50 % 58 58 29")
    night.world.execute("UPDATE ml.list_outcomes SET listed_on = listed_on - 56")
    assert 'id="reach"' not in night.page(), "what is older than eight weeks"


def test_of_many_objectives_the_largest_stand_there_and_the_rest_are_counted(night: Night) -> None:
    assert "more objective" not in night.page()
    for number in range(12):
        night.world.execute(
            "INSERT INTO learning_objectives SELECT (jsonb_populate_record(o, jsonb_build_object('id', %s::text))).*"
            " FROM learning_objectives o WHERE id = %s",
            f"o{number}",
            OBJECTIVE,
        )
        night.rows.prediction(f"more{number}", due=CUTOFF + timedelta(days=1), learningObjectiveId=f"o{number}")
    page = night.page()
    assert text(page, "objectives").count("Interpret a blood gas") == 12
    assert "And 1 more objective, in the table" in page


def test_what_scored_the_night_and_from_where_on_it_flags_is_told(night: Night) -> None:
    told = text(night.page(), "scored-by")
    assert told.startswith("Scored by a trained model, logistic regression, flagged from p = 0.50 on: p is the chance")
    night.world.execute("UPDATE ml.model_versions SET model_type = 'rule_based', threshold = 0.69")
    told = text(night.page(), "scored-by")
    assert told.startswith("Scored by the rules, flagged from p = 0.69 on: their p is a score by which to rank, not")
    night.world.execute("UPDATE ml.model_versions SET threshold = %s", NOBODY)
    assert "the rules, nobody is flagged: their p" in text(night.page(), "scored-by")


def test_a_course_has_one_name_on_the_page(night: Night) -> None:
    assert "Physiology" in night.page()
    night.world.execute("UPDATE courses SET code = 'PHYS'")
    page = night.page()
    assert "Physiology" not in page
    assert text(page, "help").endswith("PHYS 2 3 0 1")


def test_each_struggle_scored_is_told_as_that(night: Night) -> None:
    night.world.execute("UPDATE ml.model_performance SET struggles_scored = 120 WHERE scope = 'all'")
    told = text(night.page(), "coverage")
    assert told.startswith("Each of 120 struggles in study days 16 Nov to 22 Nov was with an objective that a night")
    night.world.execute("UPDATE ml.model_performance SET struggles = 0, struggles_scored = 0 WHERE scope = 'all'")
    assert "struggles in study days" not in night.page()


def test_figures_are_of_the_model_that_is_named_and_the_rules_stand_beside_it(night: Night) -> None:
    page = night.page()
    assert text(page, "whose") == (
        "300 predictions by logistic regression (3 versions), made from 23 Sep 2026 to 15 Nov 2026, whose outcome is"
        " known:"
    )
    told = text(page, "performance")
    assert "73 % of struggles were foreseen" in told
    assert "0.83 AUC" in told
    assert "3.0 % off on average" in told
    assert 'id="makers"' not in page
    night.rows.performance(scope=("model_type", "rule_based"), model_type="rule_based", n=700, auc_roc=0.41, ece=0.33)
    page = night.page()
    assert text(page, "performance") == told
    told = text(page, "makers")
    assert "logistic regression 23 Sep to 15 Nov 300 36 % 73 % 66 % 0.83 3.0 %" in told
    assert told.endswith("the rules 23 Sep to 15 Nov 700 36 % 73 % 66 % 0.41 33.0 %")


def test_what_the_rules_said_is_told_of_them_where_nothing_else_matured(night: Night) -> None:
    night.world.execute("UPDATE ml.model_performance SET model_type = 'rule_based', scope_id = left(scope, 0)")
    assert text(night.page(), "whose").startswith("300 predictions by the rules, made from")


def test_figures_that_are_null_are_a_dash_with_the_reason(night: Night) -> None:
    night.world.execute("UPDATE ml.model_performance SET recall = NULL, reason = '14 rows struggled'")
    page = night.page()
    assert text(page, "performance").startswith("— of struggles were foreseen")
    assert "—: 14 rows struggled." in page
    night.world.execute("UPDATE ml.model_performance SET accuracy = NULL, reason = '9 matured predictions'")
    page = night.page()
    assert "Not known yet: 9 matured predictions." in page
    assert 'id="performance"' not in page


def test_the_terminal_tells_the_same_of_each_that_predicted(night: Night, capsys: pytest.CaptureFixture[str]) -> None:
    night.rows.performance(
        scope=("model_type", "rule_based"), model_type="rule_based", n=20, accuracy=None, reason="20"
    )
    run_summary._show_matured(night.world.connection, night.day)
    model, rules = re.sub(r"\s+", " ", capsys.readouterr().out).strip().split(". Flagged or not, of ")
    assert model.startswith(
        "Flagged or not, of 300 predictions by logistic regression (3 versions), made from 23 Sep 2026 to 15 Nov 2026"
    )
    assert "recall 0.730, AUC 0.830, calibration error 0.030" in model
    assert rules.startswith("20 predictions by the rules")
    assert rules.endswith("known: 20.")


def test_the_terminal_tells_no_change_of_few_objectives(night: Night, capsys: pytest.CaptureFixture[str]) -> None:
    few = "50 outcomes of an objective in a week are known before and 29 since"
    for studied, told in ((30, "22 % fewer struggles by whole weeks"), (29, few)):
        night.world.execute("UPDATE ml.struggle_reduction SET current_studied = %s", studied)
        run_summary._show_effect(night.world.connection, night.day)
        assert told in re.sub(r"\s+", " ", capsys.readouterr().out)
    night.world.execute("UPDATE ml.struggle_reduction SET current_studied = 30, by_weeks = false")
    run_summary._show_effect(night.world.connection, night.day)
    of_before = "a version before computed it, by windows of unlike length: run the night again"
    assert of_before in re.sub(r"\s+", " ", capsys.readouterr().out)
    assert of_before in text(night.page(), "before-after")


def test_warnings_without_an_outcome_are_counted_beside_those_that_came_true(night: Night) -> None:
    assert "66 % of warnings came true (precision) " in text(night.page(), "performance")
    for unknown, told in ((269, "27 of 60; 269 more could not be told: too few answers"), (0, "27 of 60 78 % right")):
        night.world.execute(
            "UPDATE ml.model_performance SET warnings = %s", Jsonb({"right": 27, "known": 60, "unknown": unknown})
        )
        assert f"of warnings came true (precision): {told}" in text(night.page(), "performance")
    assert "could not be told" not in night.page()


def test_predictions_that_reached_nobody_are_told_as_that(night: Night) -> None:
    """A replay computes a day in the past: its warnings came after what they warn of."""
    night.rows.episode("e")
    assert 'id="unseen"' not in night.page()
    for days, live in ((10, True), (8, False)):
        night.rows.published(night.day - timedelta(days=days), model=f"older-{days}")
        night.world.execute("UPDATE ml.study_days SET live = %s WHERE model_version = %s", live, f"older-{days}")
        assert ('id="unseen"' in night.page()) is not live
    assert text(night.page(), "unseen").startswith("Of the 2 nights that made them, 1 was run later for a day in the")
    night.world.execute("UPDATE ml.study_days SET live = false")
    assert text(night.page(), "unseen").startswith("Of the 2 nights that made them, 2 were run later for a day in the")
    night.world.execute("UPDATE ml.model_versions SET model_type = 'rule_based' WHERE model_version = 'older-8'")
    assert text(night.page(), "unseen").startswith("Of the 1 night that made them, 1 was run later"), "of this kind"


def test_false_alarms_of_replays_alarmed_nobody(night: Night) -> None:
    for number in range(30):
        night.rows.learner(f"flagged-{number}")
        for of in range(2):
            night.rows.episode(f"e{number}-{of}")
        night.world.execute("UPDATE ml.episodes SET user_id = %s WHERE user_id = %s", f"flagged-{number}", LEARNER)
    night.world.execute("UPDATE ml.episodes SET outcome = 'not_struggled', outcome_at = %s", CUTOFF)
    told = text(night.page(), "alarms")
    assert told.endswith("60 false alarms about 30 flagged learners, 2.0 a learner on average.")
    night.world.execute("UPDATE ml.episodes SET live = false WHERE user_id = 'flagged-0'")
    told = text(night.page(), "alarms")
    assert told.endswith("; 2 of these 60 predictions were made by replays or too late, and warned nobody in time.")


def test_the_score_of_the_rules_is_nowhere_said_to_be_a_probability(night: Night) -> None:
    page = night.page()
    assert "said: probability of a struggle" in page
    assert "off on average in what it says" in page
    night.world.execute("UPDATE ml.model_performance SET model_type = 'rule_based', scope_id = left(scope, 0)")
    night.world.execute("UPDATE ml.model_versions SET model_type = 'rule_based'")
    page = night.page()
    assert "said: p of the rules, a score by which to rank" in page
    assert "the rules' p is a score by which to rank, no probability" in text(page, "performance")
    assert "probability of a struggle" not in page
    assert "off on average" not in page


def test_replays_are_no_nights_that_could_have_been_late(night: Night) -> None:
    night.rows.published(night.day - timedelta(days=1), model="older")
    night.world.execute("UPDATE ml.study_days SET live = false WHERE model_version = 'older'")
    # Late ones and missing ones are of the same nights: those since the deployment's first.
    night.world.execute("DELETE FROM ml.deployment")
    record_deployment(night.world.connection, night.day - timedelta(days=2))
    told = text(night.page(), "quality")
    assert "1 of 3 nights in 30 days came too late to be seen 1 of 3 nights in 30 days is missing" in told
    assert "replay" not in told
    night.world.execute("UPDATE ml.study_days SET kind = 'replay' WHERE model_version = 'older'")
    told = text(night.page(), "quality")
    assert "0 of 3 nights in 30 days came too late to be seen; 1 replay not counted 2 of 3 nights" in told
    night.world.execute("UPDATE ml.study_days SET kind = 'nightly' WHERE model_version = 'older'")
    night.world.execute("UPDATE ml.deployment SET first_study_day = %s", night.day)
    told = text(night.page(), "quality")
    assert "0 of 1 night in 30 days came too late to be seen 0 of 1 night in 30 days are missing" in told


def test_what_too_little_is_known_of_is_told_by_its_kind(night: Night) -> None:
    night.world.execute("UPDATE ml.effects SET low = NULL, high = NULL, estimate = NULL WHERE scope = 'course'")
    told = text(night.page(), "unknown")
    assert told.startswith("Too few episodes yet to tell the effect in single courses (")
    assert "kinds of help" not in told
    night.world.execute("UPDATE ml.effects SET low = NULL, high = NULL, estimate = NULL WHERE scope = 'type'")
    told = text(night.page(), "unknown")
    assert " and of single kinds of help (" in told
    assert "prerequisite review" in told
    assert "_" not in told


def test_no_point_of_fewer_than_thirty_predictions_is_drawn(night: Night) -> None:
    assert night.page().count('<circle class="bin"') == 4


def test_for_whom_the_model_is_good_is_told_by_part(night: Night) -> None:
    page = night.page()
    assert text(page, "fairness").startswith(
        "Struggles are not foreseen alike: the surest difference is by course, 40 % of 90 struggles (Physiology) again"
    )
    cells = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))
    assert "By age band No difference in how many struggles are foreseen is beyond chance" in cells
    assert cells.count("the surest difference is by course") == 1, "once is enough"
    assert "Physiology 290 40 % 70 % 60 % 0.81 4.0 %" in cells
    assert "closed 10 40 % — 60 % 0.81 4.0 %" in cells
    night.world.execute("UPDATE ml.model_performance SET gaps = gaps - 0")
    assert text(night.page(), "fairness").startswith(
        "No difference in how many struggles are foreseen is beyond chance"
    )
    night.world.execute("UPDATE ml.model_performance SET gaps = NULL")
    assert text(night.page(), "fairness").startswith("Whether struggles are foreseen alike cannot be told")


@pytest.mark.parametrize(
    ("change", "figure", "warning"),
    [
        (22.5, "22.5 % fewer struggles", "tends to be better without any help"),
        (-14.7, "14.7 % more struggles", "no proof that it harms"),
        (0.0, "as many struggles", "No change is no proof that the help does nothing"),
    ],
)
def test_the_warning_beside_before_and_after_is_about_what_it_shows(
    night: Night, change: float, figure: str, warning: str
) -> None:
    night.world.execute("UPDATE ml.struggle_reduction SET reduction_percentage = %s", change)
    page = night.page()
    assert f"{figure}." in text(page, "before-after")
    assert warning in text(page, "caution")
    others = {"tends to be better", "no proof that it harms", "No change is no proof"} - {warning}
    assert sum(other in page for other in others) <= 2
    assert ("tends to be better" in page) is (change > 0)


def test_before_and_after_of_few_objectives_is_no_rate(night: Night) -> None:
    night.world.execute("UPDATE ml.struggle_reduction SET current_studied = 29")
    page = night.page()
    assert text(page, "before-after") == (
        "Not known: 50 outcomes of an objective in a week are known before and 29 since; 30 each are needed."
    )
    assert text(page, "caution").startswith("Before and after is never the effect of the help")


def test_no_rate_of_few_episodes_learners_or_pairs_is_shown(night: Night) -> None:
    night.world.execute("UPDATE ml.effects SET n_holdout = 29 WHERE scope = 'all'")
    assert re.search(r"Struggles in [\d.]+ % of [\d,]+ episodes with help and — of 29 without", night.page())
    assert "false alarms" not in night.page()


def test_what_a_demo_decided_is_told(empty_night: Night) -> None:
    assert "Settings of the demo" not in empty_night.page()
    empty_night.rows.connection.execute("INSERT INTO ml.demo_load VALUES (true, 'oulad', 0, 1, now())")
    write_demo_values(empty_night.deployment.settings.americano_home, {"AMERICANO_HOLDOUT_SHARE": "0.1"})
    assert "Settings of the demo decide here: AMERICANO_HOLDOUT_SHARE=0.1" in empty_night.page()


def test_nobody_is_named(night: Night) -> None:
    page = night.page()
    assert LEARNER not in page
    assert "learner-0" not in page


def test_what_was_planted_stands_beside_the_estimate(night: Night) -> None:
    assert 'class="truth"' not in night.page()
    ((estimate, low, high),) = night.world.rows(
        "SELECT estimate, low, high FROM ml.effects WHERE (scope, period, estimand, evidence) ="
        " ('all', 'all', 'intention_to_treat', 'experiment')"
    )
    for truth, verdict in ((estimate - 0.01, "holds"), (low - 0.01, "misses")):
        night.world.execute("DELETE FROM ml.planted_effects")
        night.world.execute("INSERT INTO ml.planted_effects VALUES (%s, %s, 0.2, 0.3, 1234, 1)", night.day, truth)
        told = text(night.page(), "planted")
        assert told.startswith(f"Planted: {points(truth)} points , over these very episodes: 30.0 % of 1,234")
        assert told.endswith(f"The interval {verdict} it.")
        assert night.page().count('<rect class="truth"') == 1
    assert low < high


def test_nobody_is_said_to_be_unhelped_once_a_night_was_live(night: Night) -> None:
    """A demo of which only some weeks were replayed, and a deployment that once replayed a night, helped somebody."""
    night.rows.published(night.day - timedelta(days=7), model="older")
    for live in (False, True):
        night.world.execute("UPDATE ml.study_days SET live = %s WHERE study_day < %s", live, night.day)
        told = night.report().before_after
        assert told is not None
        assert told["replayed"] is not live
        assert ("nobody was helped in between" in text(night.page(), "before-after")) is not live


def test_the_effect_is_drawn_night_by_night_once_there_are_two(night: Night) -> None:
    assert night.page().count('<g class="night">') == 0
    for days in range(1, 14):
        night.world.execute(
            "INSERT INTO ml.effects SELECT (jsonb_populate_record(e, jsonb_build_object('study_day', %s::date))).*"
            " FROM ml.effects e WHERE study_day = %s AND scope = 'all'",
            night.day - timedelta(days=days),
            night.day,
        )
    night.world.execute("INSERT INTO ml.planted_effects VALUES (%s, -0.1, 0.2, 0.3, 1234, 1)", night.day)
    page = night.page()
    assert page.count('<g class="night">') == 12
    # The planted effect of the one night that has it, there and in the forest.
    assert page.count('<rect class="truth"') == 2


def test_replays_are_called_a_rehearsal(night: Night) -> None:
    night.world.execute(
        "UPDATE ml.effects SET evidence = 'rehearsal' WHERE (scope, estimand) = ('all', 'intention_to_treat')"
    )
    page = night.page()
    assert text(page, "effect") == "Not known yet"
    assert "rehearsal: replays, true effect 0" in page


def test_an_observational_estimate_carries_its_label(night: Night) -> None:
    night.world.execute("UPDATE ml.effects SET evidence = 'observational' WHERE scope = 'all'")
    assert "Observational: among the episodes drawn last nobody was held out" in night.page()


def test_words_from_the_database_are_words_not_markup(night: Night) -> None:
    night.world.execute("UPDATE courses SET name = '<script>alert(1)</script>'")
    assert "<script" not in night.page()


def test_drift_names_the_course_that_shifted(night: Night) -> None:
    assert "too few rows to tell" in night.page()
    night.world.execute("UPDATE courses SET code = 'ANA 2026'")
    ((course,),) = night.world.rows('SELECT "id" FROM courses LIMIT 1')
    for measure, feature, value, status in (
        ("psi", "validation_score", 2.78, "alarm"),
        ("psi_mean", "", 1.14, "alarm"),
        ("label_rate", "", 0.04, "ok"),
    ):
        night.world.execute(
            "INSERT INTO ml.drift VALUES (%s, 'course', %s, %s, %s, %s, null, null, 900, 300, %s, now())",
            night.day,
            course,
            measure,
            feature,
            value,
            status,
        )
    page = night.page()
    assert "ANA 2026" in page
    assert "features, most validation score" in page
    assert "1.14" in page
    # What is as it was is no news, and the features of a course stand behind its one index.
    assert "struggle rate</td>" not in page
    assert "2.78" not in page


def test_an_older_day_computed_again_does_not_become_the_latest(night: Night) -> None:
    settings = night.deployment.settings
    write_report(settings, night.day, "new")
    write_report(settings, night.day - timedelta(days=1), "old")
    assert report_path(settings).read_text() == "new"
    assert report_path(settings, night.day - timedelta(days=1)).read_text() == "old"
    write_report(settings, night.day, "newer")
    assert report_path(settings).read_text() == "newer"


# Words of more than one line, and tables that reach out of their card.
BROKEN_WORDS = """() => {
  const found = [], walk = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    for (const word of walk.currentNode.data.matchAll(/[A-Za-z]+/g)) {
      const range = document.createRange();
      range.setStart(walk.currentNode, word.index);
      range.setEnd(walk.currentNode, word.index + word[0].length);
      if (new Set([...range.getClientRects()].map(one => Math.round(one.top))).size > 1) found.push(word[0]);
    }
  }
  return found;
}"""
CUT_OFF = """() => [...document.querySelectorAll("table, .scroll")]
  .filter(one => one.getBoundingClientRect().right > one.closest("section").getBoundingClientRect().right
    || one.scrollWidth > one.clientWidth + 1)
  .map(one => one.id || one.className)"""


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 390, 360])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_every_window_and_asks_nobody_for_anything(night: Night, width: int, scheme: str) -> None:
    lists_of_thirty_nights(night)
    path = write_report(night.deployment.settings, night.day, night.page())
    browser_path = which("chromium") or which("chromium-browser") or which("google-chrome")
    assert browser_path, "install chromium first, as .ci/run does"
    asked: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=browser_path, args=["--no-sandbox", "--disable-background-networking"]
        )
        try:
            page = browser.new_page(
                viewport={"width": width, "height": 900}, color_scheme="dark" if scheme == "dark" else "light"
            )
            page.on("request", lambda request: asked.append(request.url))
            page.goto(path.as_uri())
            pictures = os.environ.get("AMERICANO_TEST_PICTURES")
            if pictures:
                page.screenshot(path=Path(pictures) / f"report-{width}-{scheme}.png", full_page=True)
            assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
            assert page.evaluate(BROKEN_WORDS) == []
            assert page.evaluate(CUT_OFF) == []
            assert page.locator(".row").count() == 10
            assert page.locator("circle.bin").count() == 4
            background = page.evaluate("getComputedStyle(document.body).backgroundColor")
            assert background == ("rgb(18, 23, 29)" if scheme == "dark" else "rgb(251, 250, 248)")
            page.emulate_media(media="print")
            assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(251, 250, 248)"
        finally:
            browser.close()
    assert asked == [path.as_uri()]
