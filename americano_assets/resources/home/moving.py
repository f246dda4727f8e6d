"""Moves a store, study days and models, to another folder or bucket, and proves every file by its bytes."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath
from shutil import copyfile, rmtree

from americano_assets.errors import AmericanoError
from americano_assets.installation import stands_alone
from americano_assets.resources.home.claim_records import claim_place
from americano_assets.resources.home.folder import CLAIM_FILE, STORE_CLAIM_FILE
from americano_assets.resources.parquet_store.atomic_files import LEFTOVER_PREFIX
from americano_assets.resources.parquet_store.content_files import CONTENT_LENGTH
from americano_assets.resources.parquet_store.files import Files
from americano_assets.resources.parquet_store.names import DATA, EPOCH, MODELS
from americano_assets.resources.parquet_store.places import model_files, store_files
from americano_assets.settings import Settings

# The claim has a place of its own, an epoch is of one bucket, and what MLflow keeps stays on its machine.
_STAY = (CLAIM_FILE, EPOCH)
_MLFLOW = "mlflow/"
_CONTENT = ".parquet"
_SHOWN = 3


@dataclass(frozen=True)
class Moved:
    """What was moved: files and bytes, and from where to where as people are told."""

    files: int
    size: int
    source: str
    target: str


def move_store(settings: Settings, place: str | None, *, keep: bool = False) -> Moved:
    """Copy every file, compare all of them, and then remove them where they were; it may be killed and called again.

    Args:
        settings: The deployment; nothing else is at work in it.
        place: Where to, as AMERICANO_STORE would name it; None: into the home.
        keep: Remove nothing.

    Raises:
        AmericanoError: It is there already, something else is, or a file is not what its name says. Nothing was
            removed then.
    """
    if stands_alone(settings.americano_home):
        raise AmericanoError("A home of a demo's or an import's keeps its store: nothing was changed.")
    there = settings.model_copy(update={"americano_store": place})
    try:
        there.require_outside_home()
    except ValueError as error:
        raise AmericanoError(f"{error}. Nothing was changed.") from None
    parts = {DATA: (store_files(settings), store_files(there)), MODELS: (model_files(settings), model_files(there))}
    source, target = parts[DATA]
    if source.place == target.place:
        raise AmericanoError(f"The store is at {source.place} already. Nothing was changed.")
    # One that was killed while it removed has taken the source's mark away first.
    if source.held([STORE_CLAIM_FILE]) or not target.held([STORE_CLAIM_FILE]):
        target.renew()
        for name, (here, other) in parts.items():
            _copy(name, here, other)
        (here, name), (other, its_name) = claim_place(settings), claim_place(there)
        for content in here.read_all([name]).values():
            other.write_file(its_name, content)
    files = size = 0
    for here, other in parts.values():
        sizes = {one.name: one.size for one in here.walk() if _is_moved(one.name)}
        _compare(here, other, sizes)
        files, size = files + len(sizes), size + sum(sizes.values())
        if not keep:
            for name in sorted(sizes, key=lambda name: (name != STORE_CLAIM_FILE, name.endswith(_CONTENT), name)):
                here.remove(name)
    if not keep and settings.americano_store is not None:
        # A home keeps its claim: it says whose the home is, and that files are missed once they are looked for there.
        for name in _STAY:
            source.remove(name)
        if settings.store_bucket is not None:
            rmtree(settings.cache_folder, ignore_errors=True)
    return Moved(files, size, source.place, target.place)


def _copy(part: str, source: Files, target: Files) -> None:
    names = {one.name for one in source.walk() if _is_moved(one.name)}
    others = sorted({one.name for one in target.walk() if _is_moved(one.name)} - names)
    if others:
        raise AmericanoError(
            f"{target.place} holds {len(others):,} files that are none of {source.place}, the first are"
            f" {', '.join(others[:_SHOWN])}: name a place in which no {part} are. Nothing was removed."
        )
    # What names contents goes after them, and last of all what says that the store is there.
    for name in sorted(names, key=lambda name: (name == STORE_CLAIM_FILE, not name.endswith(_CONTENT), name)):
        if not name.endswith(_CONTENT):
            target.write_file(name, source.read(name))
            continue
        with target.written_beside(str(PurePosixPath(name).parent)) as temporary:
            copyfile(source.path(name), temporary)
            target.add(temporary, name)


def _compare(source: Files, target: Files, names: Iterable[str]) -> None:
    listed = list(names)
    here, there = source.digests(listed), target.digests(listed)
    wrong = [name for name in listed if here[name] != there.get(name) or not _is_what_it_says(name, here[name])]
    if wrong:
        raise AmericanoError(
            f"{len(wrong):,} of {len(listed):,} files are not the same in {source.place} and {target.place}, or not"
            f" what their names say, the first are {', '.join(wrong[:_SHOWN])}. Nothing was removed: bring them back"
            " from a back-up, or remove them and materialize those days again; then run it again."
        )


def _is_what_it_says(name: str, digest: str) -> bool:
    path = PurePosixPath(name)
    named = path.suffix == _CONTENT and len(path.stem) == CONTENT_LENGTH
    return not named or digest.startswith(path.stem)


def _is_moved(name: str) -> bool:
    last = PurePosixPath(name).name
    return name not in _STAY and not name.startswith(_MLFLOW) and not last.startswith(LEFTOVER_PREFIX)
