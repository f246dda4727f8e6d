"""Takes snapshots: from PostgreSQL, checked row by row, into the Parquet store."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pyarrow as pa
import pyarrow.compute as pc
from pandera.errors import SchemaErrors
from pandera.pandas import DataFrameSchema
from psycopg import sql

from americano_assets.core.base.validation import Split, split_valid
from americano_assets.core.study_days.cutoff import naive
from americano_assets.core.study_days.study_day import cutoff, days_between, opening, study_day_of
from americano_assets.errors import AmericanoError
from americano_assets.resources.duckdb.learner_key import by_learner
from americano_assets.resources.parquet_store.store import ParquetStore, Version
from americano_assets.resources.postgres.arrow_session import ArrowSessions
from americano_assets.stages.common.deployment import Deployment
from americano_assets.stages.common.schemas import EXTRACTED, LOG_TABLES, STATE_TABLES
from americano_assets.stages.s1_snapshots.fast_validation import keeps_every_rule
from americano_assets.stages.s1_snapshots.postgres_reader import (
    log_query,
    read_batches,
    split_days,
    state_query,
    without_readings,
)
from americano_assets.stages.s1_snapshots.quarantine import BadRowsError, Quality, record_reading, set_aside
from americano_assets.stages.s1_snapshots.sql import query
from americano_assets.stages.s1_snapshots.state_snapshots import (
    PROMPT_AFTER_CUTOFF,
    StateSnapshot,
    record_snapshot,
    snapshots,
)
from americano_assets.stages.s1_snapshots.unknown_labels import left_out, unknown_labels, with_label

# Rows are checked as Python objects, which take many times the room of an Arrow batch: so many at a time.
_CHECKED_ROWS = 32_768
_PLANS = "missions"


def snapshot_log(deployment: Deployment, table: str, days: Sequence[date]) -> tuple[dict[date, Version], Quality]:
    """Snapshot a log table for consecutive study days; they become current when all of them are whole and fit.

    Raises:
        BadRowsError: Bad rows, and the settings say `fail`, or they are too many.
    """
    versions: dict[date, Version] = {}
    with ArrowSessions(deployment.url) as sessions, _reading(deployment, table) as quality:
        for schema, batches in read_batches(sessions, table, log_query(table, days, deployment.zone)):
            checked = _checked(deployment, table, batches, quality)
            stored = without_readings(schema.empty_table(), table).schema
            for day, pieces in split_days(checked, days, deployment.zone):
                versions[day] = deployment.store.add_day(table, day, pieces, stored, by_learner)
            for day in days:
                if day not in versions:
                    versions[day] = deployment.store.add_day(table, day, iter(()), stored, by_learner)
    for day, version in versions.items():
        deployment.store.make_current(table, day, version)
    return versions, quality


def snapshot_state(deployment: Deployment) -> tuple[StateSnapshot, dict[str, Quality], dict[str, int]]:
    """Snapshot all state tables now.

    The earliest one speaks for every night before it, so it has every plan there ever was, also where it is taken
    last: a clock may have been ahead. A later one speaks for no cut-off that is older than PROMPT_AFTER_CUTOFF: it
    has those that may be open then.

    Returns:
        The snapshot, the checks' findings and the row counts by table.
    """
    taken_at = deployment.now()
    is_earliest = all(taken_at <= one.taken_at for one in snapshots(deployment.store))
    since = None if is_earliest else taken_at - PROMPT_AFTER_CUTOFF
    contents: dict[str, str] = {}
    qualities: dict[str, Quality] = {}
    counts: dict[str, int] = {}
    with ArrowSessions(deployment.url) as sessions:
        for table in STATE_TABLES:
            with _reading(deployment, table) as quality:
                text = state_query(table, deployment.zone, since)
                for schema, batches in read_batches(sessions, table, text):
                    stored = without_readings(schema.empty_table(), table).schema
                    good = pa.RecordBatchReader.from_batches(stored, _checked(deployment, table, batches, quality))
                    version = deployment.store.put_whole(table, good)
            contents[table], qualities[table], counts[table] = version.content, quality, version.rows
    snapshot = StateSnapshot(taken_at, contents)
    record_snapshot(deployment.store, snapshot)
    return snapshot, qualities, counts


@contextmanager
def _reading(deployment: Deployment, table: str) -> Iterator[Quality]:
    """What one reading of a table finds, in the end recorded whatever becomes of it; too many bad rows are refused."""
    quality = Quality(table, deployment.now(), refused=True)
    try:
        yield quality
        quality.refuse_too_many()
        quality.refused = False
    finally:
        record_reading(deployment.store, quality)


def _checked(
    deployment: Deployment,
    table: str,
    batches: Iterator[pa.RecordBatch],
    quality: Quality,
) -> Iterator[pa.RecordBatch]:
    """The good rows of each batch; bad ones go to quarantine, or stop everything.

    Where they stop everything, the rest is still read, that every bad row is told at once, but no row of it is kept.
    """
    stops, model = deployment.settings.on_invalid == "fail", EXTRACTED[table]
    with deployment.connect() as connection:
        labels = unknown_labels(connection, table)
    for batch in _in_pieces(batches):
        quality.rows += batch.num_rows
        batch = _known(deployment, batch, labels, quality)
        if keeps_every_rule(pa.Table.from_batches([batch]), model):
            good = batch
        else:
            split = _split(batch, table, model)
            if not split.bad.empty:
                quality.add(split.violations, len(split.bad))
                if not stops:
                    set_aside(deployment.store, quality, split.bad)
            good = batch.take(pa.array(split.good.index.to_numpy()))
        if not (stops and quality.bad):
            yield without_readings(good, table)
    if stops and quality.bad:
        raise BadRowsError(
            f"{'; '.join(quality.messages)}. Correct the rows, or set AMERICANO_ON_INVALID=quarantine to go on "
            "without them.",
            quality.checked,
        )


def _known(deployment: Deployment, batch: pa.RecordBatch, labels: frozenset[str], quality: Quality) -> pa.RecordBatch:
    """The rows whose labels the contract knows; the others are set aside, whatever the settings say of bad rows."""
    foreign = with_label(batch, quality.table, labels)
    if foreign is None:
        return batch
    rows = batch.filter(foreign)
    found = left_out(rows, quality.table)
    quality.add([found], bad=0, left_out=rows.num_rows)
    set_aside(deployment.store, quality, rows.to_pandas().assign(reason=f"{found.column}: {found.rule}"))
    return batch.filter(pc.invert(foreign))


def _split(batch: pa.RecordBatch, table: str, model: DataFrameSchema) -> Split:
    try:
        return split_valid(batch.to_pandas(), model)
    except SchemaErrors as error:
        case = error.failure_cases.iloc[0]
        raise BadRowsError(
            f"{table}: column {case['column'] or case['failure_case']} breaks «{case['check']}» as a whole. "
            "Run `americano check-db` to compare the database with the contract."
        ) from None


def _in_pieces(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        for start in range(0, batch.num_rows, _CHECKED_ROWS):
            yield batch.slice(start, _CHECKED_ROWS)


def refreshed_days(last: date, first: date, known: int = 14) -> list[date]:
    """The days that a night re-reads, because events arrive late: the last `known` ones."""
    return days_between(first, last)[-known:]


def unread_days(
    connection: psycopg.Connection[Any], store: ParquetStore, zone: ZoneInfo, first: date, day: date
) -> list[date]:
    """Study days of the log before those that the night of `day` reads, which nothing has ever read; oldest first.

    Args:
        connection: On the app's database.
        store: Where what was read lies.
        zone: Time zone of the study day.
        first: The first study day of the deployment.
        day: The study day of the night.
    """
    begins = log_begins(connection, zone, first, day)
    if begins is None:
        return []
    days = days_between(begins, refreshed_days(day, first)[0] - timedelta(days=1))
    read = store.current_days("interactions", days)
    return [one for one in days if one not in read]


def told_unread(days: Sequence[date]) -> str:
    """What to say of unread study days, of which there is at least one."""
    return (
        f"{len(days):,} study days of the log, {days[0]} to {days[-1]}, were never read: `americano nightly` reads"
        " them, a night of the schedule does not"
    )


def log_begins(
    connection: psycopg.Connection[Any], zone: ZoneInfo, first: date = date(1970, 1, 1), last: date = date(2999, 1, 1)
) -> date | None:
    """The earliest study day from `first` to `last` in which the app's log has anything; None where there is none."""
    span = {"first": naive(opening(first, zone)), "end": naive(cutoff(last, zone))}
    row = connection.execute(query("log_begins"), span).fetchone()
    return None if row is None or row[0] is None else study_day_of(row[0].replace(tzinfo=UTC), zone)


def require_rows(connection: psycopg.Connection[Any]) -> None:
    """Refuse a database in which nobody has studied or planned anything yet.

    Raises:
        AmericanoError: All tables that a night could learn from are empty.
    """
    tables = (*LOG_TABLES, _PLANS)
    filled = sql.SQL(" OR ").join(sql.SQL("EXISTS (SELECT FROM {})").format(sql.Identifier(one)) for one in tables)
    if connection.execute(sql.SQL("SELECT {}").format(filled)).fetchone() != (True,):
        raise AmericanoError(
            f'Database "{connection.info.dbname}" has no rows to work on: {", ".join(tables)} are empty. If nobody has'
            " used the app yet, run this again once somebody has; else DATABASE_URL names the wrong one."
        )
