"""Who may open the list, and what a stranger, a foreign page or an adviser of another course can do: nothing."""

import re
from datetime import timedelta
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from psycopg.types.json import Jsonb

from americano_assets.api.morning_list import door
from americano_assets.api.tokens import create_token, revoke_token
from americano_assets.cli.services import api as serve
from americano_assets.errors import AmericanoError
from americano_assets_tests.api.morning_list.conftest import (
    ANATOMY,
    BIOLOGY,
    CLOCK,
    Browser,
    School,
    called,
    words,
)
from americano_assets_tests.api.rows import LEARNER, NOW, OTHER, Rows
from americano_assets_tests.api.serving import Service, serving, settings_for
from americano_assets_tests.api.test_application import Lines, log  # noqa: F401

NOTE = {"learner": "cada", "course": ANATOMY, "action": "note", "note": "A word."}


def written(school: School) -> int:
    return int(school.rows.one("SELECT count(*) FROM ml.list_actions")[0])


def test_a_token_is_asked_for_by_a_form_and_gives_a_cookie(school: School, service: Service) -> None:
    school.warned("cada", 0.8)
    browser = Browser(service, create_token(school.rows.connection, "ada", CLOCK, courses=["Anatomy"]))
    page = browser.open()
    assert (page.status_code, called(page)) == (401, [])
    before = browser.cookies[door.COOKIE]
    answer = browser.sign_in()
    assert (answer.status_code, answer.headers["location"]) == (303, "/today")
    cookie = answer.headers["set-cookie"]
    assert cookie.split("; ")[1:] == ["HttpOnly", "Max-Age=43200", "Path=/today", "SameSite=strict"]
    assert browser.cookies[door.COOKIE] != before, "what the browser brought is never what is signed in"
    assert called(browser.open()) == ["cada"]
    kept = school.rows.one("SELECT to_jsonb(s)::text FROM ml.adviser_sessions s")[0]
    assert browser.cookies[door.COOKIE] not in kept


@pytest.mark.parametrize(
    ("headers", "secure"),
    [
        ({}, False),
        ({"Origin": "https://americano.example"}, True),
        # The clients of these tests have the address 127.0.0.1, which this service trusts.
        ({"X-Forwarded-Proto": "https"}, True),
    ],
)
def test_over_tls_the_cookie_is_for_tls_alone(
    school: School, shared_database: str, tmp_path: Path, headers: dict[str, str], secure: bool
) -> None:
    token = create_token(school.rows.connection, "ada", CLOCK, courses=[ANATOMY])
    with serving(settings_for(shared_database, tmp_path, americano_trusted_proxy="127.0.0.1")) as service:
        browser = Browser(service, token)
        browser.headers |= headers
        assert ("Secure" in browser.sign_in().headers["set-cookie"]) is secure


def test_a_wrong_token_is_told_and_signs_nobody_in(school: School, service: Service) -> None:
    ended = create_token(school.rows.connection, "ended", CLOCK, courses=[ANATOMY], expires_at=CLOCK)
    app = create_token(school.rows.connection, "app", CLOCK)
    learner = create_token(school.rows.connection, "theirs", CLOCK, learner_id=LEARNER)
    for token in ("amr_wrong", "", ended, app, learner):
        browser = Browser(service, token)
        answer = browser.sign_in()
        assert answer.status_code == 401
        assert "That is no adviser's token that holds." in words(answer)
    assert school.rows.one("SELECT count(*) FROM ml.adviser_sessions") == (0,)


