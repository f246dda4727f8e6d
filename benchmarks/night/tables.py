"""The plainest means for rows of PostgreSQL: COPY from a table, COPY into one with its indexes, UPDATE ... FROM."""

from collections.abc import Callable
from typing import Any

import psycopg

from benchmarks.night.cost import Cost, Meter

_NOWHERE = "COPY ({}) TO STDOUT (FORMAT binary)"
# So many rows of a table are measured at most; more are told from them.
_LARGEST = 500_000


def given(app: psycopg.Connection[Any], meter: Meter, query: str) -> Cost:
    """COPY of a query's rows to nowhere."""

    def copy_all() -> None:
        with app.cursor().copy(_NOWHERE.format(query).encode()) as copy:
            for _ in copy:
                pass

    return meter.of(copy_all)


def inserted(app: psycopg.Connection[Any], meter: Meter, table: str, rows: int) -> Cost:
    """COPY of as many of the table's newest rows."""
    return _scaled(rows, lambda some: _inserted(app, meter, table, some))


def updated(app: psycopg.Connection[Any], meter: Meter, table: str, rows: int) -> Cost:
    """UPDATE ... FROM of as many of the table's newest rows, all columns but the key's."""
    return _scaled(rows, lambda some: _updated(app, meter, table, some))


def _scaled(rows: int, measured: Callable[[int], Cost]) -> Cost:
    some = min(rows, _LARGEST)
    return measured(some) * (rows / some) if some else Cost()


def _inserted(app: psycopg.Connection[Any], meter: Meter, table: str, rows: int) -> Cost:
    with app.cursor().copy(_NOWHERE.format(_newest("*", table, rows)).encode()) as copy:
        pieces = [bytes(piece) for piece in copy]
    statement = f"COPY bare ({', '.join(_columns(app, table))}) FROM STDIN (FORMAT binary)"

    def copy_back() -> None:
        with app.cursor().copy(statement.encode()) as copy:
            for piece in pieces:
                copy.write(piece)

    app.execute(f"CREATE TABLE bare (LIKE {table} INCLUDING ALL)".encode())
    try:
        return meter.of(copy_back)
    finally:
        app.execute("DROP TABLE bare")


def _updated(app: psycopg.Connection[Any], meter: Meter, table: str, rows: int) -> Cost:
    names, keys = _columns(app, table), _key(app, table)
    changed = [name for name in names if name not in keys]
    if not keys or not changed:
        return Cost()
    listed, same = ", ".join(names), " AND ".join(f"t.{name} = s.{name}" for name in keys)
    statement = f"UPDATE bare t SET {', '.join(f'{name} = s.{name}' for name in changed)} FROM same s WHERE {same}"
    app.execute(f"CREATE TABLE bare (LIKE {table} INCLUDING ALL)".encode())
    try:
        rows_of = _newest(listed, table, rows)
        app.execute(f"INSERT INTO bare ({listed}) OVERRIDING SYSTEM VALUE {rows_of}".encode())
        app.execute("CREATE TEMPORARY TABLE same AS SELECT * FROM bare")
        app.execute("ANALYZE bare, same")
        return meter.of(lambda: app.execute(statement.encode()))
    finally:
        app.execute("DROP TABLE IF EXISTS same, bare")


def _newest(columns: str, table: str, rows: int) -> str:
    return f"SELECT {columns} FROM {table} ORDER BY ctid DESC LIMIT {rows}"


def _columns(app: psycopg.Connection[Any], table: str) -> list[str]:
    found = app.execute(
        "SELECT quote_ident(attname) FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 "
        "AND NOT attisdropped ORDER BY attnum",
        [table],
    ).fetchall()
    return [row[0] for row in found]


def _key(app: psycopg.Connection[Any], table: str) -> list[str]:
    found = app.execute(
        "SELECT quote_ident(a.attname) FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid "
        "AND a.attnum = ANY (i.indkey) WHERE i.indrelid = %s::regclass AND i.indisprimary",
        [table],
    ).fetchall()
    return [row[0] for row in found]
