"""What rewrites or removes files that others name works alone: on this machine, and on every other."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psycopg

from americano_assets.errors import AmericanoError
from americano_assets.resources.parquet_store.places import store_files
from americano_assets.resources.postgres.connection import app_url, connect
from americano_assets.settings import Settings

_LOCK = "SELECT pg_try_advisory_xact_lock(hashtext('americano.alone'))"
# A provider's limit for transactions that wait would give the lock away in the middle.
_FOR_AS_LONG_AS_IT_TAKES = "SET LOCAL idle_in_transaction_session_timeout = 0"


@contextmanager
def working_alone(settings: Settings) -> Iterator[None]:
    """Hold the store on this machine, and the database against whoever does the same on another one.

    Two machines with one store in a bucket would each write what stands in the place of which content, and the later
    would take away what the earlier wrote. The lock is of a transaction, so that it holds behind a pooler too.

    Args:
        settings: The deployment.

    Raises:
        AmericanoError: Somebody else is at work.
    """
    with store_files(settings).alone():
        connection = connect(app_url(settings))
        try:
            connection.execute(_FOR_AS_LONG_AS_IT_TAKES)
            row = connection.execute(_LOCK).fetchone()
            if row is None or not row[0]:
                raise AmericanoError(
                    "Another `forget`, `prune` or `store move` is at work on this database, perhaps on another"
                    " machine, and this one would take files away from it: nothing was changed. Wait until it has"
                    " ended, then run this one again."
                )
            yield
        finally:
            with suppress(psycopg.Error):  # That the server went meanwhile is told by who needed it.
                connection.rollback()  # A session that is only closed keeps the lock until the server notices.
            connection.close()
