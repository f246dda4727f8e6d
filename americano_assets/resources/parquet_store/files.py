"""Where files of ours lie, by their names below one place: a folder, or what else can keep them.

A name is a path with slashes, such as `features/day=2026-01-05/<content>.parquet`. Contents are added once under the
hash of their bytes and never changed; everything else is small, and written in one step.
"""

import hashlib
import os
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import AbstractContextManager, suppress
from datetime import UTC, datetime
from pathlib import Path, PurePath
from typing import NamedTuple, Protocol

from americano_assets.resources.parquet_store.atomic_files import (
    held_alone,
    held_together,
    move_into_place,
    write_bytes,
    written_beside,
)
from americano_assets.resources.parquet_store.content_files import is_damaged
from americano_assets.resources.parquet_store.names import DATA


class Stored(NamedTuple):
    """A file as it lies there: name, bytes, and when it was written (aware)."""

    name: str
    size: int
    written: datetime


class Files(Hashable, Protocol):
    """What a store and models need of where they lie.

    Attributes:
        place: As people are told of it.
        root: Folder of this machine in which contents are read, and where what is being written lies.
    """

    place: str

    @property
    def root(self) -> Path:
        """See above."""

    def read(self, name: str) -> bytes:
        """A small file.

        Raises:
            FileNotFoundError: It is not there.
        """

    def read_all(self, names: Iterable[str]) -> dict[str, bytes]:
        """Those of some small files that are there."""

    def write_file(self, name: str, content: bytes) -> None:
        """Put a small file there in one step, in place of what was."""

    def path(self, name: str) -> Path:
        """Where a content can be read on this machine; a path to nothing where it is not there."""

    def paths(self, names: Iterable[str]) -> list[Path]:
        """As `path`, of many."""

    def held(self, names: Iterable[str]) -> set[str]:
        """Those of some files that are there."""

    def written_beside(self, folder: str) -> AbstractContextManager[Path]:
        """A path to write a content to that will be one of `folder`; gone afterwards unless it was added."""

    def add(self, written: Path, name: str) -> None:
        """Give a content that was written by `written_beside` its name, unless it is there already."""

    def digests(self, names: Iterable[str]) -> dict[str, str]:
        """The SHA-256 of those of some files that are there, of their bytes as they lie there."""

    def keeps_versions(self, name: str) -> bool:
        """Whether what a file held before, or a file that was removed, can still be read there."""

    def inside(self, folder: str) -> list[str]:
        """Last parts of the names of what lies directly in a folder, files and folders, sorted."""

    def walk(self) -> Iterator[Stored]:
        """Every file, by name."""

    def unseen(self) -> list[str]:
        """Places of which nobody can say what they hold, as where a disk is not mounted; `walk` passes them by."""

    def holds_contents(self) -> bool:
        """Whether any content is there."""

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""

    def stamp(self, name: str) -> Hashable:
        """Another value once a file was written anew; None where it is not there."""

    def renew(self) -> None:
        """Have nobody be served a copy any more of what was replaced, or is about to be removed."""

    def alone(self) -> AbstractContextManager[None]:
        """Hold it against everyone who holds it, for what removes files that others name; see `held_alone`."""

    def together(self) -> AbstractContextManager[None]:
        """Hold it against whoever would hold it alone, and wait for who does."""


