"""Where a deployment's store and models lie."""

from americano_assets.resources.parquet_store.files import Files, Folder
from americano_assets.resources.parquet_store.names import DATA, MODELS
from americano_assets.settings import Settings


def store_files(settings: Settings) -> Files:
    """The files of the Parquet store."""
    return _part(settings, DATA)


def model_files(settings: Settings) -> Files:
    """The files of the models."""
    return _part(settings, MODELS)


def _part(settings: Settings, part: str) -> Files:
    if settings.store_bucket is None:
        return Folder(settings.store_folder / part)
    # Where there is no bucket, what reads one is not imported.
    from americano_assets.resources.parquet_store.bucket import Bucket
    from americano_assets.resources.parquet_store.cache import Cache

    return Bucket(settings.store_bucket, part, Cache(settings.cache_folder / part, settings.cache_bytes))


def model_versions(models: Files) -> list[str]:
    """Every model that is kept."""
    return [name.removesuffix(".json") for name in models.inside("") if name.endswith(".json")]


def told_of_versions(files: Files, name: str) -> str | None:
    """A warning where a place keeps what was replaced or removed, `forget` or not; None where it does not.

    Args:
        files: The place.
        name: A file that is there.
    """
    if not files.held([name]) or not files.keeps_versions(name):
        return None
    return (
        f"{files.place}: the bucket keeps versions, so what `forget` and `prune` remove can still be read in it. Switch"
        " versioning off, or have a lifecycle rule delete versions that are not current after a day."
    )
