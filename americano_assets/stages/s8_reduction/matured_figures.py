"""Figures of matured predictions, read a few learners at a time."""

from datetime import date

import pyarrow as pa

from americano_assets.core.outcomes.performance import NEEDED, Performance, own_performance, performance
from americano_assets.core.statistics.learner_draw import MOST_ROWS, DrawnRows
from americano_assets.resources.duckdb.learner_key import keys_of
from americano_assets.stages.common.deployment import Deployment
from americano_assets.stages.common.measurements import ReadBackgrounds
from americano_assets.stages.s4_predictions.matured import matured


def figures_of_day(
    deployment: Deployment, day: date, read_backgrounds: ReadBackgrounds
) -> tuple[list[Performance], float | None]:
    """All figures, each learner's own of all their rows, and the share of learners whom the others are of."""
    drawn = DrawnRows(MOST_ROWS)
    own: list[Performance] = []
    for part in matured(deployment, day, ["prediction_id", *NEEDED]):
        rows = part.to_pandas()
        own += own_performance(rows)
        shared = rows[rows["in_analytics"]]
        drawn.add(shared, keys_of(pa.array(shared["learner_id"], pa.string())))
    share, rows = drawn.share, drawn.rows()
    if rows.empty:
        return own, None
    del drawn, part  # up to a million rows, which stand in `rows` too
    # Sums of many rows depend on their order in the last digit.
    rows = rows.sort_values("prediction_id", ignore_index=True).drop(columns="prediction_id")
    with deployment.connect() as connection:
        return [*performance(rows, read_backgrounds(connection, rows["learner_id"])), *own], share
