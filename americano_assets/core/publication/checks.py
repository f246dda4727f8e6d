"""What must be true of a night's scored predictions before any learner sees them."""

import json
from collections.abc import Collection

import pandas as pd
import pandera.errors
import pandera.pandas as pa

from americano_assets.core.base.validation import broken_rules
from americano_assets.core.models.rule_based import cold_start


def problems(
    scored: pd.DataFrame,
    schema: pa.DataFrameSchema,
    *,
    candidates: int,
    threshold: float,
    allowed: Collection[str],
    valid: bool = False,
) -> list[str]:
    """Why these rows must not be published, a sentence each; empty if they may.

    Args:
        scored: The rows.
        schema: Their Pandera model.
        candidates: Rows that the features hold: each must be scored.
        threshold: The model's.
        allowed: Learners who may be analysed today.
        valid: The rows are known to keep every rule of the schema, which is then not gone through.
    """
    try:
        if not valid:
            schema.validate(scored, lazy=True)
    except pandera.errors.SchemaErrors as error:
        return broken_rules(error, "scored_predictions")
    found = []
    if len(scored) != candidates:
        found.append(f"{candidates} candidates, but {len(scored)} scored rows")
    wrong = scored["flagged"] != ((scored["probability"] >= threshold) & ~cold_start(scored))
    if wrong.any():
        found.append(f"{int(wrong.sum())} rows are flagged against the threshold {threshold}")
    strangers = ~scored["learner_id"].isin(allowed)
    if strangers.any():
        found.append(f"{int(strangers.sum())} rows of learners who opted out or are gone")
    silent = scored.loc[scored["flagged"], "factors"].map(lambda text: not json.loads(text))
    if silent.any():
        found.append(f"{int(silent.sum())} flagged rows say no reason")
    return found
