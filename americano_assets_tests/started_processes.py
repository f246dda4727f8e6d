"""Ends what a run of tests has started, also where it was interrupted and no fixture could.

Servers are in sessions of their own and keep hardly anything of an environment, but PATH: a folder in it that is
nowhere tells whose they are.
"""

import contextlib
import os
import signal
import uuid
from collections.abc import Iterator

import psutil

_GRACE_SECONDS = 5


def mark_this_run() -> str:
    """Have every process that is started from now on bear a mark; returns it."""
    mark = f"/nowhere/test-run-{uuid.uuid4().hex}"
    os.environ["PATH"] += f"{os.pathsep}{mark}"
    # As Ctrl-C does: whoever ends the run has it end what it started.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    return mark


def end_marked(mark: str) -> None:
    """End every process with the mark, servers at once: what is in their databases goes anyway."""
    left = list(_marked(mark))
    for process in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGQUIT if process.name() == "postgres" else signal.SIGTERM)
    for process in psutil.wait_procs(left, timeout=_GRACE_SECONDS)[1]:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


def _marked(mark: str) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.pid != os.getpid() and mark in process.environ().get("PATH", ""):
                yield process
