"""Takes snapshots: from PostgreSQL, checked row by row, into the Parquet store.

Belongs here: extraction joined to validation and storage, and what happens to bad rows. Does not: Dagster.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date

import pandas as pd
import pyarrow as pa
from pandera.errors import SchemaErrors
from pandera.pandas import DataFrameSchema

from americano_assets.core.study_day import days_between
from americano_assets.core.validation import Violation, split_valid
from americano_assets.errors import AmericanoError
from americano_assets.resources.deployment import Deployment
from americano_assets.resources.extraction import log_query, read_batches, read_whole, split_days
from americano_assets.resources.parquet_store import Version
from americano_assets.resources.state_store import StateSnapshot, record_snapshot
from americano_assets.schemas import LOG_TABLES, STATE_TABLES

BAD_ROW_LIMIT = 0.01


class BadRowsError(AmericanoError):
    """Rows break the rules of their table, and the settings or their share forbid going on."""


@dataclass
class Quality:
    """What the checks of one table found."""

    rows: int = 0
    bad: int = 0
    violations: Counter[tuple[str, str]] = field(default_factory=Counter)
    messages: list[str] = field(default_factory=list)

    def add(self, found: Sequence[Violation], bad: int) -> None:
        """Count the violations of one batch."""
        self.bad += bad
        for violation in found:
            key = (violation.column, violation.rule)
            if key not in self.violations:
                self.messages.append(str(violation))
            self.violations[key] += violation.count


def snapshot_log(deployment: Deployment, table: str, days: Sequence[date]) -> tuple[dict[date, Version], Quality]:
    """Snapshot a log table for consecutive study days; they become current when all of them are whole and fit.

    Raises:
        BadRowsError: Bad rows, and the settings say `fail`, or they are more than 1 %.
    """
    quality = Quality()
    versions: dict[date, Version] = {}
    for schema, batches in read_batches(deployment.url, table, log_query(table, days, deployment.zone)):
        checked = _checked(deployment, table, batches, LOG_TABLES[table], quality)
        for day, pieces in split_days(checked, days, deployment.zone):
            versions[day] = deployment.store.add_day(table, day, pieces, schema)
        for day in days:
            if day not in versions:
                versions[day] = deployment.store.add_day(table, day, iter(()), schema)
    _refuse_too_many(table, quality)
    for day, version in versions.items():
        deployment.store.make_current(table, day, version)
    return versions, quality


def snapshot_state(deployment: Deployment) -> tuple[StateSnapshot, dict[str, Quality], dict[str, int]]:
    """Snapshot all state tables now.

    Returns:
        The snapshot, the checks' findings and the row counts by table.
    """
    taken_at = deployment.now()
    contents: dict[str, str] = {}
    qualities: dict[str, Quality] = {}
    counts: dict[str, int] = {}
    for table, model in STATE_TABLES.items():
        rows = read_whole(deployment.url, table)
        quality = Quality()
        good = list(_checked(deployment, table, iter(rows.to_batches()), model, quality))
        _refuse_too_many(table, quality)
        version = deployment.store.put_whole(table, pa.Table.from_batches(good, rows.schema))
        contents[table], qualities[table], counts[table] = version.content, quality, version.rows
    snapshot = StateSnapshot(taken_at, contents)
    record_snapshot(deployment.store, snapshot)
    return snapshot, qualities, counts


def _checked(
    deployment: Deployment,
    table: str,
    batches: Iterator[pa.RecordBatch],
    model: DataFrameSchema,
    quality: Quality,
) -> Iterator[pa.RecordBatch]:
    """The good rows of each batch; bad ones go to quarantine, or stop everything."""
    for batch in batches:
        quality.rows += batch.num_rows
        try:
            split = split_valid(batch.to_pandas(), model)
        except SchemaErrors as error:
            case = error.failure_cases.iloc[0]
            raise BadRowsError(
                f"{table}: column {case['column'] or case['failure_case']} breaks «{case['check']}» as a whole. "
                "Run `americano check-db` to compare the database with the contract."
            ) from None
        if split.bad.empty:
            yield batch
            continue
        quality.add(split.violations, len(split.bad))
        if deployment.settings.on_invalid == "fail":
            raise BadRowsError(
                f"{quality.messages[0]}. Correct the rows, or set AMERICANO_ON_INVALID=quarantine to go on "
                "without them."
            )
        _quarantine(deployment, table, split.bad)
        yield batch.take(pa.array(split.good.index.to_numpy()))


def _quarantine(deployment: Deployment, table: str, bad: pd.DataFrame) -> None:
    today = deployment.now().date()
    rows = pa.Table.from_pandas(bad.astype({"reason": "string"}), preserve_index=False)
    deployment.store.put_day(f"quarantine/{table}", today, rows.to_batches(), rows.schema)


def _refuse_too_many(table: str, quality: Quality) -> None:
    if quality.bad > BAD_ROW_LIMIT * quality.rows:
        raise BadRowsError(
            f"{table}: {quality.bad} of {quality.rows} rows are bad, more than {BAD_ROW_LIMIT:.0%}. "
            + "; ".join(quality.messages[:3])
        )


def refreshed_days(last: date, first: date, known: int = 14) -> list[date]:
    """The days that a night re-reads, because events arrive late: the last `known` ones."""
    return days_between(first, last)[-known:]
