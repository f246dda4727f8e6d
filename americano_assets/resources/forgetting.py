"""Forgets a learner: every file under the home, every table of ours, our rows in the app's tables.

Belongs here: the order in which it is done, and the databases. Does not: how one file is cleaned (forgetting_files.py),
or the app's own tables, which are the app's to clean.

It may be killed at any moment and be called again: new contents are written first, one rename makes their old names
mean them (successors.py), and only then are old contents removed, those by which others are found last.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pyarrow.parquet as pq
from psycopg import sql
from psycopg.types.json import Jsonb

from americano_assets.core.moment import naive
from americano_assets.errors import AmericanoError
from americano_assets.resources.analytics import build_analytics
from americano_assets.resources.deployment import Deployment
from americano_assets.resources.files import LEFTOVER_PREFIX
from americano_assets.resources.forgetting_files import (
    Traces,
    clean_parquet,
    clean_text,
    ids_in,
    names_learner,
    names_predictions,
    parquet_files,
    rows_about,
    without,
)
from americano_assets.resources.parquet_store import ParquetStore
from americano_assets.resources.publication import INDICATORS, PREDICTIONS, RECOMMENDATIONS
from americano_assets.resources.stored_files import read_table
from americano_assets.resources.successors import Successor

# The embedded server's own files: what is in its tables is removed by SQL.
_NOT_OURS = "postgres"
_QUARANTINE = "quarantine"
# Children before parents.
_APP_TABLES = (RECOMMENDATIONS, INDICATORS, PREDICTIONS)
# Tables of ours that are about no learner.
_ABOUT_NOBODY = (
    *("migrations", "deployment", "demo_load", "study_days", "forgettings"),
    *("model_versions", "model_events"),
)
_TOKENS = "api_tokens"


@dataclass
class Forgotten:
    """What was removed.

    Attributes:
        rows: Rows removed, by table or kind of file.
        files: Files that were written anew.
        still_active: The account is still in the app and takes part: later nights read what it does from now on.
    """

    rows: Counter[str] = field(default_factory=Counter)
    files: int = 0
    still_active: bool = False


def forget(deployment: Deployment, learner: str) -> Forgotten:
    """Remove a learner from everything of ours; a second call finishes what a killed one began.

    Args:
        deployment: The deployment; no run of it may be in progress.
        learner: Their id in the app.

    Raises:
        AmericanoError: Not an id, or something still names them that could not be cleaned.
    """
    if not learner.strip():
        raise AmericanoError("Whom to forget? Name the id of a learner's account.")
    done = Forgotten()
    traces = Traces(learner)
    with deployment.connect() as connection:
        traces.ids |= _prediction_ids(connection, learner)
    _clean_store(deployment.store, traces, done)
    _clean_other_files(deployment, traces, done)
    with deployment.connect() as connection:
        _clean_tables(connection, traces, done)
        connection.execute(
            "INSERT INTO ml.forgettings (forgotten_at, removed) VALUES (%s, %s)",
            [naive(deployment.now()), Jsonb(dict(done.rows))],
        )
    if deployment.settings.analytics_path.exists():
        build_analytics(deployment)
    _require_gone(deployment, traces)
    done.still_active = learner in deployment.analysable()
    return done


def _clean_store(store: ParquetStore, traces: Traces, done: Forgotten) -> None:
    files = parquet_files(store.root)
    for path in files:
        _learn_ids(store, path, traces)
    successors: dict[str, Successor] = {}
    known_as: dict[str, str] = {}
    old: list[Path] = []
    for path in files:
        table = read_table(path)
        about = rows_about(table, traces)
        if about is None:
            continue
        rest = without(table, about)
        left = store.add_remainder(path.parent, rest)
        successors[path.stem] = left
        name = store.successors.name_of(path.stem)
        if left.content not in known_as or _is_current(path.parent, name):
            known_as[left.content] = name
        old.append(path)
        done.rows[_kind(store, path)] += table.num_rows - rest.num_rows
        done.files += 1
    if successors:
        store.successors.record(successors, known_as)
    for path in sorted(old, key=names_predictions):
        path.unlink()


def _learn_ids(store: ParquetStore, path: Path, traces: Traces) -> None:
    """By which further ids other files name the learner: predictions, and the rows that reports point at."""
    in_quarantine = path.relative_to(store.root).parts[0] == _QUARANTINE
    if not in_quarantine and not names_predictions(path):
        return
    table = read_table(path)
    about = rows_about(table, Traces(traces.learner))
    if about is None:
        return
    traces.ids |= {str(one) for one in table.filter(about)[0].to_pylist() if one} if in_quarantine else set()
    traces.ids |= ids_in(table, about)


def _clean_other_files(deployment: Deployment, traces: Traces, done: Forgotten) -> None:
    for path in _other_files(deployment):
        if path.name.startswith(LEFTOVER_PREFIX):
            path.unlink()
        elif path.suffix == ".parquet":
            removed = clean_parquet(path, traces)
            done.rows["other Parquet files"] += removed
            done.files += bool(removed)
        elif names_learner(path, traces) and clean_text(path, traces):
            done.rows["other files"] += 1
            done.files += 1


def _other_files(deployment: Deployment) -> Iterator[Path]:
    """Every file under the home but the store's Parquet files, the embedded server's and the researchers' file."""
    home, store = deployment.settings.americano_home, deployment.store.root
    for path in sorted(home.rglob("*")):
        ours = path.is_file() and not path.is_symlink() and path.relative_to(home).parts[0] != _NOT_OURS
        stored = path.suffix == ".parquet" and path.is_relative_to(store) and not path.name.startswith(LEFTOVER_PREFIX)
        if ours and not stored and path != deployment.settings.analytics_path:
            yield path


