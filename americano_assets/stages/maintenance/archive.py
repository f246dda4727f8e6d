"""Predictions that are long over, between the app's tables and `ml.struggle_predictions_archive`, there and back.

A prediction goes with its indicators and recommendations, every column as it stands, whoever wrote it; one to which a
table of the app's own refers stays where it is. Our bookkeeping keeps its rows (`ml.published`, the ledger, feedback),
so that no rerun publishes an archived prediction anew, and every figure stays what it was.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg import sql

from americano_assets.errors import AmericanoError
from americano_assets.stages.maintenance.sql import query
from americano_assets.stages.s6_publication.owned_tables import lock_publication
from americano_assets.stages.s6_publication.transaction import INDICATORS, PREDICTIONS, RECOMMENDATIONS

ARCHIVE = "ml.struggle_predictions_archive"
# One transaction each: whoever publishes or gives feedback waits no longer than for so many.
BATCH = 5_000
_BESIDE = (INDICATORS, RECOMMENDATIONS)
_WRITTEN = (PREDICTIONS, *_BESIDE)
_MOVING_BESIDE = """
CREATE TEMPORARY TABLE moving_beside (table_name text, prediction_id text, content jsonb) ON COMMIT DROP
"""


@dataclass(frozen=True)
class Moved:
    """Rows that went the one way or the other.

    Attributes:
        left: Predictions that had to stay: used elsewhere in the app, or without their objective.
    """

    predictions: int
    indicators: int
    recommendations: int
    left: int


def archive(connection: psycopg.Connection[Any], before: datetime, now: datetime) -> Moved:
    """Take out predictions with a recorded outcome that were for, and made at, a time before `before`.

    Args:
        connection: On the app's database, outside a transaction.
        before: Naive, UTC.
        now: Naive, UTC.

    Raises:
        AmericanoError: A table of the app refers to ours, and we may not look into it.
    """
    with connection.transaction():
        unused = _unused(connection)
    chosen = sql.SQL(query("archive_chosen")).format(unused=unused)
    predictions, beside = 0, dict.fromkeys(_BESIDE, 0)
    while True:
        with connection.transaction():
            lock_publication(connection)
            connection.execute(
                sql.SQL("CREATE TEMPORARY TABLE moving ON COMMIT DROP AS {}").format(chosen),
                {"before": before, "most": BATCH},
            )
            connection.execute(_MOVING_BESIDE)
            for table in _BESIDE:
                beside[table] += connection.execute(
                    sql.SQL(
                        'WITH gone AS (DELETE FROM {} t USING moving m WHERE t."predictionId" = m."id" RETURNING t.*) '
                        'INSERT INTO moving_beside SELECT {}, gone."predictionId", to_jsonb(gone) FROM gone'
                    ).format(sql.Identifier(table), sql.Literal(table))
                ).rowcount
            moved = connection.execute(query("archive_insert"), {"now": now}).rowcount
        predictions += moved
        if moved < BATCH:
            break
    with connection.transaction():
        left = _count(
            connection,
            f'SELECT count(*) FROM {PREDICTIONS} WHERE "actualOutcomeRecordedAt" IS NOT NULL '
            'AND "predictionDate" < %s AND "predictedAt" < %s',
            [before, before],
        )
    return Moved(predictions, beside[INDICATORS], beside[RECOMMENDATIONS], left)


def restore(connection: psycopg.Connection[Any], since: datetime | None = None) -> Moved:
    """Put archived predictions back as they were, those for a time from `since` on (naive, UTC), or all.

    Raises:
        AmericanoError: The app's tables no longer have a column that the archive holds; nothing was put back.
    """
    parameters = {"since": since}
    counts = []
    with connection.transaction():
        lock_publication(connection)
        connection.execute(
            f"CREATE TEMPORARY TABLE returning_ones ON COMMIT DROP AS {query('archive_returning')}".encode(), parameters
        )
        for table, rows in (
            (PREDICTIONS, "SELECT prediction AS content FROM returning_ones"),
            (INDICATORS, "SELECT jsonb_array_elements(indicators) AS content FROM returning_ones"),
            (RECOMMENDATIONS, "SELECT jsonb_array_elements(recommendations) AS content FROM returning_ones"),
        ):
            counts.append(sum(_put_back(connection, table, rows)))
        connection.execute(
            f"DELETE FROM {ARCHIVE} a USING returning_ones r WHERE a.prediction_id = r.prediction_id".encode()
        )
        left = _count(
            connection,
            f"SELECT count(*) FROM {ARCHIVE} WHERE (%(since)s::timestamp IS NULL OR prediction_date >= %(since)s)",
            parameters,
        )
    return Moved(counts[0], counts[1], counts[2], left)


def _put_back(connection: psycopg.Connection[Any], table: str, rows: str) -> Iterator[int]:
    """Insert rows with the columns that they had: one that the app added since gets its default."""
    known = {
        row[0]
        for row in connection.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped",
            [table],
        )
    }
    shapes = connection.execute(
        f"SELECT DISTINCT ARRAY(SELECT jsonb_object_keys(content) ORDER BY 1) FROM ({rows}) r"
    ).fetchall()
    for (columns,) in shapes:
        if gone := [column for column in columns if column not in known]:
            raise AmericanoError(
                f"{table} no longer has the column {gone[0]}, of which the archive holds values: add it again, or take"
                f" it out of {ARCHIVE}. Nothing was put back."
            )
        listed = sql.SQL(", ").join(map(sql.Identifier, columns))
        yield connection.execute(
            sql.SQL(
                "INSERT INTO {table} ({listed}) SELECT {listed} FROM ({rows}) r, "
                "LATERAL jsonb_populate_record(NULL::{table}, r.content) "
                "WHERE ARRAY(SELECT jsonb_object_keys(r.content) ORDER BY 1) = %s ON CONFLICT DO NOTHING"
            ).format(table=sql.Identifier(table), listed=listed, rows=sql.SQL(rows)),
            [columns],
        ).rowcount


def _unused(connection: psycopg.Connection[Any]) -> sql.Composable:
    """Conditions that nothing of the app's own points at a prediction or at what belongs to it."""
    found = connection.execute(query("foreign_references"), {"written": [*_WRITTEN]}).fetchall()
    conditions: list[sql.Composable] = []
    for target, schema, table, column, target_column, readable in found:
        if not readable:
            raise AmericanoError(
                f'{schema}.{table} refers to {target}, and user "{connection.info.user}" may not read it: grant SELECT'
                f' ("{column}") on it, so that nothing that it refers to is archived. Nothing was moved.'
            )
        names = {
            "other": sql.Identifier(schema, table),
            "column": sql.Identifier(column),
            "key": sql.Identifier(target_column),
            "target": sql.Identifier(target),
        }
        conditions.append(
            sql.SQL("AND NOT EXISTS (SELECT FROM {other} o WHERE o.{column} = p.{key})").format(**names)
            if target == PREDICTIONS
            else sql.SQL(
                "AND NOT EXISTS (SELECT FROM {target} t JOIN {other} o ON o.{column} = t.{key} "
                'WHERE t."predictionId" = p."id")'
            ).format(**names)
        )
    return sql.SQL(" ").join(conditions)


def _count(connection: psycopg.Connection[Any], text: str, parameters: Sequence[Any] | dict[str, Any]) -> int:
    row = connection.execute(text.encode(), parameters).fetchone()
    return int(row[0]) if row else 0
