"""Removing what nothing refers to any more, so that the store does not grow for ever.

A content is kept while any record names it: a manifest, a dataset version, a model, a snapshot of the state, a current
pointer. Records are searched as text, so that a kind of record that is added later counts as well. What may go, once it
is older than the settings say: contents that late rows have superseded, what was memoised, and the log as it was read
(of which `interactions` and `session_ends` hold what any later step reads).
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from americano_assets.errors import AmericanoError
from americano_assets.resources.home.walk import files_of
from americano_assets.resources.parquet_store.atomic_files import LEFTOVER_PREFIX, held_alone
from americano_assets.resources.parquet_store.store import ParquetStore
from americano_assets.stages.common.deployment import Deployment
from americano_assets.stages.common.schemas import LOG_TABLES

# The server's own files, and MLflow's copies of what the store's records name.
_NOT_OURS = ("postgres", "mlflow", "dagster")
_MEMO = "by_inputs"
_CONTENT = re.compile(r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])")
# What a killed process left; nobody writes one file for a day.
_LEFTOVER = timedelta(days=1)


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
    with held_alone(deployment.store.root):
        return _prune(deployment, keep_days, dry_run=dry_run)


def _prune(deployment: Deployment, keep_days: int, *, dry_run: bool) -> Pruned:
    store, now = deployment.store, deployment.now()
    oldest = now - timedelta(days=keep_days)
    log = list(_old_log(store, oldest.date()))
    named = _named(_records(deployment.settings.americano_home, without={pointer for pointer, _ in log}))
    by_day = {folder for _, folder in log}
    contents = [
        path
        for folder, files in _by_folder(store.root)
        for path in _without_newest(files, whole=not folder.name.startswith("day="))
        if path.stem not in named and (folder in by_day or _written(path) < oldest)
    ]
    leftovers = [path for path in store.root.rglob(f"{LEFTOVER_PREFIX}*") if _written(path) < now - _LEFTOVER]
    size = sum(path.stat().st_size for path in (*contents, *leftovers))
    if not dry_run:
        # Pointers first: a process that is killed here leaves a file that nobody names, never a name without its file.
        for path in (*(pointer for pointer, _ in log), *_memos_of(store.root, contents), *contents, *leftovers):
            path.unlink(missing_ok=True)
        for _, folder in log:
            for emptied in (folder, folder.parent):
                if not any(emptied.iterdir()):
                    emptied.rmdir()
    return Pruned(len(contents), len(log), len(leftovers), size)


def _old_log(store: ParquetStore, oldest: date) -> Iterator[tuple[Path, Path]]:
    """Pointer and folder of each stored day of the log's tables before `oldest`."""
    for table in LOG_TABLES:
        for pointer in sorted((store.root / table).glob("day=*/current.json")):
            if date.fromisoformat(pointer.parent.name.removeprefix("day=")) < oldest:
                yield pointer, pointer.parent


def _records(home: Path, without: set[Path]) -> Iterator[Path]:
    """Every JSON file of ours but memos, which name what can be computed again, and pointers that are to go."""
    unreadable: list[str] = []
    for path in list(files_of(home, unreadable, [])):
        inside = path.relative_to(home).parts
        if path.suffix != ".json":
            continue
        if inside[0] not in _NOT_OURS and not (inside[0] == "data" and _MEMO in inside) and path not in without:
            yield path
    if unreadable:
        raise AmericanoError(
            "These places in the home cannot be read, so which contents they name is not known:"
            f" {', '.join(unreadable)}. Nothing was removed."
        )


def _named(records: Iterable[Path]) -> set[str]:
    """Every word in these files that could be a content's name."""
    return {name for path in records for name in _CONTENT.findall(path.read_text(errors="replace"))}


def _by_folder(root: Path) -> Iterator[tuple[Path, list[Path]]]:
    folders: dict[Path, list[Path]] = {}
    for path in sorted(root.rglob("*.parquet")):
        if _CONTENT.fullmatch(path.stem):
            folders.setdefault(path.parent, []).append(path)
    yield from folders.items()


def _without_newest(files: list[Path], *, whole: bool) -> list[Path]:
    """Of a table stored whole the newest content stays: memos alone may know it, and the next night reads it."""
    newest = max(files, key=lambda path: path.stat().st_mtime) if whole else None
    return [path for path in files if path != newest]


def _memos_of(root: Path, contents: Iterable[Path]) -> Iterator[Path]:
    gone = {path.stem for path in contents}
    for memo in root.rglob(f"{_MEMO}/*.json"):
        if gone.intersection(_CONTENT.findall(memo.read_text(errors="replace"))):
            yield memo


def _written(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime).astimezone()
