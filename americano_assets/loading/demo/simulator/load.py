"""Loads a simulated cohort into the app's tables by COPY, and later what reached the app late."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from io import BytesIO

import psycopg
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
from psycopg import sql
from psycopg.rows import tuple_row

from americano_assets.contract.tables import READ
from americano_assets.core.study_days.study_day import EPOCH, day_number
from americano_assets.errors import AmericanoError
from americano_assets.loading.demo.oulad.load import LoadReport, Progress
from americano_assets.loading.demo.simulator.cohort import Arguments, Cohort
from americano_assets.loading.demo.simulator.rows import events, log, plans, state
from americano_assets.loading.demo.simulator.rows.school import OWNER, Known, School
from americano_assets.loading.demo.simulator.sql import query

COHORT = "simulated"
Rows = Callable[[School, Known], Iterator[pa.Table]]
# Each after the tables that its foreign keys name.
STATE_TABLES: dict[str, Rows] = {
    "users": state.users,
    "courses": state.courses,
    "lectures": state.lectures,
    "learning_objectives": state.learning_objectives,
    "objective_prerequisites": state.objective_prerequisites,
    "cards": state.cards,
    "validation_prompts": state.validation_prompts,
    "exams": plans.exams,
    "user_learning_profiles": state.user_learning_profiles,
    "missions": plans.missions,
}
LOG_TABLES: dict[str, Rows] = {
    "study_sessions": log.study_sessions,
    "reviews": log.reviews,
    "validation_responses": log.validation_responses,
    "behavioral_events": events.behavioral_events,
}
# What the app overwrites while learners study, but for missions.
_OVERWRITTEN: dict[str, Sequence[str]] = {
    "learning_objectives": ("lastStudiedAt", "masteryLevel", "totalStudyTimeMs", "weaknessScore"),
    "cards": (
        *("difficulty", "stability", "retrievability", "lastReviewedAt", "nextReviewAt", "reviewCount", "lapseCount"),
    ),
}
_GROWING: dict[str, Rows] = {"exams": plans.exams, "missions": plans.missions, **LOG_TABLES}
# Whoever deletes an account or a course does not find its rows back with the next load.
_NEEDED = {"userId": "users", "courseId": "courses", "cardId": "cards", "promptId": "validation_prompts"}
_LONG_AGO = 0
_Cursor = psycopg.Cursor[tuple[object, ...]]


def rows_of(cohort: Cohort, table: str, until: datetime) -> Iterator[pa.Table]:
    """The rows of one of the app's tables as the app knew them at an aware moment, in bounded pieces."""
    return {**STATE_TABLES, **LOG_TABLES}[table](School(cohort), Known(_LONG_AGO, _ms(until)))


def load_simulated(
    connection: psycopg.Connection[tuple[object, ...]],
    cohort: Cohort,
    *,
    now: datetime,
    progress: Progress | None = None,
) -> LoadReport:
    """Load a cohort into an empty database; where it already is, nothing changes.

    All or nothing: one transaction, or a part of the caller's if one is open.

    Args:
        connection: To a database with the app's tables and schema `ml`.
        cohort: From `simulate`.
        now: Aware; only rows stamped at or before it, and known to the app by then, are loaded.
        progress: Called with a table's name and the rows written to it.

    Raises:
        AmericanoError: The database holds rows of somebody else or another cohort, or `now` is before the cohort's
            first study day.
    """
    with connection.transaction(), connection.cursor(row_factory=tuple_row) as cursor:
        if (stored := _stored(cursor)) is not None:
            _require_same(stored[0], cohort.arguments)
            return _report(cohort, stored[1], {}, first=False)
        for table in READ:
            cursor.execute(sql.SQL("SELECT 1 FROM {} LIMIT 1").format(sql.Identifier(table.name)))
            if cursor.fetchone():
                raise AmericanoError(
                    f"The table {table.name} already holds rows that the demo did not write: demo data are never mixed "
                    "with an app's own rows. Load the demo into an empty database."
                )
        until, school = _ms(now), School(cohort)
        if until < school.opened:
            raise AmericanoError(
                f"The simulated cohort begins on {cohort.arguments.first}, after {now:%Y-%m-%d}: simulate one that "
                "ends earlier."
            )
        inserted = {
            name: _copy(cursor, name, rows(school, Known(_LONG_AGO, until)), progress)
            for name, rows in {**STATE_TABLES, **LOG_TABLES}.items()
        }
        cursor.execute(
            "INSERT INTO ml.demo_load (cohort, shift_days, learners, loaded_through) VALUES (%s, %s, %s, %s)",
            (COHORT, day_number(cohort.arguments.first), cohort.arguments.learners, _naive(until)),
        )
        _analyze(cursor, inserted)
        return _report(cohort, _naive(until), inserted, first=True)


