"""From the app's tables to Parquet: logs by study day, curriculum and plans whole."""

from datetime import date
from typing import Any

import dagster as dg

from americano_assets.assets.common import (
    OWNERS,
    Result,
    app_key,
    markdown_table,
    retried,
    tell_changed_day,
    wants_latest,
)
from americano_assets.core.study_day import last_closed
from americano_assets.partitions import day_of, days_of, study_days
from americano_assets.resources.deployment import Deployment
from americano_assets.resources.parquet_store import Version, content_of
from americano_assets.resources.snapshotting import refreshed_days, snapshot_log, snapshot_state
from americano_assets.resources.state_store import snapshots, state_at
from americano_assets.schemas import LOG_TABLES
from americano_assets.settings import Settings

# Where a row of the log finds its objective, its course and whether its learner may be analysed.
LOOKED_UP = ("users", "cards", "validation_prompts", "learning_objectives", "lectures")
STATE_SOURCES = (
    "users",
    "courses",
    "lectures",
    "learning_objectives",
    "objective_prerequisites",
    "cards",
    "missions",
    "exams",
    "user_learning_profiles",
)


def build(settings: Settings) -> list[dg.AssetsDefinition]:
    """The snapshot assets on this deployment's study days."""
    partitions = study_days(settings)

    @dg.asset(
        deps=[app_key(table) for table in (*LOG_TABLES, *LOOKED_UP)],
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        owners=OWNERS,
        kinds={"parquet"},
    )
    def log_snapshots(context: dg.AssetExecutionContext, deployment: dg.ResourceParam[Deployment]) -> Result:
        """What happened in each study day: events, reviews, validations, finished sessions, each row checked.

        A night also re-reads the 13 days before it, because events arrive late; a day whose rows are the same keeps
        its content hash.
        """
        days = days_of(context)
        read = refreshed_days(days[0], deployment.first_day) if len(days) == 1 else days
        rows: list[dict[str, Any]] = []
        bad_rows: list[dict[str, Any]] = []
        stored: dict[str, dict[date, Version]] = {}
        changed: set[date] = set()
        for table in LOG_TABLES:
            before = deployment.store.current_days(table, read)
            with retried(context):
                versions, quality = snapshot_log(deployment, table, read)
            late = [day for day in read if day in before and before[day] != versions[day] and day not in days]
            stored[table] = versions
            changed.update(late)
            rows.append(
                {
                    "table": table,
                    "rows": sum(versions[day].rows for day in days),
                    "bad rows": quality.bad,
                    "earlier days changed by late rows": ", ".join(map(str, late)) or "none",
                }
            )
            bad_rows += quality.report()
        for day in sorted(changed):
            tell_changed_day(context, day, content_of(stored, [day]))
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": sum(int(row["rows"]) for row in rows),
                "study_days": len(days),
                "tables": markdown_table(rows),
                "rules_broken": markdown_table(bad_rows),
            },
            data_version=dg.DataVersion(content_of(stored, days)),
        )

    @dg.asset(
        deps=[app_key(table) for table in STATE_SOURCES],
        partitions_def=partitions,
        owners=OWNERS,
        kinds={"parquet"},
    )
    def state_snapshots(context: dg.AssetExecutionContext, deployment: dg.ResourceParam[Deployment]) -> Result:
        """Curriculum, plans and profiles, whole, with the time at which they were read.

        A study day uses the first snapshot of the hour after its cut-off, else the last one before; a day older than
        every snapshot uses the oldest with the columns that the app overwrites blanked. A rerun takes none, nor does
        an old day: it would come too late to speak for it.
        """
        day = day_of(context)
        recorded = deployment.store.manifest(day, "inputs") is not None and not wants_latest(context)
        old = day < last_closed(deployment.now(), deployment.zone)
        tables, bad_rows = [], []
        if not snapshots(deployment.store) or not (recorded or old):
            with retried(context):
                _, qualities, counts = snapshot_state(deployment)
            tables = [{"table": name, "rows": counts[name], "bad rows": qualities[name].bad} for name in counts]
            bad_rows = [row for quality in qualities.values() for row in quality.report()]
        at = min(deployment.moment(day).at, deployment.now())
        used = state_at(snapshots(deployment.store), at)
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": sum(
                    deployment.store.whole_rows(table, content) for table, content in used.snapshot.tables.items()
                ),
                "taken_at": used.snapshot.taken_at.isoformat(),
                "taken_in_time": not used.from_later,
                "tables": markdown_table(tables),
                "rules_broken": markdown_table(bad_rows),
            },
            data_version=dg.DataVersion(used.snapshot.content),
        )

    return [log_snapshots, state_snapshots]
