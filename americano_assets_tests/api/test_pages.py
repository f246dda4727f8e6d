"""What a browser shows of the service: its documentation, also where the network is off."""

import os
from pathlib import Path
from shutil import which
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Route, expect, sync_playwright

from americano_assets.installation import __version__
from americano_assets_tests.api.rows import Rows
from americano_assets_tests.api.serving import Service, serving, settings_for

_HERE = "127.0.0.1:8000"


def test_the_root_says_what_this_is_and_where_to_look(service: Service, rows: Rows) -> None:
    assert service.get("/") == {
        "name": "americano",
        "version": __version__,
        "health": "/health",
        "ready": "/health/ready",
        "docs": "/docs",
    }
    told = service.get("/")
    assert [service.ask(told[name]).status_code for name in ("health", "docs")] == [200, 200]


def test_the_root_names_no_documentation_where_there_is_none(
    rows: Rows, shared_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("americano_assets.api.app._require_token", lambda *_: None)
    with serving(settings_for(shared_database, tmp_path, environment="production")) as service:
        assert service.get("/")["docs"] is None
        assert service.ask("/docs").status_code == 404


@pytest.mark.browser
@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_the_documentation_is_shown_without_the_network(service: Service, path: str) -> None:
    browser_path = which("chromium") or which("chromium-browser") or which("google-chrome")
    assert browser_path, "install chromium first, as .ci/run does"
    calls = [call for methods in service.get("/openapi.json")["paths"].values() for call in methods.values()]
    elsewhere: list[str] = []

    def answer(route: Route) -> None:
        url = urlsplit(route.request.url)
        if url.netloc != _HERE:
            elsewhere.append(route.request.url)
            route.abort("internetdisconnected")
            return
        found = service.ask(url.path)
        route.fulfill(status=found.status_code, headers=dict(found.headers), body=found.content)

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=browser_path, args=["--no-sandbox", "--disable-background-networking"]
        )
        try:
            page = browser.new_page()
            broken: list[str] = []
            page.on("pageerror", lambda error: broken.append(str(error)))
            page.route("**/*", answer)
            page.goto(f"http://{_HERE}{path}")
            heading = page.get_by_text(calls[-1]["summary"]).locator("visible=true")
            expect(heading.first).to_be_visible(timeout=30_000)
            pictures = os.environ.get("AMERICANO_TEST_PICTURES")
            if pictures:
                page.screenshot(path=Path(pictures) / f"api-{path.strip('/')}.png")
            words = page.inner_text("body")
            assert [call["summary"] for call in calls if call["summary"] not in words] == []
        finally:
            browser.close()
    assert broken == []
    # ReDoc asks for its maker's mark; nothing that the page needs comes from elsewhere.
    assert [url for url in elsewhere if not url.startswith(("data:", "blob:")) and not url.endswith(".svg")] == []
