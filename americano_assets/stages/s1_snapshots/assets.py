"""From the app's tables to Parquet: the log by study day, curriculum and plans whole.

The log has every study day; a night exists for the study days that were asked for. Dagster runs no job over both kinds
of partitions, so a night reads its log in an asset of its own, and tells Dagster which study days it has read.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import dagster as dg

from americano_assets.core.base.validation import Checked
from americano_assets.core.study_days.study_day import last_closed
from americano_assets.resources.parquet_store.store import Version, content_of
from americano_assets.settings import Settings
from americano_assets.stages.common.deployment import Deployment
from americano_assets.stages.common.dictionary.described import of_model
from americano_assets.stages.common.dictionary.listed_tables import SESSION_ENDS
from americano_assets.stages.common.metadata import (
    GRADED,
    LOG,
    NIGHT_LOG,
    OWNERS,
    Result,
    app_key,
    checks_of,
    columns_of,
    markdown_table,
    retried,
    retrying,
    tell_day,
    telling_checks,
    told_checks,
    wants_latest,
)
from americano_assets.stages.common.partitions import NIGHTS, days_of, is_night, night_of, study_days
from americano_assets.stages.common.resources import AppDatabase, Store, joined
from americano_assets.stages.common.schemas import INTERACTIONS, LOG_TABLES, STATE_TABLES
from americano_assets.stages.s1_snapshots.input_manifest import DAY_TABLES
from americano_assets.stages.s1_snapshots.interactions import build_interactions
from americano_assets.stages.s1_snapshots.snapshots import refreshed_days, snapshot_log, snapshot_state
from americano_assets.stages.s1_snapshots.state_snapshots import snapshots, state_at
from americano_assets.stages.s1_snapshots.unread_rows import unread_log, unread_plans

# Where a row of the log finds its objective, its course and whether its learner may be analysed.
LOOKED_UP = ("users", "cards", "validation_prompts", "learning_objectives", "lectures")
LOG_SOURCES = (*LOG_TABLES, *LOOKED_UP)
STATE_SOURCES = (
    "users",
    "lectures",
    "learning_objectives",
    "objective_prerequisites",
    "cards",
    "missions",
    "exams",
    "user_learning_profiles",
)
_LOG = tuple(map(of_model, LOG_TABLES.values()))
_GRADED = (of_model(INTERACTIONS), SESSION_ENDS)


def build(settings: Settings) -> list[dg.AssetsDefinition]:
    """The log on this deployment's study days, recorded and graded."""

    @dg.asset(
        deps=[app_key(table) for table in LOG_SOURCES],
        partitions_def=study_days(settings),
        backfill_policy=dg.BackfillPolicy.single_run(),
        owners=OWNERS,
        kinds={"parquet"},
        check_specs=checks_of(LOG, *LOG_TABLES.values()),
        metadata=columns_of(*_LOG),
    )
    @telling_checks
    def log_snapshots(context: dg.AssetExecutionContext, app_database: AppDatabase, store: Store) -> Result:
        """What happened in each study day: events, reviews, validations, finished sessions, each row checked.

        A day whose rows are the same keeps its content hash. Each night reads its own day and the 13 before it anew.
        """
        deployment = joined(app_database, store)
        days = days_of(context)
        log = _read_log(context, deployment, days, days)
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": log.count(days),
                "study_days": len(days),
                "tables": markdown_table(log.tables),
                "rules_broken": markdown_table(log.bad_rows),
            },
            data_version=dg.DataVersion(content_of(log.stored, days)),
            check_results=told_checks(log.checked),
        )

    @dg.asset(
        deps=[LOG],
        partitions_def=study_days(settings),
        backfill_policy=dg.BackfillPolicy.single_run(),
        owners=OWNERS,
        kinds={"duckdb", "parquet"},
        check_specs=checks_of(GRADED, INTERACTIONS),
        metadata=columns_of(*_GRADED),
    )
    @retrying
    def interactions(context: dg.AssetExecutionContext, store: Store) -> Result:
        """Each graded interaction once, however often it was recorded: reviews, answered and skipped validations."""
        deployment = joined(store)
        days = days_of(context)
        built, judged = build_interactions(deployment, days)
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": sum(version.rows for version in built["interactions"].values()),
                "session_ends": sum(version.rows for version in built["session_ends"].values()),
                "study_days": len(days),
            },
            data_version=dg.DataVersion(content_of(built, days)),
            check_results=told_checks([judged]),
        )

    return [log_snapshots, interactions]


