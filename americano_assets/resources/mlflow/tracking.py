"""MLflow: one run a training, its models registered. MLflow's import takes seconds, so it happens inside functions.

We do not use dagster-mlflow's resource: it opens a run when a process starts and tags that, which is right in one
process only; under the multiprocess executor a failed run was seen to end as finished. Here a run is opened and
closed by the training step itself.
"""

import contextlib
import io
import logging
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from americano_assets.core.models.scorer import Scorer
from americano_assets.core.models.sklearn_estimator import StruggleEstimator
from americano_assets.errors import AmericanoError
from americano_assets.resources.parquet_store.atomic_files import full_disk
from americano_assets.resources.postgres.connection import mlflow_uri
from americano_assets.settings import Settings

REGISTERED_MODEL = "americano-struggle"
CHAMPION, CHALLENGER = "champion", "challenger"
_TRUSTED = [f"{StruggleEstimator.__module__}.{StruggleEstimator.__qualname__}"]
# Named, because finding them out takes MLflow ten seconds a model.
_REQUIREMENTS = ["scikit-learn", "skops", "pandas", "numpy"]
# Run tag: all that decided on a training.
MADE_FROM = "made_from"
_STUDY_DAY = "study_day"
# From which study day on a person set a version: it may be older than what it took the place of.
_SET_FROM = "set_from"
# MLflow's own defaults wait four minutes for a server that does not answer, and a night does not depend on it.
_DEFAULTS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
}


class TrackingError(AmericanoError):
    """MLflow could not be reached or refused; the message holds no URL."""


@dataclass(frozen=True)
class TrackedRun:
    """Where a training is in MLflow."""

    run_id: str
    experiment_id: str
    registry_versions: dict[str, str]


