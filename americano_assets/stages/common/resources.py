"""What steps touch outside, as Dagster's tab Resources names it: a step declares what it uses, and gets no more.

Where things are is shown there and cannot be chosen by a run, since `forget` would not reach another folder. An address
that may hold a password is in no configuration.
"""

from typing import ClassVar

import dagster as dg
from dagster_duckdb import DuckDBResource
from pydantic import Field

from americano_assets.errors import AmericanoError
from americano_assets.resources.parquet_store.places import model_files, store_files
from americano_assets.settings import Settings
from americano_assets.stages.common.deployment import Deployment
from americano_assets.stages.common.measurements import ReadBackgrounds, no_backgrounds


class Part(dg.ConfigurableResource):  # type: ignore[type-arg]
    """A part of the deployment, and what of its settings people are shown."""

    PART: ClassVar[str]
    deployment: dg.ResourceDependency[Deployment]

    @classmethod
    def shown(cls, settings: Settings) -> dict[str, str]:
        """The configuration, as the deployment's settings have it."""
        return {}

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """Refuse a run that was given another configuration.

        Raises:
            AmericanoError: It was.
        """
        given = context.resource_config or {}
        if any(given[name] != value for name, value in self.shown(self.deployment.settings).items()):
            raise AmericanoError(
                f"{type(self).__name__}: where it is, is the deployment's setting, not a run's. Nothing was done:"
                " launch the run without configuration of resources, or set AMERICANO_STORE, DUCKDB_DB_PATH or"
                " MLFLOW_EXPERIMENT_NAME and start Dagster again."
            )


class AppDatabase(Part):
    """The app's PostgreSQL, with our schema `ml`: what DATABASE_URL names, else the embedded server in the home."""

    PART = "database"


class Store(Part):
    """Parquet files named by their content: the log by study day, features, predictions, and what came of what."""

    PART = "store"
    folder: str = Field(description="Its folder, or bucket and prefix: AMERICANO_STORE, else in AMERICANO_HOME.")

    @classmethod
    def shown(cls, settings: Settings) -> dict[str, str]:
        """Its folder or bucket."""
        return {"folder": store_files(settings).place}


class Models(Part):
    """Model files named by their content: what scores, whether or not MLflow answers."""

    PART = "models"
    folder: str = Field(description="Their folder, or bucket and prefix: AMERICANO_STORE, else in AMERICANO_HOME.")

    @classmethod
    def shown(cls, settings: Settings) -> dict[str, str]:
        """Their folder or bucket."""
        return {"folder": model_files(settings).place}


class Mlflow(Part):
    """MLflow: a run a training, its models registered, by dagster-mlflow's client. MLFLOW_TRACKING_URI says where."""

    PART = "tracking"
    experiment: str = Field(description="The experiment that trainings are logged to.")

    @classmethod
    def shown(cls, settings: Settings) -> dict[str, str]:
        """The experiment."""
        return {"experiment": settings.mlflow_experiment_name}


class ResearchFile(Part, DuckDBResource):
    """The DuckDB file that researchers open: written beside and swapped in. No step reads it."""

    PART = "research_file"

    @classmethod
    def shown(cls, settings: Settings) -> dict[str, str]:
        """Its path."""
        return {"database": str(settings.analytics_path)}


class Backgrounds(Part):
    """What figures are also shown by, of a demo's students: gender and age band. In no table, and no model sees it."""

    PART = "backgrounds"
    read: dg.ResourceDependency[ReadBackgrounds]


def joined(*declared: Part) -> Deployment:
    """What a step that declares these resources may touch: of the deployment nothing else can be reached through it."""
    return declared[0].deployment.limited_to({one.PART for one in declared})


def resources_of(deployment: Deployment, backgrounds: ReadBackgrounds = no_backgrounds) -> dict[str, Part]:
    """The resources of a deployment, by the names under which steps declare them."""
    kinds: dict[str, type[Part]] = {
        "app_database": AppDatabase,
        "store": Store,
        "models": Models,
        "mlflow": Mlflow,
        "research_file": ResearchFile,
    }
    parts = {name: kind(deployment=deployment, **kind.shown(deployment.settings)) for name, kind in kinds.items()}
    return {**parts, "backgrounds": Backgrounds(deployment=deployment, read=backgrounds)}
