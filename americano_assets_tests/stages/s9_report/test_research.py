"""The researchers' file: who is in it, that it is whole, that no reader is disturbed, and that its page is true."""

import re
import shutil
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest

from americano_assets.installation import PROJECT_ROOT
from americano_assets.resources.parquet_store.atomic_files import StorageError
from americano_assets.resources.parquet_store.content_files import read_table
from americano_assets.stages.common.metadata import KIND_TAG, REPLAY
from americano_assets.stages.s9_report import research_tables
from americano_assets.stages.s9_report.research_database import build_analytics
from americano_assets.stages.s9_report.research_tables import TABLES
from americano_assets_tests.stages.conftest import OUT, Lived
from americano_assets_tests.stages.s3_training.test_trained_model import JUDGED, LEARNERS, SCORED, truth
from americano_assets_tests.stages.s3_training.weekly_school import OBJECTIVES
from americano_assets_tests.world import ClockedDeployment, World, study_day

PAGE = (PROJECT_ROOT / "docs" / "research.md").read_text()
QUERIES = re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)
MEMBERS = LEARNERS - 1


def ask(path: Path, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(query).fetchall()


def test_the_page_has_ten_queries() -> None:
    assert len(QUERIES) == 10


@pytest.mark.parametrize("number", range(10))
def test_every_query_of_the_page_answers(lived: Lived, number: int) -> None:
    assert ask(lived.settings.analytics_path, QUERIES[number])


def test_every_table_is_there_and_says_what_it_is(lived: Lived) -> None:
    path = lived.settings.analytics_path
    told = dict(ask(path, "SELECT table_name, comment FROM duckdb_tables() WHERE schema_name = 'research'"))
    assert set(told) == {*TABLES, "about", "participants", "made_from"}
    assert all(told.values())
    assert set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)) == set(told)
    assert ask(path, "SELECT through_study_day, horizon_days FROM research.about") == [(study_day(JUDGED), 7)]


def test_rows_are_those_of_the_store_without_who_left_analytics(lived: Lived) -> None:
    path, store = lived.settings.analytics_path, lived.deployment.store
    for table, stored in {"features": "features", "predictions": "scored_predictions"}.items():
        rows = read_table(store.day_path(stored, study_day(SCORED), store.current(stored, study_day(SCORED))))  # type: ignore[arg-type]
        assert rows.num_rows == LEARNERS * len(OBJECTIVES)
        ((found, learners),) = ask(
            path, f"SELECT count(*), count(DISTINCT learner_id) FROM research.{table} WHERE study_day = '{SCORED}'"
        )
        assert (found, learners) == (MEMBERS * len(OBJECTIVES), MEMBERS)
    for table in TABLES:
        assert ask(path, f"SELECT count(*) FROM research.{table} WHERE learner_id = '{OUT}'") == [(0,)]
    ((interactions,),) = ask(path, "SELECT count(*) FROM research.interactions")
    assert interactions == MEMBERS * len(OBJECTIVES) * 11
    assert ask(path, "SELECT learner_id, experiment_phase, events FROM research.experiment_phases") == [
        (f"learner-0{number}", "baseline", 2) for number in (1, 2, 3)
    ]


def test_outcomes_are_what_was_planted_for_flagged_and_unflagged_alike(lived: Lived) -> None:
    found = ask(lived.settings.analytics_path, "SELECT learner_id, objective_id, outcome FROM research.outcomes")
    assert {(learner, objective): outcome == "struggled" for learner, objective, outcome in found} == {
        pair: struggled for pair, struggled in truth(10).items() if pair[0] != OUT
    }


def test_rows_of_a_day_stand_together_by_learner_so_that_a_filter_skips(lived: Lived) -> None:
    for table in ("events", "interactions", "features", "predictions"):
        ((unsorted, runs, days),) = ask(
            lived.settings.analytics_path,
            f"""SELECT count(*) FILTER (study_day = day_before AND learner_id < before),
              count(*) FILTER (study_day IS DISTINCT FROM day_before), count(DISTINCT study_day)
            FROM (SELECT study_day, learner_id, lag(learner_id) OVER (ORDER BY rowid) AS before,
              lag(study_day) OVER (ORDER BY rowid) AS day_before FROM research.{table})""",
        )
        assert unsorted == 0
        assert runs == days


