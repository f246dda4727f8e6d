"""From snapshots to features and labels."""

import dagster as dg

from americano_assets.core.features.catalog import DATA_QUALITY, FEATURE_NAMES
from americano_assets.resources.parquet_store.store import digest_of
from americano_assets.stages.common.deployment import Deployment
from americano_assets.stages.common.dictionary.described import listed, of_model
from americano_assets.stages.common.dictionary.listed_tables import LABELS
from americano_assets.stages.common.metadata import (
    GRADED,
    NIGHT_LOG,
    OWNERS,
    Result,
    checks_of,
    columns_of,
    markdown_table,
    numbers,
    retrying,
    telling_checks,
    told_checks,
    wants_latest,
)
from americano_assets.stages.common.partitions import NIGHTS, day_of, every_day
from americano_assets.stages.common.resources import AppDatabase, Store, joined
from americano_assets.stages.common.schemas import FEATURES_TABLE
from americano_assets.stages.s2_features.features import publish_features, publish_ratings, training_labels
from americano_assets.stages.s2_features.night_results import FEATURES_AT, LABELS_AT, made_anew
from americano_assets.stages.s2_features.skill_ratings import RATINGS_SCHEMA
from americano_assets.stages.s2_features.skill_ratings import TABLE as RATINGS_TABLE


@dg.asset(
    deps=[NIGHT_LOG, every_day(GRADED), "state_snapshots"],
    partitions_def=NIGHTS,
    owners=OWNERS,
    kinds={"numba", "parquet"},
    metadata=columns_of(listed(RATINGS_TABLE, {one.name: str(one.type) for one in RATINGS_SCHEMA})),
)
@retrying
def elo_state(context: dg.AssetExecutionContext, store: Store) -> Result:
    """Ratings of learners, topics, objectives and items after every answer up to the cut-off, day by day."""
    deployment = joined(store)
    version, summary = publish_ratings(deployment, day_of(context), latest=wants_latest(context))
    return dg.MaterializeResult(
        metadata={"dagster/row_count": version.rows, "ratings": markdown_table(summary)},
        data_version=dg.DataVersion(version.content),
    )


@dg.asset(
    deps=[NIGHT_LOG, every_day(GRADED), "elo_state", "state_snapshots"],
    partitions_def=NIGHTS,
    owners=OWNERS,
    kinds={"duckdb", "parquet"},
    check_specs=checks_of("features", FEATURES_TABLE),
    metadata=columns_of(of_model(FEATURES_TABLE)),
)
@telling_checks
@retrying
def features(context: dg.AssetExecutionContext, app_database: AppDatabase, store: Store) -> Result:
    """The night's candidates and their fifteen features, as of the cut-off, from nothing stamped at or after it."""
    deployment = joined(app_database, store)
    day = day_of(context)
    _announce(context, deployment, FEATURES_AT)
    found, version, state = publish_features(deployment, day, latest=wants_latest(context))
    summary = [
        {"feature": name, "observed": found.mean(f"observed_{name}"), "mean": found.mean(name)}
        for name in FEATURE_NAMES
    ]
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": version.rows,
            **numbers(
                {
                    "learners": found.learners,
                    "data_quality": found.mean(DATA_QUALITY),
                    "cold_start_share": found.cold_starts / version.rows if version.rows else None,
                }
            ),
            "plans_taken_in_time": not state.from_later,
            "features": markdown_table(summary),
        },
        data_version=dg.DataVersion(version.content),
        check_results=told_checks([found.rules]),
    )


@dg.asset(
    deps=[NIGHT_LOG, every_day(GRADED), "state_snapshots"],
    partitions_def=NIGHTS,
    owners=OWNERS,
    kinds={"duckdb", "parquet"},
    metadata=columns_of(LABELS),
)
@retrying
def labels(context: dg.AssetExecutionContext, store: Store) -> Result:
    """The candidates of the weekly training cut-offs, their features then, and who struggled in the window since.

    Up to 104 cut-offs whose window has closed. Null where the learner did not study enough to tell. What is already
    known of a cut-off is not computed again.
    """
    deployment = joined(store)
    _announce(context, deployment, FEATURES_AT, LABELS_AT)
    result = training_labels(deployment, day_of(context), latest=wants_latest(context))
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": result.rows,
            "training_cutoffs": len(result.labels),
            "first_cutoff": str(min(result.labels, default="none")),
            "last_cutoff": str(max(result.labels, default="none")),
        },
        data_version=dg.DataVersion(digest_of(result.labels)),
    )


def _announce(context: dg.AssetExecutionContext, deployment: Deployment, *tables: str) -> None:
    day = day_of(context)
    told = made_anew(deployment.store, day, *tables) if deployment.is_closed(day) else None
    if told is not None:
        context.log.info(told)
