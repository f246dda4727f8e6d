"""Connection URLs: what Prisma adds to them, and how a failure to connect is told without the password.

Belongs here: text about connections. Does not: connecting.
"""

import re
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

import psycopg
from psycopg.conninfo import conninfo_to_dict

from americano_assets.errors import AmericanoError, DatabaseLostError

# SQLSTATE classes of a connection that failed and of a server that was stopped.
_LOST = ("08", "57P")

# Understood by Prisma and refused by libpq. `schema` and `sslaccept` have a meaning that is kept.
_PRISMA_ONLY = frozenset(
    {
        "connection_limit",
        "pgbouncer",
        "pool_timeout",
        "schema",
        "socket_timeout",
        "sslaccept",
        "sslidentity",
        "statement_cache_size",
    }
)
_PUBLIC = "public"


def libpq_url(url: str, setting: str = "DATABASE_URL") -> str:
    """The URL as libpq and SQLAlchemy take it: `postgresql://`, Prisma's own parameters translated or left out.

    Args:
        url: As given.
        setting: Name of the variable that holds it, for messages; so too in the functions below.

    Raises:
        AmericanoError: It cannot be read; the message repeats no part of it, which may be a piece of a password.
    """
    _refuse_unescaped(url, setting)
    scheme, _, rest = url.partition("://")
    # A question mark may stand in the password.
    start = rest.find("?", rest.find("@") + 1)
    address, query = (rest, "") if start < 0 else (rest[:start], rest[start + 1 :])
    given = parse_qsl(query, keep_blank_values=True)
    kept = {name: value for name, value in given if name not in _PRISMA_ONLY}
    prisma = {name: value for name, value in given if name in _PRISMA_ONLY}
    if prisma.get("schema", _PUBLIC) != _PUBLIC:
        kept["options"] = f"{kept.get('options', '')} -c search_path={_escaped_option(prisma['schema'])}".strip()
    if prisma.get("sslaccept") == "strict":
        # Prisma then verifies the certificate; left out, the connection would silently be weaker.
        kept["sslmode"] = "verify-full"
        kept.setdefault("sslrootcert", "system")
    scheme = "postgresql" if scheme == "postgres" else scheme
    text = f"{scheme}://{address}" + (f"?{urlencode(kept, quote_via=quote, safe='')}" if kept else "")
    connection_parameters(text, setting)
    return text


def connection_parameters(url: str, setting: str = "DATABASE_URL") -> dict[str, Any]:
    """The parts of a URL, as libpq reads them.

    Raises:
        AmericanoError: It cannot be read.
    """
    try:
        parts = dict(conninfo_to_dict(url))
    except psycopg.ProgrammingError:
        raise _malformed(setting) from None
    if not all(port.isdecimal() for port in str(parts.get("port") or "5432").split(",")):
        raise _malformed(setting)
    return parts


def connection_error(url: str, error: psycopg.Error, setting: str = "DATABASE_URL") -> AmericanoError:
    """What to tell when connecting to `url` failed with `error`."""
    parts = connection_parameters(url, setting)
    host, port = parts.get("host", "localhost"), parts.get("port", "5432")
    database = parts.get("dbname") or parts.get("user") or "the default"
    server = f"PostgreSQL at {host}" if str(host).startswith("/") else f"PostgreSQL at {host}:{port}"
    reason = (str(error).splitlines() or ["no reason given"])[0].rsplit("failed: ", 1)[-1].strip().rstrip(".")
    if re.search(r'database ".*" does not exist', reason):
        return AmericanoError(f'{server} has no database "{database}": create it, or correct {setting}.')
    if re.search(r"password|authentication|role|pg_hba|not permitted", reason):
        return AmericanoError(
            f'{server} refuses user "{parts.get("user", "")}": wrong password, no such user, or not allowed from here;'
            f" correct {setting}."
        )
    return DatabaseLostError(
        f"No {server} answers ({reason}): start it, correct {setting}, or unset it to use the embedded server."
    )


def is_lost(sqlstate: str | None) -> bool:
    """Whether an operational error with that SQLSTATE means a lost connection, or a server that was stopped."""
    return not sqlstate or sqlstate.startswith(_LOST)


def _refuse_unescaped(url: str, setting: str) -> None:
    """A stray @ or / moves a piece of the password into the host, and from there into messages."""
    rest = url.partition("://")[2]
    first = rest.find("@")
    address = rest if rest.find("?", first + 1) < 0 else rest[: rest.find("?", first + 1)]
    if address.count("@") > 1 or (first >= 0 and "/" in rest[:first]):
        raise _malformed(setting)


def _malformed(setting: str) -> AmericanoError:
    return AmericanoError(
        f"{setting} cannot be read: it must look like postgresql://USER:PASSWORD@HOST:PORT/DATABASE, with special"
        " characters of the password percent-encoded (@ as %40, / as %2F, % as %25)."
    )


def _escaped_option(schema: str) -> str:
    """A schema's name as a quoted identifier inside libpq's `options`, where a space ends a word."""
    identifier = '"' + schema.replace('"', '""') + '"'
    return identifier.replace("\\", "\\\\").replace(" ", "\\ ")