class Folder:
    """A folder of this machine."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.place = str(root)

    def read(self, name: str) -> bytes:
        """As `Files`."""
        try:
            return (self.root / name).read_bytes()
        except NotADirectoryError:
            raise FileNotFoundError(name) from None

    def read_all(self, names: Iterable[str]) -> dict[str, bytes]:
        """As `Files`."""
        found = {}
        for name in names:
            try:
                found[name] = self.read(name)
            except FileNotFoundError:
                continue
        return found

    def write_file(self, name: str, content: bytes) -> None:
        """As `Files`."""
        path = self.root / name
        write_bytes(path.resolve() if path.is_symlink() else path, content)

    def path(self, name: str) -> Path:
        """As `Files`."""
        return self.root / name

    def paths(self, names: Iterable[str]) -> list[Path]:
        """As `Files`."""
        return [self.root / name for name in names]

    def held(self, names: Iterable[str]) -> set[str]:
        """As `Files`."""
        return {name for name in names if (self.root / name).exists()}

    def written_beside(self, folder: str) -> AbstractContextManager[Path]:
        """As `Files`."""
        return written_beside(self.root / folder)

    def add(self, written: Path, name: str) -> None:
        """As `Files`."""
        if is_damaged(self.root / name):
            move_into_place(written, self.root / name)

    def digests(self, names: Iterable[str]) -> dict[str, str]:
        """As `Files`."""
        found = {}
        for name in names:
            with suppress(FileNotFoundError), (self.root / name).open("rb") as file:
                found[name] = hashlib.file_digest(file, "sha256").hexdigest()
        return found

    def keeps_versions(self, name: str) -> bool:
        """As `Files`."""
        return False

    def inside(self, folder: str) -> list[str]:
        """As `Files`."""
        try:
            return sorted(path.name for path in (self.root / folder).iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return []

    def walk(self) -> Iterator[Stored]:
        """As `Files`; links are followed."""
        for path in sorted(files_below(self.root)):
            try:
                found = path.stat()
            except FileNotFoundError:
                continue  # It went meanwhile, or is a link that leads nowhere.
            written = datetime.fromtimestamp(found.st_mtime, UTC)
            yield Stored(path.relative_to(self.root).as_posix(), found.st_size, written)

    def unseen(self) -> list[str]:
        """As `Files`: links that lead nowhere, folders that cannot be listed, and a table's that are empty."""
        unlisted: list[OSError] = []
        # What may not be looked at is not there, for `os.path`.
        found = {path for path in files_below(self.root, unlisted.append) if not os.path.exists(path)}  # noqa: PTH110
        found |= {Path(str(error.filename)) for error in unlisted}
        # Whoever makes a table's folder writes into it, and whoever takes its last file away removes it.
        tables = self.root.iterdir() if self.root.name == DATA and self.root.is_dir() else ()
        folders = {path for path in tables if path.is_dir() and path.name != "lost+found"} - found
        found |= {path for path in folders if not any(path.iterdir())}
        return sorted(path.relative_to(self.root).as_posix() for path in found)

    def holds_contents(self) -> bool:
        """As `Files`; so it is where a link leads to a disk that is not mounted: nobody can say what is on it."""
        return any(path.suffix == ".parquet" or not path.exists() for path in files_below(self.root))

    def remove(self, name: str) -> None:
        """As `Files`; folders that it leaves empty go too."""
        path = self.root / name
        if path.is_symlink():
            path.resolve().unlink(missing_ok=True)
        path.unlink(missing_ok=True)
        with suppress(OSError):  # One holds something, or is a mount point.
            for folder in path.parents[: len(PurePath(name).parts) - 1]:
                folder.rmdir()

    def stamp(self, name: str) -> Hashable:
        """As `Files`."""
        try:
            found = (self.root / name).stat()
        except FileNotFoundError:
            return None
        return found.st_mtime_ns, found.st_ino, found.st_size

    def renew(self) -> None:
        """As `Files`: of a folder there are no copies."""

    def alone(self) -> AbstractContextManager[None]:
        """As `Files`."""
        return held_alone(self.root)

    def together(self) -> AbstractContextManager[None]:
        """As `Files`."""
        return held_together(self.root)


def files_below(path: Path, unlisted: Callable[[OSError], None] | None = None) -> Iterator[Path]:
    """Every file at a path and below it, links followed, each folder once.

    A link that leads nowhere counts as a file: it may lead to a disk that is full and not mounted.

    Args:
        path: A file or a folder.
        unlisted: Takes the error of each folder that cannot be listed.
    """
    if not path.is_dir():
        if path.exists() or path.is_symlink():
            yield path
        return
    seen: set[tuple[int, int]] = set()
    for folder, folders, names in os.walk(path, onerror=unlisted, followlinks=True):
        status = Path(folder).stat()
        if (status.st_dev, status.st_ino) in seen:
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        yield from (Path(folder, name) for name in names)
