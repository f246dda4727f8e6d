"""Rows with a label of the app's that the contract does not know: nobody's mistake, so left out and counted."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.compute as pc

from americano_assets.contract.catalog import read_schema
from americano_assets.contract.enums import NEVER_GRADED, MissionStatus, ReviewRating
from americano_assets.core.base.validation import EXAMPLES, ROW_ID, UNKNOWN_LABEL, Violation
from americano_assets.stages.common.schemas import EXTRACTED


@dataclass(frozen=True)
class _Labelled:
    """A column of an extracted table, and the app's column whose enum says which labels there are."""

    column: str
    table: str
    source: str
    enum: type[StrEnum]


_RATING = _Labelled("rating", "reviews", "rating", ReviewRating)
_OF = {
    "reviews": _RATING,
    "behavioral_events": _RATING,
    "planned_objectives": _Labelled("status", "missions", "status", MissionStatus),
}


def unknown_labels(connection: psycopg.Connection[Any], table: str) -> frozenset[str]:
    """Labels that rows of an extracted table may have and the contract does not know.

    Of a column that is text in the app there are none but those that libraries of the app's are known to write: any
    other text may as well be a mistake.
    """
    of = _OF.get(table)
    if of is None:
        return frozenset()
    live = read_schema(connection).tables[of.table].columns[of.source].labels
    return (frozenset(live) | NEVER_GRADED.get(of.enum, frozenset())) - frozenset(of.enum)


def with_label(batch: pa.RecordBatch, table: str, labels: frozenset[str]) -> pa.BooleanArray | None:
    """Which rows have one of these labels; None where no row has."""
    if not labels:
        return None
    found = pc.fill_null(pc.is_in(batch.column(_OF[table].column), pa.array(sorted(labels))), False)
    return found if found.true_count else None


def left_out(rows: pa.RecordBatch, table: str) -> Violation:
    """What is told of rows that were left out."""
    row_id = (EXTRACTED[table].metadata or {})[ROW_ID]
    examples = tuple(map(str, rows.column(row_id).slice(0, EXAMPLES).to_pylist()))
    return Violation(table, _OF[table].column, UNKNOWN_LABEL, rows.num_rows, examples)
