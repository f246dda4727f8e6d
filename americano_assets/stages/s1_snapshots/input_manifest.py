"""The exact contents that a study day is computed from: its manifest."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from americano_assets.core.study_days.study_day import days_between
from americano_assets.errors import AmericanoError
from americano_assets.resources.parquet_store.store import ParquetStore, Version, digest_of, hash_values
from americano_assets.stages.common.deployment import Deployment
from americano_assets.stages.s1_snapshots.state_snapshots import StateSnapshot, snapshots

DAY_TABLES = ("interactions", "session_ends")
# So many days back an interaction is recognised when it is recorded again; a night reads as many days anew, so that the
# log of both together is younger than what may be pruned.
MEMORY_DAYS = 14


def graded_span(first: date, last: date) -> dict[str, object]:
    """Parameters of the queries of DAY_TABLES for study days from `first` to `last`.

    They read the log of the MEMORY_DAYS before `first` too.
    """
    return {"first_day": first, "last_day": last, "memory_days": MEMORY_DAYS}


@dataclass(frozen=True)
class Inputs:
    """The exact contents that a study day is computed from.

    Attributes:
        days: For each table of DAY_TABLES the content of each stored day up to the study day.
        state: All state snapshots known then, oldest first.
    """

    day: date
    days: dict[str, dict[date, Version]]
    state: list[StateSnapshot]

    @property
    def content(self) -> str:
        """One content key of everything."""
        return hash_values(
            {table: digest_of(versions) for table, versions in self.days.items()},
            [(snapshot.taken_at, snapshot.content) for snapshot in self.state],
        )

    def to_json(self) -> dict[str, Any]:
        """As it is recorded in the day's manifest."""
        return {
            "days": {
                table: {day.isoformat(): [version.content, version.rows] for day, version in versions.items()}
                for table, versions in self.days.items()
            },
            "state": [[snapshot.taken_at.isoformat(), snapshot.tables] for snapshot in self.state],
        }

    @classmethod
    def from_json(cls, day: date, recorded: dict[str, Any]) -> "Inputs":
        """Read back what `to_json` gave."""
        return cls(
            day,
            {
                table: {date.fromisoformat(key): Version(*value) for key, value in versions.items()}
                for table, versions in recorded["days"].items()
            },
            [StateSnapshot(datetime.fromisoformat(taken), tables) for taken, tables in recorded["state"]],
        )


def latest_inputs(store: ParquetStore, day: date, first: date) -> Inputs:
    """What is current now, of the days from `first` to `day`.

    Raises:
        AmericanoError: The day's own interactions are not there.
    """
    days = {table: store.current_days(table, days_between(first, day)) for table in DAY_TABLES}
    if day not in days["interactions"]:
        raise AmericanoError(f"Study day {day} has no interactions yet: materialize interactions for it first.")
    return Inputs(day, days, snapshots(store))


def inputs_of_day(store: ParquetStore, day: date, first: date, *, latest: bool = False) -> Inputs:
    """The inputs recorded for a study day; what is current now, and recorded from then on, where there are none.

    Args:
        store: The store.
        day: The study day.
        first: The first study day whose rows may count.
        latest: Take what is current although something is recorded, and record that.

    Raises:
        AmericanoError: The day's own interactions are not there.
    """
    recorded = None if latest else store.manifest(day, "inputs")
    if recorded is not None:
        return Inputs.from_json(day, recorded)
    inputs = latest_inputs(store, day, first)
    store.record_manifest(day, "inputs", inputs.to_json())
    return inputs


def current_inputs(deployment: Deployment, day: date) -> Inputs:
    """What is current now, up to `day`; nothing is recorded."""
    return latest_inputs(deployment.store, day, deployment.first_day)
