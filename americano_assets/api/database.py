"""The database: a small pool, one consistent view or one writing transaction a request, a SQL file a query."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from time import perf_counter
from typing import Annotated, Any

from fastapi import Depends, Request
from psycopg import AsyncConnection, IsolationLevel, errors
from psycopg.errors import Error, OperationalError, QueryCanceled
from psycopg.rows import DictRow, dict_row
from psycopg.sql import Composed
from psycopg_pool import AsyncConnectionPool, PoolTimeout, TooManyRequests

from americano_assets.api.middleware.access_log import TIMINGS
from americano_assets.api.middleware.problems import ProblemError, try_again
from americano_assets.api.sql import query
from americano_assets.resources.postgres.session import set_for_transaction, settings_of

Row = DictRow

APPLICATION_NAME = "americano-api"
_FETCHED = 2_000


@dataclass(frozen=True)
class PoolLimits:
    """How much of the database one worker process may take, and how long a request may wait for it."""

    connections: int = 8
    waiting_requests: int = 256
    acquire_seconds: float = 3.0
    statement_seconds: float = 5.0
    # A change waits no longer for rows that others write (a night is published in one transaction), nor do more changes
    # than these hold connections: whoever reads waits for no row, and is not to wait for them.
    lock_seconds: float = 1.0
    changes: int = 4
    # By our clock, since that of a database which has frozen stands still: all statements of a request together.
    request_seconds: float = 20.0


class Pool(AsyncConnectionPool[AsyncConnection[DictRow]]):
    """Connections, how many of them requests hold now, and what each transaction is to begin with."""

    held = 0
    begun_with: Composed
    changes_begun_with: Composed
    changing: asyncio.Semaphore


def new_pool(url: str, limits: PoolLimits) -> Pool:
    """A closed pool over the database at `url`; opening it does not wait for the database."""
    address, settings = settings_of(url, statement_timeout=str(round(limits.statement_seconds * 1000)))
    while_changing = {**settings, "lock_timeout": str(round(limits.lock_seconds * 1000))}

    async def check(connection: AsyncConnection[DictRow]) -> None:
        try:
            await AsyncConnectionPool.check_connection(connection)
        except Error:
            # The server was restarted: the others are dead too, and the pool would find out one after the other.
            await pool.drain()
            raise

    pool = Pool(
        address,
        connection_class=AsyncConnection[DictRow],
        kwargs={
            "row_factory": dict_row,
            # Each statement is planned for its parameters: filters that are not given fold away.
            "prepare_threshold": None,
            "connect_timeout": max(2, round(limits.acquire_seconds)),
            "fallback_application_name": APPLICATION_NAME,
        },
        configure=_read_only,
        check=check,
        # No connection is kept for its own sake, and a failed attempt is given up soon: so the first request after
        # an outage tries at once, instead of waiting for the pool's next attempt minutes later.
        min_size=0,
        max_size=limits.connections,
        max_waiting=limits.waiting_requests,
        timeout=limits.acquire_seconds,
        reconnect_timeout=limits.acquire_seconds,
        open=False,
        name=APPLICATION_NAME,
    )
    pool.begun_with = set_for_transaction(settings)
    pool.changes_begun_with = set_for_transaction(while_changing)
    pool.changing = asyncio.Semaphore(min(limits.changes, limits.connections))
    return pool


class Snapshot:
    """One moment of the database: every query through it sees the same rows."""

    def __init__(self, connection: AsyncConnection[DictRow]) -> None:
        self._connection = connection

    async def rows(self, name: str, **parameters: Any) -> list[Row]:
        """All rows of `<name>.sql`."""
        cursor = await self._connection.execute(query(name), parameters)
        return await cursor.fetchall()

    async def stream(self, name: str, **parameters: Any) -> AsyncIterator[Row]:
        """The rows of `<name>.sql` one by one, of which there may be more than memory is to hold."""
        async with self._connection.cursor(name=name) as cursor:
            cursor.itersize = _FETCHED
            await cursor.execute(query(name), parameters)
            async for row in cursor:
                yield row

    async def composed(self, statement: Composed, **parameters: Any) -> list[Row]:
        """All rows of a statement that names what a setting names."""
        cursor = await self._connection.execute(statement, parameters)
        return await cursor.fetchall()

    async def row(self, name: str, **parameters: Any) -> Row | None:
        """The first row of `<name>.sql`, if it has any."""
        cursor = await self._connection.execute(query(name), parameters)
        return await cursor.fetchone()


class Change(Snapshot):
    """One transaction that writes, at read committed: rows that it changes are locked where its queries say so."""

    async def execute(self, name: str, **parameters: Any) -> None:
        """Run `<name>.sql`, of which nothing comes back."""
        await self._connection.execute(query(name), parameters)


class Database:
    """The database, as one request may use it."""

    def __init__(self, pool: Pool, limits: PoolLimits, timings: dict[str, float]) -> None:
        self._pool = pool
        self._limits = limits
        self._timings = timings

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Snapshot]:
        """A read-only transaction at repeatable read: a night is published in one, and is seen whole or not at all.

        Raises:
            ProblemError: The database cannot be reached, is too slow, or lacks what the API reads.
        """
        async with self._connection() as connection:
            await connection.execute(self._pool.begun_with)
            yield Snapshot(connection)

    @asynccontextmanager
    async def change(self) -> AsyncIterator[Change]:
        """A transaction that writes: all of it or, where anything goes wrong, nothing.

        Raises:
            ProblemError: As `snapshot`.
        """
        async with self._turn(), self._connection() as connection:
            await connection.set_read_only(False)
            await connection.set_isolation_level(IsolationLevel.READ_COMMITTED)
            try:
                async with connection.transaction():
                    await connection.execute(self._pool.changes_begun_with)
                    yield Change(connection)
            finally:
                await _read_only(connection)

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        turn, limits = self._pool.changing, self._limits
        try:
            await asyncio.wait_for(turn.acquire(), limits.acquire_seconds)
        except TimeoutError:
            raise try_again(
                "overloaded",
                f"{limits.changes} other changes were at work for {limits.acquire_seconds:g} s; try again shortly.",
            ) from None
        try:
            yield
        finally:
            turn.release()

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[AsyncConnection[DictRow]]:
        started = perf_counter()
        pool, limits = self._pool, self._limits
        try:
            async with asyncio.timeout(limits.request_seconds), pool.connection() as connection:
                pool.held += 1
                try:
                    yield connection
                finally:
                    pool.held -= 1
        except PoolTimeout:
            raise _none_given(limits, all_held=pool.held >= limits.connections) from None
        except TimeoutError:
            raise slow(limits.request_seconds) from None
        except Error as error:
            problem = problem_of(error, limits)
            if problem is None:
                raise
            raise problem from None
        finally:
            self._timings["db"] = self._timings.get("db", 0.0) + perf_counter() - started


async def _read_only(connection: AsyncConnection[DictRow]) -> None:
    if not connection.closed:
        await connection.set_read_only(True)
        await connection.set_isolation_level(IsolationLevel.REPEATABLE_READ)


def database(request: Request) -> Database:
    """The database of this request."""
    state = request.app.state
    return Database(state.pool, state.limits, request.scope[TIMINGS])


UsesDatabase = Annotated[Database, Depends(database)]


def problem_of(error: Error, limits: PoolLimits) -> ProblemError | None:
    """What the caller is told of a database's error; None for one that nobody foresaw."""
    # The driver's own words name hosts, roles and values: they stay here.
    unavailable = HTTPStatus.SERVICE_UNAVAILABLE
    if isinstance(error, TooManyRequests):
        return try_again("overloaded", "Too many requests wait for the database; try again shortly.")
    if isinstance(error, QueryCanceled):
        return slow(limits.statement_seconds)
    if isinstance(error, errors.LockNotAvailable | errors.DeadlockDetected):
        return try_again(
            "database_busy", "A night is being published, or somebody else is writing the same rows; try again shortly."
        )
    if isinstance(error, errors.DiskFull):
        return ProblemError(unavailable, "database_full", "The database's disk is full: make room on it.")
    if isinstance(error, OperationalError):
        return try_again("database_unreachable", "The connection to the database was lost; try again.")
    if isinstance(error, errors.InsufficientPrivilege):
        return ProblemError(
            unavailable,
            "database_not_prepared",
            "The database refuses to let this role read a table that the API needs; run `americano check-db`.",
        )
    if isinstance(error, errors.UndefinedTable | errors.UndefinedColumn | errors.InvalidSchemaName):
        return ProblemError(
            unavailable,
            "database_not_prepared",
            "The database lacks a table or column that the API reads; run `americano check-db`.",
        )
    return None


def _none_given(limits: PoolLimits, *, all_held: bool) -> ProblemError:
    """Why a request waited for a connection in vain: others held all of them, or the database gave none."""
    if all_held:
        return try_again(
            "overloaded",
            f"Other requests held all {limits.connections} connections to the database for "
            f"{limits.acquire_seconds:g} s; try again shortly.",
        )
    return try_again(
        "database_unreachable",
        f"The database gave no connection within {limits.acquire_seconds:g} s. "
        "Check that it runs, that it takes further connections, and that DATABASE_URL names it.",
    )


def slow(seconds: float) -> ProblemError:
    """What is said once a request has used up its time."""
    return try_again("database_slow", f"The database did not answer within {seconds:g} s; try again.")
