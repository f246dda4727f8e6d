"""Running several server processes as one: all live, or all end."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import psutil

from americano_assets.cli.display.terminal import echo
from americano_assets.errors import AmericanoError

_LOCALHOST = "127.0.0.1"
_WATCH_SECONDS = 0.2
_GRACE_SECONDS = 15
_PR_SET_PDEATHSIG = 1
_ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True)
class Service:
    """A server process.

    Attributes:
        name: For people.
        command: Its argument list.
        port: On 127.0.0.1.
        port_setting: The variable that sets the port.
        environment: Variables on top of this process's.
        folder: Where it is started; None: where this process was.
    """

    name: str
    command: Sequence[str]
    port: int
    port_setting: str
    environment: Mapping[str, str]
    folder: Path | None = None


def require_free_ports(services: Sequence[Service]) -> None:
    """Refuse to start where one could not listen.

    Raises:
        AmericanoError: Names the first port that is in use, or that two services share.
    """
    taken: dict[int, str] = {}
    for service in services:
        if service.port in taken:
            raise AmericanoError(
                f"{taken[service.port]} and {service.name} are both set to port {service.port}: change"
                f" {service.port_setting}."
            )
        taken[service.port] = service.name
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((_LOCALHOST, service.port))
            except OSError as error:
                raise AmericanoError(
                    f"Port {service.port} for {service.name} cannot be used ({error.strerror}): end what listens there,"
                    f" or set {service.port_setting} to another port."
                ) from None


def run_together(services: Sequence[Service]) -> None:
    """Run all until SIGINT, SIGTERM or SIGHUP comes, or one of them ends; then end all, down to the last child.

    Raises:
        AmericanoError: One of them ended by itself; the others have been ended too.
    """
    asked_to_end = threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        asked_to_end.set()

    # Also where a shell started us with SIGINT ignored; a handler, unlike that, is not passed on to children.
    before = {number: signal.signal(number, on_signal) for number in _ENDING_SIGNALS}
    running: list[tuple[Service, subprocess.Popen[bytes]]] = []
    try:
        for service in services:
            environment = os.environ | dict(service.environment)
            # A session of its own: Ctrl-C reaches us alone, and we end them in order.
            process = subprocess.Popen(
                service.command,
                env=environment,
                cwd=service.folder,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                preexec_fn=_ending_with_us(),
            )
            running.append((service, process))
        while not asked_to_end.wait(_WATCH_SECONDS):
            for service, process in running:
                if process.poll() is not None:
                    raise AmericanoError(
                        f"{service.name} ended by itself (exit code {process.returncode}), so the rest was ended too:"
                        " see its output above."
                    )
        echo("Ending all of them. What was still starting says that it was interrupted.")
    finally:
        _end_all([process for _, process in running])
        for number, handler in before.items():
            signal.signal(number, handler)


def _ending_with_us() -> Callable[[], None] | None:
    """What a child does first so that it is asked to end where we are killed; Linux alone offers that."""
    if not sys.platform.startswith("linux"):
        return None
    ask_kernel = ctypes.CDLL(None).prctl
    return lambda: ask_kernel(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _end_all(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """Ask each to end, then make sure of it and of everything they started."""
    family = [child for process in processes for child in _descendants(process.pid)]
    for process in reversed(processes):
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
    for process in processes:
        try:
            process.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    _, survivors = psutil.wait_procs(family, timeout=1)
    for child in survivors:
        child.terminate()
    _, survivors = psutil.wait_procs(survivors, timeout=_GRACE_SECONDS)
    for child in survivors:
        child.kill()


def _descendants(pid: int) -> list[psutil.Process]:
    try:
        return list(psutil.Process(pid).children(recursive=True))
    except psutil.NoSuchProcess:
        return []
