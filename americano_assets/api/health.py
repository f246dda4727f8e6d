"""GET /health and /health/ready.

Belongs here: is the process alive, can it answer, is what it answers up to date. Does not: any figure.
"""

from datetime import date
from http import HTTPStatus
from typing import Literal

from fastapi import APIRouter, Request
from pydantic import Field

from americano_assets.api import examples
from americano_assets.api.database import UsesDatabase
from americano_assets.api.problems import ProblemError, documented
from americano_assets.api.wire import Answer, UtcTime
from americano_assets.core import study_day

router = APIRouter(tags=["health"])


class Alive(Answer):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Ready(Answer):
    """The API has something to serve."""

    status: Literal["ready"] = "ready"
    database: Literal["up"] = "up"
    last_closed_study_day: date = Field(description="The study day that should have been published by now.")
    last_published_study_day: date
    model_version: str = Field(description="The model that scored the last published study day.")
    predictions_as_of: UtcTime = Field(description="The cut-off of that study day: what happened later is not in them.")
    age_hours: float = Field(description="Hours from then to now; up to 24 is as it should be.")
    stale: bool = Field(description="True where a closed study day is not published yet.")
    checked_at: UtcTime


@router.get("/health", summary="Liveness")
async def health() -> Alive:
    """Whether the process answers. Never touches the database."""
    return Alive()


@router.get(
    "/health/ready",
    summary="Readiness",
    responses=documented(examples.READY, HTTPStatus.SERVICE_UNAVAILABLE),
)
async def ready(http: Request, database: UsesDatabase) -> Ready:
    """Whether the database answers and holds a published study day, and whether that is the last one closed."""
    state = http.app.state
    now = state.clock()
    expected = study_day.last_closed(now, state.settings.zone)
    async with database.snapshot() as snapshot:
        published = await snapshot.row("last_published_day")
    if published is None:
        raise ProblemError(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "nothing_published",
            f"The database answers, but no study day was ever published; the last one closed is {expected}. "
            "Run `americano nightly`.",
        )
    as_of = study_day.cutoff(published["study_day"], state.settings.zone)
    return Ready(
        last_closed_study_day=expected,
        last_published_study_day=published["study_day"],
        model_version=published["model_version"],
        predictions_as_of=as_of,
        age_hours=round((now - as_of).total_seconds() / 3600, 1),
        stale=published["study_day"] < expected,
        checked_at=now,
    )
