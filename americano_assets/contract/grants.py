"""SQL that gives a role just what the pipeline and its API need on the app's database.

python -m americano_assets.contract.grants [ROLE [SCHEMA]]
"""

import sys
from collections.abc import Iterable
from typing import Any

import psycopg

from americano_assets.contract.tables import READ, WRITTEN

ROLE = "americano_pipeline"
# What is written in tables that are otherwise read: the link to an MLflow run, and what the API adds to a mission.
UPDATED = {"analysis_runs": "mlflowRunId", "missions": "objectives"}
_USUAL = "public"

_WRITING = ("SELECT", "INSERT", "UPDATE", "DELETE")
# Deleting is a right to a table alone; everything else may have been granted column by column.
_LACKING = """
SELECT w.name, w.column_name, w.privilege
FROM unnest(%s::text[], %s::text[], %s::text[]) AS w (name, column_name, privilege)
JOIN pg_class c ON c.relname = w.name AND c.relnamespace = current_schema()::regnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = w.column_name AND NOT a.attisdropped
WHERE NOT CASE w.privilege WHEN 'DELETE' THEN has_table_privilege(c.oid, 'DELETE')
               ELSE has_column_privilege(c.oid, a.attnum, w.privilege) END
  -- Through a view that PostgreSQL cannot update nothing is written.
  AND (w.privilege = 'SELECT' OR pg_column_is_updatable(c.oid, a.attnum, false))
"""
_MAY_SET_UP = """
SELECT CASE WHEN to_regnamespace('ml') IS NULL THEN has_database_privilege(current_database(), 'CREATE')
            ELSE has_schema_privilege('ml', 'USAGE') AND has_schema_privilege('ml', 'CREATE') END
"""


def grants(role: str = ROLE, schema: str = _USUAL) -> str:
    """Statements for the database's owner; people's words, names and addresses are out of the role's reach.

    Args:
        role: Who is to have the rights.
        schema: Where the app's tables are.
    """
    usage = f'GRANT USAGE ON SCHEMA {_quoted(schema)} TO "{role}";'
    given = [(table.name, "SELECT", [one.name for one in table.extracted]) for table in READ]
    given += [(table, "UPDATE", [column]) for table, column in UPDATED.items()]
    given += [(table.name, ", ".join(_WRITING), []) for table in WRITTEN]
    statements = [_own_schema(role), usage]
    statements += [_grant(right, _where(schema, table), columns, role) for table, right, columns in given]
    return "\n".join(statements) + "\n"


def missing_grants(connection: psycopg.Connection[Any]) -> list[str]:
    """Statements for the database's owner that the connection's role still needs, of what is there at all."""
    role = connection.info.user
    needed = [(table.name, column.name, "SELECT") for table in READ for column in table.extracted]
    needed += [(table, column, "UPDATE") for table, column in UPDATED.items()]
    needed += [(table.name, column.name, right) for table in WRITTEN for column in table.columns for right in _WRITING]
    lacking: dict[tuple[str, str], list[str]] = {}
    for table, column, right in connection.execute(_LACKING, [list(part) for part in zip(*needed, strict=True)]):
        lacking.setdefault((table, right), []).append(column)
    written = {table.name for table in WRITTEN}
    row = connection.execute("SELECT current_schema()::text").fetchone()
    schema = (row and row[0]) or _USUAL
    found = [] if connection.execute(_MAY_SET_UP).fetchone() == (True,) else [_own_schema(role)]
    for (table, right), columns in lacking.items():
        found.append(_grant(right, _where(schema, table), () if table in written else columns, role))
    return found


def _own_schema(role: str) -> str:
    return f'CREATE SCHEMA IF NOT EXISTS ml AUTHORIZATION "{role}";'


def _grant(right: str, table: str, columns: Iterable[str], role: str) -> str:
    listed = ", ".join(f'"{column}"' for column in columns)
    return f'GRANT {right}{f" ({listed})" if listed else ""} ON {table} TO "{role}";'


def _where(schema: str, table: str) -> str:
    """A table's name as its owner says it, who is in the usual schema unless somebody says otherwise."""
    return f'"{table}"' if schema == _USUAL else f'{_quoted(schema)}."{table}"'


def _quoted(schema: str) -> str:
    return schema if schema == _USUAL else f'"{schema}"'


if __name__ == "__main__":
    print(grants(*sys.argv[1:3]), end="")
