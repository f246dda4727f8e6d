"""GET /health and /health/ready."""

import asyncio
from dataclasses import replace
from datetime import date
from http import HTTPStatus
from typing import Literal

from fastapi import APIRouter, Request
from pydantic import Field

from americano_assets.api import examples
from americano_assets.api.database import Database, Pool, PoolLimits, Row, new_pool
from americano_assets.api.middleware.problems import ProblemError, documented, try_again
from americano_assets.api.schemas import Answer, UtcTime
from americano_assets.core.study_days import study_day
from americano_assets.resources.home.folder import demo_values

_SECONDS = 2.0

router = APIRouter(tags=["health"])


class Readiness:
    """Asks the database in a way of its own: one connection, short times, one question at a time.

    So a service whose other connections are all in use is ready, and who asks without pause, which nobody needs a
    token for, keeps no other from being answered: whoever comes while the question is open gets its answer too.
    """

    def __init__(self, url: str, limits: PoolLimits) -> None:
        self._limits = replace(
            limits,
            connections=1,
            acquire_seconds=min(limits.acquire_seconds, _SECONDS),
            statement_seconds=min(limits.statement_seconds, _SECONDS),
            request_seconds=min(limits.request_seconds, 2 * _SECONDS),
        )
        self.pool: Pool = new_pool(url, self._limits)
        self._asked: asyncio.Task[Row | None] | None = None

    async def published(self) -> Row | None:
        """The last published study day and its model; None where there is none.

        Raises:
            ProblemError: As `Database.snapshot`.
        """
        if self._asked is None or self._asked.done():
            self._asked = asyncio.create_task(self._ask())
            # Where nobody has waited for how it ends, that is no error which nobody took.
            self._asked.add_done_callback(lambda task: task.cancelled() or task.exception())
        try:
            async with asyncio.timeout(self._limits.request_seconds):
                return await asyncio.shield(self._asked)
        except TimeoutError:  # what a frozen database does to the question, the driver still has to find out
            detail = f"The database did not answer within {self._limits.request_seconds:g} s."
            raise try_again("database_unreachable", detail) from None

    async def _ask(self) -> Row | None:
        async with Database(self.pool, self._limits, {}).snapshot() as snapshot:
            return await snapshot.row("last_published_day")


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
    demo_settings: dict[str, str] = Field(
        description="Settings that decide here because a demo wrote them into the home; empty where none did."
    )
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
async def ready(http: Request) -> Ready:
    """Whether the database answers and holds a published study day, and whether that is the last one closed."""
    state = http.app.state
    now = state.clock()
    expected = study_day.last_closed(now, state.settings.zone)
    readiness: Readiness = state.readiness
    published = await readiness.published()
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
        demo_settings=demo_values(state.settings),
        stale=published["study_day"] < expected,
        checked_at=now,
    )
