"""Who is forgotten is in no file and no table of ours; for everyone else nothing changes; a killed call is finished."""

import json
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

from americano_assets.resources.parquet_store.atomic_files import LEFTOVER_PREFIX
from americano_assets.resources.parquet_store.store import ParquetStore
from americano_assets.stages.common.model_files import model_of_day
from americano_assets.stages.maintenance.erasure import forgetting
from americano_assets.stages.maintenance.erasure.forgetting import forget
from americano_assets.stages.s3_training.dataset_versions import find_dataset, restore
from americano_assets.stages.s6_publication.transaction import PREDICTIONS
from americano_assets_tests.stages.conftest import Lived
from americano_assets_tests.stages.s3_training.test_trained_model import JUDGED, SCORED
from americano_assets_tests.world import published_rows, study_day

WHO = "learner-02"  # weak: flagged, judged, counted


def places(lived: Lived) -> list[str]:
    """Wherever the learner is still named, looked for without any of the code under test."""
    key = duckdb.execute("SELECT md5_number_lower(?)", [WHO]).fetchall()[0][0]
    found = []
    for path in sorted(path for path in lived.settings.americano_home.rglob("*") if path.is_file()):
        if path == lived.settings.analytics_path:
            continue
        if path.read_bytes().startswith(b"PAR1"):
            rows = pq.read_table(path)
            text = json.dumps(rows.to_pylist(), default=str)
            # Ratings name a learner by key alone, in a column that holds objectives' keys as well.
            named = f'"{WHO}"' in text or str(key) in text
        else:
            named = WHO.encode() in path.read_bytes()
        found += [str(path.relative_to(lived.settings.americano_home))] if named else []
    tables = lived.world.rows("SELECT table_name FROM information_schema.tables WHERE table_schema = 'ml'")
    for (table,) in tables:
        said = "to_jsonb(t) - 'comments'"
        found += [f"ml.{table}"] * bool(
            lived.world.rows(f"SELECT 1 FROM ml.{table} t WHERE ({said})::text LIKE %s", f"%{WHO}%")
        )
    return found + [table for table, rows in published_rows(lived.world).items() if WHO in str(rows)]


def others(lived: Lived) -> dict[str, list[Any]]:
    """The app's three tables without the learner's rows."""
    return {
        table: [row for row in rows if f'"{WHO}"' not in str(row)]
        for table, rows in published_rows(lived.world).items()
    }


def plant(lived: Lived) -> None:
    """What else people and killed processes may have left."""
    home, store = lived.settings.americano_home, lived.deployment.store
    day = next((home / "data" / "interactions").glob(f"day={SCORED}"))
    (day / f"{LEFTOVER_PREFIX}killed").write_bytes(f"half a file about {WHO}".encode())
    (home / "exports").mkdir()
    pq.write_table(pq.read_table(next(day.glob("*.parquet"))), home / "exports" / "of a day")
    restore(store, find_dataset(store, model_of(lived).dataset_version), home / "before")
    lived.world.execute(
        "INSERT INTO ml.prediction_feedback"
        " (id, prediction_id, user_id, actual_struggle, feedback_type, comments, submitted_at)"
        f""" SELECT "userId", "id", "userId", true, 'HELPFUL', 'as {WHO} said', now() FROM {PREDICTIONS}"""
        f""" WHERE "id" IN (SELECT min("id") FROM {PREDICTIONS} GROUP BY "userId")""",
    )
    lived.world.execute(
        "INSERT INTO ml.api_tokens (name, token_hash, learner_id, created_at) VALUES (%s, 'h', %s, now())", WHO, WHO
    )


def test_nothing_is_left_and_nobody_else_changes(relived: Lived, tmp_path: Path) -> None:
    plant(relived)
    before, models = others(relived), model_of(relived)
    dataset = find_dataset(relived.deployment.store, models.dataset_version)
    assert {name.split("/")[0] for name in places(relived)} >= {"data", "before", "exports", "ml.episodes", PREDICTIONS}
    done = forget(relived.deployment, WHO)
    assert places(relived) == []
    assert others(relived) == before
    assert done.rows["interactions"] > 0
    assert done.rows["ml.prediction_feedback"] == 1
    assert done.still_active
    assert WHO not in str(relived.world.rows("SELECT removed FROM ml.forgettings"))
    with duckdb.connect(str(relived.settings.analytics_path), read_only=True) as connection:
        for table in ("events", "interactions", "features", "predictions", "outcomes", "experiment_phases"):
            query = f"SELECT count(*) FILTER (learner_id = '{WHO}'), count(*) > 0 FROM research.{table}"
            assert connection.execute(query).fetchall() == [(0, True)]
    # A token of theirs opens nothing, and its row keeps the service closed to who has none.
    assert relived.world.rows("SELECT learner_id, revoked_at IS NOT NULL FROM ml.api_tokens") == [("", True)]
    # What somebody else said of them is somebody else's.
    said = relived.world.rows("SELECT user_id, comments FROM ml.prediction_feedback")
    assert said
    assert {comment for _, comment in said} == {f"as {WHO} said"}
    assert WHO not in {learner for learner, _ in said}
    restored = restore(relived.deployment.store, dataset, tmp_path / "old")
    assert restored.without_forgotten > 0
    left = pq.read_table(restored.training_set)["learner_id"].to_pylist()
    assert WHO not in left
    assert len(left) < dataset.rows
    before_that = ParquetStore(relived.settings.americano_home / "before" / "data")
    again = before_that.read_day("training_set", dataset.day)
    assert again is not None
    assert again["learner_id"].to_pylist() == left


def test_nights_rerun_to_the_same_rows_for_everyone_else(relived: Lived) -> None:
    before, model = others(relived), model_of(relived).version
    relived.world.execute('DELETE FROM validation_responses WHERE "userId" = %s', WHO)
    relived.world.execute('DELETE FROM missions WHERE "userId" = %s', WHO)
    relived.world.execute('DELETE FROM users WHERE "id" = %s', WHO)
    assert not forget(relived.deployment, WHO).still_active
    assert relived.nights.night(SCORED, on_time=False).success
    assert relived.nights.night(JUDGED, on_time=False).success
    assert others(relived) == before
    assert model_of(relived).version == model
    assert places(relived) == []


def test_a_call_that_was_killed_before_the_researchers_file_is_finished_by_the_next(
    relived: Lived, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last thing that it does; all before it are killed in test_forgetting_places.py."""

    class KilledError(BaseException):
        pass

    def killed(*_: object, **__: object) -> None:
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(forgetting, "build_analytics", killed)
        with pytest.raises(KilledError):
            forget(relived.deployment, WHO)
    assert forget(relived.deployment, WHO).rows.keys() == {"the researchers' file"}
    assert places(relived) == []


def model_of(lived: Lived) -> Any:
    return model_of_day(lived.deployment.store, lived.deployment.models, study_day(SCORED))
