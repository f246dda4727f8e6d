"""Moves a store, study days and models, to another folder or bucket, and proves every file by its bytes."""

import uuid
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import PurePosixPath
from shutil import copyfile, rmtree

from americano_assets.errors import AmericanoError
from americano_assets.installation import stands_alone
from americano_assets.resources.home.claim_records import claim_place, moved_to, store_mark
from americano_assets.resources.home.folder import CLAIM_FILE, STORE_CLAIM_FILE
from americano_assets.resources.home.overlap import overlap
from americano_assets.resources.parquet_store.atomic_files import LEFTOVER_PREFIX, as_json
from americano_assets.resources.parquet_store.content_files import CONTENT_LENGTH
from americano_assets.resources.parquet_store.files import Files
from americano_assets.resources.parquet_store.names import DATA, EPOCH, MODELS, MOVED
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
    there = _at(settings, place)
    try:
        there.require_outside_home()
    except ValueError as error:
        raise AmericanoError(f"{error}. Nothing was changed.") from None
    parts = {DATA: (store_files(settings), store_files(there)), MODELS: (model_files(settings), model_files(there))}
    source, target = parts[DATA]
    if source.place == target.place:
        raise AmericanoError(f"The store is at {source.place} already. Nothing was changed.")
    if not was_broken_off(settings, place):
        _require_whole(here for here, _ in parts.values())
        _require_apart(parts.values())
        _require_free(source, target)
        if obstacle := overlap(there, is_marked=bool(target.held([STORE_CLAIM_FILE]))):
            raise AmericanoError(obstacle)
        target.renew()
        target.remove(MOVED)
        for name in (MODELS, DATA):  # What says that a store is there comes last.
            _copy(name, *parts[name])
        (here, name), (other, its_name) = claim_place(settings), claim_place(there)
        for content in here.read_all([name]).values():
            other.write_file(its_name, content)
        for here, other in parts.values():
            _compare(here, other)
    sizes = [one.size for here, _ in parts.values() for one in here.walk() if _is_moved(one.name)]
    if not keep:
        source.write_file(MOVED, as_json({"to": target.place}))
        _remove([here for here, _ in parts.values()], claim=settings.americano_store is not None)
        if settings.store_bucket is not None:
            rmtree(settings.cache_folder, ignore_errors=True)
    return Moved(len(sizes), sum(sizes), source.place, target.place)


def was_broken_off(settings: Settings, place: str | None) -> bool:
    """Whether a move to that place was broken off when all was there, and what is left here is to go."""
    source, target = store_files(settings), store_files(_at(settings, place))
    if source.held([STORE_CLAIM_FILE]) or not target.held([STORE_CLAIM_FILE]):
        return False
    return moved_to(source) == target.place


def _at(settings: Settings, place: str | None) -> Settings:
    return settings.model_copy(update={"americano_store": place})


def _remove(parts: list[Files], *, claim: bool) -> None:
    """Remove all that was moved, first what says whose it is and last what says that it was moved.

    Args:
        parts: Study days and models, where they were.
        claim: With the claim. A home keeps it: it says whose the home is, and that files are missed once they are
            looked for there.
    """
    source = parts[0]
    source.remove(STORE_CLAIM_FILE)
    for part in parts:
        names = (one.name for one in part.walk() if _is_moved(one.name))
        for name in sorted(names, key=lambda name: (name.endswith(_CONTENT), name)):
            part.remove(name)
    for name in (*(_STAY if claim else ()), MOVED):
        source.remove(name)


def _require_whole(parts: Iterable[Files]) -> None:
    unseen = [f"{files.place}/{name}" for files in parts for name in files.unseen()]
    if unseen:
        raise AmericanoError(
            f"These places cannot be looked into, so what lies there would not be moved: {', '.join(unseen)}. Mount"
            " their disks, or give them back their rights. Nothing was changed."
        )


def _require_apart(parts: Iterable[tuple[Files, Files]]) -> None:
    """Refuse a place that is, or lies in, the one that is moved, by whatever name: what is removed would be the copy.

    Links, mounts and spellings of an address are told apart by no name, so a file tells it.
    """
    both = list(parts)
    for _, target in both:
        probe = f"{LEFTOVER_PREFIX}{uuid.uuid4().hex}"
        made = [folder for folder in (target.root, *target.root.parents) if not folder.exists()]
        target.write_file(probe, b"")
        try:
            seen = next((here for here, _ in both if any(one.name.endswith(probe) for one in here.walk())), None)
        finally:
            target.remove(probe)
            with suppress(OSError):
                for folder in made:
                    folder.rmdir()
        if seen is not None:
            raise AmericanoError(
                f"{target.place} is {seen.place} itself under another name, or lies in it: what would be removed there"
                " is what was moved. Where it is that place, set AMERICANO_STORE as you named it, and nothing needs to"
                " be moved; else name one outside of it. Nothing was changed."
            )


def _require_free(source: Files, target: Files) -> None:
    mine, theirs = store_mark(source, STORE_CLAIM_FILE), store_mark(target, STORE_CLAIM_FILE)
    if theirs is not None and (mine is None or theirs.id not in (mine.id, *mine.former)):
        raise AmericanoError(
            f"{target.place} is the store of another home: its {STORE_CLAIM_FILE} says so. Name an empty place."
            " Nothing was changed."
        )


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


def _compare(source: Files, target: Files) -> None:
    listed = [one.name for one in source.walk() if _is_moved(one.name)]
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
    return name not in (*_STAY, MOVED) and not name.startswith(_MLFLOW) and not last.startswith(LEFTOVER_PREFIX)
