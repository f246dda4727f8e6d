"""Bearer tokens of the HTTP service, in schema ml: made, listed, revoked. Only their hashes are kept."""

import hashlib
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from americano_assets.core.study_days.cutoff import naive
from americano_assets.errors import AmericanoError

_PREFIX = "amr_"  # So that scanners of repositories and logs can find one that leaked.
_RANDOM_BYTES = 32
_COLUMNS = "name, learner_id, courses, created_at, expires_at, revoked_at"


@dataclass(frozen=True)
class Token:
    """A token as it is kept; times are naive and in UTC.

    Attributes:
        name: What people call it.
        learner_id: The only learner whose rows it opens; None: every learner's.
        courses: An adviser's: it opens the morning list of these courses and nothing else; None: no adviser's.
    """

    name: str
    learner_id: str | None
    courses: list[str] | None
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None

    def state(self, now: datetime) -> str:
        """active, expired or revoked, at an aware instant."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= naive(now) else "active"


def token_hash(token: str) -> str:
    """The form in which a token is kept and looked up."""
    return hashlib.sha256(token.encode()).hexdigest()


def create_token(
    connection: psycopg.Connection[Any],
    name: str,
    now: datetime,
    *,
    learner_id: str | None = None,
    courses: Collection[str] | None = None,
    expires_at: datetime | None = None,
) -> str:
    """Make a token and return it: the only time that anybody sees it.

    Args:
        connection: On the app's database.
        name: A name that no token ever had.
        now: The present instant, aware.
        learner_id: Bind it to this learner.
        courses: Make it an adviser's, of these courses: by id, code or name.
        expires_at: When it ends, aware; None: when it is revoked.

    Raises:
        AmericanoError: The name is taken, also by a revoked token: an old log line must not seem to mean the new one.
            Or the app has no such learner or course: the token would open nothing, and tell nobody why.
    """
    if courses is not None:
        courses = [course_id(connection, one) for one in dict.fromkeys(courses)]
        if learner_id is not None or not courses:
            raise AmericanoError("A token is a learner's or an adviser's, and an adviser's is limited to courses.")
    if learner_id is not None:
        known = connection.execute('SELECT FROM users WHERE "id" = %s', [learner_id]).fetchone()
        if known is None:
            raise AmericanoError(
                f'The app\'s table users has no learner with the id "{learner_id}", so the token would open nothing. No'
                " token was made: give the id as it stands there."
            )
    token = _PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)
    made = connection.execute(
        "INSERT INTO ml.api_tokens (name, token_hash, learner_id, courses, created_at, expires_at)"
        " VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (name) DO NOTHING",
        [name, token_hash(token), learner_id, courses, naive(now), naive(expires_at) if expires_at else None],
    )
    if made.rowcount == 0:
        raise AmericanoError(f'A token named "{name}" was made before: choose another name, with a date for instance.')
    return token


def course_id(connection: psycopg.Connection[Any], named: str) -> str:
    """The id of a course that is named by it, by its code or by its name.

    Raises:
        AmericanoError: No course is called so, or several are.
    """
    found = [
        row[0]
        for row in connection.execute(
            'SELECT "id" FROM courses WHERE %(named)s IN ("id", "code"::text, "name") ORDER BY "id" <> %(named)s, "id"',
            {"named": named},
        )
    ]
    if not found:
        raise AmericanoError(f'The app\'s table courses has none with the id, code or name "{named}".')
    if len(found) > 1 and found[0] != named:
        raise AmericanoError(f'{len(found)} courses are called "{named}": give an id, such as {found[0]}.')
    return str(found[0])


def revoke_token(connection: psycopg.Connection[Any], name: str, now: datetime) -> None:
    """End a token; one that was revoked before stays as it is.

    Raises:
        AmericanoError: No token has this name.
    """
    found = connection.execute(
        "UPDATE ml.api_tokens SET revoked_at = COALESCE(revoked_at, %s) WHERE name = %s", [naive(now), name]
    )
    if found.rowcount == 0:
        raise AmericanoError(f'No token is named "{name}": `americano token list` shows them.')


def tokens(connection: psycopg.Connection[Any]) -> list[Token]:
    """All tokens, the oldest first."""
    found = connection.execute(f"SELECT {_COLUMNS} FROM ml.api_tokens ORDER BY created_at, name".encode())
    return [Token(*row) for row in found.fetchall()]


def require_token(connection: psycopg.Connection[Any], now: datetime) -> None:
    """Refuse to serve where nobody could be let in and nobody kept out.

    Raises:
        AmericanoError: No token is active.
    """
    if not any(token.state(now) == "active" for token in tokens(connection)):
        raise AmericanoError(
            "The service does not start without a bearer token in production, or on an address that others reach: "
            "make one with `americano token create NAME`."
        )
