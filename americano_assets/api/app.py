"""The FastAPI application, put together."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from fastapi import Depends, FastAPI
from fastapi.middleware.cors import CORSMiddleware
from fastapi_offline import FastAPIOffline

from americano_assets.api.database import PoolLimits, new_pool
from americano_assets.api.middleware import access_log, problems
from americano_assets.api.middleware.authentication import TokenAuthenticator, caller
from americano_assets.api.middleware.limits import BodyLimit
from americano_assets.api.morning_list import routes as morning_list
from americano_assets.api.routes import (
    apply,
    feedback,
    generate,
    health,
    interventions,
    model_performance,
    predictions,
    report,
    root,
    struggle_reduction,
)
from americano_assets.api.tokens import require_token
from americano_assets.api.worker import GenerateWorker
from americano_assets.resources.memory import bound_memory
from americano_assets.resources.postgres.connection import app_url, connect
from americano_assets.settings import Settings, load_settings

_DOCS = "/docs"
Clock = Callable[[], datetime]

_DESCRIPTION = """
Which learning objectives a student will struggle with, what to do about it in time, and whether it helped.

Times are ISO 8601 in UTC. Parameters may be written in snake_case or camelCase. Errors are problem documents
(RFC 9457, `application/problem+json`). A figure without enough data behind it is null with a reason beside it, never 0.
"""


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _require_token(url: str, now: datetime) -> None:
    with connect(url) as connection:
        require_token(connection, now)


def create_app(
    settings: Settings | None = None, *, limits: PoolLimits | None = None, clock: Clock = _utc_now
) -> FastAPI:
    """The application; for uvicorn, `uvicorn --factory americano_assets.api.app:create_app`.

    Args:
        settings: The deployment. Default: read from the environment.
        limits: Of the database pool.
        clock: The present instant, aware.

    Raises:
        SettingsError: The environment holds a value that is not allowed.
    """
    settings = settings or load_settings()
    bound_memory(settings.americano_memory, settings.americano_home)
    limits = limits or PoolLimits()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        # Without DATABASE_URL this may start the embedded server, which blocks.
        url = await asyncio.to_thread(app_url, settings)
        if settings.environment == "production":
            await asyncio.to_thread(_require_token, url, clock())
        app.state.worker = GenerateWorker(settings, url, limits)
        try:
            await app.state.worker.warm(clock())
            app.state.readiness = health.Readiness(url, limits)
            async with new_pool(url, limits) as pool, app.state.readiness.pool:
                app.state.pool = pool
                yield
        finally:
            await asyncio.to_thread(app.state.worker.close)

    described: dict[str, Any] = {"title": "Americano: struggle prediction", "description": _DESCRIPTION, "version": "1"}
    if settings.environment == "production":
        app = FastAPI(**described, lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
        app.state.docs_url = None
    else:
        # The pages' scripts come with the package: a browser without the network shows them too.
        app = FastAPIOffline(docs_url=_DOCS, redoc_url="/redoc", **described, lifespan=lifespan)
        app.state.docs_url = _DOCS
    app.state.settings, app.state.limits, app.state.clock = settings, limits, clock
    app.state.doorkeeper = TokenAuthenticator(settings)
    access_log.configure()
    problems.install(app)
    app.add_middleware(BodyLimit)
    app.add_middleware(access_log.AccessLog)
    # Added last, so outermost: a browser reads an error only where it too carries the CORS headers.
    app.add_middleware(
        CORSMiddleware,
        allow_origins=settings.cors_origins,
        allow_methods=["GET", "POST"],
        allow_headers=["Authorization", "Content-Type", "X-Request-ID"],
        expose_headers=["Retry-After", "Server-Timing", "X-Request-ID"],
    )
    app.include_router(root.router)
    app.include_router(health.router)
    # The list has a door of its own, for people.
    app.include_router(morning_list.router)
    # Every other route asks who comes, also one that forgets to.
    known = [Depends(caller)]
    for module in (predictions, generate, feedback, interventions, apply, report):
        app.include_router(module.router, dependencies=known)
    for router in (model_performance.router, struggle_reduction.router):
        app.include_router(router, prefix="/analytics", dependencies=known)
        # The app's proxies call these two without the prefix.
        app.include_router(router, include_in_schema=False, dependencies=known)
    return app
