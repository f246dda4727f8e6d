"""What a live schema holds, read from PostgreSQL's catalogue in three queries."""

from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg.rows import dict_row

_COLUMNS = """
SELECT c.relname AS "table", c.relkind IN ('v', 'm') AS view, a.attname AS "column",
       format_type(a.atttypid, a.atttypmod) AS type,
       a.attnotnull AS not_null, (a.atthasdef OR a.attidentity <> '') AS filled,
       CASE WHEN t.typtype = 'e' THEN t.typname END AS enum,
       ARRAY(SELECT e.enumlabel::text FROM pg_enum e WHERE e.enumtypid = t.oid ORDER BY e.enumsortorder) AS labels
FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type t ON t.oid = a.atttypid
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
"""

_FOREIGN_KEYS = """
SELECT c.relname AS "table", a.attname AS "column", f.relname AS references,
       CASE k.confdeltype WHEN 'c' THEN 'CASCADE' WHEN 'n' THEN 'SET NULL' WHEN 'd' THEN 'SET DEFAULT'
                          ELSE 'RESTRICT' END AS on_delete
FROM pg_constraint k
JOIN pg_class c ON c.oid = k.conrelid
JOIN pg_class f ON f.oid = k.confrelid
JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]
WHERE k.contype = 'f' AND cardinality(k.conkey) = 1 AND c.relnamespace = current_schema()::regnamespace
"""

_INDEXES = """
SELECT c.relname AS "table", i.indisunique AS is_unique, i.indisprimary AS is_primary,
       array_agg(a.attname::text ORDER BY k.place) AS columns
FROM pg_index i
JOIN pg_class c ON c.oid = i.indrelid
CROSS JOIN LATERAL unnest(i.indkey::int[]) WITH ORDINALITY AS k (number, place)
JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number
WHERE i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL AND k.place <= i.indnkeyatts
  AND c.relnamespace = current_schema()::regnamespace
GROUP BY i.indexrelid, c.relname, i.indisunique, i.indisprimary
"""


@dataclass(frozen=True)
class LiveColumn:
    """A column as it is.

    Attributes:
        type: As PostgreSQL prints it, for example `timestamp(3) without time zone`.
        filled: The database supplies a value where a writer does not.
        enum: Name of its enum type, None for any other type.
        labels: Of that enum, in its order.
    """

    type: str
    not_null: bool
    filled: bool
    enum: str | None
    labels: tuple[str, ...]


@dataclass
class LiveTable:
    """A table as it is; `indexes` holds (columns, unique), the primary key included.

    Attributes:
        view: It is one, materialized or not: nothing in the catalogue says what its rows keep to.
    """

    view: bool = False
    columns: dict[str, LiveColumn] = field(default_factory=dict)
    foreign_keys: dict[tuple[str, str], str] = field(default_factory=dict)
    indexes: list[tuple[tuple[str, ...], bool]] = field(default_factory=list)
    primary_key: tuple[str, ...] | None = None


@dataclass(frozen=True)
class LiveSchema:
    """The schema that a connection looks into first."""

    tables: dict[str, LiveTable]


def read_schema(connection: psycopg.Connection[Any]) -> LiveSchema:
    """All tables, enum labels, foreign keys and indexes of the connection's current schema."""
    tables: dict[str, LiveTable] = {}
    with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
        for row in cursor.execute(_COLUMNS).fetchall():
            tables.setdefault(row["table"], LiveTable(row["view"])).columns[row["column"]] = LiveColumn(
                row["type"], row["not_null"], row["filled"], row["enum"], tuple(row["labels"])
            )
        for row in cursor.execute(_FOREIGN_KEYS).fetchall():
            tables[row["table"]].foreign_keys[row["column"], row["references"]] = row["on_delete"]
        for row in cursor.execute(_INDEXES).fetchall():
            columns = tuple(row["columns"])
            live = tables[row["table"]]
            live.indexes.append((columns, row["is_unique"]))
            if row["is_primary"]:
                live.primary_key = columns
    return LiveSchema(tables)
