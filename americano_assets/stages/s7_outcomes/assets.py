"""From closed windows to outcomes, in the ledger and in the app's predictions."""

import dagster as dg

from americano_assets.stages.common.dictionary.ml_tables import EPISODES, FIRST_FLAG_OUTCOMES, OUTCOME_CHANGES
from americano_assets.stages.common.metadata import (
    GRADED,
    NIGHT_LOG,
    OWNERS,
    Result,
    app_key,
    columns_of,
    markdown_table,
    ml_key,
    retrying,
)
from americano_assets.stages.common.partitions import NIGHTS, day_of, every_day
from americano_assets.stages.common.resources import AppDatabase, Models, Store, joined
from americano_assets.stages.s6_publication.transaction import PREDICTIONS, RECOMMENDATIONS
from americano_assets.stages.s7_outcomes.label_episodes import record_outcomes


@dg.asset(
    key=ml_key("episodes"),
    deps=[
        NIGHT_LOG,
        every_day(GRADED),
        "scored_predictions",
        "struggle_model",
        app_key(PREDICTIONS),
        app_key(RECOMMENDATIONS),
        app_key("learning_objectives"),
    ],
    partitions_def=NIGHTS,
    owners=OWNERS,
    kinds={"duckdb", "postgres"},
    metadata=columns_of(EPISODES, beside=(FIRST_FLAG_OUTCOMES, OUTCOME_CHANGES)),
)
@retrying
def outcomes(context: dg.AssetExecutionContext, app_database: AppDatabase, store: Store, models: Models) -> Result:
    """What became of every episode whose window has closed: struggled, not, or not studied; and those missed.

    Reads the latest interactions, also on a rerun: an answer that arrived late corrects the verdict, with a
    trace in ml.outcome_changes. A learner's own word goes before it on the app's row, never in the experiment.
    """
    deployment = joined(app_database, store, models)
    written, verdicts = record_outcomes(deployment, day_of(context))
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": written.judged,
            "changed": written.changed,
            "missed": written.missed,
            "first_flags_judged": written.first_flags,
            "told_by_learners": written.told_by_learners,
            "corrected_by_late_events": written.corrected,
            "by_outcome": markdown_table([{"outcome": name, "episodes": n} for name, n in verdicts.most_common()]),
        }
    )
