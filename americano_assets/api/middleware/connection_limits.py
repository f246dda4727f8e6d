"""One connection of the HTTP service: how much of a request's head may come, for how long, how many may wait."""

import asyncio
import resource
from collections.abc import Callable
from functools import cache
from http import HTTPStatus
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from americano_assets.api.middleware import problems
from americano_assets.api.middleware.limits import MAX_BODY_BYTES

MOST_URL_BYTES = 8 * 1024
MOST_HEAD_BYTES = 16 * 1024
MOST_HEADERS = 100
# A body in chunks of one byte each takes six times as much; what is beyond hides in extensions of chunks and trailers.
MOST_MESSAGE_BYTES = MOST_HEAD_BYTES + 8 * MAX_BODY_BYTES
MOST_PIPELINED = 8
MOST_CONNECTIONS = 1000
HEAD_SECONDS = 10.0
UNREAD_SECONDS = 30.0
KEEP_ALIVE_SECONDS = 5
_LINGER_SECONDS = 2.0
_WATCH_SECONDS = 1.0
_TOLD_SECONDS = 10.0
# More than a worker could ever use; macOS, whose limit may be "unlimited", refuses more to a process.
_ENOUGH_DESCRIPTORS = 10_240
_HEALTH = b"/health"


def raise_descriptor_limit() -> None:
    """Let this process and its children open as many files as the machine allows, up to what they could ever use."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _ENOUGH_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, _ENOUGH_DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


@cache
def most_connections() -> int:
    """How many connections a worker keeps: at most half of what it may open, the rest is for databases and files."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST_CONNECTIONS if soft == resource.RLIM_INFINITY else min(MOST_CONNECTIONS, soft // 2)


class _RefusedError(Exception):
    """A head that is not taken: the status, the code and the words."""


