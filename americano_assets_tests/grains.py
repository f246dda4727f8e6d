"""The grain that a query's header claims, held against the rows that it gives while anything else runs.

`-- Grain: one row a (learner, objective)` declares a key in words; what column a word stands for is said here, once
for all queries.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

import duckdb
import psycopg
import pyarrow as pa
import pytest
from psycopg.rows import tuple_row

from americano_assets.resources.duckdb.connection import Engine
from americano_assets.resources.parquet_store.content_files import read_table
from americano_assets.resources.parquet_store.store import ParquetStore, Version
from americano_assets.stages.common.schemas import LOG_TABLES, STATE_TABLES
from americano_assets.stages.s9_report import research_tables
from americano_assets_tests.query_files import query_files

Part = tuple[str, ...]
Key = tuple[Part, ...]

# What the words of a header are called among a query's columns: of each part the first name that it has.
_LEARNER = ("learner_key", "learner_id", "user_id", "userId")
_OBJECTIVE = ("objective_key", "objective_id", "learning_objective_id", "learningObjectiveId")
_PREDICTION = ("prediction_id", "id")
_COURSE, _DAY, _SOURCE = ("course_key", "course_id"), ("study_day", "day"), ("source",)
WORDS: dict[str, Key] = {
    **dict.fromkeys(("learner", "learner's"), (_LEARNER,)),
    **dict.fromkeys(("objective", "learning objective", "objective planned in it"), (_OBJECTIVE,)),
    **dict.fromkeys(("topic", "course"), (_COURSE,)),
    **dict.fromkeys(("study day", "night"), (_DAY,)),
    **dict.fromkeys(("candidate", "pair"), (_LEARNER, _OBJECTIVE)),
    **dict.fromkeys(("assignment", "episode", "live episode", "predicted episode"), (_PREDICTION,)),
    **dict.fromkeys(("prediction", "staged prediction", "open prediction", "archived prediction"), (_PREDICTION,)),
    **dict.fromkeys(("intervention", "indicator", "alert"), (("id",),)),
    **dict.fromkeys(("graded interaction", "recorded end of a study session"), (_SOURCE, ("source_id",))),
    **dict.fromkeys(("card review in a session",), (_SOURCE, ("source_id",))),
    **dict.fromkeys(("validation", "skipped validation"), (_DAY, ("place",))),
    **dict.fromkeys(("row of the log", "review of the log"), (_LEARNER, ("source_id", "review_id"))),
    "graded validation of the log": (_LEARNER, ("response_id",)),
    "direct prerequisite": (("prerequisite_key", "prerequisite_id"),),
    "name of a course": (("course",),),
    "whole days before the cut-off": (("age",),),
    "late": (("late",),),
    "of skips": (("of_skips",),),
    "window": (("closes_day",),),
    "segment": (("segment",),),
    "format": (("format",),),
    "mission": (("mission_id",),),
    "exam": (("exam_id",),),
    "event": (("event_id",),),
    "card review": (("review_id",),),
    "answer to a validation prompt": (("response_id",),),
    **dict.fromkeys(("session", "finished study session"), (("session_id",),)),
    "table": (("table_name",),),
    "reason": (("reason",),),
    "unit": (("unit",),),
    "share": (("holdout_share",),),
    **dict.fromkeys(("type", "type of intervention"), (("intervention_type", "type"),)),
    "type of event": (("event_type",),),
    "evidence": (("evidence",),),
    "scope": (("scope",),),
    "id of the scope": (("scope_id",),),
    "estimand": (("estimand",),),
    "arm": (("arm",),),
    "planned day": (("planned_day",),),
    "kind of model": (("model_type",),),
    "action about a learner": (("id",),),
    "phase": (("phase", "experiment_phase"),),
    "status": (("status",),),
    "row of `evaluated`": (("row",),),
    "foreign key": (("schema_name",), ("table_name",), ("column_name",), ("target",)),
}
# What they make rows of has no name among their columns.
UNNAMED = {"s3_training/on_time_flags", "s9_report/interactions"}
_AT_MOST_ONE = re.compile(r"no row|(at most )?one row([,:.]| where)")


class NotUniqueError(AssertionError):
    """A query's rows do not keep the grain of its header."""


