"""The application as a test calls it: its lifespan running, requests in this process, no socket."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from anyio.from_thread import BlockingPortal, start_blocking_portal
from fastapi import FastAPI
from pydantic import SecretStr

from americano_assets.api.app import create_app
from americano_assets.api.database import PoolLimits
from americano_assets.settings import Settings
from americano_assets_tests.api.rows import NOW

LIMITS = PoolLimits(connections=2, acquire_seconds=10, statement_seconds=10)


class Service:
    """A running application."""

    def __init__(self, app: FastAPI, portal: BlockingPortal) -> None:
        self.app = app
        self.now = NOW
        self._portal = portal
        transport = httpx.ASGITransport(app=app)
        self._client = httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000")

    def ask(
        self,
        path: str,
        parameters: Mapping[str, Any] | None = None,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        **content: Any,
    ) -> httpx.Response:
        """The response, whatever its status; `content` is a body as httpx takes it (`json`, `content`)."""

        async def send() -> httpx.Response:
            return await self._client.request(method, path, params=parameters, headers=headers, **content)

        return self._portal.call(send)

    def get(self, path: str, **parameters: Any) -> dict[str, Any]:
        """The body of an answer that must be 200."""
        answer = self.ask(path, parameters)
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    def post(self, path: str, status: int = 200, **body: Any) -> dict[str, Any]:
        """The body of an answer to a JSON body; its status must be `status`."""
        answer = self.ask(path, method="POST", json=body)
        assert answer.status_code == status, answer.text
        found: dict[str, Any] = answer.json()
        return found


def settings_for(url: str, home: Path, **values: Any) -> Settings:
    """Settings that point at one database and take nothing from the machine's environment but the rest."""
    return Settings(database_url=SecretStr(url), americano_home=home, **values)


@contextmanager
def serving(settings: Settings, limits: PoolLimits = LIMITS) -> Iterator[Service]:
    """The application over `settings`, whose clock stands at `Service.now` (UTC, no zone)."""

    def clock() -> datetime:
        return service.now.replace(tzinfo=UTC)

    app = create_app(settings, limits=limits, clock=clock)
    with start_blocking_portal() as portal:
        service = Service(app, portal)
        with portal.wrap_async_context_manager(app.router.lifespan_context(app)):
            yield service
