"""Empties a demo's home of what we made in it. Whatever else lies there stays, and is named."""

import re
import shutil
import sys
from collections.abc import Collection, Iterator
from pathlib import Path

from americano_assets.installation import HOME_SETTINGS_FILE
from americano_assets.resources.home.folder import (
    CLAIM_FILE,
    OURS,
    SERVER_FOLDER,
    STORE_CLAIM_FILE,
    is_demo_home,
)
from americano_assets.resources.parquet_store.atomic_files import LEFTOVER_PREFIX
from americano_assets.resources.parquet_store.files import files_below

_HASH = "[0-9a-f]{32}"
_DAY = r"\d{4}-\d\d-\d\d"
# Paths below a home, by whichever version they were made; what fits goes with all that is in it.
_MADE = re.compile(
    "|".join(
        (
            rf"(.*/)?{re.escape(LEFTOVER_PREFIX)}[^/]*",
            rf"data/.*/{_HASH}\.parquet",
            rf"data/.*/day={_DAY}/[^/]+\.json",
            rf"data/[^/]+/by_inputs/{_HASH}\.json",
            rf"data/(datasets/{_HASH}|state_snapshots/[^/]+|successors|moved)\.json",
            *(r"data/duckdb_temp_[^/]*", rf"data/{re.escape(STORE_CLAIM_FILE)}"),
            rf"models/((by_inputs/)?{_HASH}\.json|[0-9a-f]+\.skops|mlflow/\d+)",
            rf"mlflow/({_HASH}|\d+|models/m-{_HASH})",
            r"dagster/(dagster\.yaml|\.dagster\.yaml\.\d+|storage|logs|history|schedules|\.(telemetry|nux|logs_queue))",
            rf"{SERVER_FOLDER}/(data|data\.new|lock|server\.log(\.1)?|\.s\.PGSQL\.5432(\.lock)?)",
            rf"reports/({_DAY}|latest)\.html",
            r"exports/events\.parquet",
            r"analytics\.duckdb",
            *(re.escape(name) for name in (CLAIM_FILE, HOME_SETTINGS_FILE)),
        )
    )
)
# What tells that the home is a demo's goes after what it tells it of: a removal that was broken off is known as one.
_LAST = (CLAIM_FILE, SERVER_FOLDER, HOME_SETTINGS_FILE)
_NAMED = 3


def holds_ours(home: Path) -> bool:
    """Whether nights have left something in a home's store or among its models, a demo's or a deployment's.

    So it is where a link leads to a disk that is not mounted: nobody can say what is on it.
    """
    found = (path for name in ("data", "models") for path in files_below(home / name) if path.name != STORE_CLAIM_FILE)
    return any(not path.exists() or _MADE.fullmatch(path.relative_to(home).as_posix()) for path in found)


def clean_home(home: Path, *, keep: Collection[str] = ()) -> None:
    """Remove what we made in a home, and say on standard error what was left because we did not make it.

    Where a folder is a link, what it leads to is emptied, and the link stays.

    Args:
        home: Somebody has made sure that it is a demo's, and that no server runs in it.
        keep: Names in it that stay.
    """
    names = [*(name for name in OURS if name not in _LAST), *_LAST]
    if not is_demo_home(home):
        names.remove(HOME_SETTINGS_FILE)  # Somebody's own settings.
    left: list[Path] = []
    mark = home / SERVER_FOLDER / "lock"
    # A home that stays bound keeps what says that its files are there.
    spared = {home / "data" / STORE_CLAIM_FILE} if CLAIM_FILE in keep else set()
    for name in names:
        if name in keep:
            continue
        if left and name == SERVER_FOLDER:
            # It stays a home: without a mark, whatever else lies in it would make it somebody's own folder.
            mark.parent.mkdir(exist_ok=True)
            mark.touch()
        left += _remove(home / name, home, set(), spared | ({mark} if left else set()))
    if left:
        more = f" and {len(left) - _NAMED:,} more" if len(left) > _NAMED else ""
        named = ", ".join(str(path.relative_to(home)) for path in left[:_NAMED])
        print(f"americano: Left in the home {home}, since it is not of our making: {named}{more}.", file=sys.stderr)


def _remove(path: Path, home: Path, seen: set[tuple[int, int]], spared: set[Path]) -> Iterator[Path]:
    """Remove what is ours at a path and below, but for what is spared; yields what is not."""
    if path in spared or (not path.exists() and not path.is_symlink()):
        return
    if _MADE.fullmatch(path.relative_to(home).as_posix()):
        if path.is_dir():
            shutil.rmtree(path.resolve())
        if path.is_symlink() or not path.is_dir():
            path.unlink(missing_ok=True)
    elif not path.is_dir():
        yield path
    else:
        found = path.stat()
        if (found.st_dev, found.st_ino) in seen:
            return  # A link that leads back.
        seen.add((found.st_dev, found.st_ino))
        # Whose the files are is known as long as there are any.
        for inner in sorted(path.iterdir(), key=lambda inner: (inner.name == STORE_CLAIM_FILE, inner)):
            yield from _remove(inner, home, seen, spared)
        if not path.is_symlink() and not path.is_mount() and not any(path.iterdir()):
            path.rmdir()
