"""Takes a demo out again: its learners' rows, what was published and kept about them, and what the home made of them.

Whoever else is in the database keeps every row, and is asked for nothing.
"""

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import psycopg
from psycopg import sql

from americano_assets.contract.declaration import ForeignKey, Table
from americano_assets.contract.tables import TABLES
from americano_assets.errors import AmericanoError
from americano_assets.loading.demo.cleaning import clean_home
from americano_assets.loading.demo.oulad.tables import OuladTables, Window
from americano_assets.loading.demo.simulator import stored_arguments
from americano_assets.loading.demo.simulator.rows.ids import ids
from americano_assets.loading.demo.simulator.rows.school import OWNER
from americano_assets.resources.home.folder import CLAIM_FILE, SERVER_FOLDER, open_home
from americano_assets.resources.home.standing import standing
from americano_assets.resources.postgres.connection import app_url, connect
from americano_assets.resources.postgres.embedded.server import DAGSTER_DATABASE, MLFLOW_DATABASE, EmbeddedServer
from americano_assets.settings import Settings
from americano_assets.stages.common.measurements import OULAD
from americano_assets.stages.maintenance.erasure.databases import close_tokens
from americano_assets.stages.maintenance.erasure.registry import ML_TABLES, OF_SCOPE, TOKENS
from americano_assets.stages.maintenance.sql import query
from americano_assets.stages.s6_publication.owned_tables import lock_publication

# Of our tables without a learner's column those that say nothing of a cohort: the rest was computed from the demo.
_ABOUT_NO_COHORT = ("migrations", "home", "former_homes", "forgettings", "experiment", "adviser_sessions")
_OF_DEMO = "IN (SELECT id FROM demo_users)"
_USERS = "users"
# What a row belongs to where the app declares no foreign key for it.
_BELONGS = {"validation_prompts": (ForeignKey("objectiveId", "learning_objectives"),)}


def remove(settings: Settings) -> Counter[str]:
    """Remove the demo from the database in one transaction, then what the home made of it; safe to call again.

    Returns:
        Rows removed, by table; the tables of ours without a learner in them are emptied.

    Raises:
        AmericanoError: The database holds no demo, is not this home's, or rows of others hang on the demo's.
    """
    open_home(settings.americano_home)
    if settings.americano_store is not None:
        raise AmericanoError(
            "AMERICANO_STORE is set, and a demo's files are looked for in its home: bring them there by"
            " `americano store move home`, and unset it. Nothing was removed."
        )
    with connect(app_url(settings), autocommit=True) as connection:
        found = standing(connection, settings)
        name = found.database.database_name
        elsewhere = replace(found, demo_here=False).obstacle()
        broken_off = found.demo_here and found.is_bound
        if elsewhere or not (found.demo_there or broken_off):
            raise AmericanoError(elsewhere or f'Database "{name}" holds no demo: there is nothing to remove.')
        strangers = sorted(found.models_here - found.models_there)
        if found.demo_there and strangers:
            raise AmericanoError(
                f'The home {found.home} holds {len(strangers):,} models that database "{name}" does not know, first'
                f" {strangers[0]}: nights of another database are in it too, whose files would go. Copy the home:"
                " the copy without settings.env is that database's (`americano home adopt` binds it). Then take these"
                " models out of the demo's. Nothing was removed."
            )
        removed: Counter[str] = Counter()
        if found.demo_there:
            try:
                with connection.transaction():
                    removed = _remove_rows(connection)
            except psycopg.errors.InsufficientPrivilege as error:
                raise AmericanoError(
                    f'User "{connection.info.user}" may not take the demo out ({error.diag.message_primary}): run the'
                    " command as the owner of the app's tables and of schema ml. Nothing was removed."
                ) from None
    # A home may stand in for one that was lost, and was never the demo's: what lies in it is others'.
    if found.demo_here or found.is_bound or found.models_here:
        _clean_home(settings)
    return removed


