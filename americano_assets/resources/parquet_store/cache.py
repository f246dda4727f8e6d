"""Copies of a bucket's contents on this machine: bounded, and thrown away as a whole once some of them must go.

<cache>/<store>/<epoch>/<name>     a copy; its time of change says when it was used last
"""

import os
import shutil
import threading
import time
import uuid
from pathlib import Path

from americano_assets.resources.parquet_store.atomic_files import LEFTOVER_PREFIX

# A query may still read what was asked for so many seconds ago.
_IN_USE = 3600
# The folder is measured once so large a share of its bound was added.
_MEASURED_EACH = 0.05


class Cache:
    """Copies of one bucket's contents, shared by the processes of this machine."""

    FIRST = "0"

    def __init__(self, root: Path, bound: int) -> None:
        """Nothing is made yet.

        Args:
            root: The folder.
            bound: Bytes that it is kept to; what was used within the last hour stays all the same.
        """
        self.root = root
        self._bound = bound
        self._added: int | None = None
        self._lock = threading.Lock()

    @staticmethod
    def new_epoch() -> str:
        """A name that no epoch had."""
        return uuid.uuid4().hex

    def folder(self, epoch: str) -> Path:
        """Where the copies of an epoch are."""
        return self.root / epoch

    def begin(self, epoch: str) -> None:
        """Throw away what is of another epoch."""
        try:
            others = [path for path in self.root.iterdir() if path.name != epoch]
        except FileNotFoundError:
            return
        for path in others:
            shutil.rmtree(path, ignore_errors=True)

    def has(self, path: Path) -> bool:
        """Whether there is a copy; it counts as used now."""
        try:
            os.utime(path)
        except FileNotFoundError:
            return False
        return True

    def take(self, written: Path, path: Path) -> None:
        """Give a whole copy its name, and make room for it.

        Raises:
            FileNotFoundError: It went meanwhile, with all of its epoch.
        """
        size = written.stat().st_size
        path.parent.mkdir(parents=True, exist_ok=True)
        written.replace(path)
        with self._lock:
            self._added = None if self._added is None else self._added + size
            if self._added is None or self._added > self._bound * _MEASURED_EACH:
                self._make_room()
                self._added = 0

    def _make_room(self) -> None:
        found = []
        for folder, _, names in os.walk(self.root):
            for path in (Path(folder, name) for name in names if not name.startswith(LEFTOVER_PREFIX)):
                try:
                    status = path.stat()
                except FileNotFoundError:
                    continue
                found.append((status.st_mtime, status.st_size, path))
        too_much, now = sum(size for _, size, _ in found) - self._bound, time.time()
        for used, size, path in sorted(found):
            if too_much <= 0 or used > now - _IN_USE:
                return
            path.unlink(missing_ok=True)
            too_much -= size
