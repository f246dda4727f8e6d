"""A cohort as its rows are rendered: with its missions, and the ids of every table."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from americano_assets.core.base.ids import cuid
from americano_assets.loading.demo.simulator.cohort import Cohort
from americano_assets.loading.demo.simulator.draw.curriculum import Ints
from americano_assets.loading.demo.simulator.draw.missions import Missions, missions_of
from americano_assets.loading.demo.simulator.draw.timing import DAY, opening_ms
from americano_assets.loading.demo.simulator.rows.ids import ids

OWNER = cuid("simulated", "owner")  # of the courses; learns nothing
_CHUNK = 100_000


@dataclass(frozen=True)
class Known:
    """What the app has learnt in (after, until], ms since 1970-01-01."""

    after: int
    until: int

    def numbers(self, known: Ints) -> Ints:
        """Numbers of the rows that became known."""
        return np.flatnonzero((known > self.after) & (known <= self.until))


class School:
    """A cohort, its missions and its ids."""

    def __init__(self, cohort: Cohort) -> None:
        self.cohort = cohort
        self.missions: Missions = missions_of(cohort, self.generator("missions"))
        self.opened = opening_ms(cohort.arguments.first, np.array(0))
        self.founded = int(self.opened) - 30 * DAY
        self._users = pa.array(cohort.learner_ids, pa.string())

    def generator(self, name: str) -> np.random.Generator:
        """A stream of draws of a table's own."""
        return np.random.default_rng([self.cohort.arguments.seed, *name.encode()])

    def ids(self, table: str, numbers: Ints) -> pa.Array:
        """Ids of a table's rows."""
        return ids(self.cohort.arguments.seed, table, numbers)

    def users(self, learners: Ints) -> pa.Array:
        """Ids of learners."""
        return self._users.take(pa.array(learners))


def chunks(numbers: Ints, size: int = _CHUNK) -> Iterator[Ints]:
    """Numbers in bounded pieces, at least one, so that an empty table still has its columns."""
    for first in range(0, max(len(numbers), 1), size):
        yield numbers[first : first + size]
