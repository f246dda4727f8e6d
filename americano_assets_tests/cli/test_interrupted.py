"""Whoever interrupts `americano test` has no server left."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from americano_assets.installation import PROJECT_ROOT


def _on(data: str) -> list[int]:
    return [
        process.pid for process in psutil.process_iter(["cmdline"]) if data and data in (process.info["cmdline"] or [])
    ]


@pytest.mark.long
@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_no_server_behind(tmp_path: Path, ending: signal.Signals) -> None:
    at = tmp_path / "held up"
    command = [sys.executable, "-P", "-m", "americano_assets", "test", "americano_assets_tests/cli/held_up.py"]
    process = subprocess.Popen(
        command,
        env=os.environ | {"PYTHONPATH": str(PROJECT_ROOT), "HELD_UP_AT": str(at)},
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    data = ""
    while not data and process.poll() is None:
        time.sleep(0.1)
        data = at.read_text() if at.exists() else ""
    try:
        assert _on(data), "it is there to be left behind"
        process.send_signal(ending)  # To the run alone: its workers, and what they started, hear nothing of it.
        process.wait(timeout=60)
        assert _on(data) == []
    finally:
        process.kill()
        for left in _on(data):
            os.kill(left, signal.SIGQUIT)
