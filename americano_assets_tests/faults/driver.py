"""Runs one night on a small school in a process of its own, which is killed where it is told to.

Belongs here: the school, the night, the killing. Does not: what must be true afterwards (the tests say so).
"""

import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pytest
from pydantic import SecretStr

from americano_assets.resources.parquet_store import ParquetStore
from americano_assets_tests.integration.story import FIRST, school
from americano_assets_tests.world import Nights, World, world_settings

__all__ = ["FIRST", "main", "nights", "school", "start"]

# Killed when the call returns: nothing of an open transaction is committed, everything of a closed one is.
AFTER_CALL = {
    "reading the log": "americano_assets.assets.snapshots.snapshot_log",
    "reading plans": "americano_assets.assets.snapshots.snapshot_state",
    "publication, ledger": "americano_assets.resources.publication.write_ledger",
    "publication, actions": "americano_assets.resources.publication.write_actions",
    "publication, last row": "americano_assets.resources.publication.record_day",
    "publication, committed": "americano_assets.assets.interventions.publish",
    "outcomes": "americano_assets.assets.outcomes.record_outcomes",
}
# Killed while the file of this table is being written.
IN_FILE = ("interactions", "features", "scored_predictions", "indicators", "interventions")


def nights(url: str, home: Path, instance: dg.DagsterInstance) -> Nights:
    """The rules score, because their thresholds are known; MLflow is out of reach, which stops no night."""
    settings = world_settings(url, home, model_type="rule_based", mlflow_tracking_uri=SecretStr("nowhere://at-all"))
    return Nights(settings, instance)


def start(url: str, world: World, home: Path) -> None:
    """The school, and its log up to the night."""
    school(world)
    with dg.DagsterInstance.ephemeral() as instance:
        assert nights(url, home, instance).history("2026-02-20", FIRST).success


def main(url: str, home: str, *points: str) -> int:
    """One night for each point, killed there; 0 if each was.

    A child for each: what is imported once need not be imported again.
    """
    for point in points:
        child = os.fork()
        if child == 0:
            _die_at(point)
            with dg.DagsterInstance.ephemeral() as instance:
                nights(url, Path(home), instance).night(FIRST)
            os._exit(1)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status) or os.WTERMSIG(status) != signal.SIGKILL:
            print(f"not killed: {point}", file=sys.stderr)
            return 1
        print(point, flush=True)
        sys.stdin.readline()  # The test looks at what is left before the next night begins.
    return 0


def _die_at(point: str) -> None:
    patch = pytest.MonkeyPatch()
    if point in AFTER_CALL:
        where, _, name = AFTER_CALL[point].rpartition(".")
        patch.setattr(import_module(where), name, _then_die(getattr(import_module(where), name)))
        return
    write = ParquetStore.put_day
    add = ParquetStore.add_day

    def dying(method: Callable[..., Any]) -> Callable[..., Any]:
        def put(store: ParquetStore, table: str, day: Any, batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Any:
            return method(store, table, day, _cut_off(batches) if table == point else batches, schema)

        return put

    patch.setattr(ParquetStore, "put_day", dying(write))
    patch.setattr(ParquetStore, "add_day", dying(add))


def _then_die(function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*arguments: Any, **options: Any) -> Any:
        function(*arguments, **options)
        _die()

    return call


def _cut_off(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield from batches
    _die()


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
