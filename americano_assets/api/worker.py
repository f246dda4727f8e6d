"""The threads in which this process generates predictions, and what a caller is told when one cannot."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from http import HTTPStatus
from threading import Barrier, Lock
from typing import TYPE_CHECKING

from psycopg import Error

from americano_assets.api.database import PoolLimits, problem_of, slow
from americano_assets.api.middleware.access_log import log_error
from americano_assets.api.middleware.problems import ProblemError, try_again
from americano_assets.errors import AmericanoError, DatabaseLostError, NoModelError
from americano_assets.resources.parquet_store.object_store import StoreAwayError
from americano_assets.settings import Settings

if TYPE_CHECKING:
    from americano_assets.api.live_prediction import Generated, Generator

THREADS = 2
MOST_WAITING = 32
_WARM_SECONDS = 60.0


class GenerateWorker:
    """Generates for one learner a thread; what does not fit into the queue is refused at once."""

    def __init__(self, settings: Settings, url: str, limits: PoolLimits) -> None:
        self._settings = settings
        self._url = url
        self._limits = limits
        self._executor = ThreadPoolExecutor(THREADS, "generate")
        self._lock = Lock()
        self._generator: Generator | None = None
        self._asked = 0

    async def generate(self, learner_id: str, now: datetime, days_ahead: int, request_id: str | None) -> "Generated":
        """As Generator.generate; what goes wrong is logged under the request's id.

        Raises:
            ProblemError: 503: too many wait, it takes too long, there is no model, the database or the store cannot
                be read.
        """
        if self._asked >= THREADS + MOST_WAITING:
            raise try_again("overloaded", "Too many predictions are being made; try again shortly.")
        self._asked += 1
        try:
            with self._told(request_id):
                called = self._executor.submit(self._generate, learner_id, now, days_ahead)
                # The thread of one that is given up goes on until the database answers or is noticed to be gone.
                async with asyncio.timeout(self._limits.request_seconds):
                    return await asyncio.wrap_future(called)
        finally:
            self._asked -= 1

    async def warm(self, now: datetime) -> None:
        """Import, load and open in every thread what a first call would have to, before anybody waits for it.

        Where that cannot be done (no night yet, a database that is away) the calls are told why, as ever.
        """
        together = Barrier(THREADS)  # so that no thread takes the turn of another
        begun = [asyncio.wrap_future(self._executor.submit(self._warm, together, now)) for _ in range(THREADS)]
        # A database that has frozen must not keep the service from saying so.
        await asyncio.wait(begun, timeout=_WARM_SECONDS)

    def _warm(self, together: Barrier, now: datetime) -> None:
        together.wait()
        try:
            self._ready().warm(now)
        except NoModelError:
            pass
        except (AmericanoError, Error) as error:
            log_error(error, None)

    def close(self) -> None:
        """Let calls under way end, and none begin."""
        self._executor.shutdown(wait=True, cancel_futures=True)

    def _generate(self, learner_id: str, now: datetime, days_ahead: int) -> "Generated":
        return self._ready().generate(learner_id, now, days_ahead)

    def _ready(self) -> "Generator":
        with self._lock:
            if self._generator is None:
                from americano_assets.api.live_prediction import Generator
                from americano_assets.resources.home.claim import require_own_home
                from americano_assets.resources.postgres.connection import connect

                with connect(self._url, autocommit=True) as connection:
                    require_own_home(connection, self._settings, claims=False)
                self._generator = Generator(
                    self._settings,
                    self._url,
                    statement_seconds=self._limits.statement_seconds,
                    lock_seconds=self._limits.acquire_seconds,
                )
            return self._generator

    @contextmanager
    def _told(self, request_id: str | None) -> Iterator[None]:
        unavailable = HTTPStatus.SERVICE_UNAVAILABLE
        try:
            yield
        except NoModelError as error:
            raise ProblemError(unavailable, "no_model", str(error)) from None
        except TimeoutError:
            raise slow(self._limits.request_seconds) from None
        except DatabaseLostError:
            raise try_again("database_unreachable", "The database does not answer; try again shortly.") from None
        except StoreAwayError as error:
            log_error(error, request_id)
            raise try_again("store_unreachable", "What nights stored cannot be asked for; try again shortly.") from None
        except Error as error:
            problem = problem_of(error, self._limits)
            if problem is None:
                raise
            raise problem from None
        except AmericanoError as error:
            # Its words may name files and hosts, which are nothing for a learner.
            log_error(error, request_id)
            raise ProblemError(
                unavailable,
                "not_ready",
                "What the last night stored, or the app's tables, cannot be read as they should be: run `americano"
                " check-db` and the next night. The log names the place under the request id.",
            ) from None
