"""The example page, built and served by Next.js, clicked through in Chromium, with the API behind it."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import which
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect, sync_playwright

from americano_assets.api.tokens import create_token
from americano_assets.installation import PROJECT_ROOT
from americano_assets_tests.end_to_end.app.conftest import ENVIRONMENT, EXAMPLE, for_node, npx
from americano_assets_tests.end_to_end.app.test_prisma import LEARNER, FirstNight
from americano_assets_tests.world import World

pytestmark = [pytest.mark.node, pytest.mark.browser]

OTHER = "idle"
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


Signed = Callable[[str], AbstractContextManager[str]]


@pytest.fixture(scope="module")
def built(generated_client: Path) -> None:
    """The example, built."""
    npx("next", "build")


@pytest.fixture
def page(built: None, first_night: FirstNight, tmp_path: Path) -> Iterator[tuple[Page, Signed, World]]:
    """A browser's page, the example served with a learner signed in, and the writer of the school's rows."""
    _, world, url = first_night
    token = create_token(world.connection, "example", datetime.now(UTC))
    soon = datetime.now(UTC).replace(tzinfo=None) + timedelta(days=1)
    world.mission(LEARNER, soon, [])
    port = _free_port()
    api = [sys.executable, "-P", "-m", "americano_assets", "api"]
    own = {
        "DATABASE_URL": url,
        "PORT": str(port),
        "AMERICANO_HOME": str(tmp_path / "home"),
        "PYTHONPATH": str(PROJECT_ROOT),
    }

    def signed_in(learner: str) -> AbstractContextManager[str]:
        web_port = _free_port()
        return _served(
            ["npx", "--no-install", "next", "start", "--hostname", "127.0.0.1", "--port", str(web_port)],
            tmp_path,
            "/",
            web_port,
            DATABASE_URL=for_node(url),
            AMERICANO_API_URL=f"http://127.0.0.1:{port}",
            AMERICANO_API_TOKEN=token,
            EXAMPLE_LEARNER=learner,
        )

    (tmp_path / "api").mkdir()
    with _served(api, tmp_path / "api", "/health", port, **own), _chromium_page() as shown:
        yield shown, signed_in, world


def _said(world: World) -> tuple[Any, ...]:
    """What the learner's prediction says: status, outcome, whether help was applied."""
    (row,) = world.rows(
        'SELECT "predictionStatus"::text, "actualOutcome", "interventionApplied" FROM struggle_predictions'
        ' WHERE "userId" = %s',
        LEARNER,
    )
    return row


def test_a_learner_sees_applies_and_tells(page: tuple[Page, Signed, World]) -> None:
    shown, signed_in, world = page
    with signed_in(LEARNER) as address:
        shown.goto(address)
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
    assert _said(world) == ("CONFIRMED", True, True)
    ((objectives,),) = world.rows(
        'SELECT objectives FROM missions WHERE "userId" = %s ORDER BY "date" DESC LIMIT 1', LEARNER
    )
    assert [item["id"] for item in objectives] == ["heart"]
    assert objectives[0]["recommendations"]
    ((said,),) = world.rows("SELECT actual_struggle FROM ml.prediction_feedback WHERE user_id = %s", LEARNER)
    assert said is True


def test_another_learners_rows_are_out_of_reach_and_no_says_that_the_prediction_was_wrong(
    page: tuple[Page, Signed, World],
) -> None:
    shown, signed_in, world = page
    before = _said(world)
    ((prediction,),) = world.rows('SELECT "id" FROM struggle_predictions WHERE "userId" = %s', LEARNER)
    ((recommendation,),) = world.rows(
        'SELECT "id" FROM intervention_recommendations WHERE "userId" = %s LIMIT 1', LEARNER
    )
    with signed_in(OTHER) as address:
        for button, foreign in (("Add to my plan", recommendation), ("Yes", prediction)):
            shown.goto(address)
            form = shown.locator("form").filter(has=shown.get_by_role("button", name=button)).first
            form.locator("input[name=id]").evaluate("(field, id) => { field.value = id }", foreign)
            form.get_by_role("button", name=button).click()
            expect(shown.get_by_text("There is no such row of yours")).to_be_visible()
        assert _said(world) == before
        shown.goto(address)
        shown.get_by_role("button", name="No").click()
        expect(shown.get_by_text("false positive")).to_be_visible()
    feedback = world.rows("SELECT user_id, actual_struggle, feedback_type FROM ml.prediction_feedback")
    assert feedback == [(OTHER, False, "INACCURATE")]
    with signed_in("nobody") as address:
        shown.goto(address)
        expect(shown.get_by_text("Nothing stands out")).to_be_visible()


def test_what_is_ahead_comes_first_and_soonest_then_what_is_past_and_latest(page: tuple[Page, Signed, World]) -> None:
    shown, signed_in, world = page
    now = datetime.now(UTC).replace(tzinfo=None)
    names = {"next week": 7, "tomorrow": 1, "last month": -30, "last week": -7}
    for name, days in names.items():
        world.objective(name, "anatomy", text=name)
        world.execute(
            'INSERT INTO struggle_predictions ("id", "userId", "learningObjectiveId", "predictionDate",'
            ' "predictedStruggleProbability", "predictionConfidence", "predictionStatus", "featureVector",'
            " \"strugglingFactors\") VALUES (%s, %s, %s, %s, 0.8, 0.5, 'PENDING', '{}', '[]')",
            name,
            "newcomer",
            name,
            now + timedelta(days=days),
        )
    with signed_in("newcomer") as address:
        shown.goto(address)
        expect(shown.get_by_role("heading", level=2)).to_have_text(["tomorrow", "next week", "last week", "last month"])
