"""Features and labels of any cut-off, kept by what they came from.

The definitions themselves are in sql/.
"""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property, partial
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa

from americano_assets.core.features.skill_ratings import Keys
from americano_assets.core.statistics.learner_draw import key_bound
from americano_assets.core.study_days.cutoff import LOOK_BACK_DAYS, Cutoff, Target, naive
from americano_assets.errors import AmericanoError
from americano_assets.resources.parquet_store.content_files import read_table
from americano_assets.resources.parquet_store.store import ParquetStore, Version, digest_of, hash_values
from americano_assets.stages.s1_snapshots.input_manifest import DAY_TABLES, Inputs
from americano_assets.stages.s1_snapshots.state_snapshots import StateAt, state_at
from americano_assets.stages.s2_features.day_aggregates import derived_paths
from americano_assets.stages.s2_features.feature_engine import FeatureEngine, open_feature_engine
from americano_assets.stages.s2_features.learner_portions import of_larger_portions
from americano_assets.stages.s2_features.night_results import FEATURES_AT, LABELS_AT, NightResults, NoResults
from americano_assets.stages.s2_features.query_plan import (
    DERIVED_TABLES,
    WINDOWS,
    feature_definition,
    label_definition,
)
from americano_assets.stages.s2_features.skill_ratings import TABLE as RATINGS_TABLE
from americano_assets.stages.s2_features.skill_ratings import RatingPass, closing_key, counted_keys, table_of
from americano_assets.stages.s2_features.window_aggregates import window_paths

# The cohort's numbers at each closed cut-off, for single learners between two nights.
COHORT = "cohort"
# The look-back, and one day more because a cut-off within a day reaches into it.
LOOK_BACK = timedelta(days=LOOK_BACK_DAYS + 1)
# From so many interactions of a look-back on, label windows are kept too. Below, they would save nothing.
KEEP_FROM = 1_000_000
_MOST_ENGINES = 4
_Keep = Callable[[date, pa.Table], tuple[date, Version]]
_DAYS_PER_ENGINE = 8


@dataclass(frozen=True)
class PairSource:
    """A stored table of (learner_id, objective_id) pairs, for features perhaps with planned_at."""

    content: str
    path: Path


