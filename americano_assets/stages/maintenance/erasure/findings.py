"""What was found of a learner, and where."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from americano_assets.resources.parquet_store.store import ParquetStore
from americano_assets.stages.maintenance.erasure.files import ParquetRows, Traces
from americano_assets.stages.maintenance.erasure.registry import APP_TABLES


@dataclass(frozen=True)
class Stored:
    """A Parquet file with rows of the learner; outside of a store it has no table, and no name."""

    store: ParquetStore | None
    table: str
    rows: ParquetRows
    name: str = ""


@dataclass
class Survey:
    """What was found of a learner, and where.

    Attributes:
        traces: By what they are known.
        has_account: The app has an account of that id.
        rows: Rows, values or lines by place.
        unreadable: Files of ours, below the home or in the store, that cannot be read: whose rows they hold is not
            known.
        not_ours: Tables and files that are none of ours and left alone; of files those that surely name the learner,
            and what is not looked into.
        leftovers: Half files below the home, and those in a store that does not lie in it, by name.
        stored_leftovers: See above.
        research: The researchers' file has rows of theirs, or cannot be read.
    """

    traces: Traces
    has_account: bool = False
    rows: Counter[str] = field(default_factory=Counter)
    unreadable: list[str] = field(default_factory=list)
    not_ours: list[str] = field(default_factory=list)
    parquet: list[Stored] = field(default_factory=list)
    readings: list[tuple[str, set[str]]] = field(default_factory=list)
    texts: list[Path] = field(default_factory=list)
    logs: list[Path] = field(default_factory=list)
    leftovers: list[Path] = field(default_factory=list)
    stored_leftovers: list[str] = field(default_factory=list)
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
