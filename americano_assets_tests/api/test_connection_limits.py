"""What a hostile client may do to one connection, over real sockets; to its protocol alone, its times shortened."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from americano_assets.api.database import PoolLimits
from americano_assets.api.middleware import connection_limits
from americano_assets.api.middleware.limits import BODY_SECONDS, MAX_BODY_BYTES, BodyLimit
from americano_assets.installation import PROJECT_ROOT
from americano_assets_tests.api.sockets import GET, PATIENCE, Client, problem, statuses

_LARGE = 64 * 1024 * 1024  # more than any socket's buffers


async def _answer(scope: Scope, receive: Receive, send: Send) -> None:
    """/large is answered with more than a client takes at once."""
    body = b"x" * (_LARGE if scope["path"] == "/large" else 2)
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _application(scope: Scope, receive: Receive, send: Send) -> None:
    """As the service's: a body is read within its limits, but for what CORS answers at once."""
    await (_answer if scope["method"] == "OPTIONS" else BodyLimit(_answer))(scope, receive, send)


@contextmanager
def _served(app: Any) -> Iterator[tuple[int, uvicorn.Server]]:
    config = uvicorn.Config(app, http=connection_limits.LimitedConnection, ws="none", lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            yield listening.getsockname()[1], server
        finally:
            server.should_exit = server.force_exit = True
            thread.join()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[int, uvicorn.Server]]:
    """A server whose limits are in a hurry, and its port."""
    for name in ("HEAD_SECONDS", "UNREAD_SECONDS", "_LINGER_SECONDS"):
        monkeypatch.setattr(connection_limits, name, 1.0)
    monkeypatch.setattr(connection_limits, "_WATCH_SECONDS", 0.05)
    with _served(_application) as running:
        yield running


@pytest.fixture
def port(server: tuple[int, uvicorn.Server]) -> int:
    """The port of `server`."""
    return server[0]


@pytest.mark.parametrize(
    ("begun", "answered"),
    [
        (b"", []),
        (b"GET", [408]),
        (b"\r\n", [408]),
        (GET, [408]),
        (GET + b"\r\n", [200]),
        (GET + b"\r\n" + GET, [200]),
    ],
    ids=["nothing", "a word", "an empty line", "headers", "one request and no more", "a request, then half of one"],
)
def test_a_head_that_does_not_come_is_not_waited_for(port: int, begun: bytes, answered: list[int]) -> None:
    answers = Client(port).send(begun).rest()
    assert statuses(answers) == answered
    if answered[-1:] == [408]:
        assert problem(answers)["code"] == "too_slow"


def test_bytes_that_trickle_buy_no_time(port: int) -> None:
    client = Client(port)
    ended = threading.Event()

    def trickle() -> None:
        for _ in range(2000):
            if ended.wait(0.02):
                return
            client.send(b"X")

    client.send(b"GET /health HTTP/1.1\r\nX-Slow: ")
    thread = threading.Thread(target=trickle)
    thread.start()
    answers = client.rest()
    ended.set()
    thread.join()
    assert statuses(answers) == [408]


def test_what_follows_an_answer_that_was_early_is_not_waited_for(port: int) -> None:
    head = b"OPTIONS / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n"
    client = Client(port).send(head)
    ended = threading.Event()
    thread = threading.Thread(target=lambda: [client.send(b"x") for _ in range(900) if not ended.wait(0.02)])
    thread.start()
    answers = client.rest()
    ended.set()
    thread.join()
    assert statuses(answers)[0] == 200


