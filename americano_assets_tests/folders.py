"""Where tests keep what they write: in memory where there is room, since a disk's own pace is a third of their time."""

import os
import shutil
import tempfile
from pathlib import Path

import psutil

_IN_MEMORY = Path("/dev/shm")
_ROOM = 8 << 30  # what all workers write at once is a twentieth of it


def _roomy(folder: Path) -> bool:
    return (
        os.access(folder, os.W_OK | os.X_OK)
        and shutil.disk_usage(folder).free >= _ROOM
        and psutil.virtual_memory().available >= _ROOM
    )


# A socket's path must be short, so a server's home lies right in here, whatever TMPDIR says.
SHORT = _IN_MEMORY if _roomy(_IN_MEMORY) else Path("/tmp")


def keep_temporary_files_in_memory() -> Path | None:
    """Have this process and what it starts keep temporary files there, unless someone chose a place: TMPDIR.

    Returns:
        A folder of this run's, to be removed behind it; None where someone chose. What pytest keeps of a test that
        failed lies beside it, as pytest has it.
    """
    if "TMPDIR" in os.environ:
        return None
    own = tempfile.mkdtemp(prefix="americano-tests-", dir=SHORT)
    os.environ["TMPDIR"] = own
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(SHORT))
    tempfile.tempdir = None  # looked up again
    return Path(own)
