"""The most memory of a process with its children, and memory and processor time of PostgreSQL, while a night runs."""

import threading
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import psutil

_SECONDS = 0.25


class _Seen(NamedTuple):
    """At one moment: GB of the process and of PostgreSQL, and processor seconds of PostgreSQL so far."""

    at: float
    ours: float
    server: float
    worked: float


class Watch:
    """Looks at both four times a second; what PostgreSQL's processes share counts once."""

    def __init__(self, process: int, server: Path) -> None:
        self._process = psutil.Process(process)
        self._server = server_of(server)
        self._over = threading.Event()
        self._seen: list[_Seen] = []
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def during(self, began: float, seconds: float) -> dict[str, float]:
        """In so many seconds from `began` on: the most of the process with its children; PostgreSQL's, and its work."""
        seen = [one for one in self._seen if began - _SECONDS <= one.at <= began + seconds + _SECONDS]
        if not seen:
            return {"ours": 0.0, "server": 0.0, "server_processor": 0.0}
        return {
            "ours": max(one.ours for one in seen),
            "server": max(one.server for one in seen),
            "server_processor": seen[-1].worked - seen[0].worked,
        }

    def _look(self) -> None:
        while not self._over.wait(_SECONDS):
            with suppress(psutil.Error):
                ours = _all(self._process)
                resident = sum(_memory(one, "rss") for one in ours)
                proportional = sum(_memory(one, "pss") for one in _all(self._server))
                self._seen.append(_Seen(time.time(), resident / 1e9, proportional / 1e9, worked(self._server)))


def _all(process: psutil.Process) -> list[psutil.Process]:
    return [process, *process.children(recursive=True)]


def _memory(process: psutil.Process, kind: str) -> float:
    with suppress(psutil.Error):
        found = process.memory_full_info() if kind == "pss" else process.memory_info()
        return float(getattr(found, kind))
    return 0.0


def server_of(data: Path) -> psutil.Process:
    """PostgreSQL's first process, by its folder of data."""
    return psutil.Process(int((data / "postmaster.pid").read_text().split()[0]))


def worked(server: psutil.Process) -> float:
    """Processor seconds of PostgreSQL since it began, of sessions that are over too."""
    ended = server.cpu_times()
    return float(ended.children_user + ended.children_system) + sum(map(_worked, _all(server)))


def _worked(process: psutil.Process) -> float:
    with suppress(psutil.Error):
        times = process.cpu_times()
        return float(times.user + times.system)
    return 0.0