@dg.asset(
    deps=[app_key(table) for table in LOG_SOURCES],
    partitions_def=NIGHTS,
    owners=OWNERS,
    kinds={"duckdb", "parquet"},
    check_specs=checks_of(NIGHT_LOG, *LOG_TABLES.values(), INTERACTIONS),
    metadata=columns_of(*_LOG, *_GRADED),
)
@telling_checks
def night_log(context: dg.AssetExecutionContext, app_database: AppDatabase, store: Store) -> Result:
    """The night's study day and the 13 before it, read and graded anew, because events arrive late.

    The study days that it has read are told to Dagster as `log_snapshots` and `interactions` of that day: the
    night's own, and each earlier one that late rows have changed. Where that was a night, so is its `night_log`,
    whereby what was computed from it is out of date.
    """
    deployment = joined(app_database, store)
    day = night_of(context, deployment)
    read = refreshed_days(day, deployment.first_day)
    before = {table: deployment.store.current_days(table, read) for table in DAY_TABLES}
    log = _read_log(context, deployment, read, [day])
    graded, judged = build_interactions(deployment, read)
    late = [one for one in read[:-1] if one in log.changed]
    regraded = [one for one in read[:-1] if any(_changed(before[table], graded[table], one) for table in DAY_TABLES)]
    for one in (*late, day):
        tell_day(context, LOG, one, content_of(log.stored, [one]), log.count([one]))
    for one in (*regraded, day):
        tell_day(context, GRADED, one, content_of(graded, [one]), graded["interactions"][one].rows)
    with deployment.connect() as connection:
        unread = [one.shown() for one in unread_log(connection, deployment, day)]
    everything = {**log.stored, **graded}
    for one in sorted({*late, *regraded}):
        if is_night(context.instance, one):
            tell_day(context, NIGHT_LOG, one, content_of(everything, [one]), log.count([one]))
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": log.count([day]),
            "graded_interactions": graded["interactions"][day].rows,
            "study_days_read": len(read),
            "tables": markdown_table(log.tables),
            "rules_broken": markdown_table(log.bad_rows),
            "not_read": markdown_table(unread),
        },
        data_version=dg.DataVersion(content_of(everything, [day])),
        check_results=told_checks([*log.checked, judged]),
    )


@dg.asset(
    deps=[app_key(table) for table in STATE_SOURCES],
    partitions_def=NIGHTS,
    owners=OWNERS,
    kinds={"parquet"},
    check_specs=checks_of("state_snapshots", *STATE_TABLES.values()),
    metadata=columns_of(*map(of_model, STATE_TABLES.values())),
)
@telling_checks
def state_snapshots(context: dg.AssetExecutionContext, app_database: AppDatabase, store: Store) -> Result:
    """Curriculum, profiles, and plans that may still be open (the first time all), with the time of the reading.

    A study day uses the first snapshot of the hour after its cut-off, else the last one before; a day older than
    every snapshot uses the oldest with the columns that the app overwrites blanked. A rerun takes none, nor does
    an old day: it would come too late to speak for it.
    """
    deployment = joined(app_database, store)
    day = night_of(context, deployment)
    recorded = deployment.store.manifest(day, "inputs") is not None and not wants_latest(context)
    old = day < last_closed(deployment.now(), deployment.zone)
    tables, bad_rows = [], []
    found = [Checked(table, 0) for table in STATE_TABLES]  # No row is read where no snapshot is taken.
    if not snapshots(deployment.store) or not (recorded or old):
        with retried(context, deployment):
            _, qualities, counts = snapshot_state(deployment)
        tables = [
            {"table": name, "rows": counts[name], "bad rows": one.bad, "left out": one.left_out}
            for name, one in qualities.items()
        ]
        found = [quality.checked for quality in qualities.values()]
        bad_rows = [row for quality in qualities.values() for row in quality.report()]
    with deployment.connect() as connection:
        unread = [one.shown() for one in unread_plans(connection, deployment, day)]
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
            "not_read": markdown_table(unread),
        },
        data_version=dg.DataVersion(used.snapshot.content),
        check_results=told_checks(found),
    )


@dataclass(frozen=True)
class _Log:
    """Study days of the log as they were read: versions by table, what to show, days that changed, what rules found."""

    stored: dict[str, dict[date, Version]]
    tables: list[dict[str, Any]]
    bad_rows: list[dict[str, Any]]
    changed: set[date]
    checked: list[Checked]

    def count(self, days: Iterable[date]) -> int:
        """Rows of all tables in these days."""
        return sum(self.stored[table][day].rows for table in self.stored for day in days)


def _read_log(
    context: dg.AssetExecutionContext, deployment: Deployment, read: Sequence[date], own: Sequence[date]
) -> _Log:
    """Read study days of all log tables; what changed among those that are not the run's own came late."""
    log = _Log({}, [], [], set(), [])
    for table in LOG_TABLES:
        before = deployment.store.current_days(table, read)
        with retried(context, deployment):
            versions, quality = snapshot_log(deployment, table, read)
        late = [day for day in read if day not in own and _changed(before, versions, day)]
        log.stored[table] = versions
        log.changed.update(late)
        log.tables.append(
            {
                "table": table,
                "rows": sum(versions[day].rows for day in own),
                "bad rows": quality.bad,
                "left out": quality.left_out,
                "earlier days changed by late rows": ", ".join(map(str, late)) or "none",
            }
        )
        log.bad_rows.extend(quality.report())
        log.checked.append(quality.checked)
    return log


def _changed(before: dict[date, Version], now: dict[date, Version], day: date) -> bool:
    """Whether a day that was there has other rows now; one that is new was never read, so nothing came late."""
    return day in before and before[day] != now[day]
