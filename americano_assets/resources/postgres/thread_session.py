"""A session on a database that each thread keeps from one transaction to the next.

A new session costs a connection and, for each of the statements of its first transaction, reading the catalog.
"""

import threading
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus

from americano_assets.resources.postgres.connection import connect


class KeptSession:
    """One for a process; sessions end with their threads."""

    def __init__(self, url: str, begun_with: Mapping[str, str]) -> None:
        """Nothing is opened yet.

        Args:
            url: Of the database.
            begun_with: Settings of each transaction.
        """
        self._url = url
        self._begun_with = begun_with
        self._threads = threading.local()

    @property
    def is_open(self) -> bool:
        """Whether this thread has a session, which may have died since it was last used."""
        return hasattr(self._threads, "held")

    @contextmanager
    def session(self) -> Iterator[psycopg.Connection[Any]]:
        """This thread's session, outside of a transaction; let go of where it is left within one, or broken.

        Raises:
            AmericanoError: As `connect`.
        """
        if not self.is_open:
            self._threads.held = _Held(connect(self._url, begun_with=self._begun_with))
        held: _Held = self._threads.held
        try:
            yield held.connection
        finally:
            if held.connection.info.transaction_status is not TransactionStatus.IDLE:
                del self._threads.held
                held.close()


class _Held:
    """A connection that is closed when its thread is gone."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection
        self.close = weakref.finalize(self, connection.close)
