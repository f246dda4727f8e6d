"""Ids of the form `^c[a-z0-9]{24}$` for millions of rows, as pure functions of seed, table and row number."""

import numpy as np
import pyarrow as pa

from americano_assets.core.base.ids import cuid
from americano_assets.loading.demo.simulator.draw.curriculum import Ints

_LETTERS = np.frombuffer(b"0123456789abcdefghijklmnopqrstuvwxyz", np.uint8)
_LENGTH = 25
_COUNTER = 8


def ids(seed: int, table: str, numbers: Ints) -> pa.Array:
    """Ids of rows `numbers` of a table: a prefix of the seed and the table, then the number in base 36."""
    letters = np.empty((len(numbers), _LENGTH), np.uint8)
    prefix = cuid("simulated", str(seed), table)[: _LENGTH - _COUNTER]
    letters[:, : _LENGTH - _COUNTER] = np.frombuffer(prefix.encode(), np.uint8)
    rest = np.asarray(numbers, np.int64)
    for place in range(_LENGTH - 1, _LENGTH - 1 - _COUNTER, -1):
        rest, digit = np.divmod(rest, 36)
        letters[:, place] = _LETTERS[digit]
    offsets = np.arange(0, _LENGTH * (len(numbers) + 1), _LENGTH, dtype=np.int32)
    return pa.StringArray.from_buffers(len(numbers), pa.py_buffer(offsets), pa.py_buffer(letters.tobytes()))
