"""The number by which the queries know a learner."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from americano_assets.resources.duckdb.connection import connected


def key_of(learner: str) -> int:
    """The 64 bits by which the queries know a learner."""
    return int(keys_of(pa.array([learner]))[0])


def keys_of(learners: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.uint64]:
    """The same of many learners, shape (n,), in their order."""
    with connected() as connection:
        connection.register("learners", pa.table({"learner_id": learners}))
        found = connection.execute("SELECT md5_number_lower(learner_id) AS key FROM learners").fetchnumpy()["key"]
        return np.asarray(found, np.uint64)