def test_who_reads_no_answer_is_let_go(server: tuple[int, uvicorn.Server]) -> None:
    port, running = server
    client = Client(port).send(b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n")
    until = time.monotonic() + PATIENCE
    while not running.server_state.total_requests or running.server_state.connections:
        assert time.monotonic() < until
        time.sleep(0.01)
    client.close()


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 414),
        (b"GET /?" + b"a&" * 5000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 414),
        (GET + b"A: b\r\n" * 200 + b"\r\n", 431),
        (GET + (b"A: " + b"b" * 2000 + b"\r\n") * 9 + b"\r\n", 431),
        (GET + b"A: " + b"b" * 20_000 + b"\r\n\r\n", 431),
        (b"NONSENSE\r\n\r\n", 400),
        (GET + b"Content-Length: -1\r\n\r\n", 400),
        (GET + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    ],
    ids=["path", "query", "many headers", "headers together", "one header", "no HTTP", "negative", "two lengths"],
)
def test_a_head_beyond_the_bounds_is_refused_in_words(port: int, sent: bytes, status: int) -> None:
    answers = Client(port).send(sent).rest()
    assert statuses(answers) == [status]
    assert problem(answers)["status"] == status
    assert b"connection: close" in answers.lower()


@pytest.mark.parametrize(
    "tail",
    [
        b"5;" + b"x" * 1_000_000,
        b"1\r\nx\r\n0\r\nTrailer: " + b"x" * 1_000_000,
        b"1\r\nx\r\n0\r\n" + b"T: x\r\n" * 200_000,
    ],
    ids=["an extension of a chunk", "a trailer", "trailers"],
)
def test_what_hides_beside_a_body_is_bounded_too(port: int, tail: bytes) -> None:
    head = b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert 200 not in statuses(Client(port).send(head, tail).rest())


@pytest.mark.parametrize("told", [True, False])
def test_a_body_beyond_the_bound_is_refused_and_what_is_left_of_it_not_read(port: int, told: bool) -> None:
    length = b"Content-Length: 1000000000\r\n\r\n" if told else b"Transfer-Encoding: chunked\r\n\r\n"
    chunk = b"x" * 65_536 if told else b"10000\r\n" + b"x" * 65_536 + b"\r\n"
    client = Client(port).send(b"POST / HTTP/1.1\r\nHost: localhost\r\n" + length)
    answers = client.send_all(chunk for _ in range(15_000)).rest()
    assert statuses(answers) == [413]
    assert problem(answers)["code"] == "body_too_large"


def test_few_requests_may_wait_behind_one(port: int) -> None:
    assert statuses(Client(port).send((GET + b"\r\n") * 5).rest()) == [200] * 5
    assert len(statuses(Client(port).send((GET + b"\r\n") * 5000).rest())) < 20


def test_an_upgrade_is_answered_as_if_it_had_not_been_asked_for(port: int) -> None:
    upgrade = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x\r\n\r\n"
    assert statuses(Client(port).send(GET + upgrade).rest())[0] == 200


def test_the_page_about_the_service_names_these_limits() -> None:
    page = (PROJECT_ROOT / "docs" / "api.md").read_text()
    pool = PoolLimits()
    for said in (
        f"| path and query | {connection_limits.MOST_URL_BYTES // 1024} KiB |",
        f"| {connection_limits.MOST_HEAD_BYTES // 1024} KiB, {connection_limits.MOST_HEADERS} headers |",
        f"| {connection_limits.HEAD_SECONDS:g} s, however it trickles |",
        f"| an idle connection | {connection_limits.KEEP_ALIVE_SECONDS} s |",
        f"| body | {MAX_BODY_BYTES // 1024} KiB,",
        f"| {connection_limits.MOST_MESSAGE_BYTES // 1024} KiB in all |",
        f"| time for a body | {BODY_SECONDS:g} s |",
        f"| time to read an answer | {connection_limits.UNREAD_SECONDS:g} s |",
        f"behind another | {connection_limits.MOST_PIPELINED} |",
        f"| connections | {connection_limits.MOST_CONNECTIONS:,}, or half",
        f"| {pool.connections}; {pool.waiting_requests}, for {pool.acquire_seconds:g} s |",
        f"| {pool.statement_seconds:g} s; {pool.request_seconds:g} s |",
        f"one transaction) | {pool.lock_seconds:g} s |",
        f"waits for none of them | {pool.changes} |",
    ):
        assert said in page, said
