"""Who may come in: bearer tokens, whose rows a token opens, and who may do without one."""

import re
from collections import OrderedDict
from dataclasses import dataclass
from http import HTTPStatus
from time import monotonic
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.datastructures import Headers

from americano_assets.api.database import Row, UsesDatabase
from americano_assets.api.middleware.problems import ProblemError
from americano_assets.api.tokens import token_hash
from americano_assets.core.study_days.cutoff import naive
from americano_assets.settings import Settings

# How long a worker trusts what it looked up: a revoked token works at most this much longer.
REMEMBERED_SECONDS = 10.0
_MOST_REMEMBERED = 4096
_CHALLENGE = {"WWW-Authenticate": "Bearer"}
_THIS_MACHINE = ("localhost", "127.0.0.1", "[::1]")
_HOST = re.compile(r"(?P<name>\[[^\]]*\]|[^:]*)(:\d*)?")

_bearer = HTTPBearer(
    auto_error=False,
    description="A token made with `americano token create`. Outside production nobody is asked while none was made.",
)


@dataclass(frozen=True)
class Caller:
    """Who asks: the app, one learner, or an adviser of some courses.

    Attributes:
        learner_id: The only learner whose rows are opened; None: every learner's.
        courses: Of an adviser, whose morning list is opened and nothing else; None: no adviser.
        name: Of the token; None: none was asked for.
    """

    learner_id: str | None
    courses: tuple[str, ...] | None = None
    name: str | None = None

    def require(self, user_id: str | None) -> None:
        """Refuse rows that this caller's token does not open.

        Args:
            user_id: Whose rows are asked for; None: everybody's.

        Raises:
            ProblemError: 403.
        """
        if self.learner_id is not None and user_id != self.learner_id:
            raise ProblemError(
                HTTPStatus.FORBIDDEN,
                "another_learner",
                "This token opens the rows of one learner only: give that learner as user_id.",
            )

    def owns(self, user_id: str) -> bool:
        """Whether a row of `user_id` may be seen: where not, it is answered as if it were not there."""
        return self.learner_id is None or self.learner_id == user_id


ANYBODY = Caller(None)


def caller_of(row: Row) -> Caller:
    """Whose token a row of `token.sql` and its likes is."""
    return Caller(row["learner_id"], None if row["courses"] is None else tuple(row["courses"]), row["name"])


class TokenAuthenticator:
    """Recognises tokens, and remembers for some seconds what the database said of them."""

    def __init__(self, settings: Settings) -> None:
        self._always_closed = settings.environment == "production"
        self._hosts = {*_THIS_MACHINE, *(host.lower() for host in settings.americano_api_hosts)}
        self._origins = set(settings.cors_origins)
        self._known: OrderedDict[str, tuple[float, Caller]] = OrderedDict()

    async def admit(self, request: Request, database: UsesDatabase, token: str | None) -> Caller:
        """The caller.

        Raises:
            ProblemError: 401, without saying whether a token was unknown, expired or revoked; 403: none is asked for
                yet, and the request may be a foreign web page's.
        """
        hashed = token_hash(token) if token else ""
        remembered = self._known.get(hashed)
        if remembered is not None and monotonic() - remembered[0] < REMEMBERED_SECONDS:
            return remembered[1]
        caller = await self.look_up(request, database, hashed)
        if caller is None:
            raise ProblemError(
                HTTPStatus.UNAUTHORIZED,
                "token_needed",
                "Send a valid bearer token in the header Authorization.",
                headers=_CHALLENGE,
            )
        if caller is ANYBODY:
            # Nor remembered: in the moment in which the first token is made, every worker asks for it.
            self.require_own_page(request.headers)
            return caller
        # Whoever is refused is not remembered: made-up tokens would push out those that are known.
        self._known[hashed] = (monotonic(), caller)
        self._known.move_to_end(hashed)
        while len(self._known) > _MOST_REMEMBERED:
            self._known.popitem(last=False)
        return caller

    async def look_up(self, request: Request, database: UsesDatabase, hashed: str) -> Caller | None:
        """Whose token it is that has this hash, as the database says now; without one (empty) who may do without."""
        now = naive(request.app.state.clock())
        async with database.snapshot() as snapshot:
            row = await snapshot.row("token", token_hash=hashed, now=now)
        if row is not None and row["known"]:
            return caller_of(row)
        closed = self._always_closed or row is None or row["any_token"] or hashed
        return None if closed else ANYBODY

    def require_own_page(self, headers: Headers) -> None:
        """Refuse what a browser on this machine may have been made to send: by then nothing else stands in its way."""
        host = headers.get("host", "").lower()
        named = _HOST.fullmatch(host)
        if named is None or named["name"] not in self._hosts:
            raise ProblemError(
                HTTPStatus.FORBIDDEN,
                "host_not_allowed",
                "While nobody is asked for a token, the service answers to localhost and 127.0.0.1 alone, and to the"
                " names in AMERICANO_API_HOSTS. Call it so, or make a token.",
            )
        origin = headers.get("origin")
        allowed = origin is None or origin in self._origins or "*" in self._origins
        if not allowed and origin not in (f"http://{host}", f"https://{host}"):
            raise ProblemError(
                HTTPStatus.FORBIDDEN,
                "origin_not_allowed",
                "While nobody is asked for a token, only pages of the origins in CORS_ORIGINS may ask.",
            )


async def caller(
    request: Request,
    database: UsesDatabase,
    given: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
) -> Caller:
    """Who asks.

    Raises:
        ProblemError: As `TokenAuthenticator.admit`; or 403: an adviser, to whom no route opens that asks like this.
    """
    keeper: TokenAuthenticator = request.app.state.doorkeeper
    found = await keeper.admit(request, database, given.credentials if given else None)
    if found.courses is not None:
        raise ProblemError(
            HTTPStatus.FORBIDDEN, "adviser_token", "An adviser's token opens the morning list alone: GET /today."
        )
    return found


IsCaller = Annotated[Caller, Depends(caller)]
