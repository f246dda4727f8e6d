"""From flagged predictions to what speaks for them, and what to do."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict

import dagster as dg
import pandas as pd
import pyarrow as pa

from americano_assets.resources.parquet_store.content_files import batches_of
from americano_assets.stages.common.deployment import Deployment
from americano_assets.stages.common.dictionary.described import DescribedTable
from americano_assets.stages.common.dictionary.listed_tables import INDICATORS, INTERVENTIONS
from americano_assets.stages.common.metadata import (
    GRADED,
    NIGHT_LOG,
    OWNERS,
    Result,
    columns_of,
    markdown_table,
    retrying,
    wants_latest,
)
from americano_assets.stages.common.partitions import NIGHTS, day_of, every_day
from americano_assets.stages.common.resources import AppDatabase, Store, joined
from americano_assets.stages.s5_interventions.recommendations import indicators_of_day, interventions_of_day, learned


@dg.asset(
    deps=["scored_predictions"],
    partitions_def=NIGHTS,
    owners=OWNERS,
    kinds={"python", "parquet"},
    metadata=columns_of(INDICATORS),
)
@retrying
def indicators(context: dg.AssetExecutionContext, store: Store) -> Result:
    """What in a learner's own record speaks for the struggle, with its severity."""
    deployment = joined(store)
    return _stored(deployment, context, INDICATORS, indicators_of_day(deployment, day_of(context)), "indicator_type")


@dg.asset(
    deps=["scored_predictions", "state_snapshots", NIGHT_LOG, every_day(GRADED)],
    partitions_def=NIGHTS,
    owners=OWNERS,
    kinds={"python", "parquet"},
    metadata=columns_of(INTERVENTIONS),
)
@retrying
def interventions(context: dg.AssetExecutionContext, app_database: AppDatabase, store: Store) -> Result:
    """What to do about each flagged prediction, whatever its arm: at most three, in a student's words.

    What the holdout showed about a type moves its priority; publication leaves out what is withheld.
    """
    deployment = joined(app_database, store)
    effects = learned(deployment, day_of(context), latest=wants_latest(context))
    rows = interventions_of_day(deployment, day_of(context), effects)
    stored = _stored(deployment, context, INTERVENTIONS, rows, "intervention_type")
    told = markdown_table([{"type": kind, **asdict(effect)} for kind, effect in effects.items()])
    return stored._replace(metadata={**(stored.metadata or {}), "learned_about_types": told})


def _stored(
    deployment: Deployment,
    context: dg.AssetExecutionContext,
    table: DescribedTable,
    frames: Iterator[pd.DataFrame],
    type_column: str,
) -> Result:
    schema = pa.schema([(name, pa.type_for_alias(of)) for name, of in table.types().items()])
    by_type: Counter[str] = Counter()

    def batches() -> Iterator[pa.RecordBatch]:
        for frame in frames:
            by_type.update(frame[type_column])
            yield from batches_of(frame, schema)

    version = deployment.store.put_day(table.name, day_of(context), batches(), schema)
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": version.rows,
            "by_type": markdown_table([{"type": name, "rows": count} for name, count in by_type.most_common()]),
        },
        data_version=dg.DataVersion(version.content),
    )
