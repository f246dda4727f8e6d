"""The night's predictions, with what speaks for them and what to do, into the app's tables."""

from collections.abc import Iterator

import dagster as dg

from americano_assets.contract.tables import table as declared
from americano_assets.stages.common.dictionary.described import of_contract
from americano_assets.stages.common.dictionary.ml_tables import (
    ALERTS,
    ASSIGNMENTS,
    INTERVENTION_ACTIONS,
    PUBLISHED,
    STUDY_DAYS,
)
from americano_assets.stages.common.metadata import (
    KIND_TAG,
    NIGHTLY,
    OWNERS,
    REPLAY,
    Result,
    app_key,
    columns_of,
    lineage_of,
    ml_key,
    retried,
    retrying,
)
from americano_assets.stages.common.partitions import NIGHTS, day_of
from americano_assets.stages.common.resources import AppDatabase, Models, Store, joined
from americano_assets.stages.s6_publication.app_rows import (
    INDICATOR_SOURCES,
    PREDICTION_SOURCES,
    RECOMMENDATION_SOURCES,
)
from americano_assets.stages.s6_publication.holdout import contamination, draw_problems
from americano_assets.stages.s6_publication.publish_day import publish
from americano_assets.stages.s6_publication.transaction import INDICATORS, PREDICTIONS, RECOMMENDATIONS

_SOURCES = {
    app_key(PREDICTIONS): PREDICTION_SOURCES,
    app_key(INDICATORS): INDICATOR_SOURCES,
    app_key(RECOMMENDATIONS): RECOMMENDATION_SOURCES,
}


@dg.multi_asset(
    specs=[
        dg.AssetSpec(
            key,
            deps=[
                "scored_predictions",
                "indicators",
                "interventions",
                "features",
                "struggle_model",
                app_key("learning_objectives"),
            ],
            description=f"{what} One transaction a study day.",
            kinds={"postgres"},
            owners=OWNERS,
            metadata=columns_of(table, beside=beside),
        )
        for key, what, table, beside in (
            (
                app_key(PREDICTIONS),
                f"The app's `{PREDICTIONS}`: one row an episode at or above the threshold.",
                of_contract(declared(PREDICTIONS)),
                (STUDY_DAYS, PUBLISHED, ASSIGNMENTS),
            ),
            (
                app_key(INDICATORS),
                f"The app's `{INDICATORS}`: what speaks for each published prediction.",
                of_contract(declared(INDICATORS)),
                (),
            ),
            (
                app_key(RECOMMENDATIONS),
                f"The app's `{RECOMMENDATIONS}`: what to do, but for the holdout.",
                of_contract(declared(RECOMMENDATIONS)),
                (INTERVENTION_ACTIONS,),
            ),
            (
                ml_key("alerts"),
                "The three most pressing predictions of each learner, but for the holdout.",
                ALERTS,
                (),
            ),
        )
    ],
    partitions_def=NIGHTS,
    name="publish",
)
def publish_study_day(
    context: dg.AssetExecutionContext, app_database: AppDatabase, store: Store, models: Models
) -> Iterator[Result]:
    """One transaction writes all of it."""
    deployment = joined(app_database, store, models)
    kind = REPLAY if context.run.tags.get(KIND_TAG) == REPLAY else NIGHTLY
    with retried(context, deployment):
        done = publish(deployment, day_of(context), kind)
    counts = {
        app_key(PREDICTIONS): done.inserted + done.refreshed,
        app_key(INDICATORS): done.indicators,
        app_key(RECOMMENDATIONS): done.interventions,
        ml_key("alerts"): done.alerts,
    }
    for key, rows in counts.items():
        lineage = lineage_of(_SOURCES[key]) if key in _SOURCES else {}
        yield dg.MaterializeResult(key, metadata={"dagster/row_count": rows, **done.metadata, **lineage})


@dg.asset_check(asset=app_key(RECOMMENDATIONS), partitions_def=NIGHTS)
@retrying
def holdout_untouched(context: dg.AssetCheckExecutionContext, app_database: AppDatabase) -> dg.AssetCheckResult:
    """No intervention and no alert reached an episode of the holdout, whoever wrote it: else the effect is off."""
    deployment = joined(app_database)
    with deployment.connect() as connection:
        found = contamination(connection)
    problems = [f"{rows} rows of {table} belong to holdout episodes" for table, rows in found.items() if rows]
    return dg.AssetCheckResult(
        passed=not problems,
        metadata={
            "study_day": day_of(context).isoformat(),
            "holdout_share": deployment.settings.experiment.share,
            "problems": "; ".join(problems) or "none",
        },
    )


@dg.asset_check(asset=app_key(PREDICTIONS), partitions_def=NIGHTS)
@retrying
def holdout_drawn(context: dg.AssetCheckExecutionContext, app_database: AppDatabase) -> dg.AssetCheckResult:
    """Chance decided: the share held out is what the draw gives, and no unit has episodes in both arms."""
    deployment = joined(app_database)
    with deployment.connect() as connection:
        problems = draw_problems(connection)
    return dg.AssetCheckResult(
        passed=not problems,
        metadata={"study_day": day_of(context).isoformat(), "problems": "; ".join(problems) or "none"},
    )
