"""Raw connections to a server, for what no well-behaved client sends."""

import json
import socket
from collections.abc import Iterable
from typing import Any

GET = b"GET /health HTTP/1.1\r\nHost: localhost\r\n"
POST = b"POST /predictions/p1/feedback HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
PATIENCE = 60  # for a machine that is busy; nothing is read off it


class Client:
    """One connection to 127.0.0.1."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)

    def send(self, *pieces: bytes) -> "Client":
        """Send all pieces, as far as the server takes them."""
        return self.send_all(pieces)

    def send_all(self, pieces: Iterable[bytes]) -> "Client":
        """As `send`; stops at the first piece after the server has closed."""
        try:
            for piece in pieces:
                self._socket.sendall(piece)
        except ConnectionError:
            pass
        return self

    def rest(self) -> bytes:
        """Everything until the server ends the connection."""
        found = b""
        try:
            while piece := self._socket.recv(65_536):
                found += piece
        except ConnectionError:
            pass
        return found

    def close(self) -> None:
        """End it."""
        self._socket.close()


def statuses(answers: bytes) -> list[int]:
    """The statuses of the answers in what a connection gave."""
    return [int(part[:3]) for part in answers.split(b"HTTP/1.1 ")[1:]]


def problem(answers: bytes) -> dict[str, Any]:
    """The problem document of the last answer."""
    found: dict[str, Any] = json.loads(answers.rpartition(b"\r\n\r\n")[2])
    return found
