"""Whether rows surely keep every rule of their Pandera model, asked of Arrow columns, which is cheap."""

from typing import Any

import pandas as pd
import pandera.pandas as pa_model
import pyarrow as pa
import pyarrow.compute as pc

from americano_assets.core.base.validation import Checked, checked
from americano_assets.stages.common.schemas import ruled

# Pandera's names of types (pandas') and Arrow types whose values always become them.
_TYPES = {
    "float64": (pa.float64(),),
    "bool": (pa.bool_(),),
    "int32": (pa.int32(),),
    "datetime64[ns]": (pa.timestamp("us"),),  # as Pandera names any unit
    "Int64": (pa.int16(), pa.int32(), pa.int64()),
}


def keeps_every_rule(rows: pa.Table, model: pa_model.DataFrameSchema) -> bool:
    """True only where each column's type, nulls and checks are surely as the model says."""
    columns = ruled(model)
    if model.checks or not set(columns) <= set(rows.column_names):
        return False
    if model.unique and rows.group_by(model.unique).aggregate([]).num_rows != rows.num_rows:
        return False
    # Columns of one type under the same rules are asked together.
    alike: dict[tuple[Any, ...], tuple[pa_model.Column, list[pa.Array]]] = {}
    for name, column in columns.items():
        rules = ((check.name, str(check.statistics)) for check in column.checks)
        key = (rows[name].type, str(column.dtype), column.nullable, column.unique, *rules)
        alike.setdefault(key, (column, []))[1].extend(rows[name].chunks)
    return all(_keeps(pa.chunked_array(chunks, kind), column) for (kind, *_), (column, chunks) in alike.items())


def checked_rows(rows: pa.Table, model: pa_model.DataFrameSchema) -> Checked:
    """What the rules find in rows: asked of Arrow columns, and of Pandera where that is not enough."""
    if keeps_every_rule(rows, model):
        return Checked(str(model.name), rows.num_rows)
    return checked(rows.to_pandas(), model)


def frame_keeps_every_rule(rows: pd.DataFrame, model: pa_model.DataFrameSchema) -> bool:
    """As `keeps_every_rule`, of a frame."""
    ours = ruled(model)
    if not set(ours) <= set(rows.columns):
        return False
    # Objects of one type become an Arrow column of that type; for Pandera they are objects.
    if any(column.dtype is not None and rows[name].dtype == object for name, column in ours.items()):
        return False
    try:
        columns = {name: pa.array(rows[name].to_numpy(), from_pandas=True) for name in ours}
    except pa.ArrowException:
        return False
    return keeps_every_rule(pa.table(columns), model)


def _keeps(values: pa.ChunkedArray, column: pa_model.Column) -> bool:
    if column.unique or (not column.nullable and values.null_count):
        return False
    if column.dtype is not None and values.type not in _TYPES.get(str(column.dtype), ()):
        return False
    if pa.types.is_floating(values.type) and pc.any(pc.is_nan(values)).as_py():
        return False
    return all(_holds(values, check) for check in column.checks)


def _holds(values: pa.ChunkedArray, check: Any) -> bool:
    given = check.statistics or {}
    if check.name == "not empty":
        if not (pa.types.is_string(values.type) or pa.types.is_large_string(values.type)):
            return False
        kept = pc.greater(pc.utf8_length(values), 0)
    elif check.name == "isin":
        allowed = pa.array([str(one) for one in given["allowed_values"]], pa.string())
        if values.type != allowed.type:
            return False
        kept = pc.or_(pc.is_in(values, allowed), pc.is_null(values))
    elif check.name == "in_range":
        if not (given.get("include_min", True) and given.get("include_max", True)):
            return False
        kept = pc.and_(pc.greater_equal(values, given["min_value"]), pc.less_equal(values, given["max_value"]))
    elif check.name == "str_matches":
        pattern = given["pattern"]
        pattern = pattern if isinstance(pattern, str) else pattern.pattern
        # Arrow's classes of characters, such as \d, are not Python's.
        if "\\" in pattern or not pa.types.is_string(values.type):
            return False
        kept = pc.match_substring_regex(values, f"^(?:{pattern})")
    elif check.name == "readable JSON":
        kept = values
    elif check.name == "greater_than_or_equal_to":
        kept = pc.greater_equal(values, given["min_value"])
    else:
        return False
    # What is null is for `nullable` to judge.
    return bool(pc.all(pc.fill_null(kept, True), min_count=0).as_py())
