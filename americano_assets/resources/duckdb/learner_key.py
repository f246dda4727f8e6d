"""The number by which the queries know a learner, and the bucket that it says."""

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


def by_learner(batch: pa.RecordBatch, buckets: int) -> list[pa.RecordBatch]:
    """The rows of each bucket of learners, by `learner_id`, in their order.

    A learner's bucket is the remainder of their key: the same on every machine and in every version.
    """
    learners = batch.column("learner_id").cast(pa.string()).dictionary_encode()
    bucket = (keys_of(learners.dictionary) % np.uint64(buckets))[learners.indices.to_numpy()]
    return [batch.filter(pa.array(bucket == one)) for one in range(buckets)]
