"""GET /interventions: what was recommended to a learner."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field

from americano_assets.api import examples
from americano_assets.api.database import UsesDatabase
from americano_assets.api.middleware.authentication import IsCaller
from americano_assets.api.middleware.problems import REFUSALS, documented
from americano_assets.api.schemas import Answer, Request, UserId, UtcTime

NO_EXPERIMENT = (
    "No holdout experiment has told this yet, and without one no effect can be told from chance and regression to the"
    " mean."
)

router = APIRouter(tags=["interventions"])


class InterventionsRequest(Request):
    """Whose interventions."""

    user_id: UserId


class Intervention(Answer):
    """One recommendation."""

    id: str
    prediction_id: str | None
    user_id: str
    intervention_type: str = Field(examples=["PREREQUISITE_REVIEW"])
    description: str
    reasoning: str
    priority: int = Field(description="1-10, 10 first.")
    status: str = Field(description="PENDING, IN_PROGRESS, COMPLETED, SKIPPED or FAILED.")
    applied_at: UtcTime | None
    applied_to_mission_id: str | None
    effectiveness: float | None = Field(
        default=None,
        description="By how much this type lowers the struggle rate of those for whom it is chosen, measured against "
        "the holdout since the beginning: 0.08 is 8 points; negative where it does harm. Null with a reason.",
    )
    effectiveness_reason: str | None = Field(default=NO_EXPERIMENT, description="Why `effectiveness` is null.")
    created_at: UtcTime


class Interventions(Answer):
    """All recommendations to one learner."""

    interventions: list[Intervention]


@router.get(
    "/interventions",
    summary="A learner's interventions",
    responses=documented(examples.INTERVENTIONS, *REFUSALS),
)
async def interventions(
    database: UsesDatabase, caller: IsCaller, asked: Annotated[InterventionsRequest, Query()]
) -> Interventions:
    """Every intervention recommended to the learner: newest first, within one night by priority."""
    caller.require(asked.user_id)
    async with database.snapshot() as snapshot:
        rows = await snapshot.rows("interventions", user_id=asked.user_id)
        effects = await snapshot.rows("type_effects", period="all")
    by_type = {effect["intervention_type"]: _effectiveness(effect) for effect in effects}
    return Interventions(
        interventions=[
            Intervention.model_validate({**row, **by_type.get(row["intervention_type"], {})}) for row in rows
        ]
    )


def _effectiveness(effect: dict[str, Any]) -> dict[str, Any]:
    known = effect["effect"] is not None
    return {"effectiveness": -effect["effect"] if known else None, "effectiveness_reason": effect["reason"]}
