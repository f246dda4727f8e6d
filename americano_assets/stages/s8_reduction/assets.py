"""From outcomes to what they say: how good the predictions were, how struggle rates moved, what the help changed."""

import dagster as dg

from americano_assets.core.effects.effects import INTENTION_TO_TREAT
from americano_assets.stages.common.charts import calibration_plot, forest_plot, history_plot, reduction_plot
from americano_assets.stages.common.dictionary.ml_tables import EFFECTS, MODEL_PERFORMANCE, STRUGGLE_REDUCTION
from americano_assets.stages.common.metadata import (
    GRADED,
    NIGHT_LOG,
    OWNERS,
    Result,
    app_key,
    columns_of,
    markdown_table,
    ml_key,
    numbers,
    picture,
    retrying,
)
from americano_assets.stages.common.partitions import NIGHTS, day_of, every_day
from americano_assets.stages.common.resources import AppDatabase, Store, joined
from americano_assets.stages.s6_publication.transaction import PREDICTIONS
from americano_assets.stages.s8_reduction.effects import measure_effects
from americano_assets.stages.s8_reduction.performance import measure_performance, measure_reduction, performance_history

WARNING = (
    "Observational: learners are flagged after bad days, and bad days are followed by better ones without any help. "
    "This is not the effect of the interventions."
)


@dg.asset(
    key=ml_key("model_performance"),
    deps=["scored_predictions", ml_key("episodes"), NIGHT_LOG, every_day(GRADED), "state_snapshots"],
    partitions_def=NIGHTS,
    owners=OWNERS,
    kinds={"python", "postgres"},
    metadata=columns_of(MODEL_PERFORMANCE),
)
@retrying
def model_performance(context: dg.AssetExecutionContext, app_database: AppDatabase, store: Store) -> Result:
    """How good the predictions of the last 90 matured days were, each scored before its outcome was known."""
    deployment = joined(app_database, store)
    day = day_of(context)
    found, covered = measure_performance(deployment, day)
    overall = next((one for one in found if one.scope == "all"), None)
    metadata: dict[str, dg.MetadataValue | str | float | int] = {
        "dagster/row_count": len(found),
        "by_course": markdown_table([{"course": one.scope_id, **one.values} for one in found if one.scope == "course"]),
        "by_model_version": markdown_table(
            [{"model version": one.scope_id, **one.values} for one in found if one.scope == "model_version"]
        ),
        "struggles": covered.struggles,
        "struggles_never_scored": covered.struggles - covered.scored,
    }
    if overall is not None:
        metadata.update(numbers(overall.values))
        if overall.curve is not None:
            metadata["calibration"] = picture(
                calibration_plot({"published": overall.curve}, of="matured predictions"), "calibration"
            )
    nights, history = performance_history(deployment, day)
    if nights:
        metadata["over_time"] = picture(history_plot(nights, history), "figures by night")
    return dg.MaterializeResult(metadata=metadata)


@dg.asset(
    key=ml_key("struggle_reduction"),
    deps=[NIGHT_LOG, every_day(GRADED), "state_snapshots", app_key(PREDICTIONS), ml_key("episodes")],
    partitions_def=NIGHTS,
    owners=OWNERS,
    kinds={"duckdb", "postgres"},
    metadata=columns_of(STRUGGLE_REDUCTION),
)
@retrying
def struggle_reduction(context: dg.AssetExecutionContext, app_database: AppDatabase, store: Store) -> Result:
    """Struggle rates before and after the first published prediction: observational, never the effect."""
    deployment = joined(app_database, store)
    found = measure_reduction(deployment, day_of(context))
    overall = [one for one in found if one.scope == "all"]
    metadata: dict[str, dg.MetadataValue | str | float | int] = {
        "dagster/row_count": len(found),
        "kind": "observational",
        "warning": WARNING,
        "overall": markdown_table(
            [
                {
                    "period": one.period,
                    "baseline rate": one.baseline_rate,
                    "current rate": one.current_rate,
                    "reduction %": one.reduction_percentage,
                    "studied before": one.baseline_studied,
                    "studied since": one.current_studied,
                }
                for one in overall
            ]
        ),
    }
    if overall and overall[0].timeline:
        metadata["timeline"] = picture(reduction_plot(overall[0].timeline), "struggle rate by week")
    return dg.MaterializeResult(metadata=metadata)


@dg.asset(
    key=ml_key("effects"),
    deps=[app_key(PREDICTIONS), ml_key("episodes")],
    partitions_def=NIGHTS,
    owners=OWNERS,
    kinds={"python", "postgres"},
    metadata=columns_of(EFFECTS),
)
@retrying
def effects(context: dg.AssetExecutionContext, app_database: AppDatabase) -> Result:
    """What the help changed, by intention to treat over all flagged episodes, with intervals or a reason."""
    deployment = joined(app_database)
    found = measure_effects(deployment, day_of(context))
    shown = [one for one in found if one.period == "all" and one.scope != "learner"]
    metadata: dict[str, dg.MetadataValue | str | float | int] = {
        "dagster/row_count": len(found),
        "estimates": sum(one.comparison.estimate is not None for one in found),
        "since_the_beginning": markdown_table(
            [
                {
                    "evidence": one.evidence,
                    "of": one.scope_id or one.scope,
                    "estimand": one.estimand.replace("_", " "),
                    "estimate": one.comparison.estimate,
                    "low": one.comparison.low,
                    "high": one.comparison.high,
                    "treated": one.comparison.n_treated,
                    "holdout": one.comparison.n_holdout,
                    "reason": one.comparison.reason,
                }
                for one in shown
            ]
        ),
    }
    drawn = [one for one in shown if one.estimand == INTENTION_TO_TREAT and one.comparison.low is not None]
    if drawn:
        metadata["forest"] = picture(forest_plot(drawn), "effects with their intervals")
    return dg.MaterializeResult(metadata=metadata)
