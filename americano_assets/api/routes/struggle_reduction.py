"""GET /analytics/struggle-reduction: struggles before and after the first prediction, and what the help changed."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from americano_assets.api import examples
from americano_assets.api.database import UsesDatabase
from americano_assets.api.middleware.authentication import IsCaller
from americano_assets.api.middleware.problems import REFUSALS, documented
from americano_assets.api.routes.interventions import NO_EXPERIMENT
from americano_assets.api.schemas import Answer, Request, UserId, UtcTime
from americano_assets.core.effects.caution import caution

Period = Literal["week", "month", "all"]

_ONE_LEARNER = (
    "One learner's effect takes 20 objectives with and 20 without help in closed episodes, drawn by chance; "
    "see the effect over everybody."
)
_UNEXPLAINED = "Too little was studied for the rates that are null."

router = APIRouter(tags=["analytics"])


class ReductionRequest(Request):
    """Over whom and since when."""

    user_id: Annotated[UserId | None, Field(description="One learner only. Default: everybody.")] = None
    period: Annotated[
        Period,
        Field(
            description="The current period: the last week, the last four weeks, or all whole weeks since the first"
            " prediction. Of the effect: the last 7 or 30 days, or all."
        ),
    ] = "month"


class TimelinePoint(Answer):
    """One week of the timeline; `date` is its last study day."""

    date: date
    struggle_rate: float | None = Field(description="Struggled ÷ studied objectives; null where nothing was studied.")
    struggles_count: int
    topics_studied: int


class InterventionEffectiveness(Answer):
    """What one type of intervention brought about."""

    intervention_type: str
    applications: int = Field(description="Episodes in which a learner applied it, and that are closed.")
    success_rate: float | None = Field(
        description="Of those studied, the share without a struggle: an observation, not the effect."
    )
    effect: float | None = Field(description="As `effect.estimate`, given the other types of the same episode.")
    interval: tuple[float, float] | None = Field(description="95 % for all types at once, whatever the night.")
    n: int = Field(description="Episodes for which it was chosen, shown or withheld.")
    reason: str | None = Field(default=None, description="Why there is no effect.")


class Effect(Answer):
    """The effect by a holdout experiment: intention to treat, difference in struggle rate."""

    estimate: float | None = Field(
        default=None, description="Treated minus holdout, over all flagged episodes: -0.08 is 8 points fewer struggles."
    )
    interval: tuple[float, float] | None = Field(default=None, description="95 %, valid under nightly looks.")
    evidence: Literal["experiment", "observational"] | None = Field(
        default=None, description="Whether chance decided who was helped."
    )
    method: str | None = None
    rate_treated: float | None = None
    rate_holdout: float | None = None
    n_treated: int | None = Field(default=None, description="Episodes.")
    n_holdout: int | None = Field(default=None, description="Episodes; of an observational estimate: without help.")
    reason: str | None = Field(default=NO_EXPERIMENT, description="Why there is no estimate, or why not to believe it.")


class StruggleReduction(Answer):
    """Before/after figures. A rate without enough data behind it is null, and `reason` says why."""

    kind: str = Field(default="observational", description="What sort of evidence this is.")
    warning: str = Field(description="What these figures do not say, by what they show.")
    baseline_rate: float | None = Field(
        default=None,
        description="0-1, of the six weeks before the first published prediction, each judged by itself: struggled ÷"
        " studied objectives, of which one counts in each week.",
    )
    current_rate: float | None = Field(
        default=None, description="0-1, likewise, over the whole weeks of the period; null before one has passed."
    )
    reduction_percentage: float | None = Field(default=None, description="(baseline - current) ÷ baseline * 100.")
    baseline_period_start: UtcTime | None = None
    baseline_period_end: UtcTime | None = None
    current_period_start: UtcTime | None = None
    current_period_end: UtcTime | None = None
    baseline_studied: int = Field(default=0, description="Objectives studied in the baseline, counted once a week.")
    current_studied: int = Field(default=0, description="Likewise, in the current period.")
    replayed: bool | None = Field(
        default=None, description="True where the first prediction was a replay, which nobody saw in time."
    )
    reason: str | None = Field(default=None, description="Why rates are null; null if none is.")
    timeline: list[TimelinePoint] = Field(default_factory=list)
    intervention_effectiveness: list[InterventionEffectiveness] = Field(default_factory=list)
    intervention_effectiveness_reason: str | None = NO_EXPERIMENT
    effect: Effect = Effect()
    total_predictions: int = Field(description="Predictions of the learner, or of all: whatever their period.")
    total_interventions_applied: int = Field(description="Likewise.")
    user_feedback_count: int = Field(description="Likewise.")
    period: Period


RATES = ("baseline_rate", "current_rate", "reduction_percentage")


@router.get(
    "/struggle-reduction",
    summary="Struggles before and after",
    responses=documented(examples.STRUGGLE_REDUCTION, *REFUSALS),
)
async def struggle_reduction(
    database: UsesDatabase, caller: IsCaller, asked: Annotated[ReductionRequest, Query()]
) -> StruggleReduction:
    """The before/after figure, labelled as the observation that it is. Also at /struggle-reduction."""
    caller.require(asked.user_id)
    scope = {"scope": "learner" if asked.user_id else "all", "scope_id": asked.user_id or ""}
    async with database.snapshot() as snapshot:
        row = await snapshot.row("struggle_reduction", **scope, period=asked.period)
        effect = await snapshot.row("effect", **scope, period=asked.period)
        types = await snapshot.rows("type_effects", period=asked.period)
        counts = await snapshot.row("activity_counts", user_id=asked.user_id)
    figures: dict[str, Any] = dict(row) if row else {"reason": _nothing(asked.user_id)}
    missing = any(figures.get(name) is None for name in RATES)
    figures["reason"] = (figures["reason"] or _UNEXPLAINED) if missing else None
    if effect is not None:
        figures["effect"] = {**effect, "interval": interval_of(effect)}
    elif asked.user_id:
        figures["effect"] = {"reason": _ONE_LEARNER}
    if types:
        figures["intervention_effectiveness"] = [{**one, "interval": interval_of(one)} for one in types]
        figures["intervention_effectiveness_reason"] = None
    figures["warning"] = caution(figures.get("reduction_percentage"))
    return StruggleReduction.model_validate({**figures, **(counts or {}), "period": asked.period})


def interval_of(row: Mapping[str, Any]) -> tuple[float, float] | None:
    """Both ends, or None."""
    return None if row["low"] is None else (row["low"], row["high"])


def _nothing(user_id: str | None) -> str:
    return f"No before/after figure has been computed {'for this learner' if user_id else 'yet'}."
