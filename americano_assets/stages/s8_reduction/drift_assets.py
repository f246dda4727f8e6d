"""From the training set and what became of predictions to what has shifted since the models were taught."""

import dagster as dg

from americano_assets.core.outcomes.drift import (
    ALARM,
    COURSE,
    PSI,
    PSI_LIMITS,
    RUNNING_ESTIMATES,
    TOO_FEW,
    WARN,
    Drift,
    alarming,
)
from americano_assets.core.outcomes.drift_told import EVERYBODY, table
from americano_assets.stages.common.charts import drift_plot
from americano_assets.stages.common.dictionary import ml_tables
from americano_assets.stages.common.measurements import course_names, drift_of
from americano_assets.stages.common.metadata import (
    OWNERS,
    Result,
    app_key,
    columns_of,
    markdown_table,
    ml_key,
    picture,
    retrying,
)
from americano_assets.stages.common.partitions import NIGHTS, day_of
from americano_assets.stages.common.resources import AppDatabase, Store, joined
from americano_assets.stages.s8_reduction.drift import measure_drift

DRIFT = ml_key("drift")


@dg.asset(
    key=DRIFT,
    deps=["training_set", ml_key("model_performance"), app_key("courses")],
    partitions_def=NIGHTS,
    owners=OWNERS,
    kinds={"python", "postgres"},
    metadata=columns_of(ml_tables.DRIFT),
)
@retrying
def drift(context: dg.AssetExecutionContext, app_database: AppDatabase, store: Store) -> Result:
    """What has shifted since the models were taught: features, struggle rates, calibration, by course.

    A course is compared with the same part of its earlier runs. A new alarm has the next night train.
    """
    deployment = joined(app_database, store)
    found = measure_drift(deployment, day_of(context))
    with deployment.connect() as connection:
        names = course_names(connection)
    shifts = table(found, names)
    metadata: dict[str, dg.MetadataValue | str | float | int] = {
        "dagster/row_count": len(found),
        "alarms": sum(row["status"] == ALARM for row in shifts),
        "warnings": sum(one.status == WARN for one in found),
        "too_few_rows": sum(one.status == TOO_FEW for one in found),
        "shifts": markdown_table(shifts),
    }
    indices = _indices(found, names)
    if indices:
        metadata["by_course"] = picture(drift_plot(indices, PSI_LIMITS[1]), "stability index by course and feature")
    return dg.MaterializeResult(metadata=metadata)


@dg.asset_check(asset=DRIFT, partitions_def=NIGHTS)
def no_drift(context: dg.AssetCheckExecutionContext, app_database: AppDatabase) -> dg.AssetCheckResult:
    """Features, struggle rates and calibration are as they were when the models were taught."""
    deployment = joined(app_database)
    with deployment.connect() as connection:
        found = drift_of(connection, day_of(context))
        names = course_names(connection)
    ringing = [names.get(one, one) if one else EVERYBODY for one in alarming(found)]
    return dg.AssetCheckResult(
        passed=not ringing,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "ringing": ", ".join(ringing) or "none",
            "shifts": markdown_table([row for row in table(found, names) if row["status"] == ALARM]),
        },
    )


def _indices(found: list[Drift], names: dict[str, str]) -> dict[str, dict[str, float]]:
    indices: dict[str, dict[str, float]] = {}
    for one in found:
        shown = one.scope == COURSE and one.measure == PSI and one.feature not in RUNNING_ESTIMATES
        if shown and one.value is not None:
            indices.setdefault(names.get(one.scope_id, one.scope_id), {})[one.feature] = one.value
    return indices
