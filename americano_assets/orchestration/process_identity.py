"""Which process does something, so that whoever finds it unfinished can tell whether that process is still there.

A process's number alone is soon another's. A mark also names the machine, its boot, the container and the moment that
the process began.
"""

import hashlib
import json
import os
import re
import socket
from pathlib import Path

import psutil

_MACHINE = "/etc/machine-id"
_CONTAINER = re.compile(r"[0-9a-f]{12}")  # The name that a container has unless it is given one.


def own_mark() -> str:
    """This process's mark: JSON."""
    return json.dumps(
        {
            "host": _host(),
            "boot": _boot(),
            "container": _container(),
            "pid": os.getpid(),
            "began": _began(os.getpid()),
        }
    )


def is_dead(mark: str) -> bool | None:
    """Whether the process with that mark has ended; None where nothing here proves it either way."""
    try:
        found = json.loads(mark)
        host, boot, container = found["host"], found["boot"], found["container"]
        pid, began = int(found["pid"]), str(found["began"])
    except (ValueError, KeyError, TypeError):
        return None
    if host != _host():
        return None
    # One container under its own name begins anew only when all that was in it has ended.
    in_container = _CONTAINER.fullmatch(socket.gethostname()) is not None
    if boot != _boot():
        # Two machines may have one name; where they have no number either, the other boot may be the other machine's.
        return True if in_container or _text(_MACHINE) else None
    if container != _container():
        return True if in_container else None
    return _began(pid) != began


def told(mark: str) -> str:
    """The process, for people."""
    try:
        found = json.loads(mark)
        return f"process {found['pid']} on {found['host'].partition(' ')[0]}"
    except (ValueError, KeyError, TypeError, AttributeError):
        return "an unknown process"


def _began(pid: int) -> str | None:
    """When a live process began, as no change of the clock would alter it; None: it has ended, reaped or not."""
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        stat = Path(f"/proc/{pid}/stat")
        # The name before it may hold anything, brackets too.
        return stat.read_text().rpartition(")")[2].split()[19] if stat.exists() else str(process.create_time())
    except (psutil.NoSuchProcess, ProcessLookupError, FileNotFoundError):
        return None


def _host() -> str:
    # The machine's number is nobody else's business, and Dagster shows tags: only whether it is the same is wanted.
    machine = _text(_MACHINE)
    return " ".join([socket.gethostname(), *([hashlib.sha256(machine.encode()).hexdigest()[:16]] if machine else [])])


def _boot() -> str:
    """Empty where the system has no number for it: the time of the boot is no substitute, it moves with the clock."""
    return _text("/proc/sys/kernel/random/boot_id")


def _container() -> str:
    """The namespace that process numbers are of."""
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""


def _text(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""
