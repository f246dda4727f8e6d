"""The example page, built and served by Next.js, clicked through in Chromium, with the API behind it."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import which
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect, sync_playwright

from americano_assets.api.tokens import create_token
from americano_assets.settings import PROJECT_ROOT
from americano_assets_tests.end_to_end.app.conftest import ENVIRONMENT, EXAMPLE, for_node, npx
from americano_assets_tests.end_to_end.app.test_prisma import LEARNER, FirstNight

pytestmark = [pytest.mark.node, pytest.mark.browser]

_PATIENCE_MS = 30_000


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
    return port


@contextmanager
def _served(command: list[str], folder: Path, path: str, port: int, **environment: str) -> Iterator[str]:
    """A server process that answers at `path`; ended with the block, and so is what it started, as npx does."""
    with (folder / "server.log").open("w") as log:
        process = subprocess.Popen(
            command,
            cwd=EXAMPLE,
            env={**ENVIRONMENT, **environment},
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        address = f"http://127.0.0.1:{port}"

        try:
            # Asks again while nothing listens yet, for about a minute in all.
            with httpx.Client(transport=httpx.HTTPTransport(retries=8), timeout=30) as client:
                client.get(address + path)
            yield address
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=30)


@contextmanager
def _chromium_page() -> Iterator[Page]:
    browser_path = which("chromium") or which("chromium-browser") or which("google-chrome")
    assert browser_path, "install chromium first, as .ci/run does"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=browser_path, args=["--no-sandbox", "--disable-background-networking", "--disable-quic"]
        )
        try:
            page = browser.new_page()
            page.set_default_timeout(_PATIENCE_MS)
            yield page
        finally:
            browser.close()


@pytest.fixture
def page(generated_client: Path, first_night: FirstNight, tmp_path: Path) -> Iterator[tuple[Page, str, Any]]:
    """A browser's page, the example's address, and the writer of the school's rows."""
    _, world, url = first_night
    npx("next", "build")
    token = create_token(world.connection, "example", datetime.now(UTC))
    soon = datetime.now(UTC).replace(tzinfo=None) + timedelta(days=1)
    world.mission(LEARNER, soon, [])
    ports = _free_port(), _free_port()
    root = PROJECT_ROOT
    api = [sys.executable, "-P", "-m", "americano_assets", "api"]
    web = ["npx", "--no-install", "next", "start", "--hostname", "127.0.0.1", "--port", str(ports[1])]
    (tmp_path / "api").mkdir()
    (tmp_path / "web").mkdir()
    own = {
        "DATABASE_URL": url,
        "PORT": str(ports[0]),
        "AMERICANO_HOME": str(tmp_path / "home"),
        "PYTHONPATH": str(root),
    }
    with (
        _served(api, tmp_path / "api", "/health", ports[0], **own) as api_address,
        _served(
            web,
            tmp_path / "web",
            "/",
            ports[1],
            DATABASE_URL=for_node(url),
            AMERICANO_API_URL=api_address,
            AMERICANO_API_TOKEN=token,
        ) as address,
        _chromium_page() as shown,
    ):
        yield shown, address, world


def test_a_learner_sees_applies_and_tells_and_a_stranger_sees_nothing(page: tuple[Page, str, Any]) -> None:
    shown, address, world = page
    shown.goto(f"{address}/?learner={LEARNER}")
    # The objective's name is a hostile one, and stands there as what it is: text.
    expect(shown.get_by_role("heading", name="<img src=x>")).to_be_visible()
    expect(shown.get_by_text("likely to be hard")).to_be_visible()
    picture = os.environ.get("AMERICANO_TEST_PICTURES")
    if picture:
        shown.screenshot(path=Path(picture) / "example-page.png", full_page=True)
    shown.get_by_role("button", name="Add to my plan").first.click()
    expect(shown.get_by_role("button", name="In your plan").first).to_be_visible()
    shown.get_by_role("button", name="Yes").click()
    expect(shown.get_by_text("confirmed")).to_be_visible()
    ((status, outcome, applied),) = world.rows(
        'SELECT "predictionStatus"::text, "actualOutcome", "interventionApplied" FROM struggle_predictions'
        ' WHERE "userId" = %s',
        LEARNER,
    )
    assert (status, outcome, applied) == ("CONFIRMED", True, True)
    ((objectives,),) = world.rows(
        'SELECT objectives FROM missions WHERE "userId" = %s ORDER BY "date" DESC LIMIT 1', LEARNER
    )
    assert [item["id"] for item in objectives] == ["heart"]
    assert objectives[0]["recommendations"]
    ((said,),) = world.rows("SELECT actual_struggle FROM ml.prediction_feedback WHERE user_id = %s", LEARNER)
    assert said is True

    shown.goto(f"{address}/?learner=nobody")
    expect(shown.get_by_text("Nothing stands out")).to_be_visible()
