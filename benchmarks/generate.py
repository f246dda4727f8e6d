"""One learner's fresh predictions by the code of several checkouts, by turns on one database: what each costs.

.venv/bin/python -m benchmarks.generate [--rounds N] [--each N] [--interactions N] [CHECKOUT ...]

The clock tells little on a machine with other work on it, so what is compared is processor time, of the caller and of
PostgreSQL. Without a checkout it is this one's. Learners and model are those of benchmarks/service.py.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median, quantiles

import psutil

from benchmarks.database import database
from benchmarks.learner import OTHERS, fill
from benchmarks.service import ROOT, train

WARM_UP = 8
# Run in each checkout: answers a number of calls with processor time a call, and the milliseconds of each.
_CALLER = """
import json, sys, time
from datetime import UTC, datetime
from pathlib import Path
from pydantic import SecretStr
from americano_assets.api.live_prediction import Generator
from americano_assets.settings import Settings
url, home, learner = sys.argv[1:]
settings = Settings(_env_file=None, database_url=SecretStr(url), americano_home=Path(home))
generator = Generator(settings, url, statement_seconds=60, lock_seconds=60)
for calls in map(int, sys.stdin):
    took, spent = [], time.process_time()
    for _ in range(calls):
        began, now = time.perf_counter(), datetime.now(UTC)
        generator.generate(learner, now.replace(microsecond=now.microsecond // 1000 * 1000), 7)
        took.append((time.perf_counter() - began) * 1000)
    print(json.dumps([(time.process_time() - spent) * 1000 / calls, took]), flush=True)
"""


class Caller:
    """A process of one checkout that generates for a learner of its own."""

    def __init__(self, checkout: Path, url: str, home: Path, learner: str) -> None:
        command = [sys.executable, "-P", "-c", _CALLER, url, str(home), learner]
        environment = {**os.environ, "PYTHONPATH": str(checkout)}
        self._process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def generate(self, calls: int) -> tuple[float, list[float]]:
        """Milliseconds of the processor a call, and of each call by the clock."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{calls}\n")
        self._process.stdin.flush()
        spent, took = json.loads(self._process.stdout.readline())
        return spent, took

    def end(self) -> None:
        """Let it end by itself."""
        self._process.communicate()


def server_ms(home: Path) -> float:
    """Processor time that the database's server has used, sessions that have ended included."""
    (pid_file,) = home.rglob("postmaster.pid")
    server = psutil.Process(int(pid_file.read_text().split()[0]))
    times = [server.cpu_times()]
    for child in server.children():
        try:
            times.append(child.cpu_times())
        except psutil.NoSuchProcess:
            continue  # A session that has just ended.
    ended = times[0].children_user + times[0].children_system
    return float(ended + sum(one.user + one.system for one in times)) * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--each", type=int, default=4)
    parser.add_argument("--interactions", type=int, default=10_000)
    parser.add_argument("checkouts", nargs="*", type=Path, default=[ROOT])
    options = parser.parse_args()
    if len(options.checkouts) > OTHERS:
        parser.error(f"there are learners for {OTHERS} checkouts")
    with database() as (url, home):
        now = datetime.now(UTC)
        fill(url, now, options.interactions, planned=30)
        train(home, now - timedelta(hours=1))
        callers = [Caller(path.resolve(), url, home, f"learner-{k}") for k, path in enumerate(options.checkouts)]
        try:
            measure(callers, options, home)
        finally:
            for caller in callers:
                caller.end()


def measure(callers: list[Caller], options: argparse.Namespace, home: Path) -> None:
    """Call by turns, each round in another order, and print a line a checkout."""
    for caller in callers:
        caller.generate(WARM_UP)
    own: list[list[float]] = [[] for _ in callers]
    server: list[list[float]] = [[] for _ in callers]
    took: list[list[float]] = [[] for _ in callers]
    for turn in range(options.rounds):
        for place in range(len(callers)):
            who = (place + turn) % len(callers)
            before = server_ms(home)
            spent, times = callers[who].generate(options.each)
            time.sleep(0.1)  # until a session that was let go of has ended
            own[who].append(spent)
            server[who].append((server_ms(home) - before) / options.each)
            took[who] += times
    first = median(map(sum, zip(own[0], server[0], strict=True)))
    for who, path in enumerate(options.checkouts):
        both = [caller + database_ for caller, database_ in zip(own[who], server[who], strict=True)]
        low, middle, high = quantiles(both)
        print(
            f"{path}: {middle:.0f} ms of processors a call ({low:.0f} to {high:.0f}), {middle / first:.2f} of the "
            f"first: {median(own[who]):.0f} of the caller, {median(server[who]):.0f} of PostgreSQL; by the clock "
            f"median {median(took[who]):.0f}, p95 {quantiles(took[who], n=20)[-1]:.0f} ms; "
            f"load {os.getloadavg()[0]:.1f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
