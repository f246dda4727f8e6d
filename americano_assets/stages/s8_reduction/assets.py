"""From outcomes to what they say: how good the predictions were, how struggle rates moved, what the help changed."""

import dagster as dg

from americano_assets.core.effects.caution import caution
from americano_assets.core.effects.effects import INTENTION_TO_TREAT
from americano_assets.core.morning_list.capacity import reached
from americano_assets.core.outcomes.fairness import told
from americano_assets.core.outcomes.performance import MODEL_TYPE, maker, whose
from americano_assets.stages.common.charts import calibration_plot, forest_plot, history_plot, reduction_plot
from americano_assets.stages.common.dictionary.ml_tables import (
    EFFECTS,
    LIST_OUTCOMES,
    MODEL_PERFORMANCE,
    STRUGGLE_REDUCTION,
)
from americano_assets.stages.common.measurements import course_names
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
from americano_assets.stages.common.resources import AppDatabase, Backgrounds, Store, joined
from americano_assets.stages.s6_publication.transaction import PREDICTIONS
from americano_assets.stages.s8_reduction.before_after import measure_reduction
from americano_assets.stages.s8_reduction.effects import measure_effects
from americano_assets.stages.s8_reduction.list_outcomes import kept_lists, measure_lists
from americano_assets.stages.s8_reduction.performance import measure_performance, performance_history


@dg.asset(
    key=ml_key("model_performance"),
    deps=[
        "scored_predictions",
        ml_key("episodes"),
        NIGHT_LOG,
        every_day(GRADED),
        "state_snapshots",
        app_key("courses"),
    ],
    partitions_def=NIGHTS,
    owners=OWNERS,
    kinds={"python", "postgres"},
    metadata=columns_of(MODEL_PERFORMANCE),
)
@retrying
def model_performance(
    context: dg.AssetExecutionContext, app_database: AppDatabase, store: Store, backgrounds: Backgrounds
) -> Result:
    """How good the predictions of the last 90 matured days were, each scored before its outcome was known.

    Figures in the metadata are those of the type of model that made the newest of them; whose they are stands there.
    """
    deployment = joined(app_database, store)
    day = day_of(context)
    found, covered, drawn = measure_performance(deployment, day, backgrounds.read)
    types = {one.scope_id: one for one in found if one.scope == MODEL_TYPE}
    metadata: dict[str, dg.MetadataValue | str | float | int] = {
        "dagster/row_count": len(found),
        "by_course": markdown_table([{"course": one.scope_id, **one.values} for one in found if one.scope == "course"]),
        "by_model_type": markdown_table([{"model type": name, **one.values} for name, one in types.items()]),
        "by_model_version": markdown_table(
            [{"model version": one.scope_id, **one.values} for one in found if one.scope == "model_version"]
        ),
        "struggles": covered.struggles,
        "struggles_never_scored": covered.struggles - covered.scored,
    }
    overall = next((one for one in found if one.scope == "all"), None)
    if overall is not None:
        own = types[overall.newest[0]]
        with deployment.connect() as connection:
            names = course_names(connection)
        metadata |= {
            "whose": whose(own.scope_id, own.versions, int(own.values["n"] or 0), *own.scored, drawn),
            "of_learners": 1.0 if drawn is None else drawn,
            **numbers(own.values),
            "by_part": markdown_table(
                [{**one, "part": names.get(one["part"], one["part"])} for one in own.slices],
            ),
            "fairness": told(own.gaps[0] if own.gaps else None, names),
        }
        curves = {maker(name): one.curve for name, one in types.items() if one.curve is not None}
        if curves:
            metadata["calibration"] = picture(calibration_plot(curves, of="matured predictions"), "calibration")
        nights, history = performance_history(deployment, day, own.scope_id)
        metadata["over_time"] = picture(history_plot(nights, history, maker(own.scope_id)), "figures by night")
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
    since = next((one for one in overall if one.period == "all"), None)
    metadata: dict[str, dg.MetadataValue | str | float | int] = {
        "dagster/row_count": len(found),
        "kind": "observational",
        "warning": caution(since.reduction_percentage if since else None),
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


@dg.asset(
    key=ml_key("list_outcomes"),
    deps=[
        "scored_predictions",
        "interventions",
        app_key(PREDICTIONS),
        ml_key("episodes"),
        ml_key("effects"),
        NIGHT_LOG,
        every_day(GRADED),
    ],
    partitions_def=NIGHTS,
    owners=OWNERS,
    kinds={"duckdb", "postgres"},
    metadata=columns_of(LIST_OUTCOMES),
)
@retrying
def list_outcomes(context: dg.AssetExecutionContext, app_database: AppDatabase, store: Store) -> Result:
    """What became of whom the morning lists of closed weeks would have named, by rank; who is held out is on none."""
    deployment = joined(app_database, store)
    day = day_of(context)
    done = measure_lists(deployment, day)
    with deployment.connect() as connection:
        found = reached(kept_lists(connection, day, deployment.target.horizon_days))
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": sum(done.values()),
            "nights": len(done),
            "reached": markdown_table([vars(one) for one in found]),
        }
    )
