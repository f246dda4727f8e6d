"""Files in a bucket of an object store (S3, Google Cloud Storage, Azure), through obstore.

Contents are put there if they are absent and read from a cache folder on this machine. Everything else is read from the
bucket each time. Credentials are those of each cloud's standard environment: obstore finds them, and nobody here does.
"""

import hashlib
import threading
import time
from collections.abc import Hashable, Iterable, Iterator
from contextlib import AbstractContextManager, suppress
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

from americano_assets.resources.parquet_store.atomic_files import (
    StorageError,
    held_alone,
    held_together,
    written_beside,
)
from americano_assets.resources.parquet_store.cache import Cache
from americano_assets.resources.parquet_store.files import Stored
from americano_assets.resources.parquet_store.names import EPOCH
from americano_assets.resources.parquet_store.object_store import opened, side_by_side, told

# For so many seconds a process goes on with the epoch that it read; who begins a new one waits as long.
LEASE = 2.0


class Bucket:
    """One part of a store, `data` or `models`, in a bucket."""

    def __init__(self, url: str, part: str, cache: Cache) -> None:
        """Nothing is opened yet.

        Args:
            url: `s3://bucket/prefix`, `gs://…` or `az://container/prefix`.
            part: The folder below it.
            cache: Where contents are kept on this machine.
        """
        self.place = f"{url.rstrip('/')}/{part}"
        self._cache = cache
        self._lock = threading.Lock()
        self._epoch: tuple[str, float] | None = None
        self._seen: dict[str, set[str]] = {}

    @cached_property
    def _store(self) -> Any:
        return opened(self.place)

    @property
    def root(self) -> Path:
        """As `Files`: the cache."""
        return self._cache.folder(self._current_epoch())

    def read(self, name: str) -> bytes:
        """As `Files`."""
        with self._told(name):
            return bytes(self._store.get(name).bytes())

    def read_all(self, names: Iterable[str]) -> dict[str, bytes]:
        """As `Files`, many at a time."""

        def one(name: str) -> bytes | None:
            try:
                return self.read(name)
            except FileNotFoundError:
                return None

        wanted = list(names)
        found = zip(wanted, side_by_side(one, wanted), strict=True)
        return {name: content for name, content in found if content is not None}

    def write_file(self, name: str, content: bytes) -> None:
        """As `Files`: one plain put."""
        with self._told(name):
            self._store.put(name, content, use_multipart=False)

    def path(self, name: str) -> Path:
        """As `Files`: its copy in the cache, fetched where there is none."""
        path = self.root / name
        if self._cache.has(path):
            return path
        try:
            return self._fetched(name, path)
        except StorageError as error:
            if not isinstance(error.__cause__, FileNotFoundError):
                raise
            # Another process has begun a new epoch, and this one's folder went.
            return self._fetched(name, self.root / name)

    def _fetched(self, name: str, path: Path) -> Path:
        chunks = self._chunks(name)
        try:
            first = next(chunks, b"")
        except FileNotFoundError:
            return path
        with written_beside(path.parent) as temporary:
            with temporary.open("wb") as file:
                file.writelines(chain([first], chunks))
            self._cache.take(temporary, path)
        return path

    def paths(self, names: Iterable[str]) -> list[Path]:
        """As `Files`, many at a time."""
        return side_by_side(self.path, list(names))

    def held(self, names: Iterable[str]) -> set[str]:
        """As `Files`; what was seen there is not asked for again while its epoch lasts."""
        epoch, asked = self._current_epoch(), set(names)
        known = self._seen.setdefault(epoch, set())
        wanted = [name for name in asked if name not in known]
        known.update(name for name, there in zip(wanted, side_by_side(self._is_there, wanted), strict=True) if there)
        return known.intersection(asked)

    def _is_there(self, name: str) -> bool:
        try:
            with self._told(name):
                self._store.head(name)
        except FileNotFoundError:
            return False
        return True

    def written_beside(self, folder: str) -> AbstractContextManager[Path]:
        """As `Files`: in the cache."""
        return written_beside(self.root / folder)

    def add(self, written: Path, name: str) -> None:
        """As `Files`; whoever was first has put the same bytes there."""
        from obstore.exceptions import AlreadyExistsError, PreconditionError

        with self._told(name), suppress(AlreadyExistsError, PreconditionError):
            self._store.put(name, written, mode="create", use_multipart=False)
        self._cache.take(written, self.root / name)

    def digests(self, names: Iterable[str]) -> dict[str, str]:
        """As `Files`."""
        listed = list(names)
        found = zip(listed, side_by_side(self._digest, listed), strict=True)
        return {name: digest for name, digest in found if digest is not None}

    def _digest(self, name: str) -> str | None:
        digest = hashlib.sha256()
        try:
            for chunk in self._chunks(name):
                digest.update(chunk)
        except FileNotFoundError:
            return None
        return digest.hexdigest()

    def _chunks(self, name: str) -> Iterator[bytes]:
        with self._told(name):
            chunks = iter(self._store.get(name))
        while True:
            with self._told(name):
                chunk = next(chunks, None)
            if chunk is None:
                return
            yield chunk

    def inside(self, folder: str) -> list[str]:
        """As `Files`."""
        with self._told(folder):
            found = self._store.list_with_delimiter(prefix=folder or None)
        names = [*found["common_prefixes"], *(one["path"] for one in found["objects"])]
        return sorted(name.rstrip("/").rsplit("/", 1)[-1] for name in names)

    def walk(self) -> Iterator[Stored]:
        """As `Files`."""
        pages = iter(self._store.list())
        while True:
            with self._told(""):
                page = next(pages, None)
            if page is None:
                return
            yield from (Stored(one["path"], one["size"], one["last_modified"]) for one in page)

    def unseen(self) -> list[str]:
        """As `Files`: whatever is listed can be asked for."""
        return []

    def holds_contents(self) -> bool:
        """As `Files`."""
        return any(one.name.endswith(".parquet") for one in self.walk())

    def remove(self, name: str) -> None:
        """As `Files`."""
        with self._told(name), suppress(FileNotFoundError):
            self._store.delete(name)
        (self.root / name).unlink(missing_ok=True)

    def stamp(self, name: str) -> Hashable:
        """As `Files`; what is asked for changes with the epoch alone."""
        return self._current_epoch()

    def renew(self) -> None:
        """As `Files`: copies of before are served by no process any more once this returns."""
        self._cache.begin(epoch := self._cache.new_epoch())
        self.write_file(EPOCH, epoch.encode())
        with self._lock:
            self._epoch = None
        time.sleep(LEASE)

    def keeps_versions(self, name: str) -> bool:
        """As `Files`. Google's store gives each object a number in any case, which says nothing."""
        with self._told(name):
            version = self._store.head(name).get("version")
        return version not in (None, "null") and not self.place.startswith("gs://")

    def alone(self) -> AbstractContextManager[None]:
        """As `Files`, on this machine."""
        return held_alone(self._cache.root)

    def together(self) -> AbstractContextManager[None]:
        """As `Files`, on this machine."""
        return held_together(self._cache.root)

    def _current_epoch(self) -> str:
        with self._lock:
            now = time.monotonic()
            if self._epoch is None or now - self._epoch[1] >= LEASE:
                try:
                    epoch = self.read(EPOCH).decode()
                except FileNotFoundError:
                    epoch = self._cache.FIRST
                self._cache.begin(epoch)
                self._seen = {epoch: self._seen.get(epoch, set())}
                # Counted from before the question: whoever began a new epoch meanwhile waits from then.
                self._epoch = (epoch, now)
            return self._epoch[0]

    def _told(self, name: str) -> AbstractContextManager[None]:
        _ = self._store  # It says what is missing, before anything is asked of it.
        return told(self.place, name)
