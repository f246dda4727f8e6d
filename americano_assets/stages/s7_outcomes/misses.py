"""Struggles that were scored below the threshold: found, explained, and kept on disk until they are written."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import pandas as pd
import psycopg
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from americano_assets.core.study_days.study_day import day_of_number
from americano_assets.resources.duckdb.connection import open_engine
from americano_assets.resources.parquet_store.row_writer import write_parquet
from americano_assets.stages.common.deployment import Deployment
from americano_assets.stages.s4_predictions.matured import matured
from americano_assets.stages.s4_predictions.scored_predictions import TABLE, with_reasons
from americano_assets.stages.s7_outcomes.sql import query

# Wide rows that are in memory together, explained and written.
ROWS_AT_ONCE = 10_000
_FOUND = ["prediction_id", "scored_day", "predicted_at", "window_end"]


def find_misses(deployment: Deployment, connection: psycopg.Connection[Any], day: date) -> pa.Table | None:
    """Which scores those are that turned out struggles by the day's cut-off and are not in the ledger yet, if any."""
    found = []
    for rows in matured(deployment, day, [*_FOUND, "flagged", "struggled"]):
        misses = rows.filter(pc.and_(pc.invert(rows["flagged"]), pc.fill_null(rows["struggled"], False)))
        known = _in_ledger(connection, misses["prediction_id"].to_pylist())
        found.append(misses.filter(pc.invert(pc.is_in(misses["prediction_id"], known))).select(_FOUND))
    return pa.concat_tables(found) if any(map(len, found)) else None


@contextmanager
def explained(deployment: Deployment, misses: pa.Table | None) -> Iterator[Iterator[pd.DataFrame]]:
    """All that was scored of the misses, with reasons, in portions; they are read from a file, which goes at the end.

    Working out reasons takes time, in which no transaction should wait.
    """
    if misses is None:
        yield iter(())
        return
    store = deployment.store
    days = {day_of_number(number) for number in misses["scored_day"].unique().to_pylist()}
    with store.files.written_beside("") as temporary:
        with open_engine() as engine:
            engine.view("scored", store.paths(TABLE, store.current_days(TABLE, days)), by_name=True)
            engine.register("misses", misses)
            rows = engine.batches(query("missed_rows"), ROWS_AT_ONCE)
            write_parquet(temporary, (_explained(deployment, batch) for batch in rows), rows.schema)
        with pq.ParquetFile(temporary) as file:
            yield (batch.to_pandas() for batch in file.iter_batches(ROWS_AT_ONCE))


def _explained(deployment: Deployment, rows: pa.RecordBatch) -> pa.RecordBatch:
    told = with_reasons(deployment, rows.to_pandas())
    place = rows.schema.get_field_index("factors")
    return rows.set_column(place, "factors", pa.array(told["factors"], pa.string()))


def _in_ledger(connection: psycopg.Connection[Any], predictions: list[str]) -> pa.Array:
    found = connection.execute("SELECT prediction_id FROM ml.episodes WHERE prediction_id = ANY (%s)", [predictions])
    return pa.array([row[0] for row in found], pa.string())
