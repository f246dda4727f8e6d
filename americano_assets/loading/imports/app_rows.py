"""From a staged log to rows of the app's tables, which are added once however often they are loaded."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb
import psycopg
import pyarrow as pa

from americano_assets.core.base.ids import cuid
from americano_assets.errors import AmericanoError
from americano_assets.loading.imports.anki.cards import CARDS
from americano_assets.loading.imports.anki.collection import MEMORY
from americano_assets.loading.imports.sql import query
from americano_assets.resources.duckdb.connection import Engine
from americano_assets.resources.postgres.staging import Staging, like

OWNER = cuid("import", "owner", "courses")
MISSIONS = "missions"
_BATCH_ROWS = 20_000
_ID = "CREATE OR REPLACE MACRO import_id(kind, key) AS 'c' || md5(concat_ws(chr(31), 'import', kind, key))[:24]"
# An item of a log may have its name for one objective alone; a card of Anki's keeps its own wherever it is moved.
_KEY_OF_LOG = "CREATE OR REPLACE MACRO item_key(objective, item) AS concat_ws(chr(31), objective, item)"
_KEY_OF_ANKI = "CREATE OR REPLACE MACRO item_key(objective, item) AS item"


@dataclass(frozen=True)
class _Rows:
    """How rows of a table meet those that are there.

    Attributes:
        follow: Columns that follow what is loaded.
        earliest: Of these columns the earlier value stays.
        known: Columns that follow where what is loaded knows them: not 0.
        stamped: The column of when it was, of a table of the log.
    """

    follow: tuple[str, ...] = ()
    earliest: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    stamped: str | None = None


# Each after the tables that its foreign keys name.
_TABLES: Mapping[str, _Rows] = {
    "users": _Rows(earliest=("createdAt",)),
    "courses": _Rows(("name",)),
    "lectures": _Rows(("courseId", "title")),
    "learning_objectives": _Rows(("lectureId", "objective"), ("createdAt",)),
    "cards": _Rows(
        (
            *("courseId", "lectureId", "objectiveId", "difficulty", "stability", "lastReviewedAt", "nextReviewAt"),
            *("reviewCount", "lapseCount"),
        )
    ),
    "validation_prompts": _Rows(),
    "study_sessions": _Rows(("completedAt", "durationMs", "reviewsCompleted"), ("startedAt",)),
    # Of a card's state Anki tells the last: what it was after an earlier answer stays as an earlier import found it.
    "reviews": _Rows(
        ("cardId", "sessionId", "rating", "timeSpentMs"),
        known=("difficultyAfter", "stabilityAfter"),
        stamped="reviewedAt",
    ),
    "validation_responses": _Rows(("sessionId", "score"), stamped="respondedAt"),
}
# Whether one is open is what was planned; what became of it, and help that was applied to it, stays.
_PLANNED = {"plan": _Rows(), "due": _Rows(("status", "completedAt"))}


@dataclass
class Written:
    """What became of the rows of one table of the log, or of all.

    Attributes:
        rows: Rows that were given.
        new: Of these those that were not there.
        changed: Of these those that were there and said something else.
        changed_from: The earliest instant (naive, UTC) of a new or changed row.
    """

    rows: int = 0
    new: int = 0
    changed: int = 0
    changed_from: datetime | None = None

    def __add__(self, other: "Written") -> "Written":
        """Both together."""
        first = [at for at in (self.changed_from, other.changed_from) if at is not None]
        return Written(
            self.rows + other.rows, self.new + other.new, self.changed + other.changed, min(first, default=None)
        )


def describe(engine: Engine, *, complexity: str, collection: Mapping[str, pa.Table] | None = None) -> None:
    """Make what the queries read, beside `staged`: the log's places, and what a collection knows beyond it.

    Args:
        engine: With `staged`.
        complexity: What is written of objectives whose complexity nobody knows.
        collection: Of Anki's: tables `places`, `known_cards`, `memory`.
    """
    connection = engine.connection
    connection.execute(_ID)
    connection.execute(_KEY_OF_LOG if collection is None else _KEY_OF_ANKI)
    connection.execute("SET VARIABLE owner_id = ?", [OWNER])
    connection.execute("SET VARIABLE complexity = ?", [complexity])
    if collection is None:
        engine.make("places", query("log_places"), {})
    empty = {"known_cards": CARDS.empty_table(), "memory": MEMORY.empty_table()}
    for name, table in (collection or empty).items():
        take(engine, name, table)
    engine.make("numbered", query("numbered"), {}, "VIEW")


def take(engine: Engine, name: str, table: pa.Table) -> None:
    """Make an Arrow table a table of the engine's, instead of what had the name before."""
    engine.register("taken", table)
    engine.make(name, "FROM taken", {})
    engine.connection.unregister("taken")


