"""Columns of many rows at once: moments, numbers and JSON as text, lists joined by group."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from americano_assets.loading.demo.simulator.draw.curriculum import Ints
from americano_assets.loading.demo.simulator.draw.learners import Bools

Text: TypeAlias = str | pa.Array


def moments(ms: Ints, where: Bools | None = None) -> pa.Array:
    """Timestamps from ms since 1970-01-01; null where not `where`."""
    return pa.array(ms, pa.int64(), mask=None if where is None else ~where).cast(pa.timestamp("ms"))


def texts(values: npt.NDArray[np.generic]) -> pa.Array:
    """Numbers as JSON writes them."""
    return pa.array(values).cast(pa.string())


def chosen(labels: Sequence[str], numbers: npt.NDArray[np.integer]) -> pa.Array:
    """Labels by their number."""
    return pa.array(labels, pa.string()).take(pa.array(numbers))


def joined(*parts: Text) -> pa.Array:
    """Row by row, the parts one after the other; at least one of them has many rows."""
    return pc.binary_join_element_wise(*parts, "")


def json_object(fields: Mapping[str, Text], *, quoted: frozenset[str] | set[str]) -> pa.Array:
    """An object a row, of the fields in order; those of `quoted` become JSON strings."""
    parts: list[Text] = []
    for name, values in fields.items():
        mark = '"' if name in quoted else ""
        parts += [f'{"," if parts else "{"}"{name}":{mark}', values, mark]
    return joined(*parts, "}")


def json_lists(items: pa.Array, heads: Ints) -> pa.Array:
    """A list a group of consecutive items; group g is items[heads[g]:heads[g + 1]]."""
    groups = pa.ListArray.from_arrays(pa.array(heads.astype(np.int32)), items)
    return joined("[", pc.binary_join(groups, ","), "]")


def groups_of(heads: Ints, numbers: Ints) -> tuple[Ints, Ints]:
    """Places of the items of the chosen groups, one group after the other, and the heads among them."""
    counts = heads[numbers + 1] - heads[numbers]
    own = np.append(0, np.cumsum(counts))
    places = np.arange(own[-1]) - np.repeat(own[:-1], counts) + np.repeat(heads[numbers], counts)
    return places, own
