"""Looks through every place of ours for a learner, and changes nothing."""

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from americano_assets.errors import AmericanoError
from americano_assets.resources.duckdb.connection import connected
from americano_assets.resources.home.walk import files_of
from americano_assets.resources.parquet_store.store import ParquetStore
from americano_assets.stages.common.deployment import Deployment
from americano_assets.stages.maintenance.erasure import databases
from americano_assets.stages.maintenance.erasure.files import (
    ParquetRows,
    Traces,
    UnreadableError,
    examples_in,
    is_packed,
    is_parquet,
    is_text,
    lines_with,
    renamed,
)
from americano_assets.stages.maintenance.erasure.registry import (
    APP_TABLES,
    NAMES_PREDICTIONS,
    NAMES_ROWS,
    Kind,
    kind_of,
)
from americano_assets.stages.s3_training.dataset_versions import MANIFEST
from americano_assets.stages.s9_report.research_tables import PARTICIPANTS, SCHEMA

_COPIES, _RESTORED, _RESEARCH = "exports and copies", "restored data sets", "the researchers' file"
_EXAMPLES, _LOGS = "examples of bad rows", "Dagster's logs"
_LEFTOVERS, _SERVER_LOG = "leftovers of killed processes", "the embedded server's log"


@dataclass(frozen=True)
class Stored:
    """A Parquet file with rows of the learner; outside of a store it has no table."""

    store: ParquetStore | None
    table: str
    rows: ParquetRows


@dataclass
class Survey:
    """What was found of a learner, and where.

    Attributes:
        traces: By what they are known.
        has_account: The app has an account of that id.
        rows: Rows, values or lines by place.
        unreadable: Files of ours, below the home, that cannot be read: whose rows they hold is not known.
        not_ours: Tables and files that are none of ours and left alone; of files those that surely name the learner,
            and what is not looked into.
        research: The researchers' file has rows of theirs, or cannot be read.
    """

    traces: Traces
    has_account: bool = False
    rows: Counter[str] = field(default_factory=Counter)
    unreadable: list[str] = field(default_factory=list)
    not_ours: list[str] = field(default_factory=list)
    parquet: list[Stored] = field(default_factory=list)
    readings: list[tuple[Path, set[str]]] = field(default_factory=list)
    texts: list[Path] = field(default_factory=list)
    logs: list[Path] = field(default_factory=list)
    leftovers: list[Path] = field(default_factory=list)
    research: bool = False

    @property
    def is_known(self) -> bool:
        """Whether an account has the id, or a place that says whose a row is: texts are looked at only then."""
        return self.has_account or bool(self.rows)

    def whose(self, place: str) -> str:
        """Whose a place of `rows` is: files of ours are named as the app's tables that they are read from."""
        if place in APP_TABLES:
            return "the app's table, what nights published"
        if any(place == one.table for one in self.parquet):
            return "our files"
        return "our table" if place.startswith("ml.") else "ours"


def survey(deployment: Deployment, learner: str) -> Survey:
    """As `look`, of somebody who is known.

    Raises:
        AmericanoError: No id, or one of nobody: not among the app's accounts, in no place of ours that says whose a row
            is. Texts say that of nothing.
    """
    if not learner.strip():
        raise AmericanoError("Whom to forget? Name the id of a learner's account.")
    found = look(deployment, learner)
    if not found.is_known:
        unread = "" if not found.unreadable else f" What these files hold is not known: {', '.join(found.unreadable)}."
        raise AmericanoError(
            f"«{learner}» is nobody's id: the app has no such account, and nothing of ours is of one. Ids are compared"
            f" as they stand, as a whole; one that is merely named in a log is no learner's.{unread}"
        )
    return found


def look(deployment: Deployment, learner: str, traces: Traces | None = None) -> Survey:
    """Look through every place for a learner.

    Args:
        deployment: The deployment.
        learner: Their id.
        traces: By what they were known earlier, which is looked for even where nothing says any more that it is theirs.
    """
    found, home = Survey(traces or Traces(learner)), deployment.settings.americano_home
    with deployment.connect() as connection:
        found.has_account = databases.has_account(connection, learner)
        found.traces.predictions |= databases.prediction_ids(connection, learner)
        found.rows += databases.count_rows(connection, learner)
        found.not_ours += databases.unknown_tables(connection)
    paths = list(files_of(home, found.unreadable, found.not_ours))
    stores = [deployment.store, *_restored(paths, deployment.store)]
    stored = {path: one for path in paths if (one := _stored(stores, path, found.traces)) is not None}
    for one in stored.values():
        _learn(found, one)
    others: dict[Path, ParquetRows | None] = {}
    for path in paths:
        with _unreadable_told(home, found, path):
            if (one := stored.get(path)) is not None:
                _count(found, one.table if one.store is deployment.store else _RESTORED, one)
            elif path != deployment.settings.analytics_path and not _is_of_ours(home, found, path):
                others[path] = _copy(found, path)
    takes_part = deployment.analysable().get(learner, False)
    _look_at_research(home, deployment.settings.analytics_path, found, roster=not takes_part)
    if found.is_known:
        # Contents, data sets and models have the names of their files.
        named = {path.stem for path in paths if path in stored or kind_of(path.relative_to(home)) is Kind.NOTHING}
        _learn_words(deployment, found, named - {path.stem for path, copy in others.items() if copy is not None})
    pattern = found.traces.pattern
    for path, copy in others.items():
        with _unreadable_told(home, found, path):
            _look_at_text(home, found, path, copy, pattern)
    if traces is None and found.is_known and found.leftovers:
        # Nobody looks into half a file. Later on one may be a whole one that is being written.
        found.rows[_LEFTOVERS] += len(found.leftovers)
    if pattern is not None:
        for path in found.logs:
            with _unreadable_told(home, found, path):
                found.rows += Counter({_SERVER_LOG: lines_with(path, pattern)})
        found.rows += databases.count_texts(deployment.settings, pattern)
    return found


