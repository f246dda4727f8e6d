"""Every file that lies in a home, also where a folder of ours is a link to another disk."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from americano_assets.resources.home.chosen import DEMOS, IMPORTED
from americano_assets.resources.home.folder import OURS, SERVER_FOLDER, STORE_FOLDER


def files_of(home: Path, unreadable: list[str], not_followed: list[str]) -> Iterator[Path]:
    """Every file under the home in order, but for demos, imports, and folders that the embedded server has to itself.

    A link that is one of ours, or in a folder of ours, is followed. A folder to which several ways lead is gone through
    once, by the way of ours. Other links are named, unless they lead to what is gone through anyway.

    Args:
        home: The folder.
        unreadable: Takes what cannot be looked at, below the home: a link that leads nowhere and an empty folder of a
            table, for disks that are not mounted.
        not_followed: Takes links that are none of ours.
    """

    def unlisted(error: OSError) -> None:
        unreadable.append(Path(error.filename).relative_to(home).as_posix())

    inside, seen = home.resolve(), set()
    apart = (home / SERVER_FOLDER, home / DEMOS, home / IMPORTED)
    for folder, folders, names in os.walk(home, onerror=unlisted, followlinks=True):
        here = Path(folder)
        status = here.stat()
        if (status.st_dev, status.st_ino) in seen or here in apart:
            folders.clear()
        if (status.st_dev, status.st_ino) in seen or here == home / IMPORTED:
            continue
        seen.add((status.st_dev, status.st_ino))
        if here.parent == home / STORE_FOLDER and not (folders or names):
            # Whoever makes a table's folder writes into it.
            unreadable.append(f"{here.relative_to(home).as_posix()} (empty: mount its disk, or remove the folder)")
        for listed in (folders, names):
            foreign = {name for name in listed if _is_foreign_link(home, here / name)}
            links = [here / name for name in foreign if not (here / name).resolve().is_relative_to(inside)]
            not_followed += [f"{path.relative_to(home).as_posix()} (a link, not followed)" for path in sorted(links)]
            listed[:] = sorted(set(listed) - foreign, key=lambda name: (here == home and name not in OURS, name))
        for path in (here / name for name in names):
            try:
                is_file = stat.S_ISREG(path.stat().st_mode)
            except OSError:
                # One that is merely gone since it was listed holds nothing.
                unreadable += [path.relative_to(home).as_posix()] if os.path.lexists(path) else []
            else:
                if is_file:
                    yield path


def _is_foreign_link(home: Path, path: Path) -> bool:
    return path.is_symlink() and path.relative_to(home).parts[0] not in OURS
