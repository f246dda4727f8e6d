"""Whole-table snapshots of curriculum, plans and profiles, each with the time at which it was taken."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from americano_assets.errors import AmericanoError
from americano_assets.resources.parquet_store.store import ParquetStore, hash_values

_FOLDER = "state_snapshots"
_STAMP = "%Y%m%dT%H%M%S%fZ"
PROMPT_AFTER_CUTOFF = timedelta(hours=1)


@dataclass(frozen=True)
class StateSnapshot:
    """One taking of all state tables: their contents by name, and when (aware, UTC)."""

    taken_at: datetime
    tables: dict[str, str]

    @property
    def content(self) -> str:
        """One content key of all tables."""
        return hash_values(self.tables)


@dataclass(frozen=True)
class StateAt:
    """The snapshot that speaks for a cut-off.

    Attributes:
        snapshot: The tables.
        from_later: It was taken too late: columns that the app overwrites tell the future and must not be read.
    """

    snapshot: StateSnapshot
    from_later: bool


def record_snapshot(store: ParquetStore, snapshot: StateSnapshot) -> None:
    """Make a snapshot known, after all its tables are stored."""
    store.write_json(f"{_FOLDER}/{snapshot.taken_at.strftime(_STAMP)}.json", snapshot.tables)


def snapshots(store: ParquetStore) -> list[StateSnapshot]:
    """All snapshots, oldest first."""
    stored = store.records(_FOLDER)
    return [
        StateSnapshot(datetime.strptime(f"{name}+0000", f"{_STAMP}%z"), json.loads(tables))
        for name, tables in stored.items()
    ]


def state_at(known: list[StateSnapshot], at: datetime) -> StateAt:
    """The first snapshot taken in [T, T + 1 h), else the last before T, else the oldest, which then is `from_later`.

    Args:
        known: Snapshots, oldest first.
        at: T.

    Raises:
        AmericanoError: There is no snapshot at all.
    """
    if not known:
        raise AmericanoError("No snapshot of curriculum and plans yet: materialize state_snapshots first.")
    prompt = [snapshot for snapshot in known if at <= snapshot.taken_at < at + PROMPT_AFTER_CUTOFF]
    before = [snapshot for snapshot in known if snapshot.taken_at < at]
    if prompt:
        return StateAt(prompt[0], False)
    return StateAt(before[-1], False) if before else StateAt(known[0], True)