class Tracking:
    """Logs trainings to the MLflow store of the settings."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def log_training(
        self,
        *,
        name: str,
        params: Mapping[str, Any],
        metrics: Mapping[str, float],
        tags: Mapping[str, str],
        figures: Mapping[str, bytes],
        tables: Mapping[str, Any] | None = None,
        scorers: Mapping[str, Scorer],
        chosen: str | None,
        study_day: date,
        challenger: str | None = None,
        example: pd.DataFrame,
    ) -> TrackedRun:
        """Log one training and register its models; the chosen one becomes `champion` unless a newer night's is.

        What was logged of the same training of the day, by a night that was killed since, is not logged again.

        Args:
            name: Name of the run.
            params: Parameters.
            metrics: Finite figures.
            tags: Tags of the run; by MADE_FROM an equal training is found.
            figures: PNG images by file name.
            tables: JSON-able values by file name.
            scorers: Models by type; the last registered is the chosen one.
            chosen: The type that scores from now on; None where the champion before stays.
            study_day: The day that the models were trained for.
            challenger: The type that becomes `challenger`, where it is not the chosen one.
            example: A few feature rows, for the signature.

        Raises:
            TrackingError: Anything went wrong; the run is then closed as failed.
        """
        if MADE_FROM in tags and (logged := self._logged(tags[MADE_FROM], study_day)) is not None:
            return logged
        with self._run(name, params, metrics, tags) as (mlflow, run):
            for file_name, image in figures.items():
                self._log_image(mlflow, file_name, image)
            for file_name, values in (tables or {}).items():
                mlflow.log_dict(values, f"tables/{file_name}")
            versions = {
                model_type: self._register(mlflow, model_type, scorer, example, study_day)
                for model_type, scorer in scorers.items()
            }
            client = mlflow.MlflowClient()
            if chosen is not None:
                _point(client, CHAMPION, versions[chosen], study_day)
            if challenger is not None:
                _point(client, CHALLENGER, None if challenger == chosen else versions[challenger], study_day)
            return TrackedRun(run.info.run_id, run.info.experiment_id, versions)

    def set_champion(self, registry_version: str, from_day: date) -> None:
        """Make a registered version the champion because a person says so.

        Args:
            registry_version: Its number in MLflow's registry.
            from_day: The study day from which on it scores.

        Raises:
            TrackingError: MLflow could not be used.
        """
        with self._mlflow() as mlflow:
            client = mlflow.MlflowClient()
            client.set_model_version_tag(REGISTERED_MODEL, registry_version, _SET_FROM, from_day.isoformat())
            client.set_registered_model_alias(REGISTERED_MODEL, CHAMPION, registry_version)

    def log_analysis(
        self, *, name: str, params: Mapping[str, Any], metrics: Mapping[str, float], tags: Mapping[str, str]
    ) -> str:
        """Log an analysis that trains nothing, and return its run's id.

        Raises:
            TrackingError: Anything went wrong; the run is then closed as failed.
        """
        with self._run(name, params, metrics, tags) as (_, run):
            return str(run.info.run_id)

    def remove_runs(self, run_ids: Sequence[str]) -> None:
        """Remove runs for good; of a tracking server, whose store is out of reach, mark them as deleted.

        Raises:
            TrackingError: MLflow could not be used.
        """
        with self._mlflow() as mlflow:
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
        with self._mlflow() as mlflow:
            mlflow.MlflowClient().log_artifact(run_id, str(page), "reports")

    def _logged(self, made_from: str, study_day: date) -> TrackedRun | None:
        """The run of an equal training that was logged to its end; one that was broken off is closed as killed."""
        with self._mlflow() as mlflow:
            client = mlflow.MlflowClient()
            wanted = f"tags.{MADE_FROM} = '{made_from}' AND params.{_STUDY_DAY} = '{study_day}'"
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

    @contextlib.contextmanager
    def _run(
        self, name: str, params: Mapping[str, Any], metrics: Mapping[str, float], tags: Mapping[str, str]
    ) -> Iterator[tuple[Any, Any]]:
        """MLflow and a run of its own, closed at the end: as failed where anything went wrong."""
        with (
            self._mlflow() as mlflow,
            mlflow.start_run(experiment_id=self._experiment(mlflow), run_name=name, tags=dict(tags)) as run,
        ):
            mlflow.log_params(dict(params))
            mlflow.log_metrics(dict(metrics))
            yield mlflow, run

    @contextlib.contextmanager
    def _mlflow(self) -> Iterator[Any]:
        for setting, value in _DEFAULTS.items():
            os.environ.setdefault(setting, value)
        import mlflow
        import mlflow.sklearn

        logging.getLogger("mlflow").setLevel(logging.ERROR)
        logging.getLogger("alembic").setLevel(logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                mlflow.set_tracking_uri(mlflow_uri(self.settings))
                yield mlflow
            except Exception as error:
                # MLflow wraps what its store or the network raises in many types; none may stop a night.
                why = full_disk(str(error)) or type(error).__name__
                raise TrackingError(f"MLflow could not be used ({why}).") from error
            finally:
                while mlflow.active_run() is not None:
                    mlflow.end_run("FAILED")

    def _experiment(self, mlflow: Any) -> str:
        name = self.settings.mlflow_experiment_name
        found = mlflow.get_experiment_by_name(name)
        if found is not None:
            return str(found.experiment_id)
        # A server keeps artefacts itself; beside a mere store they would land in whatever folder we are called from.
        served = mlflow_uri(self.settings).startswith(("http://", "https://"))
        root = self.settings.americano_home / "mlflow"
        return str(mlflow.create_experiment(name, artifact_location=None if served else root.as_uri()))

    def _register(self, mlflow: Any, model_type: str, scorer: Scorer, example: pd.DataFrame, study_day: date) -> str:
        estimator = StruggleEstimator.of(scorer)
        signature = mlflow.models.infer_signature(example, estimator.predict_proba(example))
        # It prints to stderr what it registers, across any progress bar.
        with contextlib.redirect_stderr(io.StringIO()):
            logged = mlflow.sklearn.log_model(
                estimator,
                name=model_type,
                serialization_format="skops",
                skops_trusted_types=_TRUSTED,
                pip_requirements=_REQUIREMENTS,
                signature=signature,
                registered_model_name=REGISTERED_MODEL,
                pyfunc_predict_fn="predict_proba",
            )
        version = str(logged.registered_model_version)
        client = mlflow.MlflowClient()
        client.set_model_version_tag(REGISTERED_MODEL, version, "model_type", model_type)
        client.set_model_version_tag(REGISTERED_MODEL, version, _STUDY_DAY, study_day.isoformat())
        return version

    @staticmethod
    def _log_image(mlflow: Any, file_name: str, image: bytes) -> None:
        import tempfile

        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / file_name
            path.write_bytes(image)
            mlflow.log_artifact(str(path), "plots")


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


def _point(client: Any, alias: str, version: str | None, study_day: date) -> None:
    """Give a version an alias, or nobody, but for an old day that is trained again while a newer one's has it."""
    model = client.get_registered_model(REGISTERED_MODEL)
    if alias in model.aliases:
        tags = client.get_model_version(REGISTERED_MODEL, str(model.aliases[alias])).tags
        if max(tags.get(_STUDY_DAY, ""), tags.get(_SET_FROM, "")) > study_day.isoformat():
            return
        if version is None:
            client.delete_registered_model_alias(REGISTERED_MODEL, alias)
    if version is not None:
        client.set_registered_model_alias(REGISTERED_MODEL, alias, version)
