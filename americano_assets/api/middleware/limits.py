"""How much one request may bring, how long that may take, and how often a learner's predictions may be generated."""

import asyncio
from datetime import datetime, timedelta
from http import HTTPStatus
from math import ceil

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from americano_assets.api.database import Change
from americano_assets.api.middleware import problems
from americano_assets.api.middleware.problems import ProblemError
from americano_assets.core.study_days.cutoff import naive
from americano_assets.resources.postgres.clock import MOST_AHEAD, told_ahead

MAX_BODY_BYTES = 64 * 1024
BODY_SECONDS = 20.0
# What is still to come of such a body is not waited for.
_CLOSE = {"Connection": "close"}


class BodyLimit:
    """ASGI middleware that refuses bodies over 64 KiB, whether or not they say how long they are, and slow ones."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with its whole body, or answer 413 or 408."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        told = headers.get("content-length")
        if told is None and "transfer-encoding" not in headers:
            await self.app(scope, receive, send)  # in HTTP/1.1 it has no body then
            return
        if told is not None and (not told.isdecimal() or int(told) > MAX_BODY_BYTES):
            await _too_large(scope)(scope, receive, send)
            return
        # What says nothing of its length is read here, so that no route ever holds more than the limit.
        messages: list[Message] = []
        size, more = 0, True
        try:
            async with asyncio.timeout(BODY_SECONDS):
                while more and size <= MAX_BODY_BYTES:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        return
                    messages.append(message)
                    size += len(message.get("body", b""))
                    more = message.get("more_body", False)
        except TimeoutError:
            await _too_slow(scope)(scope, receive, send)
            return
        if size > MAX_BODY_BYTES:
            await _too_large(scope)(scope, receive, send)
            return

        async def replay() -> Message:
            return messages.pop(0) if messages else await receive()

        await self.app(scope, replay, send)


def _too_large(scope: Scope) -> ASGIApp:
    return problems.response(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "body_too_large",
        f"A body may hold at most {MAX_BODY_BYTES:,} bytes.",
        scope.get("state", {}).get("request_id"),
        headers=_CLOSE,
    )


def _too_slow(scope: Scope) -> ASGIApp:
    return problems.response(
        HTTPStatus.REQUEST_TIMEOUT,
        "too_slow",
        f"A body must be here within {BODY_SECONDS:g} s.",
        scope.get("state", {}).get("request_id"),
        headers=_CLOSE,
    )


async def require_clock(change: Change, now: datetime) -> None:
    """Refuse to write with a clock that is ahead of PostgreSQL's: what it stamps would outlast all that comes after.

    Raises:
        ProblemError: 503; waiting does not help, setting the clock does.
    """
    row = await change.row("clock_ahead", at=naive(now))
    if row is not None and row["ahead"] > MOST_AHEAD:
        raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, "clock_ahead", told_ahead(row["ahead"]))


async def spend_generate(change: Change, user_id: str, now: datetime, per_minute: int) -> None:
    """Take one call out of a learner's budget: `per_minute` at once, then one every 60 / `per_minute` seconds.

    Raises:
        ProblemError: 429 with Retry-After, where the budget is used up.
    """
    spacing = timedelta(minutes=1) / per_minute
    at = naive(now)
    if await change.row("spend_generate", user_id=user_id, now=at, spacing=spacing, burst=per_minute) is not None:
        return
    row = await change.row("generate_budget", user_id=user_id)
    whole_at: datetime = row["whole_at"] if row else at
    wait = whole_at + spacing - per_minute * spacing - at
    seconds = max(1, ceil(wait.total_seconds()))
    raise ProblemError(
        HTTPStatus.TOO_MANY_REQUESTS,
        "too_many_requests",
        f"This learner's predictions may be generated {per_minute} times a minute; try again in {seconds} s.",
        headers={"Retry-After": str(seconds)},
    )
