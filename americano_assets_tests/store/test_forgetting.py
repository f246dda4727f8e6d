"""Who is forgotten is in no file and no table of ours; for everyone else nothing changes; a killed call is finished."""

import json
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

from americano_assets.errors import AmericanoError
from americano_assets.resources import forgetting
from americano_assets.resources.datasets import find_dataset, restore
from americano_assets.resources.files import LEFTOVER_PREFIX
from americano_assets.resources.forgetting import forget
from americano_assets.resources.model_store import model_of_day
from americano_assets.resources.publication import PREDICTIONS
from americano_assets_tests.integration.test_trained_model import JUDGED, SCORED
from americano_assets_tests.store.conftest import Lived
from americano_assets_tests.world import published_rows, study_day

WHO = "learner-02"  # weak: flagged, judged, counted


def places(lived: Lived) -> list[str]:
    """Wherever the learner is still named, looked for without any of the code under test."""
    key = duckdb.execute("SELECT md5_number_lower(?)", [WHO]).fetchall()[0][0]
    found = []
    for path in sorted(path for path in lived.settings.americano_home.rglob("*") if path.is_file()):
        if path == lived.settings.analytics_path:
            continue
        if path.suffix == ".parquet":
            rows = pq.read_table(path)
            text = json.dumps(rows.to_pylist(), default=str)
            # Ratings name a learner by key alone, in a column that holds objectives' keys as well.
            named = f'"{WHO}"' in text or str(key) in text
        else:
            named = WHO.encode() in path.read_bytes()
        found += [str(path.relative_to(lived.settings.americano_home))] if named else []
    tables = lived.world.rows("SELECT table_name FROM information_schema.tables WHERE table_schema = 'ml'")
    for (table,) in tables:
        found += [f"ml.{table}"] * bool(
            lived.world.rows(f"SELECT 1 FROM ml.{table} t WHERE t::text LIKE %s", f"%{WHO}%")
        )
    return found + [table for table, rows in published_rows(lived.world).items() if WHO in str(rows)]


def others(lived: Lived) -> dict[str, list[Any]]:
    """The app's three tables without the learner's rows."""
    return {
        table: [row for row in rows if f'"{WHO}"' not in str(row)]
        for table, rows in published_rows(lived.world).items()
    }


def plant(lived: Lived) -> None:
    """What other stages, people and killed processes may have left."""
    home = lived.settings.americano_home
    artefacts = home / "mlflow" / "run" / "artifacts"
    artefacts.mkdir(parents=True)
    table = {"columns": ["learner_id", "p"], "data": [[WHO, 0.9], ["learner-1", 0.1]]}
    (artefacts / "table.json").write_text(json.dumps(table))
    (artefacts / "rows.csv").write_text(f"learner_id,p\n{WHO},0.9\nlearner-1,0.1\n")
    day = next((home / "data" / "interactions").glob(f"day={SCORED}"))
    (day / f"{LEFTOVER_PREFIX}killed").write_bytes(f"half a file about {WHO}".encode())
    (home / "exports").mkdir()
    pq.write_table(pq.read_table(next(day.glob("*.parquet"))), home / "exports" / "events.parquet")
    lived.world.execute(
        "INSERT INTO ml.prediction_feedback (id, prediction_id, user_id, actual_struggle, feedback_type, submitted_at)"
        f""" SELECT 'f', "id", %s, true, 'HELPFUL', now() FROM {PREDICTIONS} WHERE "userId" = %s LIMIT 1""",
        WHO,
        WHO,
    )
    lived.world.execute(
        "INSERT INTO ml.api_tokens (name, token_hash, learner_id, created_at) VALUES ('t', 'h', %s, now())", WHO
    )


def test_nothing_is_left_and_nobody_else_changes(relived: Lived, tmp_path: Path) -> None:
    plant(relived)
    before, models = others(relived), model_of(relived)
    dataset = find_dataset(relived.deployment.store, models.dataset_version)
    assert {name.split("/")[0] for name in places(relived)} >= {"data", "mlflow", "exports", "ml.episodes", PREDICTIONS}
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
    artefacts = relived.settings.americano_home / "mlflow" / "run" / "artifacts"
    assert json.loads((artefacts / "table.json").read_text())["data"] == [["learner-1", 0.1]]
    assert (artefacts / "rows.csv").read_text() == "learner_id,p\nlearner-1,0.1\n"
    # A token of theirs opens nothing, and its row keeps the service closed to who has none.
    assert relived.world.rows("SELECT learner_id, revoked_at IS NOT NULL FROM ml.api_tokens") == [("", True)]
    restored = restore(relived.deployment.store, dataset, tmp_path / "old")
    assert restored.without_forgotten > 0
    left = pq.read_table(restored.training_set)["learner_id"].to_pylist()
    assert WHO not in left
    assert len(left) < dataset.rows


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


@pytest.mark.parametrize("step", ["record", "unlink", "_clean_other_files", "_clean_tables", "build_analytics"])
def test_a_call_that_was_killed_is_finished_by_the_next(
    relived: Lived, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """A stop without any clean-up at each place where one thing is done and the next is not."""

    class KilledError(BaseException):
        pass

    calls = 0

    def killed(*_: object, **__: object) -> None:
        nonlocal calls
        calls += 1
        if step != "unlink" or calls > 3:
            raise KilledError

    before = others(relived)
    with monkeypatch.context() as patch:
        if step == "record":
            patch.setattr(relived.deployment.store.successors, "record", killed)
        elif step == "unlink":
            original = Path.unlink

            def unlink(path: Path, missing_ok: bool = False) -> None:
                if path.suffix == ".parquet":
                    killed()
                original(path, missing_ok=missing_ok)

            patch.setattr(Path, "unlink", unlink)
        else:
            patch.setattr(forgetting, step, killed)
        with pytest.raises(KilledError):
            forget(relived.deployment, WHO)
    forget(relived.deployment, WHO)
    assert places(relived) == []
    assert others(relived) == before


def test_who_is_not_there_and_who_is_nobody(relived: Lived) -> None:
    files = {path: path.stat().st_ino for path in relived.deployment.store.root.rglob("*.parquet")}
    assert not any(forget(relived.deployment, "learner-0").rows.values())  # «learner-02» is somebody else
    assert {path: path.stat().st_ino for path in relived.deployment.store.root.rglob("*.parquet")} == files
    with pytest.raises(AmericanoError, match="Name the id"):
        forget(relived.deployment, " ")


def test_what_cannot_be_cleaned_is_told_by_place_and_not_by_name(relived: Lived) -> None:
    odd = relived.settings.americano_home / "odd.bin"
    odd.write_bytes(b"\xff\xfe " + WHO.encode() + b" \xff")
    with pytest.raises(AmericanoError, match=r"1 places still name the learner .* the first is odd\.bin") as error:
        forget(relived.deployment, WHO)
    assert WHO not in str(error.value)


def model_of(lived: Lived) -> Any:
    return model_of_day(lived.deployment.store, lived.deployment.models, study_day(SCORED))