@pytest.mark.parametrize("how", ["revoked", "expired token", "expired session", "signed out"])
def test_a_session_ends_with_its_token_its_time_or_its_adviser(school: School, service: Service, how: str) -> None:
    ends = CLOCK + timedelta(hours=1)
    token = create_token(school.rows.connection, "ada", CLOCK, courses=[ANATOMY], expires_at=ends)
    browser = Browser(service, token)
    browser.sign_in()
    csrf = browser.csrf()
    school.warned("cada", 0.8)
    assert browser.open().status_code == 200
    if how == "revoked":
        revoke_token(school.rows.connection, "ada", CLOCK)
    elif how == "expired token":
        service.now = NOW + timedelta(hours=1)
    elif how == "expired session":
        school.rows.execute("UPDATE ml.api_tokens SET expires_at = NULL")
        service.now = NOW + timedelta(hours=12)
    else:
        kept = dict(browser.cookies)
        assert browser.submit("/today/sign-out").status_code == 303
        browser.cookies = kept
    assert browser.open().status_code == 401
    assert browser.submit("/today/actions", csrf=csrf, **NOTE).status_code == 401
    assert written(school) == 0


def test_an_adviser_sees_and_touches_the_courses_of_the_token_alone(school: School, adviser: Browser) -> None:
    school.warned("cada", 0.8)
    school.warned("cben", 0.9, BIOLOGY)
    school.warned("cada", 0.7, BIOLOGY)
    school.warned("cnone", 0.9, None)
    school.rows.insert(
        "ml.list_actions", course_id=BIOLOGY, user_id="cada", action="note", note="Of biology.", taken_at=NOW
    )
    page = adviser.open()
    assert called(page) == ["cada"]
    told = page.text + adviser.open("/today/learner", id="cada").text
    for theirs in ("Biology", "Of biology.", "cben", "cnone", BIOLOGY):
        assert theirs not in told
    unknown = adviser.open(course="cnothing")
    assert unknown.status_code == 404
    assert adviser.open(course=BIOLOGY).text == unknown.text, "not even that it is there"
    for learner in ("cben", "cnone", "cnobody"):
        assert adviser.open("/today/learner", id=learner).text == unknown.text
    for learner, course in (("cben", BIOLOGY), ("cada", BIOLOGY), ("cben", ANATOMY), ("cnone", ""), ("cada", "")):
        answer = adviser.act(learner, "note", course=course, note="A word.")
        assert (answer.status_code, answer.text) == (404, unknown.text), (learner, course)
    assert written(school) == 1


def test_an_advisers_token_opens_nothing_else(school: School, service: Service) -> None:
    token = create_token(school.rows.connection, "ada", CLOCK, courses=[ANATOMY])
    headers = {"Authorization": f"Bearer {token}"}
    school.warned(LEARNER, 0.8)
    for method, path in (
        ("GET", f"/predictions?user_id={LEARNER}"),
        ("GET", f"/interventions?user_id={LEARNER}"),
        ("POST", "/predictions/p0001/feedback"),
        ("GET", "/analytics/model-performance"),
        ("GET", "/report"),
    ):
        answer = service.ask(path, method=method, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "adviser_token"), path
    assert called(service.ask("/today", headers=headers)) == [LEARNER]


def test_the_apps_token_opens_every_course_and_a_learners_none(school: School, service: Service) -> None:
    school.warned("cada", 0.8)
    school.warned("cben", 0.9, BIOLOGY)
    app = create_token(school.rows.connection, "app", CLOCK)
    theirs = create_token(school.rows.connection, "theirs", CLOCK, learner_id=OTHER)
    assert called(service.ask("/today", headers={"Authorization": f"Bearer {app}"})) == ["cada", "cben"]
    assert service.ask("/today", headers={"Authorization": f"Bearer {theirs}"}).status_code == 403
    assert service.ask("/today", headers={"Authorization": "Bearer amr_wrong"}).status_code == 401
    sent = service.ask("/today/actions", method="POST", headers={"Authorization": f"Bearer {app}"}, data=NOTE)
    assert sent.status_code == 303, "no page makes a browser send that header"
    assert school.rows.one("SELECT taken_by FROM ml.list_actions") == ("app",)


