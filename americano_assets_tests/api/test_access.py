"""Who may come in, how much they may bring, how often they may ask."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from americano_assets.api.database import Database, PoolLimits, new_pool
from americano_assets.api.middleware import authentication, limits
from americano_assets.api.middleware.limits import MAX_BODY_BYTES, spend_generate
from americano_assets.api.middleware.problems import ProblemError
from americano_assets.api.tokens import create_token, revoke_token
from americano_assets.errors import AmericanoError
from americano_assets_tests.api.rows import LEARNER, NOW, OTHER, Rows
from americano_assets_tests.api.serving import Service, serving, settings_for
from americano_assets_tests.api.test_application import Lines, log  # noqa: F401

_CLOCK = NOW.replace(tzinfo=UTC)
_READS = (
    ("GET", "/predictions"),
    ("GET", "/interventions"),
    ("GET", "/analytics/model-performance"),
    ("GET", "/analytics/struggle-reduction"),
    ("GET", "/model-performance"),
    ("GET", "/struggle-reduction"),
)
_WRITES = (("POST", "/predictions/p1/feedback"), ("POST", "/interventions/i1/apply"))
_FEEDBACK = {"actual_struggle": True, "feedback_type": "HELPFUL"}


@pytest.fixture(autouse=True)
def _nothing_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authentication, "REMEMBERED_SECONDS", 0.0)


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _ask(service: Service, method: str, path: str, token: str | None, user_id: str | None = LEARNER) -> Any:
    parameters = {"user_id": user_id} if user_id and method == "GET" else None
    body = {"json": _FEEDBACK} if path.endswith("feedback") else {}
    return service.ask(path, parameters, method, _bearer(token) if token else None, **body)


def _prepared(rows: Rows) -> None:
    rows.published()
    rows.prediction("p1")
    rows.intervention("i1", predictionId="p1")
    rows.mission("m1", [])


def test_every_route_but_health_asks_once_a_token_was_ever_made(rows: Rows, service: Service) -> None:
    _prepared(rows)
    routes = [*_READS, *_WRITES]
    assert all(_ask(service, *route, None).status_code == 200 for route in routes), "open while none was ever made"
    token = create_token(rows.connection, "app", _CLOCK)
    for route in routes:
        for given in (None, "amr_wrong", token.upper()):
            answer = _ask(service, *route, given)
            assert answer.status_code == 401, (route, given)
            assert answer.headers["www-authenticate"] == "Bearer"
        assert _ask(service, *route, token).status_code == 200
    assert service.ask("/health").status_code == service.ask("/health/ready").status_code == 200
    revoke_token(rows.connection, "app", _CLOCK)
    assert {_ask(service, *route, given).status_code for route in routes for given in (None, token)} == {401}


def test_tokens_rotate_without_a_gap_and_expire(rows: Rows, service: Service) -> None:
    old = create_token(rows.connection, "old", _CLOCK)
    new = create_token(rows.connection, "new", _CLOCK, expires_at=_CLOCK + timedelta(hours=1))

    def statuses() -> list[int]:
        return [_ask(service, "GET", "/predictions", token).status_code for token in (old, new)]

    assert statuses() == [200, 200]
    revoke_token(rows.connection, "old", _CLOCK)
    assert statuses() == [401, 200]
    service.now = NOW + timedelta(hours=1)
    assert statuses() == [401, 401]


def test_a_learners_token_opens_their_rows_and_nobody_elses(rows: Rows, service: Service) -> None:
    _prepared(rows)
    own = create_token(rows.connection, "theirs", _CLOCK, learner_id=LEARNER)
    other = create_token(rows.connection, "another's", _CLOCK, learner_id=OTHER)
    for route in _READS:
        assert _ask(service, *route, own).status_code == 200
        assert _ask(service, *route, other).json()["code"] == "another_learner"
    for route in _READS[2:]:
        assert _ask(service, *route, own, user_id=None).status_code == 403, "figures over everybody"
    for route in _WRITES:
        assert _ask(service, *route, other).status_code == 404, "not even that it is there"
    assert rows.one("SELECT count(*) FROM ml.prediction_feedback") == (0,)
    assert rows.one("SELECT objectives FROM missions") == ([],)
    assert [_ask(service, *route, own).status_code for route in _WRITES] == [200, 200]


def test_no_token_is_kept_logged_or_told(rows: Rows, service: Service, log: Lines) -> None:  # noqa: F811
    token = create_token(rows.connection, "app", _CLOCK)
    _ask(service, "GET", "/predictions", token)
    answer = _ask(service, "GET", "/predictions", token + "x")
    kept = rows.one("SELECT to_jsonb(t)::text FROM ml.api_tokens t")[0]
    for text in (*log.lines, answer.text, kept):
        assert token not in text
        assert LEARNER not in text


def test_a_token_of_a_learner_who_is_not_there_is_not_made(rows: Rows, service: Service) -> None:
    with pytest.raises(AmericanoError, match=r'no learner with the id "clx-misspelt".* No token was made'):
        create_token(rows.connection, "phone", _CLOCK, learner_id="clx-misspelt")
    assert rows.one("SELECT count(*) FROM ml.api_tokens") == (0,)
    assert service.get("/predictions", user_id=LEARNER), "nobody is asked for a token yet"
    assert create_token(rows.connection, "phone", _CLOCK, learner_id=LEARNER)


def test_a_name_is_used_once(rows: Rows) -> None:
    create_token(rows.connection, "app", _CLOCK)
    revoke_token(rows.connection, "app", _CLOCK)
    with pytest.raises(AmericanoError, match="another name"):
        create_token(rows.connection, "app", _CLOCK)
    with pytest.raises(AmericanoError, match="token list"):
        revoke_token(rows.connection, "nobody", _CLOCK)


def test_production_does_not_start_without_a_token(rows: Rows, shared_database: str, tmp_path: Path) -> None:
    settings = settings_for(shared_database, tmp_path, environment="production")
    with pytest.raises(AmericanoError, match="token create"), serving(settings):
        pass
    create_token(rows.connection, "ended", datetime.now(UTC), expires_at=datetime(2020, 1, 1, tzinfo=UTC))
    with pytest.raises(AmericanoError, match="token create"), serving(settings):
        pass
    create_token(rows.connection, "app", datetime.now(UTC))
    with serving(settings) as running:
        assert running.ask("/health").status_code == 200


def test_production_refuses_every_origin(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="CORS_ORIGINS"):
        settings_for("postgresql://localhost/none", tmp_path, environment="production", cors_origins=["*"])


def test_what_a_worker_remembers_does_not_outlive_its_seconds(
    rows: Rows, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([100.0, 109.9, 110.1, 110.1])
    monkeypatch.setattr(authentication, "REMEMBERED_SECONDS", 10.0)
    monkeypatch.setattr(authentication, "monotonic", lambda: next(clock))
    token = create_token(rows.connection, "app", _CLOCK)
    found = [_ask(service, "GET", "/predictions", token).status_code]
    revoke_token(rows.connection, "app", _CLOCK)
    found += [_ask(service, "GET", "/predictions", token).status_code for _ in range(2)]
    assert found == [200, 200, 401]


def test_made_up_tokens_push_nobody_out_of_what_is_remembered(
    rows: Rows, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(authentication, "REMEMBERED_SECONDS", 10.0)
    monkeypatch.setattr(authentication, "monotonic", lambda: 100.0)
    monkeypatch.setattr(authentication, "_MOST_REMEMBERED", 1)
    token = create_token(rows.connection, "app", _CLOCK)
    assert _ask(service, "GET", "/predictions", token).status_code == 200
    revoke_token(rows.connection, "app", _CLOCK)
    assert [_ask(service, "GET", "/predictions", made_up).status_code for made_up in ("one", "two")] == [401, 401]
    assert _ask(service, "GET", "/predictions", token).status_code == 200


@pytest.mark.parametrize("told", [True, False])
def test_a_body_over_the_limit_is_refused_before_it_is_read_whole(rows: Rows, service: Service, told: bool) -> None:
    rows.prediction("p1")
    sent = 0

    def chunks() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(100):
            sent += 8192
            yield b" " * 8192

    async def streamed() -> Any:
        for chunk in chunks():
            yield chunk

    content: Any = b" " * (MAX_BODY_BYTES + 1) if told else streamed()
    headers = {"Content-Type": "application/json"}
    answer = service.ask("/predictions/p1/feedback", None, "POST", headers, content=content)
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


def test_generate_is_limited_a_learner_across_workers(rows: Rows, shared_database: str) -> None:
    """Two pools stand for two workers: the budget lives in the database."""
    pool_limits = PoolLimits(connections=1)
    per_minute = 6

    async def calls() -> tuple[list[str], list[str]]:
        async with new_pool(shared_database, pool_limits) as one, new_pool(shared_database, pool_limits) as two:
            workers = [Database(pool, pool_limits, {}) for pool in (one, two)]

            async def call(worker: int, learner: str, after: float) -> str:
                try:
                    async with workers[worker].change() as change:
                        await spend_generate(change, learner, _CLOCK + timedelta(seconds=after), per_minute)
                except ProblemError as problem:
                    return problem.headers["Retry-After"]
                return "served"

            at_once = [await call(number % 2, LEARNER, 0) for number in range(8)]
            others = [await call(0, OTHER, 0), await call(1, LEARNER, 9.9), await call(0, LEARNER, 10)]
            return at_once, others

    at_once, others = asyncio.run(calls())
    assert at_once == ["served"] * 6 + ["10"] * 2
    assert others == ["served", "1", "served"]
    assert rows.one("SELECT count(*) FROM ml.generate_budget") == (2,)


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"Host": "localhost:8000"}, None),
        ({"Host": "[::1]:8000"}, None),
        ({"Host": "LOCALHOST"}, None),
        ({"Host": "api.internal:8000"}, None),
        ({"Host": "evil.test:8000"}, "host_not_allowed"),
        ({"Host": "localhost.evil.test"}, "host_not_allowed"),
        ({"Host": "127.0.0.1.evil.test"}, "host_not_allowed"),
        ({"Host": ""}, "host_not_allowed"),
        ({"Origin": "http://localhost:3000"}, None),
        ({"Origin": "http://127.0.0.1:8000"}, None),
        ({"Host": "localhost:8443", "Origin": "https://localhost:8443"}, None),
        ({"Origin": "http://127.0.0.1:9999"}, "origin_not_allowed"),
        ({"Origin": "https://evil.test"}, "origin_not_allowed"),
        ({"Origin": "null"}, "origin_not_allowed"),
        ({"Host": "evil.test", "Origin": "http://evil.test"}, "host_not_allowed"),
    ],
)
def test_without_tokens_no_foreign_page_gets_in(
    rows: Rows, shared_database: str, tmp_path: Path, headers: dict[str, str], code: str | None
) -> None:
    _prepared(rows)
    with serving(settings_for(shared_database, tmp_path, americano_api_hosts="api.internal")) as service:
        answer = service.ask("/predictions", {"user_id": LEARNER}, headers=headers)
        assert (answer.status_code, answer.json().get("code")) == (403 if code else 200, code)
        service.ask("/predictions/p1/feedback", method="POST", headers=headers, json=_FEEDBACK)
        assert rows.one("SELECT count(*) FROM ml.prediction_feedback") == (0 if code else 1,)
        token = create_token(rows.connection, "app", _CLOCK)
        known = service.ask("/predictions", {"user_id": LEARNER}, headers=headers | _bearer(token))
        assert known.status_code == 200, "a proxy may call the service by any name, and no page knows the token"
        assert service.ask("/health", headers=headers).status_code == 200


@pytest.mark.parametrize("host", ["http://api.internal", "api.internal:8000", "*"])
def test_a_host_is_named_without_port_or_scheme(tmp_path: Path, host: str) -> None:
    with pytest.raises(ValueError, match="americano_api_hosts"):
        settings_for("postgresql://localhost/none", tmp_path, americano_api_hosts=host)


def test_the_first_token_closes_the_door_of_every_worker_at_once(
    rows: Rows, shared_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(authentication, "REMEMBERED_SECONDS", 3600.0)
    settings = settings_for(shared_database, tmp_path)
    with serving(settings) as one, serving(settings) as other:
        workers = (one, other)
        assert [_ask(worker, "GET", "/predictions", None).status_code for worker in workers] == [200, 200]
        create_token(rows.connection, "app", _CLOCK)
        assert [_ask(worker, "GET", "/predictions", None).status_code for worker in workers] == [401, 401]


def test_a_body_that_does_not_come_is_not_waited_for(
    rows: Rows, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "BODY_SECONDS", 0.05)

    async def begun() -> Any:
        yield b'{"actual_struggle": '
        await asyncio.Event().wait()

    answer = service.ask("/predictions/p1/feedback", method="POST", content=begun())
    assert (answer.status_code, answer.json()["code"]) == (408, "too_slow")
    assert answer.headers["connection"] == "close", "or what is left of it would be read after all"
