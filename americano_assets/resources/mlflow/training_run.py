"""One training in MLflow, by dagster-mlflow's client: open from before it begins, closed however it ends.

The client opens a run of its own for each Dagster run, goes on with it where a step is tried again, and links the two.
Dagster's resource would make it as the process starts, where MLflow's import takes seconds, and would close it in the
run's own process alone: so the training step makes it, and closes it.
"""

import contextlib
import io
import logging
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd

from americano_assets.core.models.scorer import Scorer
from americano_assets.resources.mlflow.session import TrackingError, session
from americano_assets.settings import Settings

REGISTERED_MODEL = "americano-struggle"
CHAMPION, CHALLENGER = "champion", "challenger"
# From which study day on a person set a version: it may be older than what it took the place of.
SET_FROM = "set_from"
STUDY_DAY = "study_day"
DAGSTER_RUN = "dagster_run_id"
# Named, because finding them out takes MLflow ten seconds a model.
_REQUIREMENTS = ["scikit-learn", "skops", "pandas", "numpy"]


@dataclass(frozen=True)
class TrackedRun:
    """Where a training is in MLflow."""

    run_id: str
    experiment_id: str
    registry_versions: dict[str, str]


@dataclass
class TrainingRun:
    """A training in MLflow, which goes on without it.

    Attributes:
        settings: The deployment's.
        client: dagster-mlflow's, with the run open; None where there is nothing to log, or no MLflow.
        tracked: Where the training is, once it is logged to its end.
        notice: What went wrong with MLflow, or empty.
    """

    settings: Settings
    client: Any = None
    tracked: TrackedRun | None = None
    notice: str = ""

    @contextlib.contextmanager
    def around(self) -> Iterator["TrainingRun"]:
        """A training; where it is broken off, by whatever, its run ends as failed."""
        try:
            yield self
        except BaseException:
            if self.client is not None:
                with contextlib.suppress(TrackingError), session(self.settings):
                    self.client.cleanup_on_error()
            raise

    def log(
        self,
        *,
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
    ) -> None:
        """Log what came of it and register its models, then end the run.

        The chosen model becomes `champion` unless a newer night's is. What goes wrong with MLflow is in `notice`.

        Args:
            params: Parameters.
            metrics: Finite figures.
            tags: Further tags of the run.
            figures: PNG images by file name.
            tables: JSON-able values by file name.
            scorers: Models by type; the last registered is the chosen one.
            chosen: The type that scores from now on; None where the champion before stays.
            study_day: The day that the models were trained for.
            challenger: The type that becomes `challenger`, where it is not the chosen one.
            example: A few feature rows, for the signature.
        """
        if self.client is None:
            return
        client = self.client
        try:
            with session(self.settings):
                client.log_params(dict(params))
                client.log_metrics(dict(metrics))
                client.set_tags(dict(tags))
                for file_name, image in figures.items():
                    _log_image(client, file_name, image)
                for file_name, values in (tables or {}).items():
                    client.log_dict(values, f"tables/{file_name}")
                versions = {
                    model_type: _register(client, model_type, scorer, example, study_day)
                    for model_type, scorer in scorers.items()
                }
                if chosen is not None:
                    _point(client.tracking_client, CHAMPION, versions[chosen], study_day)
                if challenger is not None:
                    pointed = None if challenger == chosen else versions[challenger]
                    _point(client.tracking_client, CHALLENGER, pointed, study_day)
                info = client.active_run().info
                client.end_run()
        except TrackingError as error:
            self.notice = str(error)
        else:
            self.tracked = TrackedRun(info.run_id, info.experiment_id, versions)


def client_of(settings: Settings, name: str, tags: Mapping[str, str]) -> Any:
    """dagster-mlflow's client, with the run of the Dagster run open that `tags` name; within a session.

    Args:
        settings: The deployment's, whose experiment is there.
        name: Name of the run.
        tags: Tags of the run.
    """
    from dagster_mlflow.resources import MlFlow

    return MlFlow(  # type: ignore[no-untyped-call]
        SimpleNamespace(
            log=logging.getLogger(__name__),
            dagster_run=SimpleNamespace(job_name=name),
            run_id=tags[DAGSTER_RUN],
            resource_config={
                "experiment_name": settings.mlflow_experiment_name,
                "env": {},
                "extra_tags": dict(tags),
            },
        )
    )


def _register(client: Any, model_type: str, scorer: Scorer, example: pd.DataFrame, study_day: date) -> str:
    # scikit-learn takes most of a second to load, and most commands train nothing.
    from americano_assets.core.models.sklearn_estimator import StruggleEstimator

    estimator = StruggleEstimator.of(scorer)
    signature = client.models.infer_signature(example, estimator.predict_proba(example))
    # It prints to stderr what it registers, across any progress bar.
    with contextlib.redirect_stderr(io.StringIO()):
        logged = client.sklearn.log_model(
            estimator,
            name=model_type,
            serialization_format="skops",
            skops_trusted_types=[f"{StruggleEstimator.__module__}.{StruggleEstimator.__qualname__}"],
            pip_requirements=_REQUIREMENTS,
            signature=signature,
            registered_model_name=REGISTERED_MODEL,
            pyfunc_predict_fn="predict_proba",
        )
    version = str(logged.registered_model_version)
    for tag, value in (("model_type", model_type), (STUDY_DAY, study_day.isoformat())):
        client.tracking_client.set_model_version_tag(REGISTERED_MODEL, version, tag, value)
    return version


def _log_image(client: Any, file_name: str, image: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / file_name
        path.write_bytes(image)
        client.log_artifact(str(path), "plots")


def _point(client: Any, alias: str, version: str | None, study_day: date) -> None:
    """Give a version an alias, or nobody, but for an old day that is trained again while a newer one's has it."""
    model = client.get_registered_model(REGISTERED_MODEL)
    if alias in model.aliases:
        tags = client.get_model_version(REGISTERED_MODEL, str(model.aliases[alias])).tags
        if max(tags.get(STUDY_DAY, ""), tags.get(SET_FROM, "")) > study_day.isoformat():
            return
        if version is None:
            client.delete_registered_model_alias(REGISTERED_MODEL, alias)
    if version is not None:
        client.set_registered_model_alias(REGISTERED_MODEL, alias, version)