class PointInTimeTables:
    """Features and labels at any cut-off up to a study day. What the same contents already gave is used again."""

    def __init__(
        self,
        store: ParquetStore,
        inputs: Inputs,
        zone: ZoneInfo,
        target: Target,
        now: datetime,
        results: NightResults | None = None,
    ) -> None:
        """Nothing is read yet; `results` is the record of a closed night, whose contents are taken and added to."""
        self.store = store
        self.inputs = inputs
        self.zone = zone
        self.target = target
        self.now = now
        self.results = results or NoResults()

    def moment(self, day: date) -> Cutoff:
        """The cut-off of a study day; now, where the day is still open."""
        closing = Cutoff.closing(day, self.zone, self.target)
        return closing if closing.at <= self.now else Cutoff(self.now, self.zone, self.target)

    def state(self, day: date) -> StateAt:
        """The curriculum and plans that speak for a day's cut-off."""
        return state_at(self.inputs.state, self.moment(day).at)

    def state_path(self, table: str, day: date) -> Path:
        """The file of a state table that speaks for a day's cut-off."""
        return self.store.whole_path(table, self.state(day).snapshot.tables[table])

    def features(
        self, days: Sequence[date], pairs: Mapping[date, PairSource] | None = None, halvings: int = 0
    ) -> dict[date, Version]:
        """Spine and features at the cut-offs of `days`; read them with `store.read_whole("features_at", content)`.

        Args:
            days: The study days.
            pairs: For each of them the pairs to compute instead of the night's candidates.
            halvings: Of the night's candidates those of a portion of the learners (core/statistics/learner_draw.py).
        """
        recorded = self.results.of(FEATURES_AT, days, halvings) if pairs is None else {}
        keys = {day: self.feature_key(day, pairs, halvings) for day in days if day not in recorded}
        made = self._memoised(FEATURES_AT, keys, partial(self._compute_features, pairs=pairs, halvings=halvings))
        if pairs is None:
            self.results.add(FEATURES_AT, made)
        return recorded | made

    def store_cohort(self, day: date) -> None:
        """Keep what all learners together show at the cut-off of a closed day, where live_features.py finds it."""
        with open_feature_engine() as engine:
            derived = self.view_log(engine, [day])
            self._load_state(engine, day)
            for name, rows in engine.cohort(self.moment(day), derived=derived).items():
                self.store.put_day(f"{COHORT}/{name}", day, rows.to_batches(), rows.schema)
        self.store.remember(RATINGS_TABLE, closing_key(day), self.elo_state(day))

    def labels(self, sources: dict[date, PairSource]) -> dict[date, Version]:
        """Outcomes of the pairs of each day, in the window that begins at its cut-off and has closed.

        Raises:
            AmericanoError: A window is still open at the study day of the inputs.
        """
        open_days = [day for day in sources if day + timedelta(days=self.target.horizon_days) > self.inputs.day]
        if open_days:
            raise AmericanoError(f"The label window of study day {open_days[0]} is still open at {self.inputs.day}.")
        features = self.results.of(FEATURES_AT, sources)
        same = [day for day, version in features.items() if version.content == sources[day].content]
        recorded = self.results.of(LABELS_AT, same)
        keys = {day: self._label_key(day, source) for day, source in sources.items() if day not in recorded}
        made = self._memoised(LABELS_AT, keys, partial(self._compute_labels, sources=sources))
        self.results.add(LABELS_AT, made)
        return recorded | made

    def pairs_of_features(self, features: dict[date, Version]) -> dict[date, PairSource]:
        """The pairs of feature tables, as `labels` takes them."""
        return {
            day: PairSource(version.content, self.store.whole_path("features_at", version.content))
            for day, version in features.items()
        }

    def elo_state(self, day: date) -> Version:
        """The ratings once a study day has closed, kept; read them with `store.read_whole("elo_at", content)`."""
        return self._rating_pass.keep(day, self._counted(day))

    def _ratings(self, ratings: RatingPass, day: date) -> pa.Table:
        """The ratings at a day's cut-off; those that move once a day closes are of the last closed one."""
        counted = self._counted(day)
        if self._closes(day):
            return table_of(ratings.closing(day, counted))
        return table_of(ratings.within(day, naive(self.moment(day).at), counted))

    def _closes(self, day: date) -> bool:
        """Whether a day's moment is its end, not an hour within it."""
        return self.moment(day).at == Cutoff.closing(day, self.zone, self.target).at

    @cached_property
    def _rating_pass(self) -> RatingPass:
        return RatingPass(self.store, self.inputs.days["interactions"])

    def _counted(self, day: date) -> Keys:
        """Sorted keys of the learners who count in numbers of the cohort at a day's cut-off."""
        return counted_keys(self.state_path("learners", day))

    def feature_key(self, day: date, pairs: Mapping[date, PairSource] | None = None, halvings: int = 0) -> str:
        """Under which the features of a cut-off are kept; as `features`."""
        moment = self.moment(day)
        state = self.state(day)
        contents = {table: digest_of(self.within(table, day - LOOK_BACK, day)) for table in DAY_TABLES}
        return hash_values(
            feature_definition(given=pairs is not None),
            moment.parameters(state.from_later),
            str(self.zone),
            contents,
            state.snapshot.content,
            self._rating_pass.key(day),
            None if pairs is None else pairs[day].content,
            *([halvings] if halvings else []),
        )

    def _label_key(self, day: date, source: PairSource) -> str:
        window = self.within("interactions", day, day + timedelta(days=self.target.horizon_days))
        moment = self.moment(day)
        return hash_values(
            label_definition(),
            moment.at,
            moment.horizon_end,
            self.target.struggle_below,
            source.content,
            digest_of(window),
        )

    def within(self, table: str, first: date, last: date) -> dict[date, Version]:
        """The contents of a table's study days from `first` to `last`."""
        return {day: version for day, version in self.inputs.days[table].items() if first <= day <= last}

    def _memoised(
        self, table: str, keys: dict[date, str], compute: Callable[[list[date], _Keep], Iterable[tuple[date, Version]]]
    ) -> dict[date, Version]:
        def keep(day: date, rows: pa.Table) -> tuple[date, Version]:
            return day, self.store.remember(table, keys[day], self.store.put_whole(table, rows))

        found = self.store.remembered_all(table, keys)
        missing = sorted(keys.keys() - found)
        found |= dict(compute(missing, keep)) if missing else {}
        return {day: found[day] for day in keys if day in found}

    def _compute_features(
        self, days: list[date], keep: _Keep, pairs: Mapping[date, PairSource] | None, halvings: int
    ) -> Iterable[tuple[date, Version]]:
        cut = {day: keep(day, rows) for day, rows in of_larger_portions(self, days, halvings)}
        yield from cut.values()
        days = [day for day in days if day not in cut]
        if not days:
            return
        # Many small queries leave cores idle within each; a few engines side by side do not.
        workers = min(os.cpu_count() or 1, _MOST_ENGINES, -(-len(days) // _DAYS_PER_ENGINE))
        size = -(-len(days) // workers)
        parts = [days[start : start + size] for start in range(0, len(days), size)]
        with ThreadPoolExecutor(workers) as pool:
            # Each table is kept as it is made: together they would take as much room as a night times their number.
            in_turn = partial(self._features_in_turn, pairs=pairs, halvings=halvings, workers=workers)
            for part in pool.map(lambda some: [keep(*one) for one in in_turn(some)], parts):
                yield from part

    def _features_in_turn(
        self, days: list[date], pairs: Mapping[date, PairSource] | None, halvings: int, workers: int
    ) -> Iterable[tuple[date, pa.Table]]:
        with open_feature_engine(workers) as engine:
            derived = self.view_log(engine, days)
            windows = derived and self.view_windows(engine, days)
            # Alone, it goes on from the cut-off before; several at once would trip over each other's.
            ratings = self._rating_pass if workers == 1 else RatingPass(self.store, self.inputs.days["interactions"])
            for day in days:
                engine.register("ratings", self._ratings(ratings, day))
                rows = engine.features(
                    self.moment(day),
                    from_later_state=self._load_state(engine, day).from_later,
                    pairs=None if pairs is None else read_table(pairs[day].path),
                    derived=derived and self._closes(day),
                    windows=windows,
                    until=key_bound(halvings) if halvings else None,
                )
                yield day, rows

    def _load_state(self, engine: FeatureEngine, day: date) -> StateAt:
        state = self.state(day)
        engine.load_state(
            {name: self.store.whole_path(name, content) for name, content in state.snapshot.tables.items()}
        )
        return state

    def _compute_labels(
        self, days: list[date], keep: _Keep, sources: dict[date, PairSource]
    ) -> Iterable[tuple[date, Version]]:
        with open_feature_engine() as engine:
            for day in days:
                moment = self.moment(day)
                self._view_days(engine, day, day + timedelta(days=self.target.horizon_days), in_memory=False)
                pairs = read_table(sources[day].path, ["learner_id", "objective_id"])
                yield keep(day, engine.labels(pairs, moment.at, moment.horizon_end, self.target.struggle_below))

    def view_log(self, engine: FeatureEngine, days: Sequence[date]) -> bool:
        """Make the log readable for `engine.features` at the cut-offs of `days`, in order, and the calendar.

        Returns:
            Whether what is kept of whole days can be read too; it speaks for those of the cut-offs that close a day.
        """
        some = any(self._closes(day) for day in days)
        open_too = not all(self._closes(day) for day in days)
        self._view_days(engine, days[0] - LOOK_BACK, days[-1], in_memory=open_too and len(days) > 1)
        if some:
            versions = self.within("interactions", days[0] - LOOK_BACK, days[-1])
            versions = versions or dict([*self.inputs.days["interactions"].items()][:1])
            for table in DERIVED_TABLES:
                engine.view(f"{table}_kept", derived_paths(self.store, table, versions), in_memory=len(days) > 1)
        return some

    def view_windows(self, engine: FeatureEngine, days: Sequence[date]) -> bool:
        """Make what is kept of topics' windows readable for `engine.features` at a single cut-off, if that is worth it.

        Returns:
            Whether it can be read. Of several cut-offs each works its windows out from days that are in memory.
        """
        if len(days) > 1 or not self._closes(days[0]):
            return False
        versions = self.within("interactions", days[0] - LOOK_BACK, days[0])
        if sum(version.rows for version in versions.values()) < KEEP_FROM:
            return False
        paths = window_paths(self.store, days[0], self.moment(days[0]), versions)
        if paths:
            engine.view(f"{WINDOWS}_kept", paths)
        return bool(paths)

    def _view_days(self, engine: FeatureEngine, first: date, last: date, *, in_memory: bool) -> None:
        engine.calendar(last, self.zone)
        for table in DAY_TABLES:
            paths = self.store.paths(table, self.within(table, first, last))
            paths = paths or self.store.paths(table, self.inputs.days[table])[:1]
            engine.view(table, paths, in_memory=in_memory)
