"""Looks through every place of ours for a learner, and changes nothing."""

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path, PurePath

import duckdb

from americano_assets.errors import AmericanoError
from americano_assets.resources.duckdb.connection import connected
from americano_assets.resources.home.walk import files_of
from americano_assets.resources.parquet_store.names import DATA
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
from americano_assets.stages.maintenance.erasure.findings import Stored, Survey
from americano_assets.stages.maintenance.erasure.registry import (
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
    if deployment.settings.store_bucket is not None:  # Copies of what is in the bucket go with their epoch.
        paths = [path for path in paths if not path.is_relative_to(deployment.settings.cache_folder)]
    stores = [deployment.store, *_restored(paths, deployment.store)]
    stored = {path: one for path in paths if (one := _stored(stores, path, found.traces)) is not None}
    elsewhere, readings = ([], []) if deployment.settings.americano_store is None else _elsewhere(deployment, found)
    for one in (*stored.values(), *elsewhere):
        _learn(found, one)
    others: dict[Path, ParquetRows | None] = {}
    for path in paths:
        with _unreadable_told(found, path.relative_to(home).as_posix()):
            if (one := stored.get(path)) is not None:
                _count(found, one.table if one.store is deployment.store else _RESTORED, one)
            elif path != deployment.settings.analytics_path and not _is_of_ours(deployment, found, path):
                others[path] = _copy(found, path)
    _look_elsewhere(deployment, found, elsewhere, readings)
    takes_part = deployment.analysable().get(learner, False)
    _look_at_research(home, deployment.settings.analytics_path, found, roster=not takes_part)
    if found.is_known:
        # Contents, data sets and models have the names of their files.
        named = {path.stem for path in paths if path in stored or kind_of(path.relative_to(home)) is Kind.NOTHING}
        named |= {PurePath(one.name).stem for one in elsewhere}
        _learn_words(deployment, found, named - {path.stem for path, copy in others.items() if copy is not None})
    pattern = found.traces.pattern
    for path, copy in others.items():
        with _unreadable_told(found, path.relative_to(home).as_posix()):
            _look_at_text(home, found, path, copy, pattern)
    if traces is None and found.is_known and (leftovers := len(found.leftovers) + len(found.stored_leftovers)):
        # Nobody looks into half a file. Later on one may be a whole one that is being written.
        found.rows[_LEFTOVERS] += leftovers
    if pattern is not None:
        for path in found.logs:
            with _unreadable_told(found, path.relative_to(home).as_posix()):
                found.rows += Counter({_SERVER_LOG: lines_with(path, pattern)})
        found.rows += databases.count_texts(deployment.settings, pattern)
    return found


@contextmanager
def _unreadable_told(found: Survey, name: str) -> Iterator[None]:
    try:
        yield
    except UnreadableError:
        found.unreadable.append(name)


def _restored(paths: list[Path], own: ParquetStore) -> list[ParquetStore]:
    """Stores of data sets that were restored into the home."""
    folders = [path.parent / "data" for path in paths if path.name == MANIFEST and not path.is_relative_to(own.root)]
    return [ParquetStore(folder) for folder in folders if folder.is_dir()]


def _stored(stores: list[ParquetStore], path: Path, traces: Traces) -> Stored | None:
    for store in stores:
        if path.suffix == ".parquet" and path.is_relative_to(store.root) and kind_of(Path(path.name)) is None:
            return _content(store, path.relative_to(store.root), traces)
    return None


def _content(store: ParquetStore, name: PurePath, traces: Traces) -> Stored:
    table = "/".join(part for part in name.parts[:-1] if not part.startswith("day="))
    path = partial(store.files.path, name.as_posix())
    return Stored(store, table, ParquetRows(path, table, traces), name.as_posix())


def _elsewhere(deployment: Deployment, found: Survey) -> tuple[list[Stored], list[PurePath]]:
    """Contents of a store that does not lie in the home, and its records of bad rows; what is of others is named."""
    contents, readings, files = [], [], deployment.store.files
    found.unreadable += [f"{files.place}/{name}" for name in files.unseen()]
    for name in (PurePath(one.name) for one in files.walk()):
        kind = kind_of(PurePath(DATA, name))
        if name.suffix == ".parquet" and kind is None:
            contents.append(_content(deployment.store, name, found.traces))
        elif kind is Kind.READING:
            readings.append(name)
        elif kind is Kind.LEFTOVER:
            found.stored_leftovers.append(name.as_posix())
        elif kind is None:
            found.not_ours.append(f"{files.place}/{name} (not looked into)")
    return contents, readings


def _look_elsewhere(deployment: Deployment, found: Survey, contents: list[Stored], readings: list[PurePath]) -> None:
    place = deployment.store.files.place
    for one in contents:
        with _unreadable_told(found, f"{place}/{one.name}"):
            _count(found, one.table, one)
    for name in readings:
        with _unreadable_told(found, f"{place}/{name}"):
            _look_at_reading(deployment, found, name)


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


def _is_of_ours(deployment: Deployment, found: Survey, path: Path) -> bool:
    """A file that is neither Parquet nor anybody's text, by its place."""
    below = path.relative_to(deployment.settings.americano_home)
    kind = kind_of(below)
    if kind is Kind.LEFTOVER:
        found.leftovers.append(path)
    elif kind is Kind.LOG:
        found.logs.append(path)
    elif kind is Kind.READING:
        _look_at_reading(deployment, found, PurePath(*below.parts[1:]))
    return kind in (Kind.LEFTOVER, Kind.LOG, Kind.READING)


def _look_at_reading(deployment: Deployment, found: Survey, name: PurePath) -> None:
    """A record of bad rows, by its name in the store."""
    ids = found.traces.rows.get("/".join(name.parts[:2]), set())
    if examples := examples_in(deployment.store.files, name.as_posix(), ids):
        found.rows[_EXAMPLES] += examples
        found.readings.append((name.as_posix(), ids))


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
