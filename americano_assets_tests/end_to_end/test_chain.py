"""The whole chain, night after night, on a school in which each learner stands for one fate.

One story is told once, with what stood in every table after each step; the tests read it. The rules score, because
their thresholds are known. All is planned for 2026-03-12, and judged by what happens up to 2026-03-17 23:00.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg
import pandas as pd
import psycopg
import pytest
from pydantic import SecretStr

from americano_assets.cli.display.run_summary import show_demo, show_night
from americano_assets.core.study_days.study_day import cutoff
from americano_assets.errors import AmericanoError
from americano_assets.stages.common.metadata import KIND_TAG, REPLAY
from americano_assets.stages.common.schemas import LOG_TABLES, STATE_TABLES
from americano_assets.stages.s1_snapshots.state_snapshots import snapshots, state_at
from americano_assets.stages.s6_publication.publish_day import publish
from americano_assets.stages.s6_publication.transaction import INDICATORS, PREDICTIONS, RECOMMENDATIONS
from americano_assets_tests.end_to_end.story import (
    DAY_FILES,
    FIRST,
    FIRST_CUTOFF,
    JUDGED,
    NO_PLANS,
    PLANNED,
    SECOND,
    SECOND_CUTOFF,
    SLIPPED,
    WENT_WELL,
    WINDOW_END,
    Story,
    school,
    what_people_do_with_predictions,
)
from americano_assets_tests.frames import is_still
from americano_assets_tests.world import Nights, World, at, published_rows, study_day, world_settings

CUTOFF_OF = {
    step: cutoff(study_day(day), ZoneInfo("UTC"))
    for step, day in (("first", FIRST), ("first again", FIRST), ("no plans", NO_PLANS))
}


@pytest.fixture(scope="module")
def story(world: World, module_database: str, home: Path) -> Iterator[Story]:
    settings = world_settings(
        module_database, home, model_type="rule_based", mlflow_tracking_uri=SecretStr("nowhere://at-all")
    )
    school(world)
    with dg.DagsterInstance.ephemeral() as instance:
        nights = Nights(settings, instance)
        story = Story(nights, world)
        nights.deployment.clock = datetime(2026, 3, 9, 20, tzinfo=UTC)
        assert nights.history("2026-02-20", FIRST).success
        story.tell("first", nights.night(FIRST))
        story.tell("first again", nights.night(FIRST))
        what_people_do_with_predictions(world)
        story.tell("second", nights.night(SECOND))
        for learner, ratings in (SLIPPED | WENT_WELL).items():
            world.reviews(learner, "heart", at("2026-03-12 10:00"), ratings)
        story.tell("judged", nights.night(JUDGED))
        nights.deployment.clock += timedelta(hours=12)
        story.tell("second again", nights.night(SECOND, on_time=False, tags={KIND_TAG: REPLAY}))
        world.answer("idle", "heart", at("2026-03-16 10:00"), 0.2)
        story.tell("late answer", nights.night(JUDGED, on_time=False))
        world.reviews("eager", "heart", at("2026-03-08 10:00"), "AAAA")  # told long after it happened
        story.tell("first at last", nights.night(FIRST, on_time=False))
        story.tell("no plans", nights.night(NO_PLANS))
        yield story


def test_who_is_struggling_is_published_with_reasons_and_advice(story: Story) -> None:
    assert story.status("first") == dict.fromkeys(SLIPPED, ("PENDING", None, None))
    assert story.kinds("first", INDICATORS) == {"LOW_RETENTION": 7, "HISTORICAL_STRUGGLE_PATTERN": 7}
    assert story.kinds("first", RECOMMENDATIONS) == {"SPACED_REPETITION_BOOST": 7}
    rows = story.read("scored_predictions", FIRST, story.files["first"]["scored_predictions", FIRST])
    scored: dict[str, Any] = {row["learner_id"]: row for row in rows.to_dict("records")}
    assert set(scored) == {*SLIPPED, *WENT_WELL, "unknown"}
    assert scored["unknown"]["cold_start"]
    assert not scored["unknown"]["flagged"]
    assert scored["stuck"]["probability"] >= 0.7
    assert scored["eager"]["probability"] < 0.4


def test_every_stage_leaves_its_rows(story: Story) -> None:
    for table in (*LOG_TABLES, "interactions", "session_ends", *DAY_FILES, "training_set"):
        assert story.store.current(table, study_day(FIRST)) is not None, table
    assert story.rows("features", FIRST)["learner_id"].is_monotonic_increasing
    checks = story.runs["first"].get_asset_check_evaluations()
    assert all(check.passed for check in checks)
    asked = ("holdout_drawn", "holdout_untouched", "logged_in_mlflow", "no_drift", "publishable")
    models = (*LOG_TABLES, *STATE_TABLES, "interactions", "features", "training_set")
    judged = [f"{name}_keeps_its_rules" for name in models]
    assert sorted(check.check_name for check in checks) == sorted([*asked, *judged])
    (day,) = [json.loads(text) for (text,) in story.ours["first"]["study_days"]]
    assert (day["kind"], day["live"], day["candidates"], day["published"]) == ("nightly", True, 10, 7)
    assert len(story.ours["first"]["episodes"]) == len(SLIPPED)
    ((model,),) = story.world.rows("SELECT to_jsonb(t) FROM ml.model_versions t LIMIT 1")
    assert (model["model_type"], model["threshold"], model["mlflow_run_id"]) == ("rule_based", 0.4, None)


def test_every_model_counts_the_rows_that_it_saw(story: Story) -> None:
    counts: dict[str, dict[str, Any]] = {
        check.check_name.removesuffix("_keeps_its_rules"): {name: one.value for name, one in check.metadata.items()}
        for check in story.runs["first"].get_asset_check_evaluations()
        if "rows_checked" in check.metadata
    }
    store = story.store
    used = state_at(snapshots(store), CUTOFF_OF["first"]).snapshot.tables
    # All answers of the school up to then are of the fortnight that a night reads.
    answers = counts["reviews"]["rows_checked"] + counts["validation_responses"]["rows_checked"]
    assert counts["interactions"]["rows_checked"] == answers > 30
    for table in STATE_TABLES:
        assert counts[table]["rows_checked"] == store.read_whole(table, used[table]).num_rows, table
    assert counts["features"]["rows_checked"] == counts["publishable"]["rows_checked"] == 10
    assert {(one["rows_broken"], one["rules_broken"]) for one in counts.values()} == {(0, "*no rows*")}
    again = {check.check_name: check for check in story.runs["first again"].get_asset_check_evaluations()}
    # A rerun takes no snapshot.
    assert again["learners_keeps_its_rules"].metadata["rows_checked"].value == 0


@pytest.mark.parametrize("step", ["first", "first again", "no plans"])
def test_every_asset_of_a_night_says_how_many_rows(story: Story, step: str) -> None:
    counted = {
        event.asset_key.to_user_string(): event.materialization.metadata["dagster/row_count"].value
        for event in story.runs[step].get_asset_materialization_events()
        if event.asset_key is not None
    }
    assert set(counted) == {
        spec.key.to_user_string()
        for spec in story.nights.definitions.resolve_all_asset_specs()
        if spec.partitions_def is not None
    }
    assert all(type(rows) is int for rows in counted.values())
    # Of nine tables that are stored whole; a rerun takes none and says what it used.
    assert counted["state_snapshots"] == sum(
        story.store.read_whole(table, content).num_rows
        for table, content in state_at(snapshots(story.store), CUTOFF_OF[step]).snapshot.tables.items()
    )
    if step == "first":
        assert (counted[f"app/{PREDICTIONS}"], counted[f"app/{INDICATORS}"]) == (7, 14)


def test_names_are_text_wherever_a_night_tells_them(story: Story, capsys: pytest.CaptureFixture[str]) -> None:
    tables = [
        value.md_str or ""
        for run in story.runs.values()
        for event in run.get_asset_materialization_events()
        for value in event.materialization.metadata.values()
        if isinstance(value, dg.MarkdownMetadataValue)
    ]
    assert tables
    assert all(is_still(table) and "<img" not in table.replace("\\<", "") for table in tables)
    page = (story.nights.deployment.settings.americano_home / "reports" / f"{FIRST}.html").read_text()
    assert "&lt;img src=x&gt;" in page
    assert "<img src=x" not in page
    assert is_still(page)
    show_night(story.nights.deployment.settings, study_day(JUDGED))
    show_demo(story.nights.deployment.settings, study_day(JUDGED))
    assert is_still(capsys.readouterr().out)


def test_without_mlflow_a_night_goes_on_and_says_so(story: Story) -> None:
    (materialization,) = story.runs["judged"].asset_materializations_for_node("struggle_model")
    assert (
        materialization.metadata["mlflow"].value
        == "MLflow could not be used (UnsupportedModelRegistryStoreURIException)."
    )


def test_a_rerun_changes_no_byte(story: Story) -> None:
    assert story.app["first again"] == story.app["first"]
    assert story.files["first again"] == story.files["first"]
    assert story.ours["first again"] == story.ours["first"]


def test_who_opted_out_is_neither_extracted_nor_scored(story: Story) -> None:
    for table in ("reviews", *DAY_FILES[:2]):
        learners = story.rows(table, SECOND).get("learner_id", pd.Series(dtype=object))
        assert not set(learners) & {"leaving", "leaver"}
    # The last fourteen days are read again without them.
    assert not set(story.rows("reviews", "2026-03-04")["learner_id"]) & {"leaving", "leaver"}
    assert set(story.rows("reviews", "2026-03-04")["learner_id"]) >= {"stuck", "eager"}


def test_open_rows_of_who_opted_out_are_withdrawn_and_touched_ones_kept_as_they_are(story: Story) -> None:
    assert "leaving" not in story.status("second")
    kept = {
        step: [row for row in story.published(step, PREDICTIONS) if row["userId"] == "leaver"]
        for step in ("second", "late answer")
    }
    assert len(kept["second"]) == 1
    assert kept["late answer"] == kept["second"]  # and nothing of theirs is judged
    for table in (INDICATORS, RECOMMENDATIONS):
        assert not story.learners("second", table) & {"leaver", "leaving"}


def test_the_second_night_refreshes_what_is_open(story: Story) -> None:
    predicted_at = dict(story.world.rows(f'SELECT "userId", "predictedAt" FROM {PREDICTIONS}'))
    assert predicted_at["stuck"] == predicted_at["dismissing"] == SECOND_CUTOFF
    assert predicted_at["leaver"] == FIRST_CUTOFF
    assert story.status("second")["dismissing"][0] == "DISMISSED"


def test_outcomes_are_what_happened_in_the_window_of_the_last_refresh(story: Story) -> None:
    end = WINDOW_END.isoformat()
    found = story.status("judged")
    assert found["stuck"] == ("CONFIRMED", True, end)
    assert found["recovering"] == ("FALSE_POSITIVE", False, end)
    assert found["idle"] == ("RESOLVED", None, end)
    assert found["surprised"] == ("MISSED", True, end)
    assert "eager" not in found
    assert "unknown" not in found


def test_what_a_learner_said_stays_and_the_outcome_is_kept_beside_it(story: Story) -> None:
    assert story.status("judged")["dismissing"] == ("DISMISSED", True, WINDOW_END.isoformat())
    status, outcome, recorded_at = story.status("judged")["doubter"]
    assert (outcome, recorded_at) == (False, "2026-03-10T08:00:00")
    assert status == "CONFIRMED"
    ((ledger,),) = story.world.rows("SELECT outcome FROM ml.episodes WHERE user_id = 'doubter'")
    assert ledger == "struggled"


def test_a_miss_is_told_with_the_p_that_was_logged(story: Story) -> None:
    p = story.rows("scored_predictions", SECOND).set_index("learner_id").loc["surprised", "probability"]
    statement = f"""SELECT "predictedStruggleProbability", "predictedAt", "predictionDate" FROM {PREDICTIONS}
        WHERE "userId" = 'surprised'"""
    assert story.world.rows(statement) == [(p, SECOND_CUTOFF, PLANNED)]
    assert story.world.rows("SELECT first_flagged_at, outcome FROM ml.episodes WHERE user_id = 'surprised'") == [
        (None, "struggled")
    ]
    for table in (INDICATORS, RECOMMENDATIONS):
        assert "surprised" not in story.learners("judged", table)


def test_a_rerun_of_an_older_night_undoes_nothing(story: Story) -> None:
    assert story.app["second again"] == story.app["judged"]
    assert story.files["second again"] == story.files["judged"]
    assert story.ours["second again"]["episodes"] == story.ours["judged"]["episodes"]
    # It was live when it was live: a replay later takes nothing away.
    assert story.world.rows("SELECT kind, live FROM ml.study_days WHERE study_day = %s", study_day(SECOND)) == [
        ("nightly", True)
    ]


def test_an_answer_that_arrives_late_corrects_the_verdict_and_no_feature(story: Story) -> None:
    assert story.status("late answer")["idle"] == ("CONFIRMED", True, WINDOW_END.isoformat())
    others = {learner: told for learner, told in story.status("late answer").items() if learner != "idle"}
    assert others == {learner: told for learner, told in story.status("judged").items() if learner != "idle"}
    assert story.files["late answer"] == story.files["judged"]


def test_a_rerun_reads_what_the_night_read_but_for_who_opted_out_since(story: Story) -> None:
    before, since = (
        story.read("features", FIRST, story.files[step]["features", FIRST]) for step in ("first", "first at last")
    )
    kept = before[~before["learner_id"].isin(["leaving", "leaver"])].reset_index(drop=True)
    assert len(kept) == len(before) - 2
    pd.testing.assert_frame_equal(since, kept)
    assert story.app["first at last"] == story.app["late answer"]


def test_a_day_without_candidates_is_green_and_empty(story: Story) -> None:
    for table in DAY_FILES:
        assert len(story.rows(table, NO_PLANS)) == 0
    assert story.app["no plans"] == story.app["first at last"]
    assert story.world.rows(
        "SELECT candidates, published FROM ml.study_days WHERE study_day = %s", study_day(NO_PLANS)
    ) == [(0, 0)]


def test_figures_of_few_say_that_they_are_few(story: Story) -> None:
    ((overall,),) = story.world.rows(
        "SELECT to_jsonb(t) FROM ml.model_performance t WHERE scope = 'all' AND study_day = %s", study_day(JUDGED)
    )
    # Of six who studied enough to tell: stuck, recovering, dismissing, doubter, surprised, eager; idle answered late.
    assert overall["n"] == 7
    assert overall["accuracy"] is None
    assert overall["reason"] == "7 matured predictions, at least 30 are needed"
    reductions = story.world.rows(
        "SELECT period, reduction_percentage, reason FROM ml.struggle_reduction WHERE scope = 'all' AND study_day = %s",
        study_day(JUDGED),
    )
    assert {period for period, _, _ in reductions} == {"week", "month", "all"}
    assert all(percentage is None and "are needed" in reason for _, percentage, reason in reductions)


def test_figures_are_kept_by_model_beside_how_many_struggles_there_were(story: Story) -> None:
    rows = story.world.rows(
        """SELECT scope, n, struggles, struggles_scored FROM ml.model_performance
        WHERE study_day = %s AND scope <> 'learner' ORDER BY scope""",
        study_day(JUDGED),
    )
    # stuck, dismissing, doubter, surprised and idle struggled, all of whom a night had scored.
    counted = [("all", 7, 5, 5), ("course", 7, 5, 5)]
    assert rows == [*counted, ("model_type", 7, None, None), ("model_version", 7, None, None)]
    ((made_by, versions, first, last, slices, gaps, warnings),) = story.world.rows(
        """SELECT made_by, versions, scored_from, scored_to, slices, gaps, warnings FROM ml.model_performance
        WHERE study_day = %s AND scope = 'model_type'""",
        study_day(JUDGED),
    )
    assert (made_by, versions, str(first), str(last)) == ({"rule_based": 7}, 1, "2026-03-09", "2026-03-09")
    assert {one["by"] for one in slices} == {"course", "activity", "history", "confidence"}
    assert all(one["recall"] is None for one in slices), "there are seven"
    assert gaps == []
    assert warnings == {"right": 4, "known": 5, "unknown": 0}


def test_faulty_rows_are_not_published_whoever_asks(story: Story) -> None:
    day = study_day(FIRST)
    store, version = story.store, story.store.current("scored_predictions", day)
    sound = store.read_day("scored_predictions", day)
    assert sound is not None
    assert version is not None
    broken = sound.set_column(sound.schema.get_field_index("probability"), "probability", [[1.5] * sound.num_rows])
    before = published_rows(story.world)
    store.put_day("scored_predictions", day, broken.to_batches(), broken.schema)
    try:
        with pytest.raises(
            AmericanoError, match=r"2026-03-08 is not published: .*probability: \d+ rows break .* stay in place"
        ):
            publish(story.nights.deployment, day, "nightly")
    finally:
        store.put_day("scored_predictions", day, sound.to_batches(), sound.schema)
    assert published_rows(story.world) == before


def test_an_open_day_is_not_published(story: Story) -> None:
    story.nights.deployment.clock = datetime(2026, 3, 9, 22, 59, tzinfo=UTC)
    with pytest.raises(AmericanoError, match="2026-03-08 is still open until 2026-03-09 23:00 UTC"):
        publish(story.nights.deployment, study_day(FIRST), "nightly")


def test_an_empty_school_has_green_nights(database: str, tmp_path: Path) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        nights = Nights(world_settings(database, tmp_path), instance)
        assert nights.night(FIRST).success
        with psycopg.connect(database, autocommit=True) as connection:
            world = World(connection)
            assert published_rows(world) == {PREDICTIONS: [], INDICATORS: [], RECOMMENDATIONS: []}
            assert world.rows("SELECT candidates, published FROM ml.study_days") == [(0, 0)]
            assert world.rows("SELECT count(*) FROM ml.model_performance") == [(0,)]