@pytest.mark.parametrize(
    ("headers", "csrf", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, None, 303),
        ({"Sec-Fetch-Site": "same-origin"}, "", 403),
        ({"Sec-Fetch-Site": "same-origin"}, "0" * 64, 403),
        ({"Sec-Fetch-Site": "same-origin"}, "ä", 403),
        ({"Sec-Fetch-Site": "cross-site"}, None, 403),
        ({"Sec-Fetch-Site": "same-site"}, None, 403),
        ({"Sec-Fetch-Site": "none"}, None, 403),
        # Browsers that do not say it, and those that speak no TLS to another machine.
        ({}, None, 303),
        ({"Origin": "http://127.0.0.1:8000"}, None, 303),
        ({"Origin": "https://evil.example"}, None, 403),
        ({"Origin": "null"}, None, 403),
    ],
)
def test_a_foreign_page_writes_nothing(
    school: School, adviser: Browser, headers: dict[str, str], csrf: str | None, status: int
) -> None:
    school.warned("cada", 0.8)
    shown = adviser.csrf() if csrf is None else csrf
    adviser.headers = headers
    assert adviser.submit("/today/actions", csrf=shown, **NOTE).status_code == status
    assert written(school) == (status == 303)


def test_what_one_browser_was_shown_is_of_no_use_in_another(school: School, adviser: Browser) -> None:
    school.warned("cada", 0.8)
    stranger = Browser(adviser.service)
    assert adviser.submit("/today/actions", csrf=stranger.csrf(), **NOTE).status_code == 403
    # A cookie that somebody planted is the browser's own nowhere.
    planted = Browser(adviser.service, adviser.token, cookies=dict(stranger.cookies))
    planted.sign_in()
    assert stranger.open().status_code == 401
    assert written(school) == 0


def test_signing_in_takes_a_form_of_ours(school: School, service: Service) -> None:
    browser = Browser(service, create_token(school.rows.connection, "ada", CLOCK, courses=[ANATOMY]))
    for csrf in ("", "0" * 64):
        assert browser.submit("/today/sign-in", csrf=csrf, token=browser.token).status_code == 403
    browser.headers = {"Sec-Fetch-Site": "cross-site"}
    assert browser.sign_in().status_code == 403
    assert school.rows.one("SELECT count(*) FROM ml.adviser_sessions") == (0,)


def test_a_proxys_word_counts_from_its_address_alone(school: School, shared_database: str, tmp_path: Path) -> None:
    school.warned("cada", 0.8)
    create_token(school.rows.connection, "ada", CLOCK, courses=[ANATOMY])
    app = create_token(school.rows.connection, "app", CLOCK)
    assert app
    by_proxy = {"X-Forwarded-User": "ada"}

    def statuses(trusted: str, headers: dict[str, str]) -> httpx.Response:
        with serving(settings_for(shared_database, tmp_path, americano_trusted_proxy=trusted)) as service:
            browser = Browser(service)
            browser.headers |= headers
            return browser.open()

    assert statuses("", by_proxy).status_code == 401, "off unless it is set"
    assert statuses("10.0.0.0/8", by_proxy).status_code == 401
    assert statuses("10.0.0.0/8", {**by_proxy, "X-Forwarded-For": "10.0.0.1"}).status_code == 401
    assert called(statuses("127.0.0.0/8,10.0.0.1", by_proxy)) == ["cada"]
    for other in ("app", "nobody", "ADA"):
        assert statuses("127.0.0.1", {"X-Forwarded-User": other}).status_code == 403, other
    revoke_token(school.rows.connection, "ada", CLOCK)
    assert statuses("127.0.0.1", by_proxy).status_code == 403


def test_who_a_proxy_signs_in_writes_by_a_form_of_ours(school: School, shared_database: str, tmp_path: Path) -> None:
    school.warned("cada", 0.8)
    create_token(school.rows.connection, "ada", CLOCK, courses=[ANATOMY])
    with serving(settings_for(shared_database, tmp_path, americano_trusted_proxy="127.0.0.1")) as service:
        browser = Browser(service)
        browser.headers["X-Forwarded-User"] = "ada"
        assert browser.submit("/today/actions", csrf="", **NOTE).status_code == 403
        assert browser.submit("/today/actions", **NOTE).status_code == 303
        two = [*browser.headers.items(), ("X-Forwarded-User", "eve")]
        assert service.ask("/today", headers=two).status_code == 401, "one of two is not the proxy's"  # type: ignore[arg-type]
    assert school.rows.one("SELECT taken_by FROM ml.list_actions") == ("ada",)


