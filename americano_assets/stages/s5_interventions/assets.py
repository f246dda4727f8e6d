"""From flagged predictions to what speaks for them and what to do, then into the app's tables."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict

import dagster as dg
import pyarrow as pa

from americano_assets.core.interventions.rules import Indicator, Intervention
from americano_assets.stages.common.deployment import Deployment
from americano_assets.stages.common.metadata import (
    KIND_TAG,
    NIGHTLY,
    OWNERS,
    REPLAY,
    Result,
    app_key,
    markdown_table,
    ml_key,
    retried,
    retrying,
    wants_latest,
)
from americano_assets.stages.common.partitions import NIGHTS, day_of
from americano_assets.stages.s5_interventions.recommendations import as_frame, indicators_of_day, interventions_of_day
from americano_assets.stages.s6_publication.holdout import contamination, draw_problems
from americano_assets.stages.s6_publication.publish_day import publish
from americano_assets.stages.s6_publication.transaction import INDICATORS, PREDICTIONS, RECOMMENDATIONS


def build() -> list[dg.AssetsDefinition]:
    """Indicators, interventions and publication of the nights."""

    @dg.asset(deps=["scored_predictions"], partitions_def=NIGHTS, owners=OWNERS, kinds={"python", "parquet"})
    @retrying
    def indicators(context: dg.AssetExecutionContext, deployment: dg.ResourceParam[Deployment]) -> Result:
        """What in a learner's own record speaks for the struggle, with its severity."""
        rows = indicators_of_day(deployment, day_of(context))
        return _stored(deployment, context, "indicators", rows, Indicator, "indicator_type")

    @dg.asset(deps=["indicators"], partitions_def=NIGHTS, owners=OWNERS, kinds={"python", "parquet"})
    @retrying
    def interventions(context: dg.AssetExecutionContext, deployment: dg.ResourceParam[Deployment]) -> Result:
        """What to do about each flagged prediction, whatever its arm: at most three, in a student's words.

        What the holdout showed about a type moves its priority; publication leaves out what is withheld.
        """
        rows, effects = interventions_of_day(deployment, day_of(context), latest=wants_latest(context))
        learned = markdown_table([{"type": kind, **asdict(effect)} for kind, effect in effects.items()])
        stored = _stored(deployment, context, "interventions", rows, Intervention, "intervention_type")
        return stored._replace(metadata={**(stored.metadata or {}), "learned_about_types": learned})

    @dg.multi_asset(
        specs=[
            dg.AssetSpec(
                key,
                deps=["scored_predictions", "indicators", "interventions"],
                description=f"{what} One transaction a study day.",
                kinds={"postgres"},
                owners=OWNERS,
            )
            for key, what in (
                (app_key(PREDICTIONS), f"The app's `{PREDICTIONS}`: one row an episode at or above the threshold."),
                (app_key(INDICATORS), f"The app's `{INDICATORS}`: what speaks for each published prediction."),
                (app_key(RECOMMENDATIONS), f"The app's `{RECOMMENDATIONS}`: what to do, but for the holdout."),
                (ml_key("alerts"), "The three most pressing predictions of each learner, but for the holdout."),
            )
        ],
        partitions_def=NIGHTS,
        name="publish",
    )
    def publish_study_day(
        context: dg.AssetExecutionContext, deployment: dg.ResourceParam[Deployment]
    ) -> Iterator[Result]:
        kind = REPLAY if context.run.tags.get(KIND_TAG) == REPLAY else NIGHTLY
        with retried(context):
            done = publish(deployment, day_of(context), kind)
        counts = {
            app_key(PREDICTIONS): done.inserted + done.refreshed,
            app_key(INDICATORS): done.indicators,
            app_key(RECOMMENDATIONS): done.interventions,
            ml_key("alerts"): done.alerts,
        }
        for key, rows in counts.items():
            yield dg.MaterializeResult(key, metadata={"dagster/row_count": rows, **done.metadata})

    return [indicators, interventions, publish_study_day]


def build_checks() -> list[dg.AssetChecksDefinition]:
    """What must be true after publication."""

    @dg.asset_check(asset=app_key(RECOMMENDATIONS), partitions_def=NIGHTS)
    @retrying
    def holdout_untouched(
        context: dg.AssetCheckExecutionContext, deployment: dg.ResourceParam[Deployment]
    ) -> dg.AssetCheckResult:
        """No intervention and no alert reached an episode of the holdout, whoever wrote it: else the effect is off."""
        with deployment.connect() as connection:
            found = contamination(connection)
        problems = [f"{rows} rows of {table} belong to holdout episodes" for table, rows in found.items() if rows]
        return dg.AssetCheckResult(
            passed=not problems,
            metadata={
                "study_day": day_of(context).isoformat(),
                "holdout_share": deployment.settings.experiment.share,
                "problems": "; ".join(problems) or "none",
            },
        )

    @dg.asset_check(asset=app_key(PREDICTIONS), partitions_def=NIGHTS)
    @retrying
    def holdout_drawn(
        context: dg.AssetCheckExecutionContext, deployment: dg.ResourceParam[Deployment]
    ) -> dg.AssetCheckResult:
        """Chance decided: the share held out is what the draw gives, and no unit has episodes in both arms."""
        with deployment.connect() as connection:
            problems = draw_problems(connection)
        return dg.AssetCheckResult(
            passed=not problems,
            metadata={"study_day": day_of(context).isoformat(), "problems": "; ".join(problems) or "none"},
        )

    return [holdout_untouched, holdout_drawn]


def _stored(
    deployment: Deployment,
    context: dg.AssetExecutionContext,
    table: str,
    rows: list[Indicator] | list[Intervention],
    kind: type[Indicator] | type[Intervention],
    type_column: str,
) -> Result:
    frame = as_frame(rows, kind)
    schema = pa.schema(
        [(name, pa.int64() if name.endswith("priority") else pa.string()) for name in kind.__dataclass_fields__]
    )
    stored = pa.Table.from_pandas(frame, schema=schema, preserve_index=False)
    version = deployment.store.put_day(table, day_of(context), stored.to_batches(), schema)
    by_type = Counter(getattr(row, type_column) for row in rows)
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": len(rows),
            "by_type": markdown_table([{"type": name, "rows": count} for name, count in by_type.most_common()]),
        },
        data_version=dg.DataVersion(version.content),
    )
