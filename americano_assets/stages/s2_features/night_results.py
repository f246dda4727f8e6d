"""Which features and labels a closed night was made from: a rerun takes them, whatever their definition is by then."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from datetime import date
from typing import Any

from americano_assets.core.statistics.learner_draw import Portion
from americano_assets.resources.parquet_store.store import ParquetStore, Version, hash_values
from americano_assets.stages.s2_features.query_plan import feature_definition, label_definition

PART = "results"
FEATURES_AT, LABELS_AT = "features_at", "labels_at"
_PORTION = "portion"
_DEFINITIONS: Mapping[str, Callable[[], str]] = {FEATURES_AT: feature_definition, LABELS_AT: label_definition}


class NoResults:
    """Of what is no closed night nothing is recorded."""

    def of(self, table: str, cutoffs: Iterable[date], halvings: int | None = None) -> dict[date, Version]:
        """Nothing."""
        return {}

    def portion(self, most: int) -> Portion | None:
        """None."""
        return None

    def record_portion(self, portion: Portion | None) -> None:
        """Nothing is recorded."""

    def add(self, table: str, versions: Mapping[date, Version]) -> None:
        """Nothing is recorded."""


class NightResults(NoResults):
    """The record of one night. What it names is never pruned."""

    def __init__(self, store: ParquetStore, day: date, made_from: str, *, anew: bool = False) -> None:
        """Read it, where there is one.

        Args:
            store: The store.
            day: The study day.
            made_from: A key of the night's inputs and target. A record of others does not count.
            anew: Take nothing from it; what is computed is recorded in its place.
        """
        self._store, self._day, self._made_from, self._anew = store, day, made_from, anew

    def of(self, table: str, cutoffs: Iterable[date], halvings: int | None = None) -> dict[date, Version]:
        """The recorded contents of cut-offs; of one that is not recorded, or whose file is gone, none.

        Args:
            table: The table.
            cutoffs: Study days.
            halvings: None where those are not of another portion of the learners. The night's own are of all.
        """
        fits = halvings in (None, _halvings(self._kept())) or set(cutoffs) == {self._day}
        contents = self._contents(table) if fits and not self._anew else {}
        named = {at: Version(*contents[at.isoformat()]) for at in cutoffs if at.isoformat() in contents}
        return self._store.kept(table, named)

    def portion(self, most: int) -> Portion | None:
        """The portion of the learners whom training cut-offs are of, if it was recorded for as many wanted rows."""
        found = None if self._anew else (self._recorded() or {}).get(_PORTION)
        return Portion(**found) if found is not None and found["most"] == most else None

    def record_portion(self, portion: Portion | None) -> None:
        """Record it, None where all learners count; contents of cut-offs that are of another one are let go."""
        before = self._kept()
        kept = {name: value for name, value in before.items() if name != _PORTION}
        if portion is not None:
            kept[_PORTION] = asdict(portion)
        if _halvings(kept) != _halvings(before):
            own = self._day.isoformat()
            for table in kept["tables"].values():
                table["contents"] = {at: one for at, one in table["contents"].items() if at == own}
        if kept != self._kept():
            self._store.record_manifest(self._day, PART, kept)

    def add(self, table: str, versions: Mapping[date, Version]) -> None:
        """Record contents that the night was made from, beside those that are recorded."""
        told = {at.isoformat(): [version.content, version.rows] for at, version in sorted(versions.items())}
        before = self._contents(table)
        if {**before, **told} != before:
            kept = self._kept()
            definition = hash_values(_DEFINITIONS[table]())
            kept["tables"][table] = {"definition": definition, "contents": {**before, **told}}
            self._store.record_manifest(self._day, PART, kept)

    def _contents(self, table: str) -> dict[str, list[Any]]:
        tables = (self._recorded() or {"tables": {}})["tables"]
        return tables[table]["contents"] if table in tables else {}

    def _kept(self) -> dict[str, Any]:
        return self._recorded() or {"made_from": self._made_from, "tables": {}}

    def _recorded(self) -> dict[str, Any] | None:
        found = self._store.manifest(self._day, PART)
        return found if found is not None and found["made_from"] == self._made_from else None


def _halvings(kept: Mapping[str, Any]) -> int:
    return int(kept.get(_PORTION, {"halvings": 0})["halvings"])


def made_anew(store: ParquetStore, day: date, *tables: str) -> str | None:
    """What to tell before a night makes tables that the nights before it were made from by another definition.

    Nothing where the night has recorded its own, or is the first.
    """
    if store.last_manifest_before(day, "inputs") is None:
        return None
    own = (store.manifest(day, PART) or {"tables": {}})["tables"]
    before = (store.last_manifest_before(day, PART) or {"tables": {}})["tables"]
    changed = [
        table
        for table in tables
        if table not in own and before.get(table, {}).get("definition") != hash_values(_DEFINITIONS[table]())
    ]
    if not changed:
        return None
    return (
        f"Made anew for every cut-off that is needed, since their definition changed with this version:"
        f" {' and '.join(changed)}. Nights that have recorded theirs keep them."
    )
