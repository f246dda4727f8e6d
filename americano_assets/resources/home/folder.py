"""The home as a folder: whether it is one of ours, who may look into it, and what a demo wrote into it."""

import json
import os
import re
import stat
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from dotenv import dotenv_values

from americano_assets.errors import AmericanoError
from americano_assets.installation import (
    ALONE,
    BY_A_DEMO,
    BY_AN_IMPORT,
    DOTENV,
    HOME_SETTINGS_FILE,
    is_a_demos_alone,
    is_an_imports,
)
from americano_assets.resources.memory import SPILL_FOLDER
from americano_assets.resources.parquet_store.atomic_files import private_files
from americano_assets.resources.parquet_store.files import files_below
from americano_assets.resources.postgres.embedded.identity import namespaces_work
from americano_assets.settings import Settings

CLAIM_FILE = "database.json"
# In the store: files on a disk that is mounted at another place say themselves whose they are.
STORE_CLAIM_FILE = "americano.json"
SERVER_FOLDER = "postgres"
STORE_FOLDER = "data"
# Everything of ours that can lie in a home, but for MLflow's own store where one is put there.
OURS = (
    *(SERVER_FOLDER, "dagster", STORE_FOLDER, "models", "mlflow", "reports", "exports", "analytics.duckdb"),
    SPILL_FOLDER,
    *(HOME_SETTINGS_FILE, CLAIM_FILE),
)
_HASH = "[0-9a-f]" * 32
# Paths below a home that nobody else's folder has; a claim, a demo's settings and Dagster's file are read besides.
_MARKS = (
    *(f"{SERVER_FOLDER}/lock", f"data/{STORE_CLAIM_FILE}"),
    *("data/*/day=????-??-??/current.json", "data/manifests/day=????-??-??/*.json"),
    *(f"data/*/{_HASH}.parquet", f"models/{_HASH}.json"),
)
_DAGSTER_FILE = "dagster/dagster.yaml"
_IN_OUR_DAGSTER_FILE = "AMERICANO_DAGSTER_URL"
# A disk's own folder where one is mounted, and what a process leaves that was killed before it made a mark.
_NOBODYS = re.compile(r"lost\+found|\.writing-.*|\.dagster\.yaml\..*")
_PRIVATE = 0o700
# Whoever runs the embedded server for root passes through the home, and sees nothing of it.
_PASSAGE = 0o711


def open_home(home: Path, *, make: bool = False) -> None:
    """Have the home closed to everybody else, and what this process writes from now on; one from before is tightened.

    Args:
        home: The folder.
        make: Make it where there is none.

    Raises:
        AmericanoError: We are root and it is somebody else's: files made now would be root's. Or it is no home, and
            folders of others bear the names that a home's have.
    """
    private_files()
    try:
        if make and not home.exists():
            home.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
            home.chmod(_closed())
        found = home.stat()
    except OSError:
        return  # Nothing there, or nothing that can be used: whoever writes first says why.
    if (refused := refusal(home)) is not None:
        raise AmericanoError(f"{refused} Nothing was changed.")
    if not stat.S_ISDIR(found.st_mode):
        return
    with suppress(OSError):  # A volume whose folder is root's, or that is mounted read-only: its files are closed.
        _tighten(home, stat.S_IMODE(found.st_mode), ours=is_home(home))


def refusal(home: Path) -> str | None:
    """Why this folder is no home for this user, with what to do; None where it may be one, or is not there."""
    try:
        found = home.stat()
    except OSError:
        return None
    if os.geteuid() == 0 and found.st_uid != 0:
        return (
            f"The home {home} belongs to user id {found.st_uid}, and you are root, whose files that user could not"
            f" use: run the command as that user (sudo -u '#{found.st_uid}' …), or set AMERICANO_HOME to a home of"
            " root's own."
        )
    if stat.S_ISDIR(found.st_mode) and not is_home(home) and (theirs := used_names(home)):
        return (
            f"{home} is no home of ours, and what somebody else keeps there bears names of a home's"
            f" ({', '.join(theirs)}): set AMERICANO_HOME to an empty folder."
        )
    return None


