"""From features and labels to the model that scores the day."""

import dagster as dg
import pandas as pd

from americano_assets.core.base.validation import Checked
from americano_assets.core.training.slices import COLUMNS, SHOWN
from americano_assets.resources.mlflow.run_links import mlflow_run_url
from americano_assets.stages.common.deployment import Deployment
from americano_assets.stages.common.dictionary.described import of_model
from americano_assets.stages.common.dictionary.ml_tables import MODEL_EVENTS, MODEL_VERSIONS
from americano_assets.stages.common.measurements import course_names
from americano_assets.stages.common.metadata import (
    ANALYSIS_RUN_TAG,
    OWNERS,
    Result,
    app_key,
    checks_of,
    columns_of,
    markdown_table,
    numbers,
    picture,
    retrying,
    telling_checks,
    told_checks,
)
from americano_assets.stages.common.partitions import NIGHTS, day_of
from americano_assets.stages.common.resources import AppDatabase, Backgrounds, Mlflow, Models, Store, joined
from americano_assets.stages.common.schemas import TRAINING_SET
from americano_assets.stages.s3_training.dataset_versions import dvc_tags
from americano_assets.stages.s3_training.train_models import TrainedDay, train_day
from americano_assets.stages.s3_training.training_rows import store_training_set


@dg.asset(
    deps=["labels"],
    partitions_def=NIGHTS,
    owners=OWNERS,
    kinds={"parquet"},
    check_specs=checks_of("training_set", TRAINING_SET),
    metadata=columns_of(of_model(TRAINING_SET)),
)
@telling_checks
@retrying
def training_set(context: dg.AssetExecutionContext, app_database: AppDatabase, store: Store) -> Result:
    """Labelled rows of the weekly cut-offs, split by learner and by time: train, calibration, test."""
    deployment = joined(app_database, store)
    day = day_of(context)
    taught, version = store_training_set(deployment, day)
    rows = taught.rows
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": len(rows),
            "drawn": taught.drawn or "all",
            "splits": markdown_table(_split_summary(rows)),
        },
        data_version=dg.DataVersion(version.content),
        check_results=told_checks([Checked(str(TRAINING_SET.name), len(rows))]),
    )


@dg.asset(
    deps=["training_set", app_key("courses")],
    partitions_def=NIGHTS,
    owners=OWNERS,
    kinds={"scikitlearn", "mlflow"},
    metadata=columns_of(MODEL_VERSIONS, MODEL_EVENTS),
)
@retrying
def struggle_model(
    context: dg.AssetExecutionContext,
    app_database: AppDatabase,
    store: Store,
    models: Models,
    mlflow: Mlflow,
    backgrounds: Backgrounds,
) -> Result:
    """The model that scores the night, measured beside its challengers on learners and weeks that none has seen.

    Equal training rows are not trained on twice: the model that they gave is used again. A run tag
    americano/analysis_run_id links the training with that row of the app's analysis_runs.
    """
    deployment = joined(app_database, store, models, mlflow)
    day = day_of(context)
    stored = deployment.store.read_day("training_set", day)
    version = deployment.store.current("training_set", day)
    if stored is None or version is None:
        raise dg.Failure(f"Study day {day} has no training set: materialize training_set for it first.")
    tags = {
        "dagster_run_id": context.run.run_id,
        "asset": "struggle_model",
        "partition": context.partition_key,
        **dvc_tags(deployment.settings),
    }
    rows = stored.to_pandas()
    with deployment.connect() as connection:
        parts = backgrounds.read(connection, rows["learner_id"])
    analysis_run = context.run.tags.get(ANALYSIS_RUN_TAG)
    trained = train_day(deployment, day, rows, version.content, tags, analysis_run, parts)
    return dg.MaterializeResult(
        metadata=_told(trained, deployment),
        data_version=dg.DataVersion(trained.model.version),
    )


@dg.asset_check(asset="struggle_model", partitions_def=NIGHTS)
def logged_in_mlflow(context: dg.AssetCheckExecutionContext, store: Store) -> dg.AssetCheckResult:
    """The night's training is in MLflow, also where an equal one was found; a night between two has none to log."""
    deployment = joined(store)
    notice = (deployment.store.manifest(day_of(context), "model") or {}).get("mlflow", "")
    return dg.AssetCheckResult(
        passed=not notice, severity=dg.AssetCheckSeverity.WARN, metadata={"why": notice or "nothing went wrong"}
    )


def _told(trained: TrainedDay, deployment: Deployment) -> dict[str, dg.MetadataValue | str | float | int]:
    held_out = [{"model": name, **figures} for name, figures in trained.summary["figures"].items()]
    with deployment.connect() as connection:
        names = course_names(connection)
    metadata: dict[str, dg.MetadataValue | str | float | int] = {
        "dagster/row_count": int(trained.summary["rows"].get("train_rows", 0)),
        "model_type": trained.model.model_type,
        "model_version": trained.model.version,
        "why": trained.summary["why"],
        "threshold": trained.model.scorer.threshold,
        "threshold_told": trained.summary.get("threshold_told", "trained by a version that did not say"),
        "trained_now": trained.training is not None,
        "held_out": markdown_table(held_out),
        "slices": markdown_table(
            {column: one.get(column) for column in (*COLUMNS, *SHOWN)}
            | {"part": names.get(str(one["part"]), one["part"])}
            for one in trained.summary.get("slices", [])
        ),
        **numbers(trained.summary["rows"]),
    }
    metadata.update({name: picture(image, name) for name, image in trained.pictures.items()})
    if trained.run is not None:
        metadata["mlflow_run_id"] = trained.run.run_id
        metadata["mlflow_run"] = dg.MetadataValue.url(
            mlflow_run_url(deployment.settings, trained.run.experiment_id, trained.run.run_id)
        )
    if trained.notice:
        metadata["mlflow"] = trained.notice
    return metadata


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
