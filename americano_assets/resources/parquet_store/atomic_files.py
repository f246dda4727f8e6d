"""Writing a file so that its name never stands for half of it, and what a full disk or a closed folder says."""

import fcntl
import json
import os
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from americano_assets.errors import AmericanoError

LEFTOVER_PREFIX = ".writing-"
# How a full disk is told by the system, through whichever library, and by DuckDB where it may spill no more.
_FULL = ("No space left on device", "Disk quota exceeded", "failed to offload data block")


class StorageError(AmericanoError):
    """A file could not be written; what stood under its name before is unchanged."""


def private_files() -> None:
    """From now on this process and its children make files and folders that only their user can open."""
    os.umask(0o077)


def full_disk(words: str) -> str | None:
    """A sentence of a full disk, where that is what an error's words say; libraries have no type for it in common.

    Args:
        words: Of an error that was not foreseen where it was raised.
    """
    line = next((line for line in words.splitlines() if any(mark in line for mark in _FULL)), None)
    if line is None:
        return None
    return (
        f"A disk is full ({' '.join(line.split()).rstrip('.')}): what was there before is unchanged. Make room on it,"
        " then run it again."
    )


@contextmanager
def written_beside(folder: Path) -> Iterator[Path]:
    """A temporary path in `folder` (made if need be), gone afterwards unless the caller renamed it.

    Raises:
        StorageError: The disk is full, or the folder or file cannot be written.
    """
    temporary = folder / f"{LEFTOVER_PREFIX}{uuid.uuid4().hex}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield temporary
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else " ".join(str(error).split())
        away = any(path.is_symlink() and not path.exists() for path in (folder, *folder.parents))
        what_to_do = "Mount the disk that it leads to" if away else "Free some space or give the folder back its rights"
        raise StorageError(
            f"Nothing could be written into {folder} ({reason}): what was there before is unchanged. {what_to_do}, then"
            " run it again."
        ) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def move_into_place(temporary: Path, final: Path) -> None:
    """Flush a whole file to disk and give it its name: after a power cut the name does not stand for half of it."""
    descriptor = os.open(temporary, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    temporary.replace(final)


@contextmanager
def held_alone(folder: Path) -> Iterator[None]:
    """Hold a folder against everyone on this host who holds it, alone or together, as long as the process lives.

    For what rewrites or removes files that others name.

    Raises:
        AmericanoError: Somebody else holds it.
    """
    with _opened(folder) as descriptor:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AmericanoError(
                f"Another `forget` or `prune`, or a step of a night, is at work in {folder}, and this one would take"
                " files away from it: nothing was changed. Wait until it has ended, then run this one again."
            ) from None
        yield


@contextmanager
def held_together(folder: Path) -> Iterator[None]:
    """Hold a folder against whoever would hold it alone, and wait for who does."""
    with _opened(folder) as descriptor:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise StorageError(
            f"{folder} cannot be opened ({error.strerror}): mount the disk that it leads to, or give it back its"
            " rights, then run it again. Nothing was changed."
        ) from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a small JSON file in one step."""
    write_bytes(path, as_json(content))


def as_json(content: Mapping[str, Any]) -> bytes:
    """A record as it is kept: the same bytes for equal values."""
    return json.dumps(content, sort_keys=True, indent=1, default=str).encode()


def write_bytes(path: Path, content: bytes) -> None:
    """Write a small file in one step."""
    with written_beside(path.parent) as temporary:
        temporary.write_bytes(content)
        move_into_place(temporary, path)