def everything(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of the file but when it was made."""
    tables = (*TABLES, "participants", "made_from")
    return {table: ask(path, f"SELECT * FROM research.{table} ORDER BY ALL") for table in tables}


def test_a_file_that_goes_on_has_the_rows_of_one_that_is_made_anew(
    relived: Lived, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, deployment, store = relived.settings.analytics_path, relived.deployment, relived.deployment.store
    moved = "(SELECT max(prediction_id) FROM ml.episodes WHERE outcome IS NOT NULL AND user_id <> 'learner-01')"
    relived.world.execute(f"UPDATE ml.episodes SET user_id = %s WHERE prediction_id = {moved}", OUT)
    build_analytics(deployment)
    same = build_analytics(deployment)
    assert not same.anew
    assert set(same.days_made.values()) == {0}
    before = everything(path)
    # Late events changed a day, a night was pruned, one learner left and another came back, a verdict was corrected.
    day = max(
        same_day for same_day, _ in ask(path, "SELECT study_day, count(*) FROM research.interactions GROUP BY ALL")
    )
    rows = store.read_day("interactions", day)
    assert rows is not None
    fewer = rows.slice(1)
    store.put_day("interactions", day, fewer.to_batches(), fewer.schema)
    shutil.rmtree(store.root / "scored_predictions" / f"day={SCORED}")
    for learner, counts in {"learner-01": False, OUT: True}.items():
        relived.world.execute('UPDATE users SET "includeInAnalytics" = %s WHERE "id" = %s', counts, learner)
    relived.world.execute(
        "UPDATE ml.episodes SET outcome = 'unstudied' WHERE prediction_id = "
        "(SELECT min(prediction_id) FROM ml.episodes WHERE outcome IS NOT NULL AND user_id <> 'learner-01')"
    )
    built = build_analytics(deployment)
    assert not built.anew
    assert built.days_made == {"events": 0, "interactions": 1, "features": 0, "predictions": 0, "outcomes": 1}
    went_on = everything(path)
    assert all(went_on[table] != before[table] for table in (*TABLES, "participants", "made_from"))
    for table in (*TABLES, "participants"):
        assert ask(path, f"SELECT count(*) FROM research.{table} WHERE learner_id = 'learner-01'") == [(0,)]
    for table in ("interactions", "features", "predictions", "outcomes", "participants"):
        ((came_back,),) = ask(path, f"SELECT count(*) FROM research.{table} WHERE learner_id = '{OUT}'")
        assert came_back
    monkeypatch.setattr(research_tables, "ROWS_AT_ONCE", 1)
    assert build_analytics(deployment, anew=True).anew
    assert everything(path) == went_on


def test_a_file_that_somebody_wrote_into_or_damaged_is_made_anew(relived: Lived) -> None:
    path = relived.settings.analytics_path
    before = everything(path)
    for spoil in (
        "DELETE FROM research.events WHERE learner_id = 'learner-01'",
        "CREATE TABLE research.own (n INTEGER)",
    ):
        with duckdb.connect(str(path)) as connection:
            connection.execute(spoil)
        assert build_analytics(relived.deployment).anew
        assert everything(path) == before
    path.write_bytes(b"damaged")
    assert build_analytics(relived.deployment).anew
    assert everything(path) == before


def test_who_has_the_old_file_open_goes_on_reading_it(relived: Lived) -> None:
    path = relived.settings.analytics_path
    reader = duckdb.connect(str(path), read_only=True)
    before = reader.execute("SELECT count(*), count(DISTINCT learner_id) FROM research.interactions").fetchall()
    relived.world.execute('UPDATE users SET "includeInAnalytics" = false WHERE "id" = \'learner-01\'')
    build_analytics(relived.deployment)
    reader.execute("SET threads = 1")
    assert reader.execute("SELECT count(*), count(DISTINCT learner_id) FROM research.interactions").fetchall() == before
    reader.close()
    assert ask(path, "SELECT count(DISTINCT learner_id) FROM research.interactions") == [(MEMBERS - 1,)]
    assert [one.name for one in path.parent.iterdir() if one.name.startswith(path.name)] == [path.name]


def test_a_replay_leaves_the_file_as_it_is(relived: Lived) -> None:
    path = relived.settings.analytics_path
    before = path.stat().st_ino
    run = relived.nights.night(SCORED, on_time=False, tags={KIND_TAG: REPLAY})
    (told,) = run.asset_materializations_for_node("analytics_database")
    assert told.metadata["rebuilt"].value is False
    assert path.stat().st_ino == before


def test_the_same_aggregation_says_the_same_on_postgres_and_is_timed(lived: Lived) -> None:
    (event,) = lived.nights.instance.fetch_materializations(dg.AssetKey("analytics_database"), limit=1).records
    assert event.asset_materialization is not None
    told = {name: value.value for name, value in event.asset_materialization.metadata.items()}
    assert told["same_answer"] is True
    assert isinstance(told["duckdb_seconds"], float)
    assert isinstance(told["postgres_seconds"], float)
    assert told["rebuilt"] is False  # the night before had begun the file
    assert isinstance(told["days_made"], int)
    assert told["days_made"] > 0
    assert told["learners"] == LEARNERS  # the owner of the course takes part too
    assert told["through_study_day"] == JUDGED


def test_before_the_first_night_every_table_is_there_and_empty(school: World, deployment: ClockedDeployment) -> None:
    built = build_analytics(deployment)
    assert built.rows == dict.fromkeys(TABLES, 0)
    assert built.through is None
    for query in QUERIES:
        ask(built.path, query)


def test_a_file_that_cannot_be_written_is_told(school: World, deployment: ClockedDeployment, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    deployment.settings = deployment.settings.model_copy(update={"duckdb_db_path": tmp_path / "file" / "r.duckdb"})
    with pytest.raises(StorageError, match="Nothing could be written into"):
        build_analytics(deployment)