def names() -> list[str]:
    """Every query that makes rows, by the name of its package and its own."""
    return sorted(name for name in query_files() if "-- Grain:" in query(name))


@cache
def query(name: str) -> str:
    """The text of a query."""
    return query_files()[name].read_text()


@cache
def claimed(name: str) -> Key:
    """The key that a header claims; without parts for at most one row.

    Raises:
        ValueError: The header cannot be read, or says a word that WORDS does not know.
    """
    (text,) = re.findall(r"Grain: (.+)", " ".join(re.findall(r"^-- ?(.*)$", query(name), re.M)))
    if _AT_MOST_ONE.match(text):
        return ()
    if same := re.match(r"as `?(\w+)`?", text):
        return claimed(f"s2_features/{same[1]}")
    said = re.match(r"(?:at most )?one row an? (?:candidate |design )?(?:\((.+?)\)|(.+))", text)
    if not said:
        raise ValueError(f"{name}: «{text[:60]}» claims no grain")
    if said[1]:
        parts = re.split(r"[,;] ", said[1].replace(", UTC", ""))
        unknown = [part for part in parts if part not in WORDS]
        if unknown:
            raise ValueError(f"{name}: {unknown} stand for no columns")
        return tuple(column for part in parts for column in WORDS[part])
    for word in sorted(WORDS, key=len, reverse=True):
        if re.match(re.escape(word) + r"(?!\w)", said[2]):
            return WORDS[word]
    raise ValueError(f"{name}: «{said[2][:60]}» stands for no columns")


@cache
def _by_header() -> dict[str, str]:
    found = {_header(query(name)): name for name in names()}
    assert len(found) == len(names()), "two queries with one header"
    return found


def _header(text: str) -> str:
    """The comment on top of a query, wherever the query stands in a statement."""
    found = re.search(r"(?:--[^\n]*\n)*-- Grain:[^\n]*\n(?:--[^\n]*\n)*", text)
    return found[0] if found else ""


class Watch:
    """Which queries ran, and how many rows the largest of each gave."""

    def __init__(self) -> None:
        self.rows: dict[str, int] = {}

    def look(self, name: str, columns: list[str], twice: Callable[[list[str]], int], rows: int) -> None:
        """Hold rows against the header.

        Args:
            name: The query.
            columns: That it gives.
            twice: How many rows say again what others said in some columns.
            rows: How many it gave.

        Raises:
            NotUniqueError: They do not keep the grain.
        """
        self.rows[name] = max(rows, self.rows.get(name, 0))
        if name in UNNAMED:
            return
        key = [next((one for one in part if one in columns), "") for part in claimed(name)]
        if not all(key):
            raise NotUniqueError(f"{name}: of {claimed(name)} there are only {columns}")
        again = twice(key) if key else max(rows - 1, 0)
        if again:
            raise NotUniqueError(f"{name}: {again} of {rows} rows are not the only ones of their {key}")


def _twice(rows: pa.Table) -> Callable[[list[str]], int]:
    return lambda key: len(rows) - len(rows.select(key).group_by(key).aggregate([]))


