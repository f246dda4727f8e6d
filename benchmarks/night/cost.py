"""What a piece of work takes: seconds by the clock, and of the processors, PostgreSQL's among them."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.night.memory import server_of, worked


@dataclass(frozen=True)
class Cost:
    """Seconds by the clock and of the processors: beside other people's work only the latter can be compared."""

    clock: float = 0.0
    processor: float = 0.0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(self.clock + other.clock, self.processor + other.processor)

    def __mul__(self, times: float) -> "Cost":
        return Cost(self.clock * times, self.processor * times)


class Meter:
    """Measures work beside one PostgreSQL."""

    def __init__(self, server: Path) -> None:
        self._server = server_of(server)

    def of(self, work: Callable[[], object]) -> Cost:
        """Do it; what it took."""
        began, ours, theirs = time.perf_counter(), time.process_time(), worked(self._server)
        work()
        clock = time.perf_counter() - began
        return Cost(clock, time.process_time() - ours + worked(self._server) - theirs)
