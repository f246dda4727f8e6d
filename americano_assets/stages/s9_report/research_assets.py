"""From everything that is stored to the file that researchers open."""

import dagster as dg

from americano_assets.stages.common.dictionary.listed_tables import RESEARCH
from americano_assets.stages.common.metadata import (
    GRADED,
    KIND_TAG,
    LOG,
    NIGHT_LOG,
    OWNERS,
    REPLAY,
    Result,
    columns_of,
    markdown_table,
    ml_key,
    retrying,
)
from americano_assets.stages.common.partitions import NIGHTS, every_day
from americano_assets.stages.common.resources import AppDatabase, ResearchFile, Store, joined
from americano_assets.stages.s9_report.research_database import build_analytics, compare_with_postgres

# Only one step at a time may build it, whatever runs beside it.
POOL = "duckdb"


@dg.asset(
    deps=[NIGHT_LOG, every_day(LOG), every_day(GRADED), "features", "scored_predictions", ml_key("episodes")],
    partitions_def=NIGHTS,
    owners=OWNERS,
    kinds={"duckdb"},
    pool=POOL,
    metadata=columns_of(*RESEARCH),
)
@retrying
def analytics_database(
    context: dg.AssetExecutionContext,
    app_database: AppDatabase,
    store: Store,
    research_file: ResearchFile,
) -> Result:
    """A DuckDB file with events, interactions, features, predictions and outcomes of learners who allow it.

    The file before goes on: days that are new or were changed are made, who has left is taken out. Swapped in by one
    rename: who has the old one open goes on reading that. A replay of a past night leaves it as it is.
    """
    deployment = joined(app_database, store)
    if context.run.tags.get(KIND_TAG) == REPLAY:
        return dg.MaterializeResult(metadata={"rebuilt": False, "why": "a replay of a past night"})
    built = build_analytics(deployment, research_file)
    metadata: dict[str, dg.MetadataValue | str | float | int | bool] = {
        "rebuilt": built.anew,
        "days_made": sum(built.days_made.values()),
        "path": dg.MetadataValue.path(str(built.path)),
        "dagster/row_count": sum(built.rows.values()),
        "learners": built.learners,
        "through_study_day": str(built.through or "none yet"),
        "megabytes": built.path.stat().st_size / 1e6,
        "tables": markdown_table(
            [{"table": name, "rows": rows, "days made": built.days_made.get(name)} for name, rows in built.rows.items()]
        ),
    }
    if deployment.settings.compare_with_postgres:
        compared = compare_with_postgres(deployment, built)
        metadata |= {
            "duckdb_seconds": compared.duckdb_seconds,
            "postgres_seconds": compared.postgres_seconds,
            "same_answer": compared.equal,
        }
    return dg.MaterializeResult(metadata=metadata)
