"""MLflow's run of a training ends as the training does, in a real run of Dagster's: failed, retried, ended by hand."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg
import pytest

from americano_assets.core.training.fit import RULES
from americano_assets.core.training.train import train
from americano_assets.resources.mlflow.training_run import DAGSTER_RUN, REGISTERED_MODEL
from americano_assets.stages.s3_training import train_models
from americano_assets.stages.s3_training.train_models import train_day
from americano_assets_tests.core.training.test_training import labelled
from americano_assets_tests.world import ClockedDeployment, study_day, world_settings

DAY = study_day("2026-04-05")


class Training:
    """A step that trains, in a run of Dagster's; MLflow is a file in the home."""

    def __init__(self, url: str, home: Path, patch: pytest.MonkeyPatch) -> None:
        self.settings = world_settings(url, home, model_type=RULES)
        self.rows, self._patch = labelled(learners=30), patch

    def run(self, *ends: Callable[[], None], retries: int = 0) -> dg.ExecuteInProcessResult:
        """Train; the first tries end as they are told to, the one after them as it does by itself."""
        left = list(ends)

        def trained(*given: Any, **named: Any) -> Any:
            if left:
                left.pop(0)()
            return train(*given, **named)

        @dg.op(retry_policy=dg.RetryPolicy(max_retries=retries) if retries else None)
        def step(context: dg.OpExecutionContext) -> None:
            deployment = ClockedDeployment(self.settings, datetime(2026, 4, 5, 23, 10, tzinfo=UTC))
            train_day(deployment, DAY, self.rows, "rows", {DAGSTER_RUN: context.run_id})

        @dg.job
        def nights_training() -> None:
            step()

        self._patch.setattr(train_models, "train", trained)
        return nights_training.execute_in_process(raise_on_error=False)

    def runs(self) -> list[tuple[str, str, str]]:
        """Dagster run, name and status of each run in MLflow."""
        import mlflow

        uri = self.settings.mlflow_tracking_uri
        assert uri is not None
        mlflow.set_tracking_uri(uri.get_secret_value())
        assert mlflow.active_run() is None
        found = mlflow.search_runs(search_all_experiments=True, output_format="list")
        return [(run.data.tags[DAGSTER_RUN], str(run.info.run_name), run.info.status) for run in found]

    def versions(self) -> int:
        from mlflow import MlflowClient

        return len(MlflowClient().search_model_versions(f"name = '{REGISTERED_MODEL}'"))


@pytest.fixture
def training(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Training]:
    with psycopg.connect(database, autocommit=True):
        yield Training(database, tmp_path, monkeypatch)


def _defect() -> None:
    raise ValueError("a defect")


def _ended_by_hand() -> None:
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(60)  # Until it is raised, in this very thread.


def test_a_training_that_breaks_fails_in_mlflow_and_one_that_is_tried_again_is_there_once(training: Training) -> None:
    failed = training.run(_defect)
    assert not failed.success
    (run,) = training.runs()
    assert run == (failed.run_id, f"struggle_model {DAY}", "FAILED")
    assert training.versions() == 0
    again = training.run(_defect, retries=1)
    assert again.success
    (newest, _) = training.runs()
    assert newest == (again.run_id, f"struggle_model {DAY}", "FINISHED")
    logged = training.versions()
    assert logged > 0
    # An equal training is not logged again.
    assert training.run().success
    assert (len(training.runs()), training.versions()) == (2, logged)


def test_a_training_that_a_person_ends_fails_in_mlflow(training: Training) -> None:
    assert not training.run(_ended_by_hand).success
    ((_, _, status),) = training.runs()
    assert status == "FAILED"
    assert training.versions() == 0