def write_log(engine: Engine, staging: Staging) -> Written:
    """Bring the rows of the log, and of everything that it names, into the app's tables.

    Args:
        engine: After `describe`.
        staging: In the transaction.

    Raises:
        AmericanoError: PostgreSQL does not take a value.
    """
    done = Written()
    for table, how in _TABLES.items():
        written = _write(engine, staging, table, how)
        if how.stamped is not None:
            done += written
    return done


def write_plans(engine: Engine, staging: Staging, plan: str) -> Written:
    """Bring `planned` into the app's missions.

    Args:
        engine: With `planned` (learner_id, objective_id, due_on, cards) and `places`.
        staging: In the transaction.
        plan: Which plans they are: `plan` or `due`.
    """
    engine.connection.execute("SET VARIABLE plan = ?", [plan])
    return _write(engine, staging, MISSIONS, _PLANNED[plan])


def close_missions(staging: Staging, which: str, given: Mapping[str, Any]) -> None:
    """Close the missions that a query of `sql/closing/` names.

    Args:
        staging: In the transaction.
        which: The query.
        given: Its parameters.
    """
    staging.execute("DROP TABLE IF EXISTS closed_missions")
    staging.execute(f"CREATE TEMPORARY TABLE closed_missions ON COMMIT DROP AS {query(which)}", given)
    for status, done in (("COMPLETED", "done"), ("SKIPPED", "NOT done")):
        staging.execute(
            f"UPDATE missions m SET status = '{status}', \"completedAt\" = c.at FROM closed_missions c"
            f" WHERE m.id = c.id AND {done}"
        )


def _write(engine: Engine, staging: Staging, table: str, how: _Rows) -> Written:
    name = f"staged_{table}"
    try:
        reader = engine.batches(query(table), _BATCH_ROWS)
        columns = reader.schema.names
        staging.put_batches(name, like(table), iter(reader))
    except psycopg.DataError as error:
        raise AmericanoError(
            f"PostgreSQL does not take a value for {table}: {error.diag.message_primary}. Correct it in the file, and"
            " run the command again. Nothing was loaded."
        ) from None
    except duckdb.Error as error:
        raise AmericanoError(f"The rows of {table} could not be made: {str(error).splitlines()[0]}") from error
    row = staging.execute(_upsert(table, name, columns, how)).fetchone()
    assert row is not None
    return Written(staging.count(name), *row)


def _upsert(table: str, staged: str, columns: list[str], how: _Rows) -> str:
    listed = ", ".join(f'"{column}"' for column in columns)
    values = {column: f'excluded."{column}"' for column in how.follow}
    values |= {column: f'least(t."{column}", excluded."{column}")' for column in how.earliest}
    values |= {column: f'coalesce(nullif(excluded."{column}", 0), t."{column}")' for column in how.known}
    conflict = "NOTHING"
    if values:
        named = ", ".join(f'"{column}"' for column in values)
        before = ", ".join(f't."{column}"' for column in values)
        after = ", ".join(values.values())
        # With ROW a single column will do too.
        conflict = f"UPDATE SET ({named}) = ROW({after}) WHERE ROW({before}) IS DISTINCT FROM ROW({after})"
    at = f'"{how.stamped}"' if how.stamped else "NULL::timestamp"
    return (
        f"WITH done AS (INSERT INTO {table} AS t ({listed}) SELECT {listed} FROM {staged}"
        f' ON CONFLICT ("id") DO {conflict}'
        f" RETURNING t.xmax = 0 AS is_new, {at} AS at)"
        " SELECT count(*) FILTER (WHERE is_new), count(*) FILTER (WHERE NOT is_new), min(at) FROM done"
    )
