"""The service as it is started, two workers with few descriptors, and clients that mean it harm."""

import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from americano_assets.installation import PROJECT_ROOT
from americano_assets_tests.api.rows import Rows
from americano_assets_tests.api.sockets import GET, PATIENCE, Client, problem, statuses

_FEW, _MORE = 60, 120  # descriptors that a process may open at first, and at most
_WORKERS = 2
_MB = 1024 * 1024
_HEAD = GET + b"\r\n"


@dataclass
class Running:
    """The command `api`, as others see it."""

    port: int
    process: psutil.Process
    log: Path

    def memory(self) -> float:
        """MB that its processes hold."""
        family = [self.process, *self.process.children(recursive=True)]
        return float(sum(one.memory_info().rss for one in family)) / _MB

    def get_health(self) -> int:
        """The status of GET /health, on a connection of its own."""
        with closing(Client(self.port).send(GET, b"Connection: close\r\n\r\n")) as client:
            return statuses(client.rest())[0]


@pytest.fixture(scope="module")
def running(shared_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The command, ended behind the module's tests."""
    home = tmp_path_factory.mktemp("home")
    log = home / "log"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {"DATABASE_URL": shared_database, "AMERICANO_HOME": str(home), "PORT": str(port)}
    with log.open("wb") as lines:
        started = subprocess.Popen(
            [sys.executable, "-P", "-m", "americano_assets", "api"],
            env={**os.environ, **environment, "AMERICANO_API_WORKERS": str(_WORKERS), "PYTHONPATH": str(PROJECT_ROOT)},
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (_FEW, _MORE)),
            stderr=lines,
            stdout=lines,
        )
    try:
        while log.read_text().count("Application startup complete") < _WORKERS:
            assert started.poll() is None, log.read_text()
            time.sleep(0.05)
        yield Running(port, psutil.Process(started.pid), log)
    finally:
        started.send_signal(signal.SIGTERM)
        started.wait(PATIENCE)


def test_a_head_without_end_is_refused_and_not_kept(running: Running) -> None:
    before = running.memory()
    largest = before
    done = threading.Event()

    def watch() -> None:
        nonlocal largest
        while not done.wait(0.05):
            largest = max(largest, running.memory())

    watching = threading.Thread(target=watch)
    watching.start()
    with closing(Client(running.port).send(GET, b"X-Large: ")) as client:
        piece = b"x" * _MB
        client.send_all(piece for _ in range(100)).send(b"\r\n\r\n")
        answers = client.rest()
    done.set()
    watching.join()
    assert statuses(answers) == [431]
    assert problem(answers)["code"] == "head_too_large"
    assert largest - before < 20, "MB, of 100 that were sent"


def test_half_open_connections_keep_nobody_out_and_are_told_of(running: Running) -> None:
    with ExitStack() as opened:
        for _ in range(4 * _MORE):
            opened.enter_context(closing(Client(running.port).send(GET)))
        assert [running.get_health() for _ in range(10)] == [200] * 10
    assert "connections are open, the most a worker keeps" in running.log.read_text()


def test_every_worker_may_open_what_the_machine_allows(running: Running) -> None:
    workers = [one for one in running.process.children(recursive=True) if "spawn_main" in " ".join(one.cmdline())]
    assert len(workers) == _WORKERS
    assert {one.rlimit(psutil.RLIMIT_NOFILE) for one in workers} == {(_MORE, _MORE)}


def test_after_all_that_a_request_is_answered(running: Running, rows: Rows) -> None:
    rows.published()
    with closing(Client(running.port).send(_HEAD.replace(b"/health", b"/health/ready"))) as client:
        client.send(GET, b"Connection: close\r\n\r\n")
        assert statuses(client.rest()) == [200, 200]
