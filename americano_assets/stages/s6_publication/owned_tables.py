"""Writing into the app's tables without ever writing over what the app or its users wrote.

`ml.published` keeps each row of ours as we last wrote it. A column is ours while the table still holds that value;
from then on it belongs to whoever changed it. A row that somebody deleted is not brought back.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from functools import cache
from typing import Any

import psycopg
import pyarrow as pa
from psycopg import sql

from americano_assets.resources.postgres.staging import Row, Staging, like

_LOCK = "SELECT pg_advisory_xact_lock(hashtext('americano.publication'))"
_SHARE = "SELECT pg_advisory_xact_lock_shared(hashtext('americano.publication'))"
_LOCK_LEARNER = "SELECT pg_advisory_xact_lock(hashtext('americano.learner'), hashtext(%s))"


class OwnedTable:
    """One of the app's tables within one transaction: stage rows, then insert, refresh or withdraw them."""

    def __init__(self, staging: Staging, table: str, study_day: date) -> None:
        self.staging = staging
        self.table = table
        self.staged = f"staged_{table}"
        self._owned = f"owned_{table}"
        self._day = {"day": study_day}

    def stage(self, columns: Sequence[str], rows: Iterable[Row]) -> None:
        """Stage rows of the same column types; columns that are not given are not written."""
        self.staging.put(self.staged, like(self.table), columns, rows, key="id")

    def stage_batches(self, batches: Iterable[pa.RecordBatch], **beside: str) -> None:
        """As `stage`, of batches that name their columns; `beside`: types of columns that the table does not have."""
        self.staging.put_batches(self.staged, like(self.table, **beside), batches, key="id")

    def insert_new(self, columns: Sequence[str]) -> int:
        """Insert the staged rows that were never published; returns how many."""
        if not self.staging.count(self.staged):
            return 0
        return self.staging.execute(_insert_new(self.table, tuple(columns)), self._day).rowcount

    def refresh(self, columns: Sequence[str], guard: str = "true") -> int:
        """Bring `columns` of published rows to their staged values where they are still ours; returns rows changed.

        Args:
            columns: Columns to write.
            guard: Condition on `t` (the table) and `s` (the staged row), our own text.
        """
        if not self.staging.count(self.staged):
            return 0
        owned, refresh = _refresh(self.table, tuple(columns), guard)
        self.staging.keep(self._owned, owned, key="id")
        if not self.staging.count(self._owned):
            return 0
        return self.staging.execute(refresh, self._day).rowcount

    def withdraw(self, condition: str) -> int:
        """Delete published rows that nobody else touched and that fulfil `condition` on `t`; returns how many.

        A column that the app added since we wrote the row is none of ours, and no sign of a touch.
        """
        return self.staging.execute(_withdraw(self.table, condition)).rowcount


@cache
def _insert_new(table: str, columns: tuple[str, ...]) -> str:
    return _text(
        """
        WITH inserted AS (
          INSERT INTO {table} ({columns})
          SELECT {columns} FROM {staged} s
          WHERE NOT EXISTS (SELECT 1 FROM ml.published p WHERE p.table_name = {name} AND p.row_id = s."id")
          ORDER BY s."id"
          ON CONFLICT ("id") DO NOTHING
          RETURNING *
        )
        INSERT INTO ml.published (table_name, row_id, user_id, written, study_day)
        SELECT {name}, i."id", i."userId", to_jsonb(i), %(day)s FROM inserted i
        """,
        table,
        columns=sql.SQL(", ").join(map(sql.Identifier, columns)),
    )


@cache
def _refresh(table: str, columns: tuple[str, ...], guard: str) -> tuple[str, str]:
    """Which columns of which rows stay as they are, and writing the others and that they were written."""
    names = list(map(sql.Identifier, columns))
    # As to_jsonb of the whole row has it, for a column alone: to_jsonb(NULL) is no JSON.
    stands = [sql.SQL("COALESCE(to_jsonb(t.{c}), 'null')").format(c=name) for name in names]
    others = [
        sql.SQL(
            "CASE WHEN t.{c} IS DISTINCT FROM s.{c} AND {now} = p.written -> {key} THEN NULL ELSE {key} END"
        ).format(c=name, now=now, key=sql.Literal(column))
        for column, name, now in zip(columns, names, stands, strict=True)
    ]
    owned = _text(
        """
        SELECT "id", kept FROM (
          SELECT t."id", array_remove(ARRAY[{others}]::text[], NULL) AS kept
          FROM {table} t
          JOIN {staged} s ON s."id" = t."id"
          JOIN ml.published p ON p.table_name = {name} AND p.row_id = t."id"
          WHERE ROW({now}) IS DISTINCT FROM ROW({then}) AND ({guard})
        ) o
        WHERE cardinality(kept) < {n}
        """,
        table,
        others=sql.SQL(", ").join(others),
        now=sql.SQL(", ").join(sql.SQL("t.{}").format(name) for name in names),
        then=sql.SQL(", ").join(sql.SQL("s.{}").format(name) for name in names),
        guard=sql.SQL(guard),
        n=sql.Literal(len(columns)),
    )
    refresh = _text(
        """
        WITH refreshed AS (
          UPDATE {table} t SET {assignments}
          FROM {staged} s, {owned} o
          WHERE s."id" = t."id" AND o."id" = t."id"
          RETURNING t."id", jsonb_build_object({pairs}) - o.kept AS now
        )
        UPDATE ml.published p SET study_day = %(day)s, written = p.written || r.now
        FROM refreshed r
        WHERE p.table_name = {name} AND p.row_id = r."id"
        """,
        table,
        assignments=sql.SQL(", ").join(
            sql.SQL("{c} = CASE WHEN {literal} = ANY (o.kept) THEN t.{c} ELSE s.{c} END").format(
                c=name, literal=sql.Literal(column)
            )
            for column, name in zip(columns, names, strict=True)
        ),
        pairs=sql.SQL(", ").join(
            sql.SQL("{}, t.{}").format(sql.Literal(column), name) for column, name in zip(columns, names, strict=True)
        ),
    )
    return owned, refresh


@cache
def _withdraw(table: str, condition: str) -> str:
    return _text(
        """
        WITH meant AS MATERIALIZED (
          -- First: whether a row is still as it was written costs far more to ask.
          SELECT t."id" FROM {table} t WHERE {condition}
        ), gone AS (
          DELETE FROM {table} t USING ml.published p, meant m
          WHERE t."id" = m."id" AND p.table_name = {name} AND p.row_id = t."id" AND p.written = (
            SELECT jsonb_object_agg(c.key, c.value) FROM jsonb_each(to_jsonb(t)) c WHERE p.written ? c.key)
          RETURNING t."id"
        )
        DELETE FROM ml.published p USING gone WHERE p.table_name = {name} AND p.row_id = gone."id"
        """,
        table,
        condition=sql.SQL(condition),
    )


def _text(text: str, table: str, **parts: sql.Composable) -> str:
    return (
        sql.SQL(text)
        .format(
            table=sql.Identifier(table),
            staged=sql.Identifier(f"staged_{table}"),
            owned=sql.Identifier(f"owned_{table}"),
            name=sql.Literal(table),
            **parts,
        )
        .as_string()
    )


def lock_publication(connection: psycopg.Connection[Any]) -> None:
    """One publication at a time; held until the transaction ends."""
    connection.execute(_LOCK)


def lock_learner(connection: psycopg.Connection[Any], learner: str) -> None:
    """One writer a learner at a time, and none beside a publication; held until the transaction ends."""
    connection.execute(_SHARE)
    connection.execute(_LOCK_LEARNER, [learner])
