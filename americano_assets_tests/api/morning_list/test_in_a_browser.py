"""The list as an adviser works with it, in Chromium: by mouse and by keyboard alone, wide, narrow and enlarged."""

import os
import threading
from collections.abc import Iterator
from datetime import UTC, timedelta
from pathlib import Path
from shutil import which

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, expect, sync_playwright
from psycopg.types.json import Jsonb

from americano_assets.api.app import create_app
from americano_assets.api.middleware import connection_limits
from americano_assets.api.tokens import create_token
from americano_assets_tests.api.morning_list.conftest import ANATOMY, BIOLOGY, CLOCK, School
from americano_assets_tests.api.rows import CUTOFF, NOW
from americano_assets_tests.api.serving import LIMITS, settings_for

pytestmark = pytest.mark.browser

LONG = "Explain-how-the-autonomic-nervous-system-controls-heart-rate-and-blood-pressure-during-exercise " * 2
# A machine that is busy is no fault.
PATIENCE = 30_000


@pytest.fixture
def address(school: School, shared_database: str, tmp_path: Path) -> Iterator[str]:
    """A real server over a full list."""
    for number in range(4):
        school.warned(f"cl9ebqhxk000{number}3b600tymydho", 0.92 - number / 10, advice="PREREQUISITE_REVIEW")
    school.objective("long", ANATOMY, LONG)
    reasons = [
        {"feature": "f", "value": 1, "contribution": 1.0, "text": f"Reason {number} of many"} for number in (1, 2)
    ]
    learner = "cl9ebqhxk00003b600tymydho"
    school.warned(learner, 0.75, objective="long", prediction={"strugglingFactors": Jsonb(reasons)})
    school.warned(learner, 0.7, ended="struggled")
    school.warned("cbiology0000000000000001", 0.8, BIOLOGY)
    school.rows.execute("UPDATE users SET name = 'Ada Lovelace ' || left(id, 18)")
    school.rows.insert(
        "ml.list_actions", course_id=ANATOMY, user_id=learner, action="note", note="Spoke to her.", taken_at=CUTOFF
    )
    settings = settings_for(shared_database, tmp_path, americano_name_column="name", americano_list_capacity=3)
    app = create_app(settings, limits=LIMITS, clock=lambda: (NOW + timedelta(hours=1)).replace(tzinfo=UTC))
    config = uvicorn.Config(app, port=0, http=connection_limits.LimitedConnection, ws="none", log_config=None)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive()
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture
def chromium() -> Iterator[Browser]:
    path = which("chromium") or which("chromium-browser") or which("google-chrome")
    assert path, "install chromium first, as .ci/run does"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-background-networking"]
        )
        yield browser
        browser.close()


def picture(page: Page, name: str) -> None:
    pictures = os.environ.get("AMERICANO_TEST_PICTURES")
    if pictures:
        page.screenshot(path=Path(pictures) / f"today-{name}.png", full_page=True)


def token_of(school: School) -> str:
    return create_token(school.rows.connection, "ada@uni.example", CLOCK, courses=[ANATOMY, BIOLOGY])


def signed_in(page: Page, address: str, token: str) -> None:
    page.set_default_timeout(PATIENCE)
    page.goto(f"{address}/today")
    page.get_by_label("Adviser's token").fill(token)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Anatomy")).to_be_visible()


def test_an_adviser_works_through_the_list(school: School, address: str, chromium: Browser) -> None:
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, java_script_enabled=False)
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.extend([message.text] if "Policy" in message.text else []))
    signed_in(page, address, token_of(school))
    (cookie,) = context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Strict", "/today")
    entries = page.locator("section", has=page.get_by_role("heading", name="Anatomy")).get_by_role("article")
    expect(entries).to_have_count(3)
    first = entries.first
    name = first.get_by_role("heading", level=3).inner_text()
    page.get_by_role("button", name=f"Take on {name}", exact=True).click()
    expect(first).to_contain_text("taken on today")
    second = entries.nth(1).get_by_role("heading", level=3).inner_text()
    entries.nth(1).get_by_label("Set aside for").select_option("14")
    page.get_by_role("button", name=f"Set aside {second}", exact=True).click()
    expect(page.get_by_text("1 in hand or set aside in Anatomy")).to_be_visible()
    first.get_by_text("Write a note").click()
    first.get_by_label(f"Note about {name}").fill("Meets her on Friday.")
    first.get_by_role("button", name="Save the note").click()
    expect(first).to_contain_text("Meets her on Friday.")
    picture(page, "worked-through")
    first.get_by_role("link", name=name).click()
    expect(page.get_by_role("heading", level=1, name=name)).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="struggled")).to_have_count(1)
    picture(page, "learner")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("article")).to_have_count(0)
    assert complaints == [], "the policy lets everything that the page needs"


