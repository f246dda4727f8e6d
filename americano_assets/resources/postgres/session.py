"""Sessions on the app's database, whose settings are given anew to each transaction.

A transaction pooler (PgBouncer, and what Neon and Supabase put before their servers) gives each transaction another
session of the server, and gives ours to others: what we set for a session would be missing from our next transaction,
and hold for theirs. So nothing is set for a session, and no statement is prepared in one.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import TransactionStatus

from americano_assets.resources.postgres.urls import without_search_path

# A server that is gone without a word is noticed after some 20 s, where the system's own defaults wait for hours.
_NOTICES_LOSS = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 2, "tcp_user_timeout": 20_000}


def settings_of(url: str, **more: str) -> tuple[str, dict[str, str]]:
    """How to connect, and with what settings each transaction on that connection is begun."""
    address, search_path = without_search_path(url)
    given = conninfo_to_dict(address)
    address = make_conninfo(address, **{name: value for name, value in _NOTICES_LOSS.items() if name not in given})
    return address, {"TimeZone": "UTC", **({"search_path": search_path} if search_path else {}), **more}


def set_for_transaction(settings: Mapping[str, str]) -> sql.Composed:
    """A statement that sets them until the transaction ends."""
    calls = [sql.SQL("set_config({}, {}, true)").format(name, value) for name, value in settings.items()]
    return sql.SQL("SELECT {}").format(sql.SQL(", ").join(calls))


class Session(psycopg.Connection[Any]):
    """A connection whose transactions each begin with its settings; a statement outside of one has none."""

    begun_with: sql.Composed | None = None

    def cursor(self, *args: Any, **options: Any) -> Any:
        """As psycopg's; the transaction that it would begin has begun."""
        if not self.autocommit and self.info.transaction_status is TransactionStatus.IDLE:
            self._begin()
        return super().cursor(*args, **options)

    @contextmanager
    def transaction(self, savepoint_name: str | None = None, force_rollback: bool = False) -> Iterator[Any]:
        """As psycopg's."""
        outermost = self.info.transaction_status is TransactionStatus.IDLE
        with super().transaction(savepoint_name, force_rollback) as transaction:
            if outermost:
                self._begin()
            yield transaction

    def _begin(self) -> None:
        if self.begun_with is not None:
            super().cursor().execute(self.begun_with)
