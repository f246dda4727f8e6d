"""What no catalogue says of views, found out by looking: whether ids repeat, values lack, what their names lead to.

Reads the views' rows, so it is for whoever asks, and not for every start.
"""

from collections.abc import Iterator
from typing import Any, LiteralString, cast

import psycopg
from psycopg import sql

from americano_assets.contract.catalog import read_schema
from americano_assets.contract.compare import Difference
from americano_assets.contract.declaration import Column, Table
from americano_assets.contract.enums import UNKNOWN_LABELS
from americano_assets.contract.tables import READ

# A view that takes longer than this to count is told so; it would hold up a night too.
COUNTING_SECONDS = 60
# Below so many rows it makes no difference how PostgreSQL finds those of a day.
MANY_ROWS = 100_000

_Parts = list[tuple[sql.Composed, str, str]]  # What is counted, of which column, and in words.


def look_into(connection: psycopg.Connection[Any], *, seconds: float = COUNTING_SECONDS) -> list[Difference]:
    """Warnings about the rows of views in the connection's current schema, which `check` found no error in.

    Args:
        connection: In autocommit or in a transaction.
        seconds: The longest that one count may take.
    """
    live = read_schema(connection).tables
    found: list[Difference] = []
    for table in READ:
        if live[table.name].view:
            found += _of_view(connection, table, seconds)
    return found


def _of_view(connection: psycopg.Connection[Any], table: Table, seconds: float) -> Iterator[Difference]:
    try:
        with connection.transaction():
            connection.execute("SELECT set_config('statement_timeout', %s, true)", [str(round(seconds * 1000))])
            if table.dated is not None:
                yield from _of_plan(connection, table, table.dated)
            yield from _of_rows(connection, table)
    except psycopg.errors.QueryCanceled:
        message = f"Its rows were not counted within {seconds:g} seconds, so nothing is said of them."
        yield Difference("warning", "plan", table.name, message)
    except psycopg.errors.InsufficientPrivilege as error:
        message = (
            f"Reading it is refused, and will be to a night: {error.diag.message_primary}. `americano doctor` prints"
            " what to grant on views; what lies behind one is read with its owner's rights, or with those of this role"
            " where it is a security_invoker."
        )
        yield Difference("error", "rows", table.name, message)
    except psycopg.errors.DataError as error:
        # What follows a colon is the value, which may be somebody's words.
        reason = (error.diag.message_primary or type(error).__name__).partition(":")[0]
        message = (
            f"Reading it fails, and so will a night: {reason}. A view has to bear every row that is in its tables."
        )
        yield Difference("error", "rows", table.name, message)


def _of_rows(connection: psycopg.Connection[Any], table: Table) -> Iterator[Difference]:
    parts = [*_uniqueness(table), *_values(table)]
    counted = sql.SQL(", ").join([sql.SQL("count(*)"), *(part for part, _, _ in parts)])
    statement = sql.SQL("SELECT {} FROM {} AS v").format(counted, sql.Identifier(table.name))
    total, *counts = connection.execute(statement).fetchall()[0]
    references = _references(table)
    for reference, _, _ in references:
        counts += connection.execute(reference).fetchall()[0]
    parts += references
    for (_, column, words), count in zip(parts, counts, strict=True):
        if count:
            of = f"All {total:,}" if count == total else f"{count:,} of {total:,}"
            where = f"{table.name}.{column}" if column else table.name
            yield Difference("warning", "rows", where, f"{of} rows of the view {words}.")


def _uniqueness(table: Table) -> _Parts:
    keys: list[tuple[str, ...]] = [("id",)] if table.column("id").extracted else []
    keys += [index.columns for index in table.indexes if index.unique]
    return [
        (
            sql.SQL("count(*) - count(DISTINCT ({}))").format(sql.SQL(", ").join(map(sql.Identifier, key))),
            ", ".join(key),
            "repeat what another one has, and count twice: make it unique",
        )
        for key in keys
    ]