def test_it_is_worked_by_keyboard_alone(school: School, address: str, chromium: Browser) -> None:
    page = chromium.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(PATIENCE)
    token = token_of(school)
    page.goto(f"{address}/today")

    def tab_to(words: str, most: int = 40) -> None:
        for _ in range(most):
            page.keyboard.press("Tab")
            focused = page.evaluate(
                "(() => { const one = document.activeElement;"
                " return (one.labels?.[0]?.innerText || one.innerText || '') + ' ' + (one.name || '') })()"
            )
            ring = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert ring == "solid", f"where the focus is can be seen: {focused}"
            if words in focused:
                return
        raise AssertionError(f"no way to {words}")

    tab_to("Adviser's token")
    page.keyboard.type(token)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Anatomy")).to_be_visible()
    tab_to("Skip to the content")
    page.keyboard.press("Enter")
    tab_to("Take on")
    page.keyboard.press("Enter")
    expect(page.get_by_text("taken on today")).to_be_visible()
    tab_to("Write a note")
    page.keyboard.press("Enter")
    tab_to("Note about", most=1)
    page.keyboard.type("By keyboard.")
    tab_to("Save the note", most=1)
    page.keyboard.press("Space")
    expect(page.get_by_text("By keyboard.")).to_be_visible()
    tab_to("Biology")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Anatomy")).to_have_count(0)
    expect(page.get_by_role("link", name="Biology", exact=True)).to_have_attribute("aria-current", "page")


# Words that stand on two lines, and what reaches out of the page.
OVERFLOWING = """() => [...document.querySelectorAll("main *, header *")]
  .filter(one => !one.closest(".unseen") && getComputedStyle(one).display !== "none"
    && one.getClientRects().length && one.getBoundingClientRect().right > window.innerWidth + 1)
  .map(one => one.outerHTML.slice(0, 80))"""
UNNAMED = """() => [...document.querySelectorAll("button, a, input:not([type=hidden]), select, textarea, summary")]
  .filter(one => !(one.textContent.trim() || one.getAttribute("aria-label") || (one.labels && one.labels.length)))
  .map(one => one.outerHTML.slice(0, 80))"""
# Luminance of text against what lies behind it, as WCAG 2 has it.
CONTRAST = """() => {
  const parts = text => text.match(/[\\d.]+/g).map(Number);
  const linear = one => one <= .03928 ? one / 12.92 : ((one + .055) / 1.055) ** 2.4;
  const light = rgb => rgb.slice(0, 3).map(one => linear(one / 255))
    .reduce((sum, one, place) => sum + one * [.2126, .7152, .0722][place], 0);
  const behind = one => { for (; one; one = one.parentElement) {
    const rgb = parts(getComputedStyle(one).backgroundColor);
    if (rgb.length < 4 || rgb[3] > 0) return rgb; } return [255, 255, 255]; };
  return [...document.querySelectorAll("main *, header *")]
    .filter(one => one.getClientRects().length && !one.closest(".unseen")
      && [...one.childNodes].some(node => node.nodeType === 3 && node.data.trim()))
    .map(one => { const [a, b] = [light(parts(getComputedStyle(one).color)), light(behind(one))].sort((x, y) => y - x);
      return [(a + .05) / (b + .05), one.outerHTML.slice(0, 80)]; })
    .filter(([ratio]) => ratio < 4.5);
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "zoom"), [(1280, 1), (390, 1), (1280, 2)])
def test_it_fits_every_window(
    school: School, address: str, chromium: Browser, width: int, zoom: int, scheme: str
) -> None:
    # At 200 % a window of 1280 has room for 640.
    page = chromium.new_page(
        viewport={"width": width // zoom, "height": 900 // zoom},
        device_scale_factor=zoom,
        color_scheme="dark" if scheme == "dark" else "light",
    )
    page.set_default_timeout(PATIENCE)
    token = token_of(school)
    page.goto(f"{address}/today")
    name = f"{width}-{zoom * 100}-{scheme}"
    for path in ("sign-in", "list", "learner"):
        if path == "list":
            signed_in(page, address, token)
            page.locator("summary").first.click()
        elif path == "learner":
            page.get_by_role("article").first.get_by_role("link").click()
            expect(page.get_by_role("table")).to_be_visible()
        picture(page, f"{path}-{name}")
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path
        assert page.evaluate(OVERFLOWING) == [], path
        assert page.evaluate(UNNAMED) == [], path
        assert page.evaluate(CONTRAST) == [], path
    page.close()


def test_it_says_what_is_what_to_who_does_not_see_it(school: School, address: str, chromium: Browser) -> None:
    page = chromium.new_page()
    signed_in(page, address, token_of(school))
    for role, name in (("navigation", "Courses"), ("region", "Anatomy"), ("region", "Biology")):
        expect(page.get_by_role(role, name=name, exact=True)).to_have_count(1)  # type: ignore[arg-type]
    for role in ("banner", "main"):
        expect(page.get_by_role(role)).to_have_count(1)  # type: ignore[arg-type]
    names = [one.get_attribute("aria-labelledby") for one in page.get_by_role("article").all()]
    assert len(names) == len(set(names)) == 4
    buttons = [one.inner_text() for one in page.locator("form:not(details form) button").all()]
    assert len(buttons) == len(set(buttons)), "no two buttons are called alike"
    assert page.locator("html").get_attribute("lang") == "en"
