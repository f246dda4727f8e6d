"""The researchers' file: who is in it, that it is whole, that no reader is disturbed, and that its page is true."""

import re
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest

from americano_assets.installation import PROJECT_ROOT
from americano_assets.resources.parquet_store.atomic_files import StorageError
from americano_assets.resources.parquet_store.content_files import read_table
from americano_assets.stages.common.metadata import KIND_TAG, REPLAY
from americano_assets.stages.s9_report.research_database import TABLES, build_analytics
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
    assert set(told) == {*TABLES, "about"}
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


def test_rows_lie_in_the_order_that_lets_a_filter_skip(lived: Lived) -> None:
    for table in ("events", "interactions", "features", "predictions"):
        ((unsorted,),) = ask(
            lived.settings.analytics_path,
            f"""SELECT count(*) FROM (SELECT (study_day, learner_id) AS place,
              lag((study_day, learner_id)) OVER (ORDER BY rowid) AS before FROM research.{table})
            WHERE place < before""",
        )
        assert unsorted == 0


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