def accounts_of_others(connection: psycopg.Connection[Any]) -> int:
    """Accounts in the app's database that no demo wrote."""
    with connection.transaction():
        if not _is_there(connection, _USERS):
            return 0
        _name_accounts(connection)
        row = connection.execute("SELECT count(*) FROM users WHERE id NOT IN (SELECT id FROM demo_users)").fetchone()
    return int(row[0]) if row else 0


def _name_accounts(connection: psycopg.Connection[Any]) -> None:
    """Make demo_users (id): the accounts that the demo wrote, whether they are still there or not."""
    connection.execute("CREATE TEMPORARY TABLE demo_users (id text PRIMARY KEY) ON COMMIT DROP")
    if not _is_there(connection, "ml.demo_load"):
        return
    row = connection.execute("SELECT cohort, shift_days, learners, loaded_through FROM ml.demo_load").fetchone()
    if row is None:
        return
    cohort, shift_days, learners, until = row
    if cohort == OULAD:
        tables = OuladTables()
        try:
            tables.prepare(Window(None, until), shift_days=shift_days, learners=learners)
            accounts = tables.user_ids()
        finally:
            tables.close()
    else:
        arguments = stored_arguments(connection)
        assert arguments is not None
        accounts = {*ids(arguments.seed, _USERS, np.arange(arguments.learners)).to_pylist(), OWNER}
    connection.execute("INSERT INTO demo_users SELECT unnest(%s::text[]) ON CONFLICT DO NOTHING", [sorted(accounts)])


def _is_there(connection: psycopg.Connection[Any], table: str) -> bool:
    row = connection.execute("SELECT to_regclass(%s) IS NOT NULL", [table]).fetchone()
    return bool(row and row[0])


def _remove_rows(connection: psycopg.Connection[Any]) -> Counter[str]:
    lock_publication(connection)
    connection.execute("LOCK TABLE ml.demo_load IN SHARE ROW EXCLUSIVE MODE")
    _name_accounts(connection)
    owned = [table for table in _parents_first() if _mark(connection, table)]
    for table in owned:
        _refuse_hanging_on(connection, table)
    _refuse_unknown(connection, [table.name for table in owned])
    removed: Counter[str] = Counter()
    for table in reversed(owned):
        removed[table.name] = connection.execute(
            sql.SQL("DELETE FROM {} t USING {} d WHERE t.id = d.id").format(
                sql.Identifier(table.name), _marked(table.name)
            )
        ).rowcount
    for name, rows in ML_TABLES.items():
        if name in _ABOUT_NO_COHORT or not _is_there(connection, f"ml.{name}"):
            continue
        # Figures of a learner or of all: both were computed from the demo.
        whose = "true" if rows in (None, OF_SCOPE) else f"{rows}".replace("= %(learner)s", _OF_DEMO)
        statement = close_tokens(whose) if name == TOKENS else f"DELETE FROM ml.{name} WHERE {whose}"
        # What is only ever added to tells what somebody decided; of a demo's models nobody decides any more.
        connection.execute(f"ALTER TABLE ml.{name} DISABLE TRIGGER USER".encode())
        removed[f"ml.{name}"] = connection.execute(statement.encode()).rowcount
        connection.execute(f"ALTER TABLE ml.{name} ENABLE TRIGGER USER".encode())
    return removed


def _parents_first() -> list[Table]:
    waiting, placed = list(TABLES), list[Table]()
    while waiting:
        names = {table.name for table in waiting}
        ready = [t for t in waiting if not {key.references for key in _keys(t)} & (names - {t.name})]
        placed += ready
        waiting = [table for table in waiting if table not in ready]
    return placed


def _keys(table: Table) -> tuple[ForeignKey, ...]:
    return (*table.foreign_keys, *_BELONGS.get(table.name, ()))


def _marked(table: str) -> sql.Identifier:
    return sql.Identifier(f"demo_{table}")


