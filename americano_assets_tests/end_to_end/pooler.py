"""A real PgBouncer before the tests' server: a transaction pooler, or the end of an encrypted connection.

The embedded server has no TLS of its own.
"""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest

from americano_assets.resources.postgres.embedded.identity import choose_identity
from americano_assets.resources.postgres.embedded.server import EmbeddedServer
from americano_assets_tests.folders import SHORT

_PROGRAM = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
needs_pooler = pytest.mark.skipif(_PROGRAM is None, reason="pgbouncer is not installed (Debian's package pgbouncer)")


@contextmanager
def pooler(server: EmbeddedServer, settings: Mapping[str, object], files: Mapping[str, bytes]) -> Iterator[int]:
    """PgBouncer's port on 127.0.0.1: whoever comes in is `postgres` on the server.

    Args:
        server: What is behind it.
        settings: Of pgbouncer.ini; FOLDER in a value stands for the folder of the files.
        files: Put beside it, by name.
    """
    assert _PROGRAM is not None
    with TemporaryDirectory(prefix="pooler-", dir=SHORT) as name, socket.socket() as free:
        folder = Path(name)
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        free.close()
        given = {
            "listen_addr": "127.0.0.1",
            "listen_port": port,
            "unix_socket_dir": "",
            "auth_type": "any",
            "max_client_conn": 200,
            **settings,
        }
        lines = [f"{key} = {value}".replace("FOLDER", name) for key, value in given.items()]
        behind = f"* = host={server.folder} port=5432 user=postgres"
        texts = {"pgbouncer.ini": "\n".join(["[databases]", behind, "[pgbouncer]", *lines, ""]).encode(), **files}
        # It refuses root, as PostgreSQL does.
        identity = choose_identity(server.folder, Path(_PROGRAM))
        for text, content in texts.items():
            (folder / text).write_bytes(content)
            (folder / text).chmod(0o600)
            os.chown(folder / text, identity.uid, identity.gid)
        os.chown(folder, identity.uid, identity.gid)
        with (folder / "log").open("w") as log:
            command = identity.command(_PROGRAM, "-q", folder / "pgbouncer.ini")
            process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            _wait_for(port, process, folder / "log")
            yield port
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    while True:
        assert process.poll() is None, log.read_text()
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            time.sleep(0.02)
        else:
            return


def of_sessions(url: str, sessions: int, question: str) -> list[object]:
    """What each of the pooler's server sessions answers: as many transactions are open at once as it has sessions."""
    opened = [psycopg.connect(url) for _ in range(sessions)]
    try:
        pids = {one.execute("SELECT pg_backend_pid()").fetchone() for one in opened}
        assert len(pids) == sessions
        return [one.execute(question.encode()).fetchone() for one in opened]
    finally:
        for one in opened:
            one.close()
