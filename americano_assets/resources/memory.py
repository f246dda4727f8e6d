"""How much memory a process may take, and where DuckDB puts what does not fit: below the home, while it lives."""

import atexit
import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from uuid import uuid4

import psutil

SPILL_FOLDER = "spill"
SHARE = 0.6
# DuckDB's part of it: the rest is what it hands over, and what is made of that.
_DUCKDB_SHARE = 0.5
_MOST_ROWS = 32_768
_ROOT = Path("/")


@dataclass
class _Bounds:
    memory: int | None = None
    home: Path | None = None


_BOUNDS = _Bounds()
# What a process holds as long as it lives.
_HOLDING: list[AbstractContextManager[None]] = []


def bound_memory(memory: int | None, home: Path) -> None:
    """From now on this process keeps to so much memory and spills below this home.

    Args:
        memory: Bytes; None: SHARE of what the machine or its cgroup has.
        home: The home that this process works on.
    """
    _BOUNDS.memory, _BOUNDS.home = memory, home


def memory_bound() -> int:
    """Bytes that this process may take."""
    return int(SHARE * available_memory()) if _BOUNDS.memory is None else _BOUNDS.memory


def batch_rows() -> int:
    """Rows that are read and worked on at once: of some 2 kB each, a 64th of the memory."""
    return max(1_024, min(_MOST_ROWS, memory_bound() // 64 // 2_048))


def duckdb_options(share: int = 1) -> dict[str, str]:
    """The options of a connection of which `share` work side by side."""
    options = {"memory_limit": f"{int(_DUCKDB_SHARE * memory_bound() / share) // 1024}KiB"}
    if _BOUNDS.home is not None and (folder := _own_folder(_BOUNDS.home / SPILL_FOLDER, os.getpid())) is not None:
        options["temp_directory"] = str(folder / uuid4().hex)
    return options


@cache
def available_memory(root: Path = _ROOT) -> int:
    """Bytes of the machine, or of the smallest cgroup that this process is in, where that has fewer.

    Args:
        root: Where `proc` and `sys` are.
    """
    limits = [psutil.virtual_memory().total]
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if not controllers:
            mounts = [(root / "sys/fs/cgroup", "memory.max"), (root / "sys/fs/cgroup/unified", "memory.max")]
        elif "memory" in controllers.split(","):
            mounts = [(root / "sys/fs/cgroup/memory", "memory.limit_in_bytes")]
        else:
            continue
        for mount, name in mounts:
            # A limit of any group around it holds too; in a container the path may be the one outside.
            parts = Path(path).parts[1:]
            inside = (mount.joinpath(*parts[:depth]) / name for depth in range(len(parts) + 1))
            limits += [int(told) for file in inside if (told := _text(file).strip()).isdigit()]
    return int(min(limits))


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


@cache
def _own_folder(spill: Path, process: int) -> Path | None:
    """This process's folder for what does not fit; None where the home cannot be written. Those of killed ones go."""
    own = spill / f"{process}-{uuid4().hex}"
    try:
        spill.mkdir(exist_ok=True)
        # Nobody takes a folder away between its making and its being held.
        with _held(spill, fcntl.LOCK_EX):
            own.mkdir(parents=True)
            _HOLDING.append(_held(own, fcntl.LOCK_SH))
            _HOLDING[-1].__enter__()
            for left in set(spill.iterdir()) - {own}:
                with suppress(OSError), _held(left, fcntl.LOCK_EX | fcntl.LOCK_NB):
                    shutil.rmtree(left)
    except OSError:
        return None
    atexit.register(_remove, own)
    return own


def _remove(own: Path) -> None:
    shutil.rmtree(own, ignore_errors=True)
    with suppress(OSError):
        own.parent.rmdir()


@contextmanager
def _held(folder: Path, how: int) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, how)
        yield
    finally:
        os.close(descriptor)