def _mark(connection: psycopg.Connection[Any], table: Table) -> bool:
    """Make demo_<table> (id), the rows of it that are the demo's; False for a table that is about nobody."""
    if table.name == _USERS:
        return True  # That is what they were named for.
    condition = _is_demos(table)
    if condition is None:
        return False
    connection.execute(
        sql.SQL("CREATE TEMPORARY TABLE {} ON COMMIT DROP AS SELECT t.id FROM {} t WHERE {}").format(
            _marked(table.name), sql.Identifier(table.name), condition
        )
    )
    connection.execute(sql.SQL("ANALYZE {}").format(_marked(table.name)))
    return True


def _is_demos(table: Table) -> sql.Composable | None:
    """Whose a row is: its learner's, else the demo's if all that it belongs to is."""
    owner = [key.column for key in table.foreign_keys if key.references == _USERS]
    if owner or any(column.name == "userId" for column in table.columns):
        column = owner[0] if owner else "userId"
        return sql.SQL("t.{} IN (SELECT id FROM demo_users)").format(sql.Identifier(column))
    keys = _keys(table)
    if not keys:
        return None
    columns = [sql.Identifier(key.column) for key in keys]
    parents = [
        sql.SQL("(t.{0} IS NULL OR t.{0} IN (SELECT id FROM {1}))").format(column, _marked(key.references))
        for column, key in zip(columns, keys, strict=True)
    ]
    belongs = sql.SQL("coalesce({}) IS NOT NULL").format(sql.SQL(", ").join(sql.SQL("t.{}").format(c) for c in columns))
    return sql.SQL(" AND ").join([*parents, belongs])


def _refuse_hanging_on(connection: psycopg.Connection[Any], table: Table) -> None:
    """Rows of others that refer to the demo's would go, or change, along with them."""
    for key in _keys(table):
        row = connection.execute(
            sql.SQL(
                "SELECT count(*) FROM {table} t JOIN {parent} p ON t.{column} = p.id "
                "WHERE NOT EXISTS (SELECT FROM {own} o WHERE o.id = t.id)"
            ).format(
                table=sql.Identifier(table.name),
                parent=_marked(key.references),
                column=sql.Identifier(key.column),
                own=_marked(table.name),
            )
        ).fetchone()
        _require_none(row, f"{table.name}.{key.column}", key.references)


def _refuse_unknown(connection: psycopg.Connection[Any], owned: list[str]) -> None:
    """Tables of the app that the contract does not know may refer to the demo's rows too."""
    for target, schema, name, column, key, readable in connection.execute(
        query("foreign_references"), {"written": owned}
    ).fetchall():
        if not readable:
            raise AmericanoError(
                f'{schema}.{name} refers to {target}, and user "{connection.info.user}" may not read it: run the'
                " command as the owner of the app's tables. Nothing was removed."
            )
        row = connection.execute(
            sql.SQL(
                "SELECT count(*) FROM {other} o JOIN {target} t ON o.{column} = t.{key} JOIN {own} d ON d.id = t.id"
            ).format(
                other=sql.Identifier(schema, name),
                target=sql.Identifier(target),
                column=sql.Identifier(column),
                key=sql.Identifier(key),
                own=_marked(target),
            )
        ).fetchone()
        _require_none(row, f"{schema}.{name}.{column}", target)


def _require_none(row: tuple[Any, ...] | None, where: str, target: str) -> None:
    if row and row[0]:
        raise AmericanoError(
            f"{row[0]:,} rows that the demo did not write refer to the demo's {target} ({where}): delete them, or point"
            " them elsewhere, and run the command again. Nothing was removed."
        )


def _clean_home(settings: Settings) -> None:
    """Everything that was made of the demo's rows; Dagster's and MLflow's history of them with it."""
    home = settings.americano_home
    if (home / SERVER_FOLDER).exists():
        server = EmbeddedServer(home)
        server.ensure()
        server.drop(DAGSTER_DATABASE, MLFLOW_DATABASE)
    clean_home(home, keep=(SERVER_FOLDER, CLAIM_FILE))
