"""An object store as obstore opens it by the environment of this process, and what its errors mean."""

import os
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar
from urllib.parse import urlsplit

from americano_assets.errors import AmericanoError

_Found = TypeVar("_Found")
_AT_ONCE = 16
# 503, a lost connection or a time-out is tried again after 0.1 s, twice as long each time, for more than a minute.
RETRIES: dict[str, Any] = {
    "max_retries": 12,
    "retry_timeout": timedelta(seconds=100),
    "backoff": {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=15), "base": 2},
}
# A content may be large; a connection on which nothing comes for half a minute is given up.
_PATIENCE = {"connect_timeout": "5s", "read_timeout": "30s", "timeout": "15min"}
_STATUS = re.compile(r"status code: (\d{3})")
_NO_RIGHT = ("401", "403", "PermissionDeniedError", "UnauthenticatedError")
_NO_BUCKET = ("NoSuchBucket", "ContainerNotFound", "bucket does not exist", "container does not exist")


class StoreError(AmericanoError):
    """The object store could not be used; the message names bucket and key, and what to do."""


class NoRightError(StoreError):
    """The credentials of this process may not do it."""


class StoreAwayError(StoreError):
    """It did not answer, or with an error of its own, however often it was asked."""


@contextmanager
def told(place: str, name: str) -> Iterator[None]:
    """Have an error of obstore's say what it means; its own words may hold a signature, and are never passed on.

    Args:
        place: URL of the bucket and prefix.
        name: Of the object.

    Raises:
        FileNotFoundError: There is no such object.
        StoreError: The bucket is not there, the credentials have no right to it, or it does not answer.
    """
    from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError

    try:
        yield
    except (AlreadyExistsError, PreconditionError):
        raise
    except (BaseError, OSError, NotImplementedError) as error:
        raise _meaning(place, name, error) from None


def _meaning(place: str, name: str, error: Exception) -> Exception:
    at, words = f"{place}/{name}".rstrip("/"), str(error)
    status = next(iter(_STATUS.findall(words)), type(error).__name__)
    if any(one in words for one in _NO_BUCKET):
        return StoreError(
            f"{at}: the bucket {urlsplit(place).netloc} is not there. Make it, or correct AMERICANO_STORE."
            " Nothing was changed."
        )
    if isinstance(error, FileNotFoundError):
        return FileNotFoundError(at)
    # Of many that are deleted at once each is refused by itself, in an answer whose status is 200.
    if status in _NO_RIGHT or "AccessDenied" in words:
        return NoRightError(
            f"{at}: the credentials of this process have no right to it ({status}). It must list the bucket, and"
            " read, write and delete below the prefix. Correct them in this cloud's own environment variables."
        )
    return StoreAwayError(
        f"{at}: the store does not answer, or only with errors ({status}), though it was asked again and again."
        " What was there before is unchanged; run it again once it answers."
    )


def opened(url: str) -> Any:
    """A store of obstore's at a URL, by the environment of this process.

    Raises:
        StoreError: obstore is not installed, or cannot make sense of the environment.
    """
    try:
        from obstore.exceptions import BaseError
        from obstore.store import AzureStore, GCSStore, S3Store
    except ImportError:
        raise StoreError(
            "AMERICANO_STORE names an object store, and the package obstore is not installed: install the extra"
            " `store` (pip install 'americano-assets[store]')."
        ) from None
    parts = urlsplit(url)
    kinds: dict[str, Any] = {"s3": S3Store, "gs": GCSStore, "az": AzureStore}
    # What is said of the connection at all is said here alone: obstore then looks for none of it in the environment.
    plain = any(os.environ.get(f"{cloud}_ALLOW_HTTP", "").lower() == "true" for cloud in ("AWS", "AZURE"))
    options = {**_PATIENCE, "allow_http": plain}
    try:
        return kinds[parts.scheme](
            parts.netloc, prefix=parts.path.strip("/"), retry_config=RETRIES, client_options=options
        )
    except (BaseError, ValueError) as error:
        raise StoreError(
            f"{url}: the environment of this process does not say how to reach it ({type(error).__name__}). Set what"
            " this cloud's own tools need: docs/stores.md."
        ) from None


def side_by_side(work: Callable[[str], _Found], names: list[str]) -> list[_Found]:
    """What `work` gives for each name, in order, a few at a time."""
    if len(names) <= 1:
        return [work(name) for name in names]
    with ThreadPoolExecutor(min(_AT_ONCE, len(names))) as threads:
        return list(threads.map(work, names))
