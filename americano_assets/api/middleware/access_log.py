"""One JSON line a request, a request id, and the time that the answer took; what the server itself says as JSON too.

It is never the query string, a path that no route knows, or the text of an error: these hold learners' ids. Does not:
what is answered, except to an error that nobody foresaw.
"""

import json
import logging
import re
import sys
import traceback
import uuid
from datetime import UTC, datetime
from time import perf_counter

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from americano_assets.api.middleware import problems

LOGGER = logging.getLogger("americano.api")
TIMINGS = "americano.timings"
_FOREIGN_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_UNKNOWN_ROUTE = "(no such route)"
# Of these nothing is lost but the wording of errors.
_FOREIGN_LOGGERS = ("uvicorn", "uvicorn.error", "psycopg.pool")


class JsonLine(logging.Formatter):
    """Others' log records as lines like ours; of an error its kind and its places, never its text."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        given = record.args if isinstance(record.args, tuple) else ()
        told = tuple(type(one).__qualname__ if isinstance(one, BaseException) else one for one in given)
        error = record.exc_info[1] if record.exc_info else None
        return json.dumps(
            {
                "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
                "logger": record.name,
                "level": record.levelname,
                "message": (str(record.msg) % told if told else str(record.msg)).strip(),
                **(_kind_and_places(error) if error else {}),
            }
        )


def configure() -> None:
    """Send our lines and the server's to standard error, but for its own access log, which writes query strings."""
    if not LOGGER.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(message)s"))
        LOGGER.addHandler(handler)
        LOGGER.setLevel(logging.INFO)
    for name in _FOREIGN_LOGGERS:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = False
        foreign = logging.StreamHandler(sys.stderr)
        foreign.setFormatter(JsonLine())
        logger.addHandler(foreign)
    theirs = logging.getLogger("uvicorn.access")
    theirs.handlers.clear()
    theirs.propagate = False


class AccessLog:
    """ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request and log it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = perf_counter()
        request_id = _request_id(Headers(scope=scope))
        timings: dict[str, float] = {}
        scope[TIMINGS] = timings
        scope.setdefault("state", {})["request_id"] = request_id
        status: int | None = None

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                spent = {**timings, "total": perf_counter() - started}
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = request_id
                headers["Cache-Control"] = "no-store"
                headers["Server-Timing"] = ", ".join(f"{name};dur={s * 1000:.1f}" for name, s in spent.items())
            await send(message)

        try:
            await self.app(scope, receive, send_with_headers)
        except Exception as error:
            log_error(error, request_id)
            if status is not None:
                raise  # too late to say it: the server must break the connection off
            await problems.unexpected(request_id)(scope, receive, send_with_headers)
        finally:
            route = getattr(scope.get("route"), "path", _UNKNOWN_ROUTE)
            _write(
                request_id,
                method=scope["method"],
                route=route,
                status=status,
                duration_ms=round((perf_counter() - started) * 1000, 1),
            )


def _request_id(headers: Headers) -> str:
    given = headers.get("x-request-id", "")
    return given if _FOREIGN_ID.fullmatch(given) else uuid.uuid4().hex


def _write(request_id: str | None, level: int = logging.INFO, **fields: object) -> None:
    time = datetime.now(UTC).isoformat(timespec="milliseconds")
    LOGGER.log(level, json.dumps({"time": time, "request_id": request_id, **fields}))


def log_error(error: Exception, request_id: str | None) -> None:
    """Log what kind of error it was and where it was raised, without its text."""
    _write(request_id, logging.ERROR, **_kind_and_places(error))


def _kind_and_places(error: BaseException) -> dict[str, object]:
    # The text of an error may quote a value from a request or a row; its type and its place do not.
    places = [f"{f.filename}:{f.lineno} {f.name}" for f in traceback.extract_tb(error.__traceback__)]
    return {"error": type(error).__qualname__, "raised_at": places[-8:]}