def _prediction_ids(connection: psycopg.Connection[Any], learner: str) -> set[str]:
    found = connection.execute(
        f'SELECT "id" FROM {PREDICTIONS} WHERE "userId" = %(learner)s '
        "UNION SELECT prediction_id FROM ml.episodes WHERE user_id = %(learner)s "
        "UNION SELECT row_id FROM ml.published WHERE user_id = %(learner)s".encode(),
        {"learner": learner},
    )
    return {row[0] for row in found}


def _clean_tables(connection: psycopg.Connection[Any], traces: Traces, done: Forgotten) -> None:
    for table in _APP_TABLES:
        statement = sql.SQL('DELETE FROM {} WHERE "userId" = %s').format(sql.Identifier(table))
        done.rows[table] += connection.execute(statement, [traces.learner]).rowcount
    # A token that was bound to the learner opens nothing from now on; its row stays, as api_tokens wants it.
    connection.execute(
        sql.SQL(
            "UPDATE ml.{} SET learner_id = '', revoked_at = COALESCE(revoked_at, created_at) WHERE learner_id = %s"
        ).format(sql.Identifier(_TOKENS)),
        [traces.learner],
    )
    for table in _our_tables(connection):
        name = sql.Identifier("ml", table)
        statement = sql.SQL("DELETE FROM {} t WHERE {}").format(name, _names_them(connection, table))
        done.rows[f"ml.{table}"] += connection.execute(statement, _known_by(traces)).rowcount


def _our_tables(connection: psycopg.Connection[Any]) -> list[str]:
    rows = connection.execute(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'ml' AND table_type = 'BASE TABLE' "
        "AND NOT table_name = ANY (%s) ORDER BY table_name",
        [[*_ABOUT_NOBODY, _TOKENS]],
    )
    return [row[0] for row in rows]


def _names_them(connection: psycopg.Connection[Any], table: str) -> sql.Composed:
    """True where any column of a row names the learner, whatever tables and columns are added later."""
    columns = connection.execute(
        "SELECT column_name FROM information_schema.columns "
        "WHERE table_schema = 'ml' AND table_name = %s AND data_type = 'text'",
        [table],
    )
    equal = [sql.SQL("t.{} = ANY (%(ids)s)").format(sql.Identifier(row[0])) for row in columns]
    return sql.SQL(" OR ").join([sql.SQL("to_jsonb(t)::text ~ %(pattern)s"), *equal])


def _known_by(traces: Traces) -> dict[str, Any]:
    return {"pattern": traces.pattern, "ids": [traces.learner, *sorted(traces.ids)]}


def _require_gone(deployment: Deployment, traces: Traces) -> None:
    """Look everywhere once more: better an error than a promise that does not hold."""
    left = [path for path in parquet_files(deployment.store.root) if rows_about(read_table(path), traces) is not None]
    for path in _other_files(deployment):
        named = (
            rows_about(pq.read_table(path), traces) is not None
            if path.suffix == ".parquet"
            else names_learner(path, traces)
        )
        left += [path] if named else []
    with deployment.connect() as connection:
        tables = [
            f"ml.{table}"
            for table in (*_our_tables(connection), *_ABOUT_NOBODY)
            if connection.execute(
                sql.SQL("SELECT 1 FROM {} t WHERE {} LIMIT 1").format(
                    sql.Identifier("ml", table), _names_them(connection, table)
                ),
                _known_by(traces),
            ).fetchone()
        ]
    if left or tables:
        home = deployment.settings.americano_home
        where = [str(path.relative_to(home)) for path in left] + tables
        raise AmericanoError(
            f"{len(where)} places still name the learner and could not be cleaned, the first is {where[0]}: remove it"
            " by hand, then run the command again. Everything else is done."
        )


def _is_current(folder: Path, name: str) -> bool:
    pointer = folder / "current.json"
    return pointer.exists() and f'"{name}"' in pointer.read_text()


def _kind(store: ParquetStore, path: Path) -> str:
    parts = path.relative_to(store.root).parts
    return f"{parts[0]}/{parts[1]}" if parts[0] == _QUARANTINE else parts[0]