@pytest.mark.parametrize("wrong", ["proxy.internal", "10.0.0.1/99", "*"])
def test_a_trusted_proxy_is_an_address(tmp_path: Path, wrong: str) -> None:
    with pytest.raises(ValueError, match="americano_trusted_proxy"):
        settings_for("postgresql://localhost/none", tmp_path, americano_trusted_proxy=wrong)


def test_the_server_takes_no_headers_word_for_where_a_request_comes_from(monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind another proxy on this machine anybody could say that they come from the trusted one."""
    given: dict[str, object] = {}
    monkeypatch.setattr("uvicorn.run", lambda *_, **options: given.update(options))
    monkeypatch.setattr("americano_assets.cli.process_group.require_free_ports", lambda _: None)
    monkeypatch.setattr("americano_assets.resources.postgres.connection.prepare", lambda *_, **__: "")
    serve()
    assert given["proxy_headers"] is False


def test_without_any_token_only_this_machines_pages_open_it(school: School, service: Service) -> None:
    school.warned("cada", 0.8)
    browser = Browser(service)
    assert called(browser.open()) == ["cada"]
    assert browser.act("cada", "acknowledge").status_code == 303
    for headers in ({"Host": "evil.example"}, {"Origin": "https://evil.example"}):
        assert service.ask("/today", headers=headers).status_code == 403
    create_token(school.rows.connection, "app", CLOCK)
    assert browser.open().status_code == 401


def test_pages_run_nothing_and_load_nothing_from_elsewhere(school: School, adviser: Browser) -> None:
    school.warned("cada", 0.8)
    for page in (adviser.open(), adviser.open("/today/learner", id="cada"), adviser.open("/today/learner", id="x")):
        policy = page.headers["content-security-policy"]
        assert policy == (
            "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        )
        assert page.headers["cache-control"] == "no-store"
        assert page.headers["referrer-policy"] == "same-origin"
        assert page.headers["x-frame-options"] == "DENY"
        assert page.headers["x-content-type-options"] == "nosniff"
        assert page.headers["content-type"].startswith("text/html")
        for forbidden in ("<script", "style=", "onclick", "http://", "https://"):
            assert forbidden not in page.text


MARKUP = '<script>alert(1)</script><img src=x onerror=alert(1)>" onmouseover="alert(1)'


def test_words_of_others_are_text(school: School, shared_database: str, tmp_path: Path) -> None:
    school.rows.execute(f"UPDATE courses SET name = '{MARKUP}' WHERE id = '{ANATOMY}'")
    school.objective("marked", ANATOMY, MARKUP)
    learner = 'c"><script>alert(1)</script>&x=1'
    factor = [{"feature": "f", "value": 1, "contribution": 1.0, "text": f"Why {MARKUP}"}]
    school.warned(
        learner, 0.8, objective="marked", advice="PREREQUISITE_REVIEW", prediction={"strugglingFactors": Jsonb(factor)}
    )
    school.rows.execute(f"UPDATE intervention_recommendations SET description = '{MARKUP}'")
    school.rows.execute(f"UPDATE users SET name = '{MARKUP} \u202eada'")
    with serving(settings_for(shared_database, tmp_path, americano_name_column="name")) as service:
        browser = Browser(service)
        assert browser.act(learner, "note", note=f"{MARKUP}\u202e").status_code == 303
        for page in (browser.open(), browser.open("/today/learner", id=learner)):
            assert page.status_code == 200
            assert page.text.count("alert(1)") > 3
            assert "<script" not in page.text
            assert "<img" not in page.text
            assert 'onmouseover="alert' not in page.text
            assert "\u202e" not in page.text, "nothing turns the direction of what stands around it"
        (link,) = re.findall(r'href="(/today/learner[^"]*)"', browser.open().text)
        assert parse_qs(urlsplit(unescape(link)).query) == {"id": [learner]}
        assert browser.open("/today/learner", id=learner).status_code == 200


@pytest.mark.parametrize(
    "fields",
    [
        {"action": "snooze", "days": "36500"},
        {"action": "snooze", "days": "0"},
        {"action": "snooze", "days": "-1"},
        {"action": "snooze", "days": "7.5"},
        {"action": "snooze", "days": "\u0667"},
        {"action": "snooze"},
        {"action": "delete"},
        {"action": ""},
        {"action": "note", "note": "x" * 2001},
    ],
)
def test_an_action_is_one_of_a_few(school: School, adviser: Browser, fields: dict[str, str]) -> None:
    school.warned("cada", 0.8)
    answer = adviser.submit("/today/actions", learner="cada", course=ANATOMY, **fields)
    assert answer.status_code == 422
    assert written(school) == 0


def test_a_note_of_megabytes_is_refused_before_it_is_read(school: School, adviser: Browser) -> None:
    school.warned("cada", 0.8)
    answer = adviser.act("cada", "note", note="x" * 10_000_000)
    assert (answer.status_code, written(school)) == (413, 0)


def test_what_is_no_form_is_refused(school: School, adviser: Browser) -> None:
    headers = {**adviser.headers, "Cookie": f"{door.COOKIE}={adviser.cookies[door.COOKIE]}"}
    as_json = adviser.service.ask("/today/actions", method="POST", headers=headers, json=NOTE)
    many = adviser.service.ask(
        "/today/actions",
        method="POST",
        headers={**headers, "Content-Type": "application/x-www-form-urlencoded"},
        content="&".join(f"a{number}=1" for number in range(100)),
    )
    for field in ("learner", "course", "note", "token"):
        sent = {**NOTE, field: "a\x00b"}
        assert adviser.submit("/today/actions", **sent).status_code == 422, field
    bytes_of_none = adviser.service.ask(
        "/today/actions",
        method="POST",
        headers={**headers, "Content-Type": "application/x-www-form-urlencoded"},
        content=b"learner=\xff\xfe",
    )
    assert [one.status_code for one in (as_json, many, bytes_of_none)] == [415, 422, 422]


def test_nothing_of_anybody_is_logged(school: School, adviser: Browser, log: Lines) -> None:  # noqa: F811
    school.warned("cada", 0.8)
    adviser.open("/today/learner", id="cada")
    adviser.act("cada", "note", note="A secret word.")
    adviser.open("/today/learner", id="cnobody")
    adviser.sign_in()
    assert len(log.lines) > 4
    for line in log.lines:
        for secret in ("cada", "cnobody", "secret", adviser.token, adviser.cookies[door.COOKIE]):
            assert secret not in line


def test_a_redirect_leads_nowhere_else(school: School, adviser: Browser) -> None:
    school.warned("cada", 0.8)
    for back in ("https://evil.example", "//evil.example", "learner"):
        answer = adviser.act("cada", "note", note="A word.", back=back)
        assert answer.headers["location"] in ("/today", "/today/learner?id=cada")


def test_an_advisers_token_is_limited_to_courses_that_are_there(rows: Rows) -> None:
    for courses in ([], ["cnothing"]):
        with pytest.raises(AmericanoError, match=r"limited to courses|none with the id, code or name"):
            create_token(rows.connection, "ada", CLOCK, courses=courses)
    with pytest.raises(AmericanoError, match="a learner's or an adviser's"):
        create_token(rows.connection, "ada", CLOCK, courses=["Physiology"], learner_id=LEARNER)
    assert rows.one("SELECT count(*) FROM ml.api_tokens") == (0,)
