"""Who may open the list: an adviser who signed in, whom a proxy signed in, or whose token comes with the request."""

import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from http import HTTPStatus
from ipaddress import ip_address
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.responses import Response

from americano_assets.api.database import Database, UsesDatabase
from americano_assets.api.middleware.authentication import Caller, TokenAuthenticator, caller_of
from americano_assets.api.middleware.problems import ProblemError
from americano_assets.api.tokens import token_hash
from americano_assets.core.study_days.cutoff import naive

COOKIE = "americano_list"
PATH = "/today"
SESSION = timedelta(hours=12)
CSRF_FIELD = "csrf"
PROXY_HEADER = "X-Forwarded-User"
_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")
_SECRET_BYTES = 32
_MOST_FIELDS = 20
_FORM = "application/x-www-form-urlencoded"

_bearer = HTTPBearer(auto_error=False)


class SignInNeededError(Exception):
    """Nobody has signed in, or no longer; what was wrong with an attempt, if there was one."""


@dataclass(frozen=True)
class Visitor:
    """Who looks at the list.

    Attributes:
        caller: Whose token it is; of nobody where none is asked for.
        has_cookie: They may be made to send a request by a page of somebody else's.
    """

    caller: Caller
    has_cookie: bool

    @property
    def courses(self) -> list[str] | None:
        """Ids of the courses that they may look at; None: all."""
        return None if self.caller.courses is None else list(self.caller.courses)

    def may_see(self, course: str | None) -> bool:
        """Whether a course is theirs."""
        return self.caller.courses is None or course in self.caller.courses


async def visitor(
    request: Request,
    database: UsesDatabase,
    given: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
) -> Visitor:
    """Who looks. The database is asked each time: a token that was revoked ends its sessions at once.

    Raises:
        SignInNeededError: Nobody has signed in.
        ProblemError: 401: an unknown bearer token; 403: a learner's, or the proxy names no adviser, or nobody is asked
            for a token yet and the request may be a foreign web page's.
    """
    keeper: TokenAuthenticator = request.app.state.doorkeeper
    if given is not None:
        caller = await keeper.look_up(request, database, token_hash(given.credentials))
        if caller is None:
            raise ProblemError(HTTPStatus.UNAUTHORIZED, "token_needed", "Send a valid bearer token.")
        if caller.learner_id is not None:
            raise ProblemError(HTTPStatus.FORBIDDEN, "another_learner", "The list is for advisers: no learner's token.")
        return Visitor(caller, has_cookie=False)
    found = await _signed_in(request, database) or await keeper.look_up(request, database, "")
    if found is None:
        raise SignInNeededError
    if found.name is None:
        keeper.require_own_page(request.headers)
    return Visitor(found, has_cookie=True)


IsVisitor = Annotated[Visitor, Depends(visitor)]


async def _signed_in(request: Request, database: Database) -> Caller | None:
    now = naive(request.app.state.clock())
    named = _named_by_proxy(request)
    async with database.snapshot() as snapshot:
        if named is not None:
            row = await snapshot.row("named_adviser", adviser=named, now=now)
            if row is None:
                raise ProblemError(
                    HTTPStatus.FORBIDDEN,
                    "unknown_adviser",
                    "No adviser's token is named as the proxy calls you: ask whoever keeps the list for one.",
                )
            return caller_of(row)
        secret = request.cookies.get(COOKIE, "")
        row = await snapshot.row("adviser_session", session_hash=token_hash(secret), now=now) if secret else None
    return caller_of(row) if row else None


def _named_by_proxy(request: Request) -> str | None:
    """Whom a proxy that is trusted has signed in. Two such headers are none: one of them is not the proxy's."""
    given = request.headers.getlist(PROXY_HEADER)
    return given[0] if len(given) == 1 and given[0] and _is_trusted(request) else None