class LimitedConnection(HttpToolsProtocol):
    """uvicorn's protocol, with bounds.

    A connection *waits for its client* from its beginning, or from its last answer, until a request is there whole. A
    head has HEAD_SECONDS for that, a body its own time (limits.py), an idle connection uvicorn's keep-alive time. Where
    there are too many connections, the one that has waited longest makes room for a new one; if none waits, what the
    new one asks for is refused, but for health.
    """

    _told_at = -_TOLD_SECONDS  # of the whole process

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._waits_since: float | None = self.loop.time()
        self._stuck_since: float | None = None
        self._head_is_here = False
        self._bytes = 0
        self._refused = False
        self._why: _RefusedError | None = None
        self._stop_watching: Callable[[], None] = lambda: None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait."""
        super().connection_made(transport)
        self._stop_watching = self.loop.call_later(_WATCH_SECONDS, self._watch).cancel
        if len(self.connections) > most_connections():
            self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._stop_watching()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Pass on what the bounds let through."""
        if self._refused:
            return
        self._bytes += len(data)
        super().data_received(data)
        if not self._head_is_here and self._bytes > MOST_HEAD_BYTES:
            self._refuse(_head_too_large())
        elif self._bytes > MOST_MESSAGE_BYTES:
            self._refuse(_RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body_too_large", "The body is too large."))

    def on_headers_complete(self) -> None:
        """Look at the head before anybody works for it."""
        if len(self.url) > MOST_URL_BYTES:
            detail = f"A path with its query may take at most {MOST_URL_BYTES:,} bytes."
            self._raise(_RefusedError(HTTPStatus.REQUEST_URI_TOO_LONG, "url_too_long", detail))
        if len(self.headers) > MOST_HEADERS or sum(len(n) + len(v) for n, v in self.headers) > MOST_HEAD_BYTES:
            self._raise(_head_too_large())
        if len(self.pipeline) >= MOST_PIPELINED:
            detail = f"At most {MOST_PIPELINED} requests may wait for the answer to one before them."
            self._raise(_RefusedError(HTTPStatus.TOO_MANY_REQUESTS, "pipelined", detail))
        self._head_is_here = True
        full = len(self.connections) > most_connections() and not self.url.startswith(_HEALTH)
        self.app = _FULL if full else self.config.loaded_app
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The client has done its part."""
        super().on_message_complete()
        self._head_is_here = False
        self._bytes = 0
        self._waits_since = self.loop.time() if self.cycle.response_complete else None

    def on_response_complete(self) -> None:
        """It is the client's turn again."""
        super().on_response_complete()
        if self.cycle.response_complete:
            self._waits_since = self.loop.time()
            self._head_is_here = False

    def send_400_response(self, msg: str) -> None:
        """What uvicorn calls where the head could not be parsed, or one of the callbacks above raised."""
        self._refuse(self._why or _RefusedError(HTTPStatus.BAD_REQUEST, "invalid_http", msg))

    def handle_websocket_upgrade(self) -> None:
        """Never called: the service has no WebSockets, and is started without (`ws="none"`)."""
        self._refuse(_RefusedError(HTTPStatus.NOT_IMPLEMENTED, "no_websockets", "There are no WebSockets here."))

    def _unsupported_upgrade_warning(self) -> None:
        """Say nothing: who asks for another protocol is answered in this one."""

    def _raise(self, why: _RefusedError) -> None:
        # The parser, through which this passes, keeps no more of an error than that there was one.
        self._why = why
        raise why

    def _refuse(self, why: _RefusedError) -> None:
        if self._refused:
            return
        self._refused = True
        status, code, detail = why.args
        if status != HTTPStatus.BAD_REQUEST:  # of which uvicorn has told
            self.logger.warning("A connection was closed: %d %s", int(status), code)
        if self.cycle is not None and not self.cycle.response_complete:
            self.transport.abort()  # an answer now would be taken for that to the request under way
            return
        answer = problems.response(status, code, detail, headers={"Connection": "close"})
        head = b"".join(b"%b: %b\r\n" % header for header in answer.raw_headers)
        self.transport.write(STATUS_LINE[status] + head + b"\r\n" + bytes(answer.body))
        # The other direction stays open for a while, its bytes thrown away: else the client, still sending, might
        # be told of a broken connection before it has read why.
        self.transport.write_eof()

    def _watch(self) -> None:
        now = self.loop.time()
        stuck = self._refused or self.transport.is_closing() or self.transport.get_write_buffer_size() > 0
        self._stuck_since = (self._stuck_since or now) if stuck else None
        if self._stuck_since is not None:
            if now - self._stuck_since >= (_LINGER_SECONDS if self._refused else UNREAD_SECONDS):
                self.transport.abort()
                return
        elif self._waits_since is not None and not self._head_is_here and now - self._waits_since >= HEAD_SECONDS:
            if not self._bytes:  # browsers connect before they know what to ask
                self.transport.close()
                return
            detail = f"The head of a request must be here within {HEAD_SECONDS:g} s."
            self._refuse(_RefusedError(HTTPStatus.REQUEST_TIMEOUT, "too_slow", detail))
        self._stop_watching = self.loop.call_later(_WATCH_SECONDS, self._watch).cancel

    def _make_room(self) -> None:
        now = self.loop.time()
        if now - LimitedConnection._told_at >= _TOLD_SECONDS:
            LimitedConnection._told_at = now
            self.logger.warning("%d connections are open, the most a worker keeps", most_connections())
        waiting = [
            one for one in self.connections if isinstance(one, LimitedConnection) and one._client_since is not None
        ]
        oldest = min(waiting, key=lambda one: one._client_since or 0.0)
        if oldest is not self:
            self.connections.discard(oldest)
            oldest.transport.abort()

    @property
    def _client_since(self) -> float | None:
        """Since when nothing happens here unless the client does something."""
        return self._waits_since if self._stuck_since is None else self._stuck_since


def _head_too_large() -> _RefusedError:
    detail = f"A head may take at most {MOST_HEAD_BYTES:,} bytes in {MOST_HEADERS} headers."
    return _RefusedError(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "head_too_large", detail)


_FULL = problems.response(
    HTTPStatus.SERVICE_UNAVAILABLE,
    "overloaded",
    "Too many connections are open; try again shortly.",
    headers={"Retry-After": str(problems.RETRY_SECONDS), "Connection": "close"},
)
