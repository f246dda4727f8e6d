"""From features and labels to the model that scores the day."""

import dagster as dg
import pandas as pd

from americano_assets.assets.common import OWNERS, Result, markdown_table, numbers, retrying
from americano_assets.partitions import NIGHTS, day_of
from americano_assets.plots import picture
from americano_assets.resources.datasets import dvc_tags, store_training_set
from americano_assets.resources.deployment import Deployment
from americano_assets.resources.model_training import train_day


def build() -> list[dg.AssetsDefinition]:
    """Training set and model of the nights."""

    @dg.asset(deps=["features", "labels"], partitions_def=NIGHTS, owners=OWNERS, kinds={"parquet"})
    @retrying
    def training_set(context: dg.AssetExecutionContext, deployment: dg.ResourceParam[Deployment]) -> Result:
        """Labelled rows of the weekly cut-offs, split by learner and by time: train, calibration, test."""
        day = day_of(context)
        rows, version = store_training_set(deployment, day)
        return dg.MaterializeResult(
            metadata={"dagster/row_count": len(rows), "splits": markdown_table(_split_summary(rows))},
            data_version=dg.DataVersion(version.content),
        )

    @dg.asset(deps=["training_set"], partitions_def=NIGHTS, owners=OWNERS, kinds={"scikitlearn", "mlflow"})
    @retrying
    def struggle_model(context: dg.AssetExecutionContext, deployment: dg.ResourceParam[Deployment]) -> Result:
        """The rules and the calibrated logistic regression, measured on learners and weeks that neither has seen.

        Equal training rows are not trained on twice: the model that they gave is used again.
        """
        day = day_of(context)
        stored = deployment.store.read_day("training_set", day)
        version = deployment.store.current("training_set", day)
        if stored is None or version is None:
            raise dg.Failure(f"Study day {day} has no training set: materialize training_set for it first.")
        trained = train_day(
            deployment,
            day,
            stored.to_pandas(),
            version.content,
            {
                "dagster_run_id": context.run_id,
                "asset": "struggle_model",
                "partition": context.partition_key,
                **dvc_tags(deployment.settings),
            },
        )
        metadata: dict[str, dg.MetadataValue | str | float | int] = {
            "dagster/row_count": int(trained.summary["rows"].get("train_rows", 0)),
            "model_type": trained.model.model_type,
            "model_version": trained.model.version,
            "why": trained.summary["why"],
            "threshold": trained.model.scorer.threshold,
            "trained_now": trained.training is not None,
            "held_out": markdown_table(
                [{"model": name, **figures} for name, figures in trained.summary["figures"].items()]
            ),
            **numbers(trained.summary["rows"]),
        }
        metadata.update({name: picture(image, name) for name, image in trained.pictures.items()})
        if trained.run is not None:
            metadata["mlflow_run_id"] = trained.run.run_id
        if trained.notice:
            metadata["mlflow"] = trained.notice
        return dg.MaterializeResult(metadata=metadata, data_version=dg.DataVersion(trained.model.version))

    return [training_set, struggle_model]


def _split_summary(rows: pd.DataFrame) -> list[dict[str, object]]:
    if rows.empty:
        return []
    return [
        {
            "split": name,
            "rows": len(part),
            "learners": part["learner_id"].nunique(),
            "struggle rate": float(part["struggled"].mean()),
            "first cut-off": part["cutoff_day"].min().date(),
            "last cut-off": part["cutoff_day"].max().date(),
        }
        for name, part in rows.groupby("split", sort=True)
    ]