def is_home(folder: Path) -> bool:
    """Whether the folder bears a mark of ours: something that only we write, in any version of the project."""
    return (
        _is_claim(folder / CLAIM_FILE)
        or is_demo_home(folder)
        or is_an_imports(folder)
        or _IN_OUR_DAGSTER_FILE in _text(folder / _DAGSTER_FILE)
        or any(next(folder.glob(mark), None) for mark in _MARKS)
    )


def used_names(folder: Path) -> list[str]:
    """Names of a home's files and folders under which something lies, whoever put it there; a name alone is nobody's.

    Settings that no demo wrote are somebody's own, for a home, and do not count.
    """
    return [name for name in OURS if name != HOME_SETTINGS_FILE and _holds_something(folder / name)]


def _holds_something(path: Path) -> bool:
    """Whether anything but empty folders, a disk's own folder and what a killed process left lies there."""
    first = (file.relative_to(path).parts[:1] for file in files_below(path))
    return not all(name and _NOBODYS.fullmatch(name[0]) for name in first)


def _is_claim(path: Path) -> bool:
    try:
        content = json.loads(_text(path))
    except ValueError:
        return False
    return isinstance(content, dict) and {"id", "database"} <= content.keys()


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError):
        return ""


def _tighten(home: Path, mode: int, *, ours: bool) -> None:
    with os.scandir(home) as entries:
        names = {entry.name: entry for entry in entries}
    for name, entry in names.items():
        if ours and name in OURS and not entry.is_symlink() and entry.stat().st_mode & 0o077:
            _close(Path(entry.path))
    kept = os.geteuid() == 0 and mode == _PASSAGE
    # A folder that many share, or in which nothing of ours was ever made, is not ours to close.
    if mode & 0o077 and not kept and not mode & stat.S_ISVTX and (not names or ours):
        home.chmod(_closed())


def _closed() -> int:
    return _PRIVATE if os.geteuid() != 0 or namespaces_work() else _PASSAGE


def _close(path: Path) -> None:
    """Everything below first, so that one that was broken off is done again."""
    for below in _below(path):
        below.chmod(below.stat().st_mode & 0o700)
    path.chmod(path.stat().st_mode & 0o700)


def _below(path: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(path):
        for name in (*folders, *files):
            inner = Path(folder, name)
            with suppress(FileNotFoundError):
                if not inner.is_symlink() and inner.stat().st_mode & 0o077 and not stat.S_ISSOCK(inner.stat().st_mode):
                    yield inner


def is_demo_home(home: Path) -> bool:
    """Whether a demo put its settings into this home."""
    return _text(home / HOME_SETTINGS_FILE).startswith(BY_A_DEMO)


def write_demo_values(home: Path, values: Mapping[str, object], *, alone: bool = False) -> None:
    """Have settings decide in this home from the next command on, known as a demo's.

    Args:
        home: The folder.
        values: By name.
        alone: The home is a demo's and nobody else's, so they go before the environment and `.env`.
    """
    _write_values(home, ALONE if alone else f"{BY_A_DEMO}; the environment and .env go first.", values)


def write_import_values(home: Path, values: Mapping[str, object]) -> None:
    """As `write_demo_values`, in a home that is of what was imported."""
    _write_values(home, BY_AN_IMPORT, values)


def _write_values(home: Path, head: str, values: Mapping[str, object]) -> None:
    lines = [f"{name}={value}" for name, value in values.items()]
    (home / HOME_SETTINGS_FILE).write_text("\n".join((head, *lines, "")))


def demo_values(settings: Settings) -> dict[str, str]:
    """Settings in force that a demo wrote into the home, by name."""
    if not is_demo_home(settings.americano_home):
        return {}
    alone = is_a_demos_alone(settings.americano_home)
    first = {} if alone else {**dotenv_values(DOTENV), **os.environ}
    written = dotenv_values(settings.americano_home / HOME_SETTINGS_FILE)
    return {name: value for name, value in written.items() if value and not first.get(name)}


def demo_sentence(settings: Settings) -> str | None:
    """What decides here because a demo set it; None where nothing does."""
    values = demo_values(settings)
    if not values:
        return None
    listed = ", ".join(f"{name}={value}" for name, value in values.items())
    return f"Settings of the demo decide here: {listed} ({HOME_SETTINGS_FILE} in the home)."
