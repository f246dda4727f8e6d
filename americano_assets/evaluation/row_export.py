"""Every judged row as a Parquet file, so that anyone can check the report with tools of their own."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from americano_assets.core.evaluation.report import Evaluated, predictions
from americano_assets.core.features.catalog import DATA_QUALITY, MODEL_INPUTS
from americano_assets.core.models.rule_based import cold_start


def write_rows(evaluated: Evaluated, path: Path) -> None:
    """Write the judged rows.

    Columns: learner_id, objective_id, course_id, cutoff (study day), every model input, data_quality, cold_start,
    never_active, mean_score, label, fold, prediction_MODEL and flagged_MODEL of each model and rule of thumb, and
    confidence_MODEL of each model.
    """
    rows = predictions(evaluated)
    said = [name for name in map(str, rows) if name.startswith(("prediction_", "flagged_", "confidence_"))]
    columns: dict[str, Any] = {
        "learner_id": rows["learner_id"],
        "objective_id": rows["objective_id"],
        "course_id": rows["course_id"],
        "cutoff": rows["cutoff_day"],
        **{name: rows[name] for name in (*MODEL_INPUTS, DATA_QUALITY)},
        "cold_start": cold_start(rows) if len(rows) else [],
        "never_active": ~rows["ever_answered"].astype(bool),
        "mean_score": rows.get("mean_score", []),
        "label": rows["struggled"],
        "fold": rows["fold"],
        **{name: rows[name] for name in said},
    }
    table = pa.table({name: pa.array(values) for name, values in columns.items()})
    cutoff = table.schema.get_field_index("cutoff")
    if len(table):
        table = table.set_column(cutoff, "cutoff", table["cutoff"].cast(pa.timestamp("s")).cast(pa.date32()))
    temporary = path.with_name(f".writing-{path.name}")
    try:
        pq.write_table(table, temporary, compression="zstd")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