def load_since(
    connection: psycopg.Connection[tuple[object, ...]],
    cohort: Cohort,
    *,
    now: datetime,
    progress: Progress | None = None,
) -> LoadReport:
    """Add what reached the app since the last load: what happened since, and what happened before but was sent late.

    In the end everything is as one load at `now` would have left it. What the app or its users changed meanwhile
    stays: the state of a mission, deleted accounts and courses.

    Args:
        connection: To a database that holds this cohort.
        cohort: From `simulate`.
        now: Aware; before the last load: nothing changes.
        progress: Called with a table's name and the rows written to it.

    Raises:
        AmericanoError: The database does not hold this cohort.
    """
    with connection.transaction(), connection.cursor(row_factory=tuple_row) as cursor:
        stored = _stored(cursor)
        if stored is None:
            raise AmericanoError("The database holds no simulated cohort: load one first.")
        _require_same(stored[0], cohort.arguments)
        after = _ms(stored[1].replace(tzinfo=UTC))
        known = Known(after, max(after, _ms(now)))
        if known.until == after:
            return _report(cohort, stored[1], {}, first=False)
        school = School(cohort)
        closed = _move_missions(cursor, plans.moved_missions(school, known))
        for name, columns in _OVERWRITTEN.items():
            _overwrite(cursor, name, columns, STATE_TABLES[name](school, Known(_LONG_AGO, known.until)))
        present = {column: _ids(cursor, name) for column, name in _NEEDED.items()}
        inserted = {}
        for name, rows in _GROWING.items():
            if name in LOG_TABLES and "missionId" not in present:
                present["missionId"] = _ids(cursor, "missions")
            inserted[name] = _copy(cursor, name, (_kept(piece, present) for piece in rows(school, known)), progress)
        cursor.execute("UPDATE ml.demo_load SET loaded_through = %s", (_naive(known.until),))
        _analyze(cursor, (name for name, rows in inserted.items() if rows))
        return _report(cohort, _naive(known.until), inserted, first=False, closed=closed)


def stored_arguments(connection: psycopg.Connection[tuple[object, ...]]) -> Arguments | None:
    """The arguments of the cohort that the database holds; None: nothing is loaded.

    Raises:
        AmericanoError: It holds another demo's students.
    """
    with connection.transaction(), connection.cursor(row_factory=tuple_row) as cursor:
        stored = _stored(cursor)
        return None if stored is None else stored[0]


def _stored(cursor: _Cursor) -> tuple[Arguments, datetime] | None:
    cursor.execute("LOCK TABLE ml.demo_load IN SHARE ROW EXCLUSIVE MODE")
    cursor.execute("SELECT cohort, shift_days, learners, loaded_through FROM ml.demo_load")
    row = cursor.fetchone()
    if row is None:
        return None
    cohort, first_day, learners, loaded_through = row
    assert isinstance(first_day, int)
    assert isinstance(learners, int)
    assert isinstance(loaded_through, datetime)
    if cohort != COHORT:
        raise AmericanoError(
            f"The demo database holds {learners} learners of {cohort}, not a simulated cohort: ask for them again "
            f"(--cohort {cohort}), or start over with --fresh."
        )
    call = cursor.execute("SELECT name FROM users WHERE id = %s", (OWNER,)).fetchone()
    if call is None:
        raise AmericanoError("The owner of the simulated courses is not in the table users any more: use --fresh.")
    given = json.loads(str(call[0]))
    arguments = Arguments(**{**given, "end": date.fromisoformat(given["end"])})
    assert (arguments.first, arguments.learners) == (EPOCH + timedelta(days=first_day), learners)
    return arguments, loaded_through


