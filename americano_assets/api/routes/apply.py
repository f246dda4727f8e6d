"""POST /interventions/{id}/apply: a recommendation goes into one of the learner's missions."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Path
from fastapi import Request as HttpRequest
from psycopg.types.json import Jsonb
from pydantic import AliasChoices, Field

from americano_assets.api import examples
from americano_assets.api.database import Change, Row, UsesDatabase
from americano_assets.api.middleware.authentication import IsCaller
from americano_assets.api.middleware.limits import require_clock
from americano_assets.api.middleware.problems import REFUSALS, ProblemError, documented
from americano_assets.api.schemas import Answer, Request, RowId, UtcTime
from americano_assets.contract.enums import InterventionStatus, MissionStatus
from americano_assets.core.interventions.missions import PlannedObjective, with_recommendation
from americano_assets.core.study_days import study_day
from americano_assets.core.study_days.cutoff import naive, to_milliseconds

_OPEN_MISSIONS = [MissionStatus.PENDING, MissionStatus.IN_PROGRESS]

router = APIRouter(tags=["interventions"])


class ApplyRequest(Request):
    """Where to."""

    mission_id: Annotated[
        RowId | None,
        Field(
            description="The mission. Default: the learner's next open one.",
            validation_alias=AliasChoices("mission_id", "missionId", "apply_to_mission_id", "applyToMissionId"),
        ),
    ] = None


class Applied(Answer):
    """What was done, now or by an earlier call."""

    success: bool = True
    intervention_id: str
    mission_id: str
    applied_at: UtcTime
    message: str


@router.post(
    "/interventions/{intervention_id}/apply",
    summary="Bring a recommendation into a mission",
    responses=documented(
        examples.APPLIED,
        *REFUSALS,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.CONFLICT,
    ),
)
async def apply(
    http: HttpRequest,
    database: UsesDatabase,
    caller: IsCaller,
    intervention_id: Annotated[RowId, Path(description="The recommendation.", examples=[examples.INTERVENTION])],
    asked: ApplyRequest | None = None,
) -> Applied:
    """Marks the recommendation IN_PROGRESS and notes it at its objective in the mission, in one transaction.

    The objective is added where the mission lacks it; what stands in the mission stays. Twice gives the same answer
    and once the effect. Nothing is noted where missions is a view that cannot be updated; the message says so.
    """
    state = http.app.state
    now = to_milliseconds(state.clock())
    wanted = asked.mission_id if asked else None
    async with database.change() as change:
        await require_clock(change, now)
        await change.row("lock_advised_prediction", id=intervention_id)
        found = await change.row("lock_intervention", id=intervention_id)
        if found is None or not caller.owns(found["user_id"]):
            raise ProblemError(HTTPStatus.NOT_FOUND, "unknown_intervention", "There is no such intervention.")
        if found["applied_to_mission_id"] is not None and found["applied_at"] is not None:
            return _again(found, wanted)
        if found["status"] != InterventionStatus.PENDING:
            raise ProblemError(
                HTTPStatus.CONFLICT,
                "intervention_closed",
                f"The intervention is {found['status']}: only one that is PENDING can be applied.",
            )
        mission, takes_notes = await _mission(change, found["user_id"], wanted, now, state.settings.zone)
        if takes_notes:
            await _note(change, mission, found)
        await change.row(
            "mark_applied",
            id=intervention_id,
            status=InterventionStatus.IN_PROGRESS,
            applied_at=naive(now),
            mission_id=mission["id"],
        )
    message = "It is in the mission now." if takes_notes else "It is applied. The mission is a view: it shows no note."
    return Applied(intervention_id=intervention_id, mission_id=mission["id"], applied_at=now, message=message)


def _again(found: Row, wanted: str | None) -> Applied:
    mission = found["applied_to_mission_id"]
    if wanted not in (None, mission):
        raise ProblemError(
            HTTPStatus.CONFLICT, "applied_elsewhere", "The intervention was applied to another mission before."
        )
    return Applied(
        intervention_id=found["id"],
        mission_id=mission,
        applied_at=found["applied_at"],
        message="It was applied before.",
    )


async def _mission(change: Change, user_id: str, wanted: str | None, now: datetime, zone: ZoneInfo) -> tuple[Row, bool]:
    """The mission, and whether it takes notes; then it is locked."""
    opened = naive(study_day.opening(study_day.study_day_of(now, zone), zone))
    row = await change.row(
        "find_mission", user_id=user_id, mission_id=wanted, open=_OPEN_MISSIONS, from_at=opened, zone=zone.key
    )
    takes_notes = row is not None and bool(row["takes_notes"])
    if row is not None and takes_notes:
        row = await change.row("lock_mission", id=row["id"])
    if row is None:
        detail = "The learner has no such mission." if wanted else "The learner has no open mission from today on."
        raise ProblemError(HTTPStatus.NOT_FOUND, "no_mission", detail)
    if row["status"] not in _OPEN_MISSIONS:
        raise ProblemError(HTTPStatus.CONFLICT, "mission_closed", f"The mission is {row['status']}.")
    if takes_notes and not isinstance(row["objectives"], list):
        raise ProblemError(
            HTTPStatus.CONFLICT,
            "mission_unreadable",
            "The mission's objectives are not a list, so nothing can be added to them.",
        )
    return row, takes_notes


async def _note(change: Change, mission: Row, found: Row) -> None:
    objective = await change.row("planned_objective", id=found["objective_id"])
    if objective is None:
        raise ProblemError(
            HTTPStatus.CONFLICT, "objective_gone", "The objective of this intervention does not exist any more."
        )
    noted = with_recommendation(
        mission["objectives"],
        PlannedObjective(**objective),
        {"id": found["id"], "type": found["intervention_type"], "description": found["description"]},
    )
    await change.row("write_mission", id=mission["id"], objectives=Jsonb(noted))
