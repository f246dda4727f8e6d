"""Which live processes are PostgreSQL's on a given data folder."""

import time
from pathlib import Path

import psutil


def live_postmaster(data: Path) -> psutil.Process | None:
    """The server process that runs on `data`, whatever `postmaster.pid` claims; None if there is none.

    A pid file survives a crash, and after a reboot its number may be anybody's; it may also be cut short.
    """
    for process in live_processes(data):
        try:
            # Its children have written their role over their arguments.
            if "-D" in process.cmdline():
                return process
        except psutil.Error:
            continue
    return None


def live_processes(data: Path) -> list[psutil.Process]:
    """The server on `data` and its children; the children alone for a moment after the server was killed."""
    return [process for process in psutil.process_iter(["name"]) if _works_on(process, data)]


def has_ended(process: psutil.Process, seconds: float) -> bool:
    """Wait up to `seconds` for `process` to end; a zombie, which nobody may ever reap, counts as ended."""
    deadline = time.monotonic() + seconds
    while _is_alive(process):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _works_on(process: psutil.Process, data: Path) -> bool:
    if not (process.info["name"] or "").startswith("postgres"):
        return False
    try:
        if not _is_alive(process):
            return False
        try:
            # PostgreSQL works in its data folder: true also after the folder was moved.
            return Path(process.cwd()).samefile(data)
        except psutil.AccessDenied:
            return str(data) in process.cmdline()
    except (psutil.Error, OSError):
        return False


def _is_alive(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
