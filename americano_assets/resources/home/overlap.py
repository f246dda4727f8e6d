"""A home and a store are one database's alone: not another's besides, and neither in another store nor around one."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

from americano_assets.resources.home.claim_records import Claim, StoreMark, home_claim, store_mark
from americano_assets.resources.home.folder import CLAIM_FILE, STORE_CLAIM_FILE, STORE_FOLDER
from americano_assets.resources.parquet_store.files import Folder
from americano_assets.resources.parquet_store.names import DATA, MODELS
from americano_assets.resources.parquet_store.object_store import NoRightError
from americano_assets.resources.parquet_store.places import model_files, store_files
from americano_assets.settings import Settings


def foreign_home(settings: Settings, known: set[str]) -> str | None:
    """Why this home may not be used with a store that has a place of its own: it is another database's.

    What the home keeps itself would be mixed with the other's, and cleaned with it.

    Args:
        settings: The deployment.
        known: Ids of the claims of its database and its store, of now and of before.
    """
    home = settings.americano_home
    if settings.americano_store is None:
        return None
    records: list[Claim | StoreMark | None] = [home_claim(Folder(home), CLAIM_FILE)]
    records.append(store_mark(Folder(home / STORE_FOLDER), STORE_CLAIM_FILE))
    if all(one is None or one.id in known for one in records):
        return None
    name = next((f' "{one.database.database_name}"' for one in records if isinstance(one, Claim)), "")
    return (
        f"The home {home} belongs to another database{name} than the store {store_files(settings).place}, and would mix"
        " what it keeps of both: reports, exports, copies, Dagster's runs. Set AMERICANO_HOME to a folder of its own"
        " for each database, or correct AMERICANO_STORE. Nothing was changed."
    )


def overlap(settings: Settings, *, is_marked: bool) -> str | None:
    """Why the store may not lie where it does: in another one, or around one.

    Args:
        settings: The deployment.
        is_marked: The store is a home's already, so whoever came into it since was refused.
    """
    files = store_files(settings)
    other = next(_around(settings), None)
    if other is None and not is_marked:
        other = next(_within(settings), None)
    if other is None:
        return None
    return (
        f"The store {files.place} and the one at {other} lie in each other, so `forget`, `prune` and `store move` of"
        " the one would reach the other's files. Set AMERICANO_STORE, or AMERICANO_HOME, to a place apart from it."
        " Nothing was changed."
    )


def _around(settings: Settings) -> Iterator[str]:
    """Stores in a part of which this one lies."""
    if settings.store_bucket is not None:
        scheme, address = settings.store_bucket.split("://")
        names = address.split("/")
        for at, name in enumerate(names):
            if at and name in (DATA, MODELS):
                base = f"{scheme}://{'/'.join(names[:at])}"
                with suppress(NoRightError):  # Whoever may look below the own prefix alone does no harm there.
                    if store_files(settings.model_copy(update={"americano_store": base})).held([STORE_CLAIM_FILE]):
                        yield base
        return
    for part in (settings.store_root, settings.models_root):
        for folder in Path(os.path.realpath(part)).parents:
            # Its study days, which may be behind a link that gives them another name; or its models beside these.
            beside = folder.parent / DATA if folder.name == MODELS else folder
            if any(os.path.exists(one / STORE_CLAIM_FILE) for one in (folder, beside)):  # noqa: PTH110 - no right is no
                yield str(folder)


def _within(settings: Settings) -> Iterator[str]:
    """Stores that lie in a part of this one."""
    for files in (store_files(settings), model_files(settings)):
        for one in files.walk():
            path = PurePosixPath(one.name)
            if path.name == STORE_CLAIM_FILE and path.parent != PurePosixPath():
                yield f"{files.place}/{path.parent}"
