"""URLs of the app on a server that takes TLS alone: the same address serves psycopg, ADBC and SQLAlchemy."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import adbc_driver_postgresql.dbapi as adbc
import pytest
import sqlalchemy
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from americano_assets.errors import AmericanoError
from americano_assets.resources.postgres.connection import connect
from americano_assets.resources.postgres.embedded.server import EmbeddedServer
from americano_assets.resources.postgres.urls import libpq_url
from americano_assets_tests.end_to_end.pooler import needs_pooler, pooler

pytestmark = [needs_pooler, pytest.mark.long]  # Where the quick tests run it may not be installed yet.


@dataclass(frozen=True)
class Encrypted:
    """A server that takes TLS alone, and whose certificate was signed by `authority` for `localhost`."""

    port: int
    authority: Path
    stranger: Path

    def url(self, query: str, host: str = "localhost") -> str:
        query = query.replace("CA", str(self.authority)).replace("OTHER", str(self.stranger))
        return f"postgresql://postgres@{host}:{self.port}/postgres?{query}"


def _certificate(
    name: str, signer: tuple[x509.Certificate, ec.EllipticCurvePrivateKey] | None = None
) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(signer[0].subject if signer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=signer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(signer[1] if signer else key, hashes.SHA256())
    )
    return made, key


@pytest.fixture(scope="module")
def encrypted(server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Encrypted]:
    authority, stranger = _certificate("authority"), _certificate("stranger")
    own, key = _certificate("localhost", authority)
    pem = serialization.Encoding.PEM
    folder = tmp_path_factory.mktemp("authorities")
    for name, made in (("ca.crt", authority[0]), ("other.crt", stranger[0])):
        (folder / name).write_bytes(made.public_bytes(pem))
    files = {
        "server.crt": own.public_bytes(pem),
        "server.key": key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    }
    settings = {
        "client_tls_sslmode": "require",
        "client_tls_cert_file": "FOLDER/server.crt",
        "client_tls_key_file": "FOLDER/server.key",
    }
    with pooler(server, settings, files) as port:
        yield Encrypted(port, folder / "ca.crt", folder / "other.crt")


@pytest.mark.parametrize(
    "query",
    [
        "sslmode=require",
        "sslmode=require&uselibpqcompat=true",
        "sslmode=no-verify",
        "sslmode=require&sslcert=CA",
        "sslmode=require&sslcert=CA&sslaccept=strict",
        "sslmode=require&sslcert=OTHER&sslaccept=accept_invalid_certs",
        "sslmode=verify-full&sslrootcert=CA",
        "sslmode=require&connection_limit=1&pool_timeout=0&pgbouncer=true&connect_timeout=10",
    ],
)
def test_a_url_that_works_in_the_app_works_with_each_driver(encrypted: Encrypted, query: str) -> None:
    url = libpq_url(encrypted.url(query))
    with connect(url) as connection:
        assert connection.pgconn.ssl_in_use
        assert connection.execute("SELECT 1").fetchone() == (1,)
    with closing(adbc.connect(url)) as read, closing(read.cursor()) as cursor:
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == (1,)
    engine = sqlalchemy.create_engine(url)
    with engine.connect() as pooled:
        assert pooled.execute(sqlalchemy.text("SELECT 1")).scalar() == 1
    engine.dispose()


@pytest.mark.parametrize(
    ("query", "host", "words"),
    [
        ("sslmode=require&sslcert=OTHER&sslaccept=strict", "localhost", "do not agree on encryption.*verify failed"),
        ("sslmode=require&sslcert=OTHER", "localhost", "do not agree on encryption.*verify failed"),
        ("sslmode=require&sslcert=CA&sslaccept=strict", "127.0.0.1", "do not agree on encryption.*127.0.0.1"),
        ("sslmode=require&sslaccept=strict", "localhost", "do not agree on encryption.*verify failed"),
        ("sslmode=disable", "localhost", "do not agree on encryption.*SSL required"),
    ],
)
def test_a_connection_that_is_not_as_safe_as_was_asked_for_is_refused(
    encrypted: Encrypted, query: str, host: str, words: str
) -> None:
    with pytest.raises(AmericanoError, match=words):
        connect(libpq_url(encrypted.url(query, host)))
