"""The places of a night at which something comes to stand: a file gets its name, a transaction is committed."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg
import pytest

from americano_assets.resources.mlflow import training_run
from americano_assets.resources.parquet_store.atomic_files import LEFTOVER_PREFIX
from americano_assets.stages.s6_publication import transaction

FILE, CALL, COMMIT, COMMITTED = "file", "call", "commit", "committed"
# Within the one transaction in which everything becomes visible: parts of it stand, and none may be seen.
IN_PUBLICATION = ("write_ledger", "write_actions", "record_day")
# Within a run of MLflow, which has no transactions: models are registered, the run is not over.
IN_MLFLOW = "_point"
_CALLED = {transaction: IN_PUBLICATION, training_run: (IN_MLFLOW,)}


@dataclass(frozen=True)
class Point:
    """A place in a night.

    Attributes:
        stage: The step that is at work, as Dagster names it.
        kind: FILE, before it gets its name; CALL, when it returns; COMMIT, before it; COMMITTED, after it.
        what: The file, below the home; the function; or the commit's number within its stage.
    """

    stage: str
    kind: str
    what: str

    def __str__(self) -> str:
        return f"{self.stage} {self.kind} {self.what}"


Reached = Callable[[Point], None]


@contextmanager
def watched(home: Path, reached: Reached) -> Iterator[None]:
    """Have `reached` called at every point, in this process."""
    commits: list[str] = []

    def at(kind: str, what: str) -> None:
        if (stage := _stage()) is not None:
            reached(Point(stage, kind, what))

    def around(commit: Callable[[], Any]) -> Any:
        if (stage := _stage()) is None:
            return commit()
        commits.append(stage)
        number = str(commits.count(stage))
        at(COMMIT, number)
        done = commit()
        at(COMMITTED, number)
        return done

    with pytest.MonkeyPatch.context() as patch:
        _watch_files(patch, home, at)
        _watch_commits(patch, around)
        for where, names in _CALLED.items():
            for name in names:
                patch.setattr(where, name, _telling(getattr(where, name), name, at))
        yield


def chosen(points: Iterable[Point]) -> list[Point]:
    """Of each stage's points, which are in order of time, the first and the last file, and all that is no file."""
    once = [*dict.fromkeys(points)]
    files: dict[str, list[Point]] = {}
    for point in once:
        if point.kind == FILE:
            files.setdefault(point.stage, []).append(point)
    ends = {end for of_stage in files.values() for end in (of_stage[0], of_stage[-1])}
    return [point for point in once if point.kind != FILE or point in ends]


def _stage() -> str | None:
    """The asset at work; None in threads beside it, which write nothing but what is computed again where it lacks."""
    try:
        return dg.AssetExecutionContext.get().op_execution_context.op_def.name
    except dg.DagsterInvariantViolationError:
        return None


def _watch_files(patch: pytest.MonkeyPatch, home: Path, at: Callable[[str, str], None]) -> None:
    replace = Path.replace

    def named(path: Path, final: Path) -> Path:
        if path.name.startswith(LEFTOVER_PREFIX):
            at(FILE, str(final.relative_to(home)))
        return replace(path, final)

    patch.setattr(Path, "replace", named)


def _watch_commits(patch: pytest.MonkeyPatch, around: Callable[[Callable[[], Any]], Any]) -> None:
    commit, leave = psycopg.Connection.commit, psycopg.Transaction.__exit__

    def committing(connection: psycopg.Connection[Any]) -> None:
        if _has_written(connection):
            around(lambda: commit(connection))
        else:
            commit(connection)

    def leaving(transaction: psycopg.Transaction, *raised: Any) -> bool:
        outermost = not transaction.savepoint_name and raised[0] is None
        if outermost and _has_written(transaction.connection):
            return bool(around(lambda: leave(transaction, *raised)))
        return bool(leave(transaction, *raised))

    patch.setattr(psycopg.Connection, "commit", committing)
    patch.setattr(psycopg.Transaction, "__exit__", leaving)


def _has_written(connection: psycopg.Connection[Any]) -> bool:
    """Whether the transaction has changed anything: one that only reads has no number."""
    if connection.info.transaction_status is not psycopg.pq.TransactionStatus.INTRANS:
        return False
    return connection.execute("SELECT pg_current_xact_id_if_assigned() IS NOT NULL").fetchone() == (True,)


def _telling(function: Callable[..., Any], name: str, at: Callable[[str, str], None]) -> Callable[..., Any]:
    def call(*arguments: Any, **options: Any) -> Any:
        result = function(*arguments, **options)
        at(CALL, name)
        return result

    return call
