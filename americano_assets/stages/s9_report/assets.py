"""From what a night found to the page that a course director reads."""

import dagster as dg

from americano_assets.stages.common.metadata import NIGHT_LOG, OWNERS, Result, app_key, ml_key, retrying
from americano_assets.stages.common.partitions import NIGHTS, day_of
from americano_assets.stages.common.resources import AppDatabase, Mlflow, Store, joined
from americano_assets.stages.s3_training.training_log import keep_report
from americano_assets.stages.s6_publication.transaction import PREDICTIONS
from americano_assets.stages.s9_report.page.data import gather
from americano_assets.stages.s9_report.page.files import write_report
from americano_assets.stages.s9_report.page.html import render


@dg.asset(
    deps=[
        NIGHT_LOG,
        "state_snapshots",
        app_key("courses"),
        app_key("learning_objectives"),
        app_key(PREDICTIONS),
        ml_key("episodes"),
        ml_key("model_performance"),
        ml_key("struggle_reduction"),
        ml_key("effects"),
        ml_key("drift"),
        ml_key("list_outcomes"),
        "struggle_model",
        "scored_predictions",
    ],
    partitions_def=NIGHTS,
    owners=OWNERS,
    kinds={"html"},
)
@retrying
def nightly_report(
    context: dg.AssetExecutionContext, app_database: AppDatabase, store: Store, mlflow: Mlflow
) -> Result:
    """One self-contained page: who needs help, how good the predictions were, what helped, how sound the data is.

    Stands in the home under reports/<day>.html, the newest also as latest.html; GET /report serves it. MLflow keeps
    it beside the training of the model that scored the night.
    """
    deployment = joined(app_database, store, mlflow)
    day = day_of(context)
    report = gather(deployment, day)
    page = render(report)
    path = write_report(deployment.settings, day, page)
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": len(report.courses),
            "path": dg.MetadataValue.path(str(path)),
            "kilobytes": len(page.encode()) / 1e3,
            "mlflow": keep_report(deployment, day, path),
        }
    )
