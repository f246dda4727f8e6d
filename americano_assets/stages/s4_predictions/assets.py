"""From features and a model to scored predictions, all of them, in Parquet only."""

from collections import Counter

import dagster as dg
import numpy as np

from americano_assets.core.models.risk import risk_level
from americano_assets.stages.common.dictionary.described import of_model
from americano_assets.stages.common.metadata import (
    OWNERS,
    Result,
    columns_of,
    counts_of,
    markdown_table,
    numbers,
    retrying,
    share,
)
from americano_assets.stages.common.partitions import NIGHTS, day_of
from americano_assets.stages.common.resources import AppDatabase, Models, Store, joined
from americano_assets.stages.common.schemas import SCORED_PREDICTIONS
from americano_assets.stages.s3_training.champion import scoring_model
from americano_assets.stages.s4_predictions.scored_predictions import problems_of_day, require_day, score_day


@dg.asset(
    deps=["features", "struggle_model"],
    partitions_def=NIGHTS,
    owners=OWNERS,
    kinds={"scikitlearn", "parquet"},
    metadata=columns_of(of_model(SCORED_PREDICTIONS)),
)
@retrying
def scored_predictions(
    context: dg.AssetExecutionContext, app_database: AppDatabase, store: Store, models: Models
) -> Result:
    """p, confidence and reasons for every candidate, flagged or not, so that recall can be measured later."""
    deployment = joined(app_database, store, models)
    day = day_of(context)
    model, version = score_day(deployment, day)
    scored = require_day(deployment, "scored_predictions", day, ["probability", "flagged"])
    levels = Counter(map(risk_level, scored["probability"]))
    deciles = np.quantile(scored["probability"], [0, 0.25, 0.5, 0.75, 1]) if len(scored) else []
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": len(scored),
            "model_type": model.model_type,
            "model_version": model.version,
            **numbers({"flagged": int(scored["flagged"].sum()), "flagged_share": share(scored["flagged"])}),
            "risk": markdown_table([{"risk": level, "rows": levels[level]} for level in ("HIGH", "MEDIUM", "LOW")]),
            "probability_quartiles": ", ".join(f"{value:.3f}" for value in deciles) or "no rows",
        },
        data_version=dg.DataVersion(version.content),
    )


@dg.asset_check(asset="scored_predictions", blocking=True, partitions_def=NIGHTS)
@retrying
def publishable(
    context: dg.AssetCheckExecutionContext, app_database: AppDatabase, store: Store, models: Models
) -> dg.AssetCheckResult:
    """Every candidate scored once, p in 0-1, flags true to the threshold, nobody who opted out, a reason each."""
    deployment = joined(app_database, store, models)
    day = day_of(context)
    found, judged = problems_of_day(deployment, day, scoring_model(deployment, day))
    return dg.AssetCheckResult(
        passed=not found,
        metadata={"rows": judged.rows, "problems": "; ".join(found) or "none", **counts_of(judged)},
    )
