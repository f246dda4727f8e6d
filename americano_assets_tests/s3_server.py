"""A bucket on this machine: moto's S3 server behind a door that lets faults in."""

import re
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

BUCKET = "school"
_KEY = re.compile("<Key>(.*?)</Key>")
_VERSIONING = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"


class S3Server:
    """Moto's server in a thread.

    Attributes:
        address: Where it answers.
        asked: Method and path of each request since it was emptied.
        fault: Given method and path of a request, the status that it is answered with instead; None lets it through.
    """

    def __init__(self) -> None:
        """It answers once this returns."""
        self.asked: list[tuple[str, str]] = []
        self.fault: Callable[[str, str], int | None] | None = None
        self._keeps = False
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True)
        self._server.daemon_threads = True  # type: ignore[attr-defined]
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to reach it."""
        return {
            "AWS_ENDPOINT_URL": self.address,
            "AWS_ALLOW_HTTP": "true",
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "somebody",
            "AWS_SECRET_ACCESS_KEY": "a-key-that-nobody-may-read",
        }

    def empty(self) -> None:
        """Have one bucket, with nothing in it and without versions."""
        self.fault = None
        httpx.post(f"{self.address}/moto-api/reset").raise_for_status()
        httpx.put(f"{self.address}/{BUCKET}").raise_for_status()
        self.asked.clear()

    def keep_versions(self) -> None:
        """Have the bucket keep what is replaced."""
        httpx.put(f"{self.address}/{BUCKET}?versioning", content=_VERSIONING).raise_for_status()

    @contextmanager
    def answering(self, status: int, times: int | None = None, method: str | None = None) -> Iterator[list[str]]:
        """Have requests answered by an error, so many times or as long as it lasts; yields the paths so answered."""
        refused: list[str] = []

        def fault(asked: str, path: str) -> int | None:
            if method not in (None, asked) or (times is not None and len(refused) >= times):
                return None
            refused.append(path)
            return status

        self.fault = fault
        try:
            yield refused
        finally:
            self.fault = None

    @contextmanager
    def deleting_nothing(self) -> Iterator[None]:
        """Refuse each object that is to be deleted as S3 does it: within an answer whose status is 200."""
        self._keeps = True
        try:
            yield
        finally:
            self._keeps = False

    def _answer(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        self.asked.append((method, path))
        if self._keeps and method == "POST" and "delete" in environ["QUERY_STRING"]:
            keys = _KEY.findall(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])).decode())
            refused = (f"<Error><Key>{key}</Key><Code>AccessDenied</Code><Message/></Error>" for key in keys)
            start("200 OK", [("Content-Type", "application/xml")])
            return [f"<DeleteResult>{''.join(refused)}</DeleteResult>".encode()]
        status = None if self.fault is None else self.fault(method, path)
        if status is None:
            found: Iterable[bytes] = self._moto(environ, start)
            return found
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        start(f"{status} Refused", [("Content-Type", "application/xml")])
        return [b"<Error><Code>Refused</Code></Error>"]
