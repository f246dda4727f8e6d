"""Opens a collection of Anki's, from a package or alone, as a copy of which nothing can be changed.

A package is a zip with up to three collections: `collection.anki21b` (compressed by zstd; newer versions of Anki write
it), `collection.anki21`, `collection.anki2`. Where there is a newer one the older ones are stubs, which say no more
than that Anki is to be brought up to date.
"""

import fcntl
import shutil
import sqlite3
import zipfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

import pyarrow as pa

from americano_assets.errors import AmericanoError

_PACKAGES, _COLLECTIONS = (".apkg", ".colpkg"), (".anki2", ".anki21", ".anki21b")
# Of what a package holds the best, and whether it is compressed once more.
_MEMBERS = {"collection.anki21b": True, "collection.anki21": False, "collection.anki2": False}
_HEADER = b"SQLite format 3\0"
# What a collection may take on the disk: no real one comes near either.
_MOST_BYTES = 8 * 1024**3
_MOST_TIMES, _ALWAYS = 200, 64 * 1024**2
_CHUNK = 1 << 20
# Where SQLite locks a file: the bytes from PENDING_BYTE on.
_LOCK_AT, _LOCK_BYTES = 0x40000000, 512
_NEEDED = ("col", "notes", "cards", "revlog")


class AnkiError(AmericanoError):
    """The collection cannot be read; the message names the file, and what to do."""


def is_anki(path: Path) -> bool:
    """Whether a file is Anki's, by its name."""
    return path.suffix.lower() in (*_PACKAGES, *_COLLECTIONS)


@contextmanager
def opened(path: Path, folder: Path) -> Iterator[sqlite3.Connection]:
    """A collection, read-only.

    Args:
        path: A package or a collection.
        folder: Where its copy may lie meanwhile.

    Raises:
        AnkiError: It is none, is damaged or too large, or Anki has it open.
    """
    if not path.is_file():
        raise AnkiError(f"{path} {'is a folder, no collection' if path.is_dir() else 'does not exist'}.")
    copy = folder / "collection.sqlite"
    try:
        if path.suffix.lower() in _PACKAGES:
            _unpack(path, copy)
        else:
            _copy(path, copy)
        with copy.open("rb") as file:
            if file.read(len(_HEADER)) != _HEADER:
                raise AnkiError(f"{path.name} holds no collection of Anki's: it is no SQLite database.")
        with closing(_connection(copy)) as connection:
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if missing := [name for name in _NEEDED if name not in tables]:
                raise AnkiError(f"{path.name} is no collection of Anki's: it has no table {' and no '.join(missing)}.")
            yield connection
    except sqlite3.DatabaseError as error:
        raise AnkiError(
            f"{path.name} cannot be read ({error}): it is damaged, or of a version of Anki that is not known here. Have"
            " Anki check it (Tools, Check Database), and export it again."
        ) from None
    finally:
        copy.unlink(missing_ok=True)


def _connection(copy: Path) -> sqlite3.Connection:
    # Immutable: nobody else has the copy, and a journal that is switched on in it needs no file beside it.
    connection = sqlite3.connect(f"file:{quote(str(copy))}?mode=ro&immutable=1", uri=True)
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.text_factory = lambda text: text.decode("utf-8", "replace")
    connection.create_collation("unicase", lambda a, b: (a.casefold() > b.casefold()) - (a.casefold() < b.casefold()))
    return connection


def _unpack(path: Path, copy: Path) -> None:
    try:
        with zipfile.ZipFile(path) as package:
            names = set(package.namelist())
            member = next((name for name in _MEMBERS if name in names), None)
            if member is None:
                raise AnkiError(
                    f"{path.name} holds no collection ({', '.join(_MEMBERS)}): export it from Anki as .colpkg or .apkg."
                )
            with package.open(member) as packed:
                _write(path, _plain(packed) if _MEMBERS[member] else packed, copy)
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError, pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # The disk's or the system's, and nothing about the package.
        raise AnkiError(
            f"{path.name} cannot be unpacked ({error}): it is no package of Anki's, or damaged. Export it again."
        ) from None


def _plain(packed: IO[bytes]) -> Any:
    return pa.CompressedInputStream(pa.PythonFile(packed, mode="r"), "zstd")


def _write(path: Path, source: Any, copy: Path) -> None:
    most = min(_MOST_BYTES, _ALWAYS + _MOST_TIMES * path.stat().st_size)
    size = 0
    with copy.open("wb") as file:
        while chunk := source.read(_CHUNK):
            size += len(chunk)
            if size > most:
                raise AnkiError(
                    f"{path.name} was given up: unpacked it is larger than {most / 1e6:,.0f} MB, as no collection is."
                )
            file.write(chunk)


def _copy(path: Path, copy: Path) -> None:
    """Copy a collection that nobody has open: what Anki has not written back yet would be missing."""
    journal = path.with_name(f"{path.name}-wal")
    with path.open("rb") as file:
        if file.read(4) == b"\x28\xb5\x2f\xfd":  # By itself it is compressed too, where somebody took it out.
            file.seek(0)
            _write(path, _plain(file), copy)
            return
        try:
            fcntl.lockf(file, fcntl.LOCK_SH | fcntl.LOCK_NB, _LOCK_BYTES, _LOCK_AT)
            is_open = journal.exists() and journal.stat().st_size > 0
        except OSError:
            is_open = True
        if is_open:
            raise AnkiError(
                f"Anki has {path.name} open, and may not have written everything into it: close Anki, and run the"
                " command again; or export the collection (File, Export) and import that."
            )
        file.seek(0)
        with copy.open("wb") as target:
            shutil.copyfileobj(file, target, _CHUNK)