def _require_same(stored: Arguments, wanted: Arguments) -> None:
    if stored != wanted:
        there, asked = (_words(one, help_too=stored.help_logits != wanted.help_logits) for one in (stored, wanted))
        raise AmericanoError(
            f"The demo database holds a simulated cohort of {there}, not of {asked}: ask for the former again "
            "(--learners, --days, --seed, --help-logits), or start over with --fresh."
        )


def _words(arguments: Arguments, *, help_too: bool) -> str:
    words = f"{arguments.learners} learners over {arguments.days} days up to {arguments.end} with seed {arguments.seed}"
    return words + (f" and help of {arguments.help_logits:g} logits" if help_too else "")


def _copy(cursor: _Cursor, table: str, pieces: Iterable[pa.Table], progress: Progress | None) -> int:
    written = 0
    for piece in pieces:
        statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv)").format(
            sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, piece.column_names))
        )
        text = BytesIO()
        # Every value quoted, so that an empty text is not read as a missing one.
        pacsv.write_csv(piece, text, pacsv.WriteOptions(include_header=False, quoting_style="all_valid"))
        with cursor.copy(statement) as copy:
            copy.write(text.getbuffer())
        written += piece.num_rows
    if progress:
        progress(table, written)
    return written


def _analyze(cursor: _Cursor, tables: Iterable[str]) -> None:
    for table in tables:
        cursor.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(table)))


def _move_missions(cursor: _Cursor, pieces: Iterable[pa.Table]) -> int:
    cursor.execute(
        'CREATE TEMPORARY TABLE moved_missions AS SELECT id, status, "completedAt", "actualMinutes", objectives, '
        "status AS was_status, objectives AS was_objectives FROM missions WITH NO DATA"
    )
    _copy(cursor, "moved_missions", pieces, None)
    moved = cursor.execute(query("move_missions").encode()).rowcount
    cursor.execute("DROP TABLE moved_missions")
    return moved


def _overwrite(cursor: _Cursor, table: str, columns: Sequence[str], pieces: Iterable[pa.Table]) -> None:
    names = {"table": sql.Identifier(table), "columns": sql.SQL(", ").join(map(sql.Identifier, columns))}
    cursor.execute(
        sql.SQL("CREATE TEMPORARY TABLE fresh AS SELECT id, {columns} FROM {table} WITH NO DATA").format(**names)
    )
    _copy(cursor, "fresh", (piece.select(["id", *columns]) for piece in pieces), None)
    cursor.execute(
        sql.SQL(
            "UPDATE {table} AS t SET ({columns}) = (SELECT {columns} FROM fresh WHERE fresh.id = t.id) "
            "WHERE t.id IN (SELECT id FROM fresh)"
        ).format(**names)
    )
    cursor.execute("DROP TABLE fresh")


def _ids(cursor: _Cursor, table: str) -> pa.Array:
    return pa.array([row[0] for row in cursor.execute(f"SELECT id FROM {table}".encode())], pa.string())


def _kept(piece: pa.Table, present: Mapping[str, pa.Array]) -> pa.Table:
    """Without the rows that name what is there no more; a mission that is gone is only not named."""
    for column in set(piece.column_names) & set(present):
        there = pc.is_in(piece[column], value_set=present[column])
        if column == "missionId":
            named = pc.if_else(there, piece[column], pa.scalar(None, pa.string()))
            piece = piece.set_column(piece.column_names.index(column), column, named)
        else:
            piece = piece.filter(there)
    return piece


def _report(
    cohort: Cohort, loaded_through: datetime, inserted: dict[str, int], *, first: bool, closed: int = 0
) -> LoadReport:
    return LoadReport(
        first=first,
        shift_days=day_number(cohort.arguments.first),
        learners=cohort.arguments.learners,
        loaded_through=loaded_through.replace(tzinfo=UTC),
        inserted=inserted,
        closed_missions=closed,
    )


def _ms(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def _naive(ms: int) -> datetime:
    return datetime(1970, 1, 1) + timedelta(milliseconds=ms)  # noqa: DTZ001 (as the column holds it)
