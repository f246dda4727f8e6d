"""Sessions on the app's database that read Arrow, by ADBC; see session.py for why settings are a transaction's."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Self

import adbc_driver_postgresql.dbapi as adbc

from americano_assets.resources.postgres.session import set_for_transaction, settings_of


@contextmanager
def arrow_reading(url: str) -> Iterator[adbc.Connection]:
    """A connection of its own for one transaction, which reads."""
    with ArrowSessions(url) as sessions, sessions.reading() as connection:
        yield connection


class ArrowSessions:
    """Reading transactions on one database, each with a connection of its own.

    The driver learns the database's types with the first connection, which takes it longer than a small table: the
    others share them.
    """

    def __init__(self, url: str) -> None:
        """Opens nothing yet."""
        self.url = url
        self._first: adbc.Connection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        if self._first is not None:
            self._first.close()

    @contextmanager
    def reading(self) -> Iterator[adbc.Connection]:
        """One transaction."""
        address, settings = settings_of(self.url)
        if self._first is None:
            self._first = adbc.connect(address, autocommit=True)
        with closing(self._first.adbc_clone()) as connection:  # It begins the transaction by itself.
            _execute(connection, set_for_transaction(settings).as_string())
            yield connection


class KeptArrow:
    """A connection that is kept from one reading transaction to the next."""

    def __init__(self, url: str, **settings: str) -> None:
        """Opens it; each transaction is begun with the settings."""
        address, begun_with = settings_of(url, **settings)
        self._begun_with = set_for_transaction(begun_with).as_string()
        # Otherwise ADBC begins the next transaction as one ends, and so would keep a session for good.
        self._connection = adbc.connect(address, autocommit=True)

    @contextmanager
    def reading(self) -> Iterator[adbc.Connection]:
        """One transaction; after a failure in it the connection is of no more use."""
        # A statement is prepared and run in two steps, between which a pooler may change the session: so not BEGIN.
        self._connection.adbc_connection.set_autocommit(False)
        _execute(self._connection, self._begun_with)
        yield self._connection
        self._connection.adbc_connection.set_autocommit(True)

    def close(self) -> None:
        """Let go of it."""
        self._connection.close()


def _execute(connection: adbc.Connection, text: str) -> None:
    with closing(connection.cursor()) as cursor:
        cursor.execute(text)
        cursor.fetchall()
