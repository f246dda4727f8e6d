"""A model whose files were lost or changed is made again by the study day that trained it: the same to the last bit."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pandas as pd
import psycopg
import pytest
from pydantic import SecretStr

from americano_assets.core.training.champion_history import AUTO
from americano_assets.core.training.fit import BOOSTING, RULES
from americano_assets.resources.mlflow.training_run import DAGSTER_RUN
from americano_assets.resources.parquet_store.store import ParquetStore
from americano_assets.stages.common.model_files import ModelStore
from americano_assets.stages.s3_training.train_models import TrainedDay, train_day
from americano_assets_tests.core.training.test_training import labelled
from americano_assets_tests.world import ClockedDeployment, World, study_day, world_settings

DAY = study_day("2026-04-05")


def lose(path: Path) -> None:
    path.unlink()


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def change(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:-40] + bytes([content[-40] ^ 1]) + content[-39:])


DAMAGES: list[Callable[[Path], None]] = [lose, cut_off, change]


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    """Those in the middle rarely struggle: trees see that, a line does not."""
    found = labelled(learners=60)
    far = 2 * (found["session_performance_score"] - 0.5).abs()
    return found.assign(struggled=np.random.default_rng(2).uniform(size=len(found)) < far)


class School:
    """A deployment without MLflow, on the night of DAY."""

    def __init__(self, url: str, home: Path, world: World, rows: pd.DataFrame) -> None:
        self.url, self.home, self.world, self.rows = url, home, world, rows

    def night(self, wanted: str) -> TrainedDay:
        away = SecretStr("nowhere://at-all")
        settings = world_settings(self.url, self.home, model_type=wanted, mlflow_tracking_uri=away)
        deployment = ClockedDeployment(settings, datetime(2026, 4, 5, 23, 10, tzinfo=UTC))
        return train_day(deployment, DAY, self.rows, "rows", {DAGSTER_RUN: str(uuid4())})

    @property
    def models(self) -> ModelStore:
        return ModelStore(self.home / "models")

    def kept(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.models.root.iterdir() if path.is_file()}

    def told(self) -> list[tuple[Any, ...]]:
        return self.world.rows("SELECT model_version, model_type, study_day FROM ml.model_versions ORDER BY 1")


@pytest.fixture
def school(database: str, tmp_path: Path, rows: pd.DataFrame) -> Iterator[School]:
    with psycopg.connect(database, autocommit=True) as connection:
        yield School(database, tmp_path, World(connection), rows)


@pytest.mark.parametrize("wanted", [BOOSTING, AUTO])
def test_the_day_that_trained_it_makes_it_again(school: School, wanted: str) -> None:
    first = school.night(wanted)
    before, told = school.kept(), school.told()
    # Of the second training only the challenger that was refused has trees, and a person may want it.
    assert first.model.model_type == {BOOSTING: BOOSTING, AUTO: RULES}[wanted]
    assert {Path(name).suffix for name in before} == {".json", ".skops"}
    for name in (path.name for path in school.models.root.iterdir() if path.is_file()):
        for damage in DAMAGES:
            damage(school.models.root / name)
            again = school.night(wanted)
            assert again.training is not None, f"{name}: {damage.__name__}"
            assert again.model.version == first.model.version
            assert (school.kept(), school.told()) == (before, told)
    assert school.night(wanted).training is None


def test_a_memo_that_cannot_be_read_counts_as_none(school: School) -> None:
    first = school.night(RULES)
    (memo,) = (school.models.root / "by_inputs").iterdir()
    before = memo.read_bytes()
    for content in ("{", "[]", "{}"):
        memo.write_text(content)
        again = school.night(RULES)
        assert again.training is not None, content
        assert again.model.version == first.model.version
        assert memo.read_bytes() == before


def test_a_rerun_does_not_hide_that_mlflow_never_got_the_training(school: School) -> None:
    first = school.night(BOOSTING)
    again = school.night(BOOSTING)
    assert again.training is None
    assert again.notice == first.notice != ""
    recorded = ParquetStore(school.home / "data").manifest(DAY, "model")
    assert recorded is not None
    assert recorded["mlflow"] == first.notice
    assert school.world.rows("SELECT mlflow_run_id FROM ml.model_versions") == [(None,)]
