"""Pairs that a caller names, as the queries read them."""

import pyarrow as pa

GIVEN_PAIRS = pa.schema(
    [("learner_id", pa.string()), ("objective_id", pa.string()), ("planned_at", pa.timestamp("us"))]
)


def requested_pairs(pairs: pa.Table) -> pa.Table:
    """Pairs as GIVEN_PAIRS; those without a column `planned_at` have no plan."""
    if "planned_at" not in pairs.column_names:
        pairs = pairs.append_column("planned_at", pa.nulls(len(pairs), GIVEN_PAIRS.field("planned_at").type))
    return pairs.select(GIVEN_PAIRS.names).cast(GIVEN_PAIRS)
