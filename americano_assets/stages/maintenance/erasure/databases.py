"""Removes a learner from databases: our tables, our rows in the app's, what Dagster and MLflow keep of our texts."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, LiteralString, NamedTuple

import psycopg
from psycopg import sql

from americano_assets.resources.home.folder import SERVER_FOLDER
from americano_assets.resources.postgres.connection import connect, dagster_url, mlflow_uri
from americano_assets.settings import Settings
from americano_assets.stages.maintenance.erasure.registry import (
    APP_ROWS,
    APP_TABLES,
    DAGSTER_TEXT,
    ML_TABLES,
    MLFLOW_TEXT,
    NAMES_IN_APP,
    NAMES_IN_DAGSTER,
    NAMES_IN_MLFLOW,
    PREDICTION_IDS,
    TOKENS,
)

# What stands in a token's place; no learner has an empty id.
_NO_LEARNER = ""


def prediction_ids(connection: psycopg.Connection[Any], learner: str) -> set[str]:
    """Ids of predictions about a learner that the database knows."""
    parts = (f"SELECT {column} FROM {table} WHERE {rows}" for table, column, rows in PREDICTION_IDS)
    found = connection.execute(" UNION ".join(parts).encode(), {"learner": learner})
    return {row[0] for row in found}


def mlflow_runs(connection: psycopg.Connection[Any], learner: str) -> list[str]:
    """Runs in MLflow that hold figures of a learner alone."""
    found = connection.execute("SELECT mlflow_run_id FROM ml.single_cases WHERE user_id = %s ORDER BY 1", [learner])
    return [row[0] for row in found.fetchall()]


def has_account(connection: psycopg.Connection[Any], learner: str) -> bool:
    """Whether the app has an account of that id."""
    return connection.execute('SELECT 1 FROM users WHERE "id" = %s', [learner]).fetchone() is not None


def count_rows(connection: psycopg.Connection[Any], learner: str) -> Counter[str]:
    """Rows of a learner by table."""
    found: Counter[str] = Counter()
    for name, rows in _tables():
        row = connection.execute(f"SELECT count(*) FROM {name} WHERE {rows}".encode(), {"learner": learner}).fetchone()
        found[name] = row[0] if row else 0
    return +found


def remove_rows(connection: psycopg.Connection[Any], learner: str) -> Counter[str]:
    """Remove a learner's rows, within one transaction; returns how many by table.

    A token that was bound to them opens nothing from now on. Its row stays without its name, since a database that ever
    had a token is never open again.
    """
    done: Counter[str] = Counter()
    # The trigger on ml.assignments lets rows of this learner go, until the transaction ends.
    connection.execute("SELECT set_config('ml.forgetting', %s, true)", [learner])
    for name, rows in _tables():
        statement = f"DELETE FROM {name} WHERE {rows}"
        if name == f"ml.{TOKENS}":
            statement = close_tokens(rows)
        done[name] = connection.execute(statement.encode(), {"learner": learner}).rowcount
    return +done


def close_tokens(whose: str) -> str:
    """A statement after which tokens open nothing and name nobody; their rows stay.

    Args:
        whose: The condition by which they are told.
    """
    return (
        f"UPDATE ml.{TOKENS} SET learner_id = '{_NO_LEARNER}', name = 'forgotten ' || left(token_hash, 16),"
        f" revoked_at = COALESCE(revoked_at, created_at) WHERE {whose}"
    )


def unknown_tables(connection: psycopg.Connection[Any]) -> list[str]:
    """Tables in schema ml that are not ours."""
    rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'ml' ORDER BY 1").fetchall()
    return [f"ml.{table}" for (table,) in rows if table not in ML_TABLES]


def names_of_others(connection: psycopg.Connection[Any], settings: Settings, ids: set[str]) -> set[str]:
    """Which of these ids something else has: a course or a card of the app's, a run of Dagster's or MLflow's."""
    found = _having(connection, NAMES_IN_APP, ids)
    for label, url, _, names in _others(settings):
        with connect(url, setting=label) as other:
            found |= _having(other, names, ids)
    return found


def count_texts(settings: Settings, pattern: str) -> Counter[str]:
    """Values in Dagster's and MLflow's databases that a pattern of `text_pattern` finds, by table."""
    return _texts(settings, "SELECT count(*) FROM {table} WHERE {column} ~ %(pattern)s", pattern)


def blank_texts(settings: Settings, pattern: str) -> None:
    """Put another word where the pattern finds something."""
    _texts(
        settings,
        "WITH changed AS (UPDATE {table} SET {column} = regexp_replace({column}, %(pattern)s, 'forgotten', 'g') "
        "WHERE {column} ~ %(pattern)s RETURNING 1) SELECT count(*) FROM changed",
        pattern,
    )


def _tables() -> Iterator[tuple[str, str]]:
    yield from ((table, APP_ROWS) for table in APP_TABLES)
    yield from ((f"ml.{table}", rows) for table, rows in ML_TABLES.items() if rows is not None)


def _texts(settings: Settings, statement: LiteralString, pattern: str) -> Counter[str]:
    found: Counter[str] = Counter()
    for label, url, texts, _ in _others(settings):
        with connect(url, setting=label) as connection:
            for table, columns in texts.items():
                for column in _present(connection, table, columns):
                    made = sql.SQL(statement).format(table=sql.Identifier(table), column=sql.Identifier(column))
                    row = connection.execute(made, {"pattern": pattern}).fetchone()
                    found[f"{label}.{table}"] += row[0] if row else 0
    return +found


def _having(connection: psycopg.Connection[Any], names: tuple[tuple[str, str], ...], ids: set[str]) -> set[str]:
    found: set[str] = set()
    for table, column in names:
        for name in _present(connection, table, (column,)):
            text = sql.SQL("SELECT {column} FROM {table} WHERE {column} = ANY (%s)")
            made = text.format(table=sql.Identifier(table), column=sql.Identifier(name))
            found.update(row[0] for row in connection.execute(made, [sorted(ids)]))
    return found


class _Other(NamedTuple):
    label: str
    url: str
    texts: Mapping[str, tuple[str, ...]]
    names: tuple[tuple[str, str], ...]


def _others(settings: Settings) -> Iterator[_Other]:
    """Dagster's and MLflow's databases, where they are PostgreSQL's and were ever made."""
    made = (settings.americano_home / SERVER_FOLDER / "data").exists()
    if made or settings.americano_dagster_url is not None:
        yield _Other("dagster", dagster_url(settings), DAGSTER_TEXT, NAMES_IN_DAGSTER)
    uri = mlflow_uri(settings) if made or settings.mlflow_tracking_uri is not None else ""
    if uri.startswith("postgresql://"):
        yield _Other("mlflow", uri, MLFLOW_TEXT, NAMES_IN_MLFLOW)


def _present(connection: psycopg.Connection[Any], table: str, columns: tuple[str, ...]) -> list[str]:
    rows = connection.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attname = ANY (%s) AND NOT attisdropped",
        [table, list(columns)],
    ).fetchall()
    return [row[0] for row in rows]