@contextmanager
def _unreadable_told(home: Path, found: Survey, path: Path) -> Iterator[None]:
    try:
        yield
    except UnreadableError:
        found.unreadable.append(path.relative_to(home).as_posix())


def _restored(paths: list[Path], own: ParquetStore) -> list[ParquetStore]:
    """Stores of data sets that were restored into the home."""
    folders = [path.parent / "data" for path in paths if path.name == MANIFEST and not path.is_relative_to(own.root)]
    return [ParquetStore(folder) for folder in folders if folder.is_dir()]


def _stored(stores: list[ParquetStore], path: Path, traces: Traces) -> Stored | None:
    for store in stores:
        if path.suffix == ".parquet" and path.is_relative_to(store.root) and kind_of(Path(path.name)) is None:
            parts = path.relative_to(store.root).parts[:-1]
            table = "/".join(part for part in parts if not part.startswith("day="))
            return Stored(store, table, ParquetRows(path, table, traces))
    return None


def _learn(found: Survey, one: Stored) -> None:
    """By which further ids others name the learner: predictions, and bad rows that records point at."""
    with suppress(UnreadableError):  # Told where its rows are counted.
        if one.table == NAMES_PREDICTIONS:
            found.traces.predictions |= one.rows.values("prediction_id")
        elif one.table in NAMES_ROWS:
            found.traces.rows.setdefault(one.table, set()).update(one.rows.values(NAMES_ROWS[one.table]))


def _count(found: Survey, place: str, one: Stored) -> None:
    if rows := one.rows.count():
        found.rows[place] += rows
        found.parquet.append(one)


def _learn_words(deployment: Deployment, found: Survey, taken: set[str]) -> None:
    """Which ids of theirs can be put out in texts: what something else has as well stays for its sake."""
    learner = found.traces.learner
    ids = {learner, *(one for ids in found.traces.rows.values() for one in ids)}
    with deployment.connect() as connection:
        taken |= databases.names_of_others(connection, deployment.settings, ids)
    found.traces.words |= ids - taken
    if learner in taken:
        found.not_ours.append("texts (the id is that of something else too)")


def _is_of_ours(home: Path, found: Survey, path: Path) -> bool:
    """A file that is neither Parquet nor anybody's text, by its place."""
    below = path.relative_to(home)
    kind = kind_of(below)
    if kind is Kind.LEFTOVER:
        found.leftovers.append(path)
    elif kind is Kind.LOG:
        found.logs.append(path)
    elif kind is Kind.READING:
        ids = found.traces.rows.get("/".join(below.parts[1:3]), set())
        if examples := examples_in(path, ids):
            found.rows[_EXAMPLES] += examples
            found.readings.append((path, ids))
    return kind in (Kind.LEFTOVER, Kind.LOG, Kind.READING)


def _copy(found: Survey, path: Path) -> ParquetRows | None:
    """An export or a copy of a table of ours, whatever its name and place; None of another file."""
    if not is_parquet(path):
        return None
    copy = ParquetRows(path, None, found.traces)
    if not copy.holds.columns:
        return None
    if (rows := copy.count()) or copy.is_export_of_theirs:
        _add_copy(found, copy, max(rows, 1))
    return copy


def _add_copy(found: Survey, copy: ParquetRows, rows: int) -> None:
    found.rows[_COPIES] += rows
    found.parquet.append(Stored(None, "", copy))


def _look_at_text(home: Path, found: Survey, path: Path, copy: ParquetRows | None, pattern: str | None) -> None:
    """The name of a copy; lines of a text; of a file that is none of ours, whether it surely names them."""
    below = path.relative_to(home)
    kind, is_named = kind_of(below), renamed(path, pattern) != path
    if copy is not None:
        if is_named and all(one.rows is not copy for one in found.parquet):
            _add_copy(found, copy, 1)
    elif kind is Kind.TEXT and pattern is not None and is_text(path):
        if lines := lines_with(path, pattern):
            found.rows[_LOGS] += lines
            found.texts.append(path)
    elif kind is None and is_packed(path):
        found.not_ours.append(f"{below.as_posix()} (packed, not looked into)")
    elif kind is not Kind.NOTHING and pattern is not None and (is_named or lines_with(path, pattern)):
        found.not_ours.append(below.as_posix())


def _look_at_research(home: Path, path: Path, found: Survey, *, roster: bool) -> None:
    """Rows of the researchers' file; where it is damaged or in somebody's hands, another takes its place.

    Args:
        home: The home.
        path: The file.
        found: What was found.
        roster: Look among those who take part, too: who still does goes on standing there.
    """
    if not path.exists():
        return
    try:
        with connected(str(path), read_only=True) as connection:
            tables = connection.execute(
                "SELECT table_name FROM information_schema.columns "
                "WHERE table_schema = ? AND column_name = 'learner_id' AND (? OR table_name <> ?)",
                [SCHEMA, roster, PARTICIPANTS],
            ).fetchall()
            parts = [f'SELECT learner_id FROM {SCHEMA}."{table}"' for (table,) in tables]
            text = f"SELECT count(*) FROM ({' UNION ALL '.join(parts)}) WHERE learner_id = ?"
            rows = connection.execute(text, [found.traces.learner]).fetchall()[0][0] if parts else 0
    except duckdb.Error:
        found.research = True
        found.unreadable.append(os.path.relpath(path, home))
        return
    if rows:
        found.rows[_RESEARCH] += rows
        found.research = True
