"""Connection URLs: what the app's own tools add to them, and how a failure to connect is told without the password."""

import re
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

import psycopg
from psycopg import pq
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from americano_assets.errors import AmericanoError, DatabaseLostError

# How long to wait before each further try of what lost its database: a restart takes less than these together.
RETRY_SECONDS = (5, 20, 60)

# SQLSTATE classes of a connection that failed and of a server that was stopped.
_LOST = ("08", "57P")

# What libpq itself takes in a URL; `ssl=true` is JDBC's, which it takes as well.
_LIBPQ = {option.keyword.decode() for option in pq.Conninfo.get_defaults()} | {"ssl"}
# Prisma's pool, node's way of asking for libpq's TLS, a hosted pooler's mark: our pools are our own.
_LEFT_OUT = frozenset(
    {
        "connection_limit",
        "max_connection_lifetime",
        "max_idle_connection_lifetime",
        "pgbouncer",
        "pool_timeout",
        "socket_timeout",
        "statement_cache_size",
        "supa",
        "uselibpqcompat",
    }
)
_TRANSLATED = frozenset({"schema", "sslaccept", "sslidentity"})
_PUBLIC = "public"
_SYSTEM = "system"
_FILES = ("sslrootcert", "sslcert", "sslkey")
_SEARCH_PATH = re.compile(r"(?:-c\s*|--)search_path=((?:\\.|[^\s\\])*)")


def libpq_url(url: str, setting: str = "DATABASE_URL") -> str:
    """The URL as libpq and SQLAlchemy take it: `postgresql://`, parameters of Prisma and node translated or left out.

    Args:
        url: As given.
        setting: Name of the variable that holds it, for messages; so too in the functions below.

    Raises:
        AmericanoError: It cannot be read, or asks for what cannot be had; the message repeats no part of it that may be
            a piece of a password.
    """
    _refuse_unescaped(url, setting)
    scheme, _, rest = url.partition("://")
    # A question mark may stand in the password.
    start = rest.find("?", rest.find("@") + 1)
    address, query = (rest, "") if start < 0 else (rest[:start], rest[start + 1 :])
    given = dict(parse_qsl(query, keep_blank_values=True))
    if unknown := [name for name in given if name not in _LIBPQ | _LEFT_OUT | _TRANSLATED]:
        if "@" in query:  # Then it may be the rest of a password.
            raise _malformed(setting)
        raise AmericanoError(
            f'{setting} has the parameter "{unknown[0]}", which neither PostgreSQL\'s client library nor Prisma knows:'
            " take it out."
        )
    kept = {name: value for name, value in given.items() if name in _LIBPQ} | _tls(given, setting)
    if given.get("schema", _PUBLIC) != _PUBLIC:
        kept["options"] = f"{kept.get('options', '')} -c search_path={_escaped_option(given['schema'])}".strip()
    scheme = "postgresql" if scheme == "postgres" else scheme
    present = {name: value for name, value in kept.items() if value is not None}
    text = f"{scheme}://{address}" + (f"?{urlencode(present, quote_via=quote, safe='')}" if present else "")
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


def without_search_path(url: str) -> tuple[str, str | None]:
    """The connection without the search path that its `options` ask for, and that search path.

    A pooler refuses start-up options, and may give each transaction another session: so it is set in each transaction.
    """
    parts = connection_parameters(url)
    options = str(parts.get("options") or "")
    found = _SEARCH_PATH.search(options)
    if found is None:
        return url, None
    parts["options"] = _SEARCH_PATH.sub("", options).strip() or None
    return make_conninfo(**parts), re.sub(r"\\(.)", r"\1", found[1])


def connection_error(url: str, error: psycopg.Error, setting: str = "DATABASE_URL") -> AmericanoError:
    """What to tell when connecting to `url` failed with `error`."""
    parts = connection_parameters(url, setting)
    host, port = parts.get("host", "localhost"), parts.get("port", "5432")
    database = parts.get("dbname") or parts.get("user") or "the default"
    server = f"PostgreSQL at {host}" if str(host).startswith("/") else f"PostgreSQL at {host}:{port}"
    reason = (str(error).splitlines() or ["no reason given"])[0].rsplit("failed: ", 1)[-1].strip().rstrip(".")
    if re.search(r'database ".*" does not exist|no such database', reason):
        return AmericanoError(f'{server} has no database "{database}": create it, or correct {setting}.')
    if refused := re.search(r"unsupported startup parameter(?: in options)?: (\w+)", reason):
        return AmericanoError(
            f"{server} is a connection pooler that refuses the parameter {refused[1]}: take it out of {setting}."
        )
    if re.search(r"invalid \w+ value", reason):
        return AmericanoError(f"{setting} holds an {reason[reason.index('invalid') :]}: correct it.")
    if re.search(r"SSL|certificate|no encryption|private key|TLS", reason):
        return AmericanoError(
            f"{server} and {setting} do not agree on encryption ({reason}): correct sslmode, sslrootcert, sslcert or"
            " sslkey; docs/database.md says what each does."
        )
    if re.search(r"password|authentication|role|pg_hba|not permitted|no such user", reason):
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


def _tls(given: dict[str, str], setting: str) -> dict[str, str | None]:
    """TLS as libpq is told of it: parameters to set, None for those to leave out.

    Prisma's `sslcert` is the certificate that the server's was signed with; libpq's is the client's own, with `sslkey`.
    """
    if "sslidentity" in given:
        raise AmericanoError(
            f"{setting} has sslidentity, a PKCS #12 file, which PostgreSQL's client library cannot read: write its"
            " certificate and key into files (openssl pkcs12 -in FILE -nodes) and name them as sslcert and sslkey."
        )
    changed: dict[str, str | None] = {}
    if given.get("sslmode") == "no-verify":
        changed["sslmode"] = "require"
    if "sslcert" in given and "sslkey" not in given and "sslrootcert" not in given:
        # Prisma compares with it only where it is told to be strict, or told nothing.
        accepted = given.get("sslaccept") == "accept_invalid_certs"
        changed |= {"sslcert": None, "sslrootcert": None if accepted else given["sslcert"]}
    if given.get("sslaccept") == "strict":
        # Prisma then verifies the certificate; left out, the connection would silently be weaker.
        changed["sslmode"] = "verify-full"
        if "sslrootcert" not in changed | given:
            changed["sslrootcert"] = _SYSTEM
    if changed.get("sslrootcert", given.get("sslrootcert")) == _SYSTEM:
        # The OpenSSL that comes with a driver looks for this machine's certificates elsewhere than they are.
        changed = (
            {"sslmode": "verify-full"} | changed | {"sslrootcert": ssl.get_default_verify_paths().cafile or _SYSTEM}
        )
    for name in _FILES:
        path = changed.get(name, given.get(name))
        # Without the file libpq goes on, and verifies nothing, where the mode is `require`.
        if path and path != _SYSTEM and not Path(path).is_file():
            raise AmericanoError(f"{setting} names a file for TLS that is not there, {path}: correct it.")
    return changed


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
