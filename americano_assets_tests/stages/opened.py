"""Notes what each step of a real run opened: tables, models, readings set aside, and by which resources it did."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import dagster as dg
import psycopg
import pytest
from adbc_driver_manager.dbapi import Cursor as ArrowCursor
from dagster_duckdb import DuckDBResource

from americano_assets.contract.tables import TABLES
from americano_assets.core.base.canonical import canonical_sql
from americano_assets.resources.parquet_store.store import ParquetStore, Version
from americano_assets.stages.common.deployment import Deployment
from americano_assets.stages.common.model_files import ModelStore
from americano_assets.stages.common.resources import Backgrounds, Part, ResearchFile

# Results that more than one step keeps under what they came from: whose one is, is known by its content.
KEPT_RESULTS = ("features_at", "labels_at")
MODELS, SET_ASIDE = "models", "quarantine"
_NAMED = re.compile(r"\b(delete from|from|join|into|update|table|copy) (?:only )?((?:ml\.)?[a-z_]+)\b", re.IGNORECASE)
_WRITING = {"delete from", "into", "update", "table", "copy"}
_APP = {table.name for table in TABLES}


@dataclass
class Opened:
    """By step: what it read and what it wrote, whose kept results, which resources it used, models it loaded.

    A table of PostgreSQL is `app.…` or `ml.…`; others are the store's.
    """

    read: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    written: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    results_of: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    used: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    loads: Counter[str] = field(default_factory=Counter)
    step: str = ""
    _makers: dict[tuple[str, str], list[str]] = field(default_factory=lambda: defaultdict(list))

    @property
    def steps(self) -> set[str]:
        return {step for step in (*self.read, *self.written) if step}

    def statement(self, text: str) -> None:
        for word, table in _NAMED.findall(canonical_sql(text).replace('"', "")):
            name = table.lower() if table.startswith("ml.") else f"app.{table}"
            if name.startswith("ml.") or table in _APP:
                (self.written if word.lower() in _WRITING else self.read)[self.step].add(name)

    def made(self, table: str, content: str) -> None:
        self.written[self.step].add(table)
        self._makers[table, content].append(self.step)

    def result(self, table: str, content: str) -> None:
        makers = self._makers.get((table, content))
        assert makers, f"{self.step} read a result of {table} that no step of these runs made"
        if self.step not in makers:
            self.results_of[self.step].add(makers[0])


@contextmanager
def noted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Opened]:
    """Note what steps open from now on, in this process."""
    opened = Opened()

    def spy(owner: Any, name: str, note: Callable[..., None], *, after: bool = False) -> None:
        original = getattr(owner, name)

        def noting(self: Any, *given: Any, **named: Any) -> Any:
            if not after:
                note(self, *given)
            result = original(self, *given, **named)
            if after:
                note(result, *given)
            return result

        patch.setattr(owner, name, noting)

    def started(_: Any, entry: dg.EventLogEntry, *more: Any) -> None:
        event = entry.dagster_event
        if event is not None and event.event_type_value == "STEP_START":
            opened.step = event.step_key or ""

    def executed(cursor: Any, text: Any, *more: Any) -> None:
        told = text.as_string(cursor) if hasattr(text, "as_string") else text
        opened.statement(told.decode() if isinstance(told, bytes) else told)

    def read(_: Any, table: str, *more: Any) -> None:
        if table not in KEPT_RESULTS:
            opened.read[opened.step].add(table)

    def read_whole(_: Any, table: str, content: str, *more: Any) -> None:
        if table in KEPT_RESULTS:
            opened.result(table, content)
        else:
            opened.read[opened.step].add(table)

    def made(version: Version, table: str, *more: Any) -> None:
        opened.made(table, version.content)

    def manifest(_: Any, day: date, part: str) -> None:
        if part == "model":
            opened.read[opened.step].add(MODELS)

    def records(_: Any, folder: str) -> None:
        if folder.startswith(SET_ASIDE):
            opened.read[opened.step].add(SET_ASIDE)

    parts = {kind.PART for kind in Part.__subclasses__()}

    def part(_: Any, name: str) -> None:
        if name in parts:
            opened.used[opened.step].add(name)

    def loaded(*_: Any) -> None:
        opened.read[opened.step].add(MODELS)
        opened.loads[opened.step] += 1

    def hook(_: Any, name: str) -> None:
        if name == "read":
            opened.used[opened.step].add(Backgrounds.PART)

    with monkeypatch.context() as patch:
        spy(Deployment, "__getattribute__", part)
        spy(Backgrounds, "__getattribute__", hook)
        spy(DuckDBResource, "get_connection", lambda *_: opened.used[opened.step].add(ResearchFile.PART))
        spy(dg.DagsterInstance, "handle_new_event", started)
        for cursor in (psycopg.Cursor, ArrowCursor):
            spy(cursor, "execute", executed)
        for name in ("executemany", "copy"):
            spy(psycopg.Cursor, name, executed)
        for name in ("current_days", "day_names"):
            spy(ParquetStore, name, read)
        for name in ("read_whole", "whole_name", "whole_rows"):
            spy(ParquetStore, name, read_whole)
        for name in ("add_day", "put_whole"):
            spy(ParquetStore, name, made, after=True)
        spy(ParquetStore, "manifest", manifest)
        spy(ModelStore, "load", loaded)
        spy(ParquetStore, "records", records)
        yield opened
