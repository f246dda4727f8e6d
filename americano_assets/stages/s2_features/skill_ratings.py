"""Skill ratings in the Parquet store: found by the contents of all days before, else carried on from an earlier one."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from americano_assets.core.features.skill_ratings import (
    Answers,
    Keys,
    Ratings,
    State,
    advance,
    agrees,
    definition,
    initial_state,
)
from americano_assets.core.features.skill_update import COEFFICIENT
from americano_assets.resources.duckdb.connection import connected
from americano_assets.resources.parquet_store.content_files import read_table
from americano_assets.resources.parquet_store.store import ParquetStore, Version, hash_values

TABLE = "elo_at"
RATINGS_SCHEMA = pa.schema(
    [
        ("level", pa.int8()),
        ("key", pa.uint64()),
        ("other", pa.uint64()),
        ("mean", pa.float64()),
        ("variance", pa.float64()),
        ("day", pa.int64()),
        ("counted", pa.bool_()),
        ("right", pa.float64()),
        ("wrong", pa.float64()),
    ]
)
# Answers held at once: some 60 bytes each.
_CHUNK_ROWS = 4_000_000
# What `answers_of` reads of the interactions.
ANSWER_COLUMNS = ("study_day", "learner_key", "course_key", "objective_key", "item_key", "score")


class RatingPass:
    """Goes forward over the study days; each state is the same, whichever earlier one it was carried on from."""

    def __init__(self, store: ParquetStore, days: dict[date, Version]) -> None:
        """Args: the store, and the contents of `interactions` of every study day that counts."""
        self._store = store
        self._days = dict(sorted(days.items()))
        self._reached: date | None = None
        self._state = initial_state()
        self._keys: dict[date, str] = {}
        key = hash_values(definition())
        for day, version in self._days.items():
            self._keys[day] = key = hash_values(key, day, version.content)

    def key(self, day: date) -> str:
        """One content key of everything that was answered up to a study day, and of how ratings move."""
        known = [one for one in self._keys if one <= day]
        return self._keys[known[-1]] if known else ""

    def closing(self, day: date, counted: Keys) -> State:
        """The state once a study day has closed.

        Args:
            day: The study day.
            counted: Sorted keys of the learners who move objectives, items and everyone.
        """
        after, state = self._nearest(day, counted)
        for answers in self._answers(after, day):
            state = advance(state, answers, counted)
        self._reached, self._state = day, state
        return state

    def within(self, day: date, before: datetime, counted: Keys) -> State:
        """The state within a study day: the last closed one, and the learners' own answers of the day before a time."""
        state = self.closing(day - timedelta(days=1), counted)
        if day not in self._days:
            return state
        rows = self._read([day])
        rows = rows.filter(pc.less(rows["occurred_at"], pa.scalar(before, rows.schema.field("occurred_at").type)))
        return advance(state, answers_of(rows), counted, close=False)

    def keep(self, day: date, counted: Keys) -> Version:
        """Store the state once a study day has closed, so that later days can be carried on from it."""
        version = self._store.put_whole(TABLE, table_of(self.closing(day, counted)))
        return self._store.remember(TABLE, self.key(day), version)

    def _nearest(self, day: date, counted: Keys) -> tuple[date | None, State]:
        """The latest state up to a day that the same learners moved, and its day."""
        for earlier in reversed([one for one in self._days if one <= day]):
            if self._reached is not None and earlier <= self._reached <= day:
                break
            version = self._store.remembered(TABLE, self._keys[earlier])
            if version is not None:
                state = state_of(self._store.read_whole(TABLE, version.content))
                if agrees(state, counted):
                    return earlier, state
        if self._reached is not None and self._reached <= day and agrees(self._state, counted):
            return self._reached, self._state
        return None, initial_state()

    def _answers(self, after: date | None, upto: date) -> Iterator[Answers]:
        days: list[date] = []
        rows = 0
        for day, version in self._days.items():
            if day > upto or (after is not None and day <= after) or not version.rows:
                continue
            days.append(day)
            rows += version.rows
            if rows >= _CHUNK_ROWS:
                yield answers_of(self._read(days))
                days, rows = [], 0
        if days:
            yield answers_of(self._read(days))

    def _read(self, days: list[date]) -> pa.Table:
        return read_answers(self._store, {day: self._days[day] for day in days}, "occurred_at")


def read_answers(store: ParquetStore, days: Mapping[date, Version], *further: str) -> pa.Table:
    """ANSWER_COLUMNS and further ones of `interactions` of some study days, in the order that ratings need."""
    # A day's files are sorted by learner, occurred_at, source and source id, each learner in one: just that order.
    paths = [Path(path) for path in store.paths("interactions", dict(days))]
    return pa.concat_tables(read_table(path, [*ANSWER_COLUMNS, *further]) for path in paths)


@cache
def counted_keys(learners: Path) -> Keys:
    """Sorted keys of the learners of a state file who count in numbers of the cohort."""
    with connected() as connection:
        query = "SELECT md5_number_lower(learner_id) AS key FROM read_parquet($path) WHERE in_analytics ORDER BY key"
        found = connection.execute(query, {"path": str(learners)}).fetchnumpy()["key"]
        return np.asarray(found, np.uint64)


def table_of(state: State) -> pa.Table:
    """A state as rows (RATINGS_SCHEMA), sorted by level, key and other."""
    level = np.repeat(np.arange(len(state), dtype=np.int8), [len(one.key) for one in state])
    columns = map(np.concatenate, zip(*(one.columns() for one in state), strict=True))
    return pa.table([level, *columns], schema=RATINGS_SCHEMA)


def state_of(rows: pa.Table) -> State:
    """Read back what `table_of` gave."""
    levels = rows["level"].to_numpy()
    columns = [rows[name].to_numpy() for name in RATINGS_SCHEMA.names[1:]]
    bounds = np.searchsorted(levels, range(COEFFICIENT + 2))
    return tuple(Ratings(*(column[first:last] for column in columns)) for first, last in pairwise(bounds))


def closing_key(day: date) -> str:
    """Under which the ratings of a closed study day, moved as they are now, are found by the day alone."""
    return hash_values("closing", definition(), day)


def answers_of(rows: pa.Table) -> Answers:
    """Rows of `interactions`, sorted by study day, learner key, occurred_at, source and source id."""

    def keys(name: str) -> Keys:
        return np.asarray(rows[name].fill_null(0).to_numpy(), np.uint64)

    return Answers(
        rows["study_day"].to_numpy().astype(np.int64),
        keys("learner_key"),
        keys("course_key"),
        keys("objective_key"),
        keys("item_key"),
        rows["score"].to_numpy().astype(np.float64),
    )
