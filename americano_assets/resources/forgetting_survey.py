"""Looks through every place of ours for a learner, and changes nothing.

Belongs here: walking the home, counting by place. Does not: what of a place is a learner's (forgetting_registry.py).
"""

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from americano_assets.errors import AmericanoError
from americano_assets.resources import forgetting_databases as databases
from americano_assets.resources.analytics import SCHEMA
from americano_assets.resources.datasets import MANIFEST
from americano_assets.resources.deployment import Deployment
from americano_assets.resources.forgetting_files import (
    ParquetRows,
    Traces,
    UnreadableError,
    examples_in,
    is_parquet,
    lines_with,
    renamed,
)
from americano_assets.resources.forgetting_registry import (
    NAMES_PREDICTIONS,
    NAMES_ROWS,
    Kind,
    kind_of,
)
from americano_assets.resources.home import SERVER_FOLDER
from americano_assets.resources.parquet_store import ParquetStore

_COPIES, _RESTORED, _RESEARCH = "exports and copies", "restored data sets", "the researchers' file"
_EXAMPLES, _LOGS = "examples of bad rows", "Dagster's logs"


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
        not_ours: Tables and files that are none of ours and left alone; of files those that surely name the learner.
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


def survey(deployment: Deployment, learner: str) -> Survey:
    """As `look`, of somebody who is known.

    Raises:
        AmericanoError: No id, or one that is nowhere: not among the app's accounts, in no place of ours.
    """
    if not learner.strip():
        raise AmericanoError("Whom to forget? Name the id of a learner's account.")
    found = look(deployment, learner)
    if not found.has_account and not found.rows:
        raise AmericanoError(
            f"«{learner}» is nobody's id: the app has no such account, and nothing of ours is of one. Ids are compared"
            " as they stand, as a whole."
        )
    return found


def look(deployment: Deployment, learner: str) -> Survey:
    """Look through every place for a learner."""
    found, home = Survey(Traces(learner)), deployment.settings.americano_home
    with deployment.connect() as connection:
        found.has_account = databases.has_account(connection, learner)
        found.traces.predictions |= databases.prediction_ids(connection, learner)
        found.rows += databases.count_rows(connection, learner)
        found.not_ours += databases.unknown_tables(connection)
    paths = list(_files(home, found))
    stores = [deployment.store, *_restored(paths, deployment.store)]
    stored = [one for path in paths if (one := _stored(stores, path, found.traces)) is not None]
    for one in stored:
        _learn(found, one)
    of_store = {one.rows.path: one for one in stored}
    for path in paths:
        try:
            if (one := of_store.get(path)) is not None:
                _count(found, one.table if one.store is deployment.store else _RESTORED, one)
            elif path != deployment.settings.analytics_path:
                _look_at(home, found, path)
        except UnreadableError:
            found.unreadable.append(path.relative_to(home).as_posix())
    if found.traces.pattern is not None:
        found.rows += databases.count_texts(deployment.settings, found.traces.pattern)
    _look_at_research(deployment.settings.analytics_path, found)
    return found


def _files(home: Path, found: Survey) -> Iterator[Path]:
    """Every file under the home in order, but for what the embedded server keeps for itself."""

    def unlisted(error: OSError) -> None:
        found.unreadable.append(Path(error.filename).relative_to(home).as_posix())

    for folder, folders, names in os.walk(home, onerror=unlisted):
        here = Path(folder)
        folders[:] = [] if here == home / SERVER_FOLDER else sorted(folders)
        yield from (here / name for name in sorted(names) if (here / name).is_file() and not (here / name).is_symlink())


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


def _look_at(home: Path, found: Survey, path: Path) -> None:
    """A file that is no Parquet file of a store."""
    below = path.relative_to(home)
    kind, pattern = kind_of(below), found.traces.pattern
    if kind is Kind.LEFTOVER:
        found.leftovers.append(path)
    elif kind is Kind.LOG:
        found.logs.append(path)
    elif kind is Kind.READING:
        ids = found.traces.rows.get("/".join(below.parts[1:3]), set())
        if examples := examples_in(path, ids):
            found.rows[_EXAMPLES] += examples
            found.readings.append((path, ids))
    elif kind is Kind.TEXT and pattern is not None:
        if lines := lines_with(path, pattern):
            found.rows[_LOGS] += lines
            found.texts.append(path)
    elif kind is None:
        _look_at_copy(found, path, below)


def _look_at_copy(found: Survey, path: Path, below: Path) -> None:
    """A file under a name of its own: an export, a copy of a table of ours, or none of ours."""
    pattern = found.traces.pattern
    copy = ParquetRows(path, None, found.traces)
    if is_parquet(path) and copy.holds.columns:
        rows = copy.count()
        if rows or copy.is_export_of_theirs or renamed(path, pattern) != path:
            found.rows[_COPIES] += max(rows, 1)
            found.parquet.append(Stored(None, "", copy))
    elif pattern is not None and (renamed(path, pattern) != path or lines_with(path, pattern)):
        found.not_ours.append(below.as_posix())


def _look_at_research(path: Path, found: Survey) -> None:
    """Rows of the researchers' file; where it is damaged or in somebody's hands, another takes its place."""
    if not path.exists():
        return
    try:
        with duckdb.connect(str(path), read_only=True) as connection:
            tables = connection.execute(
                "SELECT table_name FROM information_schema.columns "
                "WHERE table_schema = ? AND column_name = 'learner_id'",
                [SCHEMA],
            ).fetchall()
            parts = [f'SELECT learner_id FROM {SCHEMA}."{table}"' for (table,) in tables]
            text = f"SELECT count(*) FROM ({' UNION ALL '.join(parts)}) WHERE learner_id = ?"
            rows = connection.execute(text, [found.traces.learner]).fetchall()[0][0] if parts else 0
    except duckdb.Error:
        found.research = True
        return
    if rows:
        found.rows[_RESEARCH] += rows
        found.research = True
