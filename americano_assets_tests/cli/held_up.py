"""A run of tests that somebody interrupts: it starts a server, says so, and waits. `test_interrupted.py` runs it."""

import os
import threading
from pathlib import Path

from americano_assets.resources.postgres.embedded.server import EmbeddedServer


def test_it_waits_with_a_server(server: EmbeddedServer) -> None:
    Path(os.environ["HELD_UP_AT"]).write_text(str(server.data))
    threading.Event().wait()
