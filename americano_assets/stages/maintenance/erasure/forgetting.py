"""Forgets a learner: every file of ours under the home, every table of ours, our rows in the app's tables.

It may be killed at any moment and be called again. In the store new contents are written first, one rename makes their
old names mean them (successors.py), and only then are old contents removed. Whatever tells by which ids others know the
learner goes last: of the store the files with ids of predictions and of bad rows, and tables after all files. Texts go
first: they prove nobody's id, so a call that found nothing but texts would refuse it.
"""

import os
from collections import Counter
from dataclasses import dataclass, field
from itertools import chain, count
from pathlib import PurePosixPath

from psycopg.types.json import Jsonb

from americano_assets.core.study_days.cutoff import naive
from americano_assets.errors import AmericanoError
from americano_assets.resources.mlflow.session import TrackingError
from americano_assets.resources.parquet_store.names import POINTER
from americano_assets.resources.parquet_store.redactions import Redaction
from americano_assets.resources.parquet_store.store import ParquetStore
from americano_assets.stages.common.deployment import Deployment
from americano_assets.stages.maintenance.erasure import databases
from americano_assets.stages.maintenance.erasure.files import (
    ParquetRows,
    UnreadableError,
    blank_text,
    clean_reading,
    remove,
    renamed,
)
from americano_assets.stages.maintenance.erasure.findings import Stored, Survey
from americano_assets.stages.maintenance.erasure.registry import NAMES_IDS
from americano_assets.stages.maintenance.erasure.survey import look, survey
from americano_assets.stages.s9_report.research_database import build_analytics


@dataclass
class Forgotten:
    """What was done.

    Attributes:
        rows: Rows, values or lines removed, by place.
        files: Files written anew or removed.
        still_active: The account is still in the app and takes part: later nights read what it does from now on.
        not_ours: What was left alone, as `Survey` has it.
    """

    rows: Counter[str]
    files: int = 0
    still_active: bool = False
    not_ours: list[str] = field(default_factory=list)


def forget(deployment: Deployment, learner: str, found: Survey | None = None) -> Forgotten:
    """Remove a learner from everything of ours; a second call finishes what a killed one began.

    Args:
        deployment: The deployment; no run of it may be in progress.
        learner: Their id in the app.
        found: What `survey` has just said of them.

    Raises:
        AmericanoError: As `survey`; or some file could not be read or cleaned, and everything else is done.
    """
    found = found or survey(deployment, learner)
    done = Forgotten(found.rows)
    _clean_texts(deployment, found, done)
    copies = [one for one in found.parquet if one.store is None]
    for copy in copies:
        _clean_copy(copy.rows, found, done)
    # The deployment's own last: the others are found by the ids that it holds.
    for store in [*{one.store for one in found.parquet if one.store not in (None, deployment.store)}, deployment.store]:
        if store is not None:
            _clean_store(store, [one for one in found.parquet if one.store is store], done)
    with deployment.connect() as connection:
        runs = databases.mlflow_runs(connection, learner)
    if runs:
        try:
            deployment.tracking.remove_runs(runs)
        except TrackingError as error:
            raise AmericanoError(
                f"{error} Files are done, tables are not: one says which of MLflow's runs are the learner's. Have"
                " MLflow answer, and run the command again."
            ) from error
    with deployment.connect() as connection:
        databases.remove_rows(connection, learner)
        connection.execute(
            "INSERT INTO ml.forgettings (forgotten_at, removed) VALUES (%s, %s)",
            [naive(deployment.now()), Jsonb(dict(found.rows))],
        )
    if found.research:
        build_analytics(deployment, forgotten=learner)
    left = look(deployment, learner, found.traces)
    _require_gone(left)
    done.not_ours = left.not_ours
    done.still_active = learner in deployment.analysable()
    return done


def _clean_texts(deployment: Deployment, found: Survey, done: Forgotten) -> None:
    """Logs, leftovers of killed processes, records of bad rows, and what Dagster and MLflow keep of our texts."""
    for path in found.logs:
        # In place: the server goes on writing into the file that it has open.
        path.write_bytes(b"")
    for path in found.leftovers:
        remove(path)
    for name in found.stored_leftovers:
        deployment.store.files.remove(name)
    for name, ids in found.readings:
        clean_reading(deployment.store.files, name, ids)
    pattern = found.traces.pattern
    if pattern is not None:
        for path in found.texts:
            blank_text(path, pattern)
        databases.blank_texts(deployment.settings, pattern)
    done.files += len(found.readings) + len(found.texts)


def _clean_copy(rows: ParquetRows, found: Survey, done: Forgotten) -> None:
    """A Parquet file outside of a store keeps its name, unless that names the learner."""
    try:
        rows.clean()
    except UnreadableError:
        return  # Told at the end.
    if rows.path.exists() and (path := renamed(rows.path, found.traces.pattern)) != rows.path:
        names = (path.with_stem(f"{path.stem}-{number}") for number in count(2))
        rows.path.rename(next(name for name in chain([path], names) if not os.path.lexists(name)))
    done.files += 1


def _clean_store(store: ParquetStore, contents: list[Stored], done: Forgotten) -> None:
    successors: dict[str, Redaction] = {}
    known_as: dict[str, str] = {}
    old: list[tuple[bool, str]] = []
    for one in contents:
        path = PurePosixPath(one.name)
        try:
            left = store.add_remainder(str(path.parent), one.rows.rest(), one.rows.schema)
        except UnreadableError:
            continue  # Told at the end.
        successors[path.stem] = left
        known = store.successors.name_of(path.stem)
        if left.content not in known_as or _is_current(store, path, known):
            known_as[left.content] = known
        old.append((one.table in NAMES_IDS, one.name))
    if successors:
        store.successors.record(successors, known_as)
    # Also where nothing of theirs was found: copies may hold what is no longer in the store.
    store.files.renew()
    for _, name in sorted(old):
        store.files.remove(name)
    done.files += len(old)


def _require_gone(left: Survey) -> None:
    """Better an error than a promise that does not hold."""
    alone = f" None of ours, and left alone: {', '.join(left.not_ours)}." if left.not_ours else ""
    if left.unreadable:
        raise AmericanoError(
            f"{len(left.unreadable)} files cannot be read, the first is {left.unreadable[0]}: whose rows they hold is"
            " not known. Everything else is done. Remove them, or bring them back from a backup or by mounting a disk,"
            f" and run the command again.{alone}"
        )
    if left.rows:
        raise AmericanoError(
            f"Something of the learner is still in {', '.join(sorted(left.rows))}: it was written meanwhile, or could"
            f" not be cleaned. Everything else is done; run the command again.{alone}"
        )


def _is_current(store: ParquetStore, content: PurePosixPath, known: str) -> bool:
    pointers = store.files.read_all([str(content.with_name(POINTER))])
    return any(known.encode() in pointer for pointer in pointers.values())
