"""Of more rows than may teach whole learners are drawn: the same on every night, whatever is kept."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from americano_assets.evaluation.next_answer import next_answers_of_own
from americano_assets.evaluation.own_data import evaluate_own
from americano_assets.resources.duckdb.learner_key import key_of
from americano_assets.stages.s3_training.dataset_versions import find_dataset
from americano_assets.stages.s3_training.training_rows import Taught, store_training_set, training_rows
from americano_assets_tests.stages.s3_training.weekly_school import FIRST_MONDAY, fill, learners
from americano_assets_tests.world import ClockedDeployment, World, read_world, study_day, world_settings

FIRST = (FIRST_MONDAY - timedelta(days=2)).isoformat()
DAY, NEXT = "2026-03-08", "2026-03-15"
COUNT, MOST = 40, 60


@pytest.fixture(scope="module")
def school(world: World, module_database: str, home: Path) -> ClockedDeployment:
    """Forty learners, two rows a week each; no feature was ever made."""
    with world.connection.transaction():
        fill(world, learners(COUNT))
    settings = world_settings(module_database, home, americano_start_day=study_day(FIRST))
    deployment = ClockedDeployment(settings, datetime(2026, 3, 16, 23, 10, tzinfo=UTC))
    read_world(deployment, FIRST, NEXT)
    return deployment


def of_most(school: ClockedDeployment, most: int) -> ClockedDeployment:
    """The same deployment with a bound that no setting allows: a school of a thousand rows would take long."""
    settings = school.settings.model_copy(update={"americano_training_most": most})
    return ClockedDeployment(settings, school.clock)


def without_results(deployment: ClockedDeployment) -> None:
    """Nothing is kept any more of what was computed."""
    for table in ("features_at", "labels_at", "training_set", "datasets"):
        shutil.rmtree(deployment.store.root / table, ignore_errors=True)
    for path in (deployment.store.root / "manifests").glob("day=*/results.json"):
        path.unlink()


def taught(school: ClockedDeployment, most: int, day: str = DAY) -> Taught:
    return training_rows(of_most(school, most), study_day(day))


def same(one: pd.DataFrame, other: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(one.reset_index(drop=True), other.reset_index(drop=True))


def test_whole_learners_teach_and_each_row_is_what_it_is_among_all(school: ClockedDeployment) -> None:
    everybody = taught(school, 1_000_000)
    assert everybody.drawn is None
    drawn = taught(school, MOST)
    kept = set(drawn.rows["learner_id"])
    assert 0 < len(drawn.rows) <= MOST
    # The splits look at weeks, which all have in common.
    same(drawn.rows, everybody.rows[everybody.rows["learner_id"].isin(kept)])
    assert kept == set(sorted(learners(COUNT), key=key_of)[: len(kept)])
    assert drawn.drawn is not None
    assert drawn.drawn.startswith(f"{len(kept)} of {COUNT} learners, drawn whole by a hash of their ids")


def test_a_past_that_no_night_kept_is_made_of_those_who_may_teach_alone(school: ClockedDeployment) -> None:
    known = taught(school, 1_000_000).made_from
    cut = taught(school, MOST).made_from
    without_results(school)
    made = taught(school, MOST).made_from
    assert made.portion is not None
    assert made.portion.halvings > 0
    assert made.rows < known.rows / 2
    # Cut from what is kept of all, or made of a few: the same contents.
    assert (made.features, made.labels) == (cut.features, cut.labels)


def test_the_next_night_draws_in_the_same_order(school: ClockedDeployment) -> None:
    order = sorted(learners(COUNT), key=key_of)
    drawn = {(day, most): taught(school, most, day).rows for day in (DAY, NEXT) for most in (MOST, 2 * MOST)}
    counts = {}
    for which, rows in drawn.items():
        kept = rows["learner_id"].unique()
        assert set(kept) == set(order[: len(kept)])
        counts[which] = len(kept)
    assert counts[NEXT, MOST] <= counts[DAY, MOST] < counts[DAY, 2 * MOST]


def test_a_rerun_teaches_whom_its_night_taught(school: ClockedDeployment) -> None:
    deployment = of_most(school, MOST)
    first, version = store_training_set(deployment, study_day(DAY))
    assert find_dataset(deployment.store, version.content).draw == first.draw
    # Forgetting changes what is counted; whom the night drew does not follow.
    again, same_version = store_training_set(deployment, study_day(DAY))
    assert (again.draw, same_version) == (first.draw, version)
    more, other = store_training_set(of_most(school, 2 * MOST), study_day(DAY))
    assert other != version
    assert set(more.rows["learner_id"]) > set(first.rows["learner_id"])
    # Back again, from what has been recorded of another portion since.
    assert store_training_set(deployment, study_day(DAY))[1] == version


def test_a_night_s_own_features_are_of_all(school: ClockedDeployment) -> None:
    without_results(school)
    deployment = of_most(school, MOST)
    made = training_rows(deployment, study_day(DAY))
    own = made.tables.features([study_day(DAY)])[study_day(DAY)]

    def computed_for(content: str) -> int:
        return len(set(deployment.store.read_whole("features_at", content)["learner_id"].to_pylist()))

    assert computed_for(own.content) == COUNT
    assert {computed_for(one.content) < COUNT for one in made.made_from.features.values()} == {True}


def test_an_evaluation_says_so(school: ClockedDeployment) -> None:
    drawn = taught(school, 2 * MOST, NEXT).drawn
    judged = evaluate_own(of_most(school, 2 * MOST).settings, "demo", lambda *_: None)
    assert f"These are {drawn}." in judged.facts["notes"]


def test_next_answers_are_of_those_who_may_be_analysed(school: ClockedDeployment, world: World) -> None:
    allow = 'UPDATE users SET "performanceTrackingEnabled" = %s WHERE "id" = %s'
    world.execute(allow, False, learners(COUNT)[0])
    try:
        found = next_answers_of_own(school.settings, 1_000_000, lambda *_: None)
    finally:
        world.execute(allow, True, learners(COUNT)[0])
    assert found["learners"] == found["models"]["ratings"]["all"]["learners"] == COUNT - 1
    assert found["set_by"] == "AMERICANO_STRUGGLE_BELOW"