def _is_trusted(request: Request) -> bool:
    peer = request.client.host if request.client else ""
    try:
        address = ip_address(peer)
    except ValueError:
        return False
    # A socket that takes both kinds of addresses shows one kind in the other's form.
    address = getattr(address, "ipv4_mapped", None) or address
    return any(address in network for network in request.app.state.settings.americano_trusted_proxy)


async def sign_in(request: Request, database: Database, token: str) -> str:
    """Begin a session under a new secret, whatever the browser brought; returns it.

    Raises:
        SignInNeededError: It is no adviser's token, or holds no longer: which, is not said.
    """
    now = request.app.state.clock()
    keeper: TokenAuthenticator = request.app.state.doorkeeper
    caller = await keeper.look_up(request, database, token_hash(token))
    if caller is None or caller.courses is None:
        raise SignInNeededError("That is no adviser's token that holds.")
    secret = new_secret()
    async with database.change() as change:
        await change.execute(
            "begin_session",
            session_hash=token_hash(secret),
            token_name=caller.name,
            now=naive(now),
            expires_at=naive(now + SESSION),
        )
    return secret


async def sign_out(request: Request, database: Database) -> None:
    """End the session of this browser."""
    async with database.change() as change:
        await change.execute("end_session", session_hash=token_hash(request.cookies.get(COOKIE, "")))


def new_secret() -> str:
    """What a cookie holds."""
    return secrets.token_urlsafe(_SECRET_BYTES)


def secret_of(request: Request) -> str | None:
    """What this browser's cookie holds; None where there is none that could be ours."""
    secret = request.cookies.get(COOKIE, "")
    return secret if _SECRET.fullmatch(secret) else None


def csrf_of(secret: str) -> str:
    """What a form shows to be of a page that this service gave to that browser."""
    return hmac.new(secret.encode(), b"a form of the morning list", sha256).hexdigest()


def give_cookie(request: Request, response: Response, secret: str | None) -> None:
    """Have the browser keep a secret; None: forget it."""
    response.set_cookie(
        COOKIE,
        secret or "",
        max_age=int(SESSION.total_seconds()) if secret else 0,
        path=PATH,
        secure=_is_over_tls(request),
        httponly=True,
        samesite="strict",
    )


async def form_of(request: Request, *, has_cookie: bool = True) -> Mapping[str, str]:
    """The fields of a form.

    Raises:
        ProblemError: 403: it may be of a page that is not ours; 415 or 422: it is no form.
    """
    if has_cookie:
        _require_own_origin(request)
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise ProblemError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "no_form", f"Send the form as {_FORM}.")
    try:
        body = (await request.body()).decode()
        fields = dict(parse_qsl(body, keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict"))
        if any("\x00" in value for value in fields.values()):
            raise ValueError  # PostgreSQL's text holds none
    except ValueError:
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_request", "The form cannot be read.") from None
    secret = secret_of(request)
    if has_cookie and not (
        secret and hmac.compare_digest(csrf_of(secret).encode(), fields.get(CSRF_FIELD, "").encode())
    ):
        raise _foreign("The page was open for too long, or the browser keeps no cookies: load it again, and repeat it.")
    return fields


def _require_own_origin(request: Request) -> None:
    """Refuse what another site's page sent, as far as the browser says so."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None:
        is_own = site == "same-origin"
    else:
        host = request.headers.get("host", "")
        is_own = origin is None or origin in (f"http://{host}", f"https://{host}")
    if not is_own:
        raise _foreign("Another site's page sent this form.")


def _foreign(why: str) -> ProblemError:
    return ProblemError(HTTPStatus.FORBIDDEN, "foreign_form", why)


def _is_over_tls(request: Request) -> bool:
    """Whether the browser speaks TLS, as the connection, the browser or the trusted proxy says."""
    told = request.headers.get("x-forwarded-proto", "") if _is_trusted(request) else ""
    origin = request.headers.get("origin", "")
    return request.url.scheme == "https" or origin.startswith("https://") or told.partition(",")[0].strip() == "https"