@contextmanager
def watching() -> Iterator[Watch]:
    """Every query that runs within is held against its header: DuckDB's, PostgreSQL's and what is extracted."""
    watch = Watch()
    known = _by_header()

    def named(text: str) -> str | None:
        return known.get(_header(text))

    def table(connection: duckdb.DuckDBPyConnection, name: str, made: str) -> None:
        def twice(key: list[str]) -> int:
            text = (
                f"SELECT count(*) - (SELECT count(*) FROM (SELECT DISTINCT {', '.join(key)} FROM {made})) FROM {made}"
            )
            ((again,),) = connection.execute(text).fetchall()
            return int(again)

        ((rows,),) = connection.execute(f"SELECT count(*) FROM {made}").fetchall()
        columns = [row[0] for row in connection.execute(f"DESCRIBE {made}").fetchall()]
        watch.look(name, columns, twice, rows)

    execute, make, run = Engine._execute, Engine.make, Engine.run
    batches = Engine.batches
    cursor, current, research = psycopg.Cursor.execute, ParquetStore.make_current, research_tables.finish
    whole = ParquetStore.put_whole

    def engine_execute(self: Engine, text: str, values: dict[str, object]) -> Any:
        found = execute(self, text, values)
        created = re.match(r"CREATE OR REPLACE (?:TEMP )?TABLE (\w+) AS", text)
        if created and (name := named(text)):
            table(self.connection, name, created[1])
        return found

    def engine_make(self: Engine, name: str, text: str, parameters: Any, kind: str = "TABLE") -> None:
        make(self, name, text, parameters, kind)
        if kind == "VIEW" and (known_as := named(text)):
            table(self.connection, known_as, name)

    def engine_run(self: Engine, text: str, parameters: Any = None) -> pa.Table:
        rows = run(self, text, parameters)
        if name := named(text):
            watch.look(name, rows.column_names, _twice(rows), len(rows))
        return rows

    def engine_batches(self: Engine, text: str, rows: int, parameters: Mapping[str, object] | None = None) -> Any:
        found = batches(self, text, rows, parameters).read_all()
        if name := named(text):
            watch.look(name, found.column_names, _twice(found), len(found))
        return found.to_reader()

    def cursor_execute(self: Any, text: Any, *arguments: Any, **options: Any) -> Any:
        found = cursor(self, text, *arguments, **options)
        plain = text if isinstance(text, str) else text.decode() if isinstance(text, bytes) else text.as_string(self)
        if self.description and (name := named(plain)):
            factory, self.row_factory = self.row_factory, tuple_row
            rows = self.fetchall()
            self.row_factory = factory
            if rows:
                self.scroll(0, mode="absolute")
            columns = [column.name for column in self.description]

            def twice(key: list[str]) -> int:
                places = [columns.index(one) for one in key]
                return len(rows) - len({tuple(map(str, (row[place] for place in places))) for row in rows})

            watch.look(name, columns, twice, len(rows))
        return found

    def put_whole(self: ParquetStore, name: str, data: Any, *options: Any) -> Version:
        version = whole(self, name, data, *options)
        if name in STATE_TABLES:
            rows = self.read_whole(name, version.content)
            watch.look(f"s1_snapshots/{name}", rows.column_names, _twice(rows), len(rows))
        return version

    def make_research(connection: duckdb.DuckDBPyConnection, name: str) -> int:
        made = research(connection, name)
        of_table = f"{research_tables.SCHEMA}.{name}"
        table(connection, f"s9_report/{name}", of_table)
        if name == research_tables.OUTCOMES:
            table(connection, "s9_report/unflagged_outcomes", f"(FROM {of_table} WHERE live IS NULL)")
        return made

    def make_current(self: ParquetStore, name: str, day: Any, version: Any) -> Any:
        if name in LOG_TABLES:
            rows = read_table(self.day_path(name, day, version))
            watch.look(f"s1_snapshots/{name}", rows.column_names, _twice(rows), len(rows))
        return current(self, name, day, version)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Engine, "_execute", engine_execute)
        patch.setattr(Engine, "make", engine_make)
        patch.setattr(Engine, "run", engine_run)
        patch.setattr(Engine, "batches", engine_batches)
        patch.setattr(psycopg.Cursor, "execute", cursor_execute)
        patch.setattr(ParquetStore, "put_whole", put_whole)
        patch.setattr(research_tables, "finish", make_research)
        patch.setattr(ParquetStore, "make_current", make_current)
        yield watch