def _values(table: Table) -> _Parts:
    lacking = [_counted(column, "{} IS NULL") for column in table.extracted if column.not_null]
    found: _Parts = [(part, name, "have none: they are left out or set aside as bad") for part, name in lacking]
    for column in table.extracted:
        if column.within is not None:
            least, most = column.within
            part, name = _counted(column, "{} NOT BETWEEN {} AND {}", sql.Literal(least), sql.Literal(most))
            found.append((part, name, f"are not within {least:g} and {most:g}: they are set aside as bad"))
        if not isinstance(column.type, type) or column.type not in UNKNOWN_LABELS:
            continue
        labels = sql.SQL(", ").join(map(sql.Literal, column.type))
        part, name = _counted(column, "{}::text <> ALL (ARRAY[{}])", labels)
        found.append((part, name, f"have a label that is not in the contract: {UNKNOWN_LABELS[column.type]}"))
    return found


def _counted(column: Column, condition: LiteralString, *more: sql.Composable) -> tuple[sql.Composed, str]:
    met = sql.SQL(condition).format(sql.Identifier(column.name), *more)
    return sql.SQL("count(*) FILTER (WHERE {})").format(met), column.name


def _references(table: Table) -> _Parts:
    return [
        (
            sql.SQL(
                "SELECT count(*) FROM {table} AS v WHERE v.{column} IS NOT NULL"
                " AND NOT EXISTS (SELECT FROM {other} AS o WHERE o.{id} = v.{column})"
            ).format(
                table=sql.Identifier(table.name),
                column=sql.Identifier(column),
                other=sql.Identifier(other),
                id=sql.Identifier("id"),
            ),
            column,
            f"name what is not in {other}: nothing is made of them",
        )
        for column, other in table.references.items()
    ]


def _of_plan(connection: psycopg.Connection[Any], table: Table, dated: str) -> Iterator[Difference]:
    """Whether PostgreSQL would look at all rows of large tables to find those of one day, as each night asks."""
    ((until,),) = connection.execute("SELECT (now() AT TIME ZONE 'UTC')::text").fetchall()
    columns = sql.SQL(", ").join(sql.Identifier(column.name) for column in table.extracted)
    statement = sql.SQL(
        "EXPLAIN (VERBOSE, FORMAT JSON) SELECT {columns} FROM {table}"
        " WHERE {dated} >= {until}::timestamp - interval '1 day' AND {dated} < {until}::timestamp"
    ).format(columns=columns, table=sql.Identifier(table.name), dated=sql.Identifier(dated), until=sql.Literal(until))
    ((plan,),) = connection.execute(statement).fetchall()
    for schema, name in dict.fromkeys(_searched_whole(plan[0]["Plan"], until)):
        row = connection.execute(
            "SELECT reltuples::bigint FROM pg_class WHERE relname = %s AND relnamespace = %s::regnamespace",
            [name, f'"{schema}"'],
        ).fetchone()
        if row is not None and row[0] >= MANY_ROWS:
            message = (
                f"To find the rows of one day PostgreSQL looks at all {row[0]:,} rows of {name}: there is no index that"
                f' serves the expression of "{dated}", or an aggregate or DISTINCT of the view has to come before.'
            )
            yield Difference("warning", "plan", table.name, message)


def _searched_whole(node: dict[str, Any], until: str, *, inside: bool = False) -> Iterator[tuple[str, str]]:
    """Tables that are read from end to end, and only then asked for their time, by themselves or further up.

    What is read whole to be joined with the rows of a day is the planner's choice, and none of these.
    """
    inside = inside or until in node.get("Filter", "")
    if inside and node["Node Type"] == "Seq Scan":
        yield node["Schema"], cast(str, node["Relation Name"])
    for child in node.get("Plans", ()):
        yield from _searched_whole(child, until, inside=inside)
