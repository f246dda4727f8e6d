"""MLflow: what it is told of trainings, analyses and reports. Its import takes seconds: it happens inside functions."""

import contextlib
import io
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from americano_assets.resources.mlflow.session import TrackingError, session
from americano_assets.resources.mlflow.training_run import (
    CHAMPION,
    REGISTERED_MODEL,
    SET_FROM,
    STUDY_DAY,
    TrackedRun,
    TrainingRun,
    client_of,
)
from americano_assets.resources.postgres.connection import mlflow_uri
from americano_assets.settings import Settings

# Run tag: all that decided on a training.
MADE_FROM = "made_from"


class Tracking:
    """Logs trainings to the MLflow store of the settings."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @contextlib.contextmanager
    def training(self, name: str, tags: Mapping[str, str], study_day: date) -> Iterator[TrainingRun]:
        """A run around one training, to be logged at its end; a training goes on where MLflow cannot be used.

        What was logged of the same training of the day, by a night that was killed since, is not logged again.

        Args:
            name: Name of the run.
            tags: Tags of the run: the Dagster run that trains, and MADE_FROM, by which an equal training is found.
            study_day: The day that the models are trained for.
        """
        run = TrainingRun(self.settings)
        try:
            with session(self.settings) as mlflow:
                run.tracked = self._logged(mlflow, tags[MADE_FROM], study_day)
                if run.tracked is None:
                    run.client = client_of(self.settings, name, tags)
        except TrackingError as error:
            run.notice = str(error)
        with run.around():
            yield run

    def set_champion(self, registry_version: str, from_day: date) -> None:
        """Make a registered version the champion because a person says so.

        Args:
            registry_version: Its number in MLflow's registry.
            from_day: The study day from which on it scores.

        Raises:
            TrackingError: MLflow could not be used.
        """
        with session(self.settings) as mlflow:
            client = mlflow.MlflowClient()
            client.set_model_version_tag(REGISTERED_MODEL, registry_version, SET_FROM, from_day.isoformat())
            client.set_registered_model_alias(REGISTERED_MODEL, CHAMPION, registry_version)

    def log_analysis(
        self, *, name: str, params: Mapping[str, Any], metrics: Mapping[str, float], tags: Mapping[str, str]
    ) -> str:
        """Log an analysis that trains nothing, and return its run's id.

        Raises:
            TrackingError: Anything went wrong; the run is then closed as failed.
        """
        with session(self.settings) as mlflow:
            experiment = self._experiment(mlflow)
            with mlflow.start_run(experiment_id=experiment, run_name=name, tags=dict(tags)) as run:
                mlflow.log_params(dict(params))
                mlflow.log_metrics(dict(metrics))
                return str(run.info.run_id)

    def remove_runs(self, run_ids: Sequence[str]) -> None:
        """Remove runs for good; of a tracking server, whose store is out of reach, mark them as deleted.

        Raises:
            TrackingError: MLflow could not be used.
        """
        with session(self.settings) as mlflow:
            client = mlflow.MlflowClient()
            there = [run for run in run_ids if _is_there(client, run)]
            for run in there:
                client.delete_run(run)
            uri = mlflow_uri(self.settings)
            if there and not uri.startswith(("http://", "https://")):
                from mlflow.cli import gc

                # As the command `mlflow gc`, in this process: an argument of another would show the password.
                with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                    gc.main(["--backend-store-uri", uri, "--run-ids", ",".join(there)], standalone_mode=False)

    def log_report(self, run_id: str, page: Path) -> None:
        """Keep a night's report beside the training of the model that scored the night.

        Raises:
            TrackingError: MLflow could not be used.
        """
        with session(self.settings) as mlflow:
            mlflow.MlflowClient().log_artifact(run_id, str(page), "reports")

    def _logged(self, mlflow: Any, made_from: str, study_day: date) -> TrackedRun | None:
        """The run of an equal training that was logged to its end; one that was broken off is closed as killed."""
        client = mlflow.MlflowClient()
        wanted = f"tags.{MADE_FROM} = '{made_from}' AND params.{STUDY_DAY} = '{study_day}'"
        runs = [run.info for run in client.search_runs([self._experiment(mlflow)], wanted)]
        for run in runs:
            if run.status == "RUNNING":
                client.set_terminated(run.run_id, "KILLED")
        for run in runs:
            if run.status == "FINISHED":
                versions = client.search_model_versions(f"run_id = '{run.run_id}'")
                by_type = {version.tags["model_type"]: str(version.version) for version in versions}
                return TrackedRun(run.run_id, run.experiment_id, by_type)
        return None

    def _experiment(self, mlflow: Any) -> str:
        name = self.settings.mlflow_experiment_name
        found = mlflow.get_experiment_by_name(name)
        if found is not None:
            return str(found.experiment_id)
        # A server keeps artefacts itself; beside a mere store they would land in whatever folder we are called from.
        served = mlflow_uri(self.settings).startswith(("http://", "https://"))
        root = self.settings.americano_home / "mlflow"
        return str(mlflow.create_experiment(name, artifact_location=None if served else root.as_uri()))


def _is_there(client: Any, run: str) -> bool:
    """Whether MLflow has a run of that id; one that is marked as deleted too."""
    from mlflow.exceptions import MlflowException

    try:
        client.get_run(run)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return False
    return True
