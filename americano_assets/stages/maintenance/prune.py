"""Removing what nothing refers to any more, so that the store does not grow for ever.

A content is kept while any record names it: a manifest, a dataset version, a model, a snapshot of the state, a current
pointer. Records are searched as text, so that a kind of record that is added later counts as well. What may go, once it
is older than the settings say: contents that late rows have superseded, what was memoised, and the log as it was read
(of which `interactions` and `session_ends` hold what any later step reads).
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import chain
from pathlib import PurePosixPath

from americano_assets.errors import AmericanoError
from americano_assets.resources.home.alone import working_alone
from americano_assets.resources.home.walk import files_of
from americano_assets.resources.parquet_store.atomic_files import LEFTOVER_PREFIX
from americano_assets.resources.parquet_store.files import Files, Stored
from americano_assets.resources.parquet_store.names import MEMOS, pointer_name
from americano_assets.stages.common.deployment import Deployment
from americano_assets.stages.common.schemas import LOG_TABLES

# The server's own files, and MLflow's copies of what the store's records name.
_NOT_OURS = ("postgres", "mlflow", "dagster")
_CONTENT = re.compile(r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])")
# What a killed process left; nobody writes one file for a day.
_LEFTOVER = timedelta(days=1)
_READ_AT_ONCE = 200


@dataclass(frozen=True)
class Pruned:
    """What was removed, or would be: files and their bytes."""

    contents: int
    log_days: int
    leftovers: int
    bytes: int


def prune(deployment: Deployment, keep_days: int, *, dry_run: bool = False) -> Pruned:
    """Remove contents that no record names, and the log as it was read, both older than `keep_days`.

    Args:
        deployment: The deployment; no run of it may be in progress.
        keep_days: Days (of 24 hours) for which a file is kept in any case, since it was written. The log as it was
            read goes by its study day, whenever that was read.
        dry_run: Count, and remove nothing.

    Raises:
        AmericanoError: A place that may name contents cannot be read, or `forget` is at work here.
    """
    with working_alone(deployment.settings):
        return _prune(deployment, keep_days, dry_run=dry_run)


def _prune(deployment: Deployment, keep_days: int, *, dry_run: bool) -> Pruned:
    files, now = deployment.store.files, deployment.now()
    oldest = now - timedelta(days=keep_days)
    stored = list(files.walk())
    pointers = set(_old_log(deployment, oldest.date())).intersection(one.name for one in stored)
    named = _named(deployment, stored, without=pointers)
    by_day = {PurePosixPath(name).parent for name in pointers}
    contents = [
        one
        for folder, found in _by_folder(stored)
        for one in _without_newest(found, whole=not folder.name.startswith("day="))
        if PurePosixPath(one.name).stem not in named and (folder in by_day or one.written < oldest)
    ]
    leftovers = [
        one
        for one in stored
        if PurePosixPath(one.name).name.startswith(LEFTOVER_PREFIX) and one.written < now - _LEFTOVER
    ]
    if not dry_run and (pointers or contents or leftovers):
        files.renew()
        # Pointers first: a process that is killed here leaves a file that nobody names, never a name without its file.
        gone = (one.name for one in (*contents, *leftovers))
        for name in (*sorted(pointers), *_memos_of(files, stored, contents), *gone):
            files.remove(name)
    return Pruned(len(contents), len(pointers), len(leftovers), sum(one.size for one in (*contents, *leftovers)))


def _old_log(deployment: Deployment, oldest: date) -> Iterator[str]:
    """The pointer of each day of the log's tables before `oldest`."""
    for table in LOG_TABLES:
        yield from (pointer_name(table, day) for day in deployment.store.days(table) if day < oldest)


def _named(deployment: Deployment, stored: Iterable[Stored], without: set[str]) -> set[str]:
    """Every word that could be a content's name in a JSON file of ours.

    But for memos, which name what can be computed again, and pointers that are to go.
    """
    store, models, home = deployment.store.files, deployment.models.files, deployment.settings.americano_home
    unreadable: list[str] = []
    elsewhere = (
        path.read_bytes()
        for path in list(files_of(home, unreadable, []))
        if path.suffix == ".json"
        and path.relative_to(home).parts[0] not in _NOT_OURS
        and not any(path.is_relative_to(part.root) for part in (store, models))
    )
    if deployment.settings.americano_store is not None:  # The home's own were gone through with it.
        unreadable += [f"{files.place}/{name}" for files in (store, models) for name in files.unseen()]
    if unreadable:
        raise AmericanoError(
            "These places cannot be read, so which contents they name is not known:"
            f" {', '.join(unreadable)}. Nothing was removed."
        )
    tables = (one.name for one in stored if not _is_memo(one.name) and one.name not in without)
    trained = (one.name for one in models.walk())
    ours = chain(_records(store, tables), _records(models, trained))
    records = chain(elsewhere, (record for _, record in ours))
    return {name for record in records for name in _contents_in(record)}


def _records(files: Files, names: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    """Those of some files that are JSON with what is in them, a few in memory at a time."""
    wanted = [name for name in names if name.endswith(".json")]
    for start in range(0, len(wanted), _READ_AT_ONCE):
        yield from files.read_all(wanted[start : start + _READ_AT_ONCE]).items()


def _contents_in(record: bytes) -> set[str]:
    return set(_CONTENT.findall(record.decode(errors="replace")))


def _is_memo(name: str) -> bool:
    return MEMOS in PurePosixPath(name).parts


def _by_folder(stored: Iterable[Stored]) -> Iterator[tuple[PurePosixPath, list[Stored]]]:
    folders: dict[PurePosixPath, list[Stored]] = {}
    for one in stored:
        path = PurePosixPath(one.name)
        if path.suffix == ".parquet" and _CONTENT.fullmatch(path.stem):
            folders.setdefault(path.parent, []).append(one)
    yield from folders.items()


def _without_newest(files: list[Stored], *, whole: bool) -> list[Stored]:
    """Of a table stored whole the newest content stays: memos alone may know it, and the next night reads it."""
    newest = max(files, key=lambda one: one.written) if whole else None
    return [one for one in files if one != newest]


def _memos_of(files: Files, stored: Iterable[Stored], contents: Iterable[Stored]) -> list[str]:
    gone = {PurePosixPath(one.name).stem for one in contents}
    memos = [one.name for one in stored if _is_memo(one.name)]
    return [memo for memo, record in _records(files, memos) if not gone.isdisjoint(_contents_in(record))]
