"""Several servers run as one: every way to end leaves no process behind."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from americano_assets.cli.process_group import Service, require_free_ports, run_together
from americano_assets.errors import AmericanoError
from americano_assets.installation import PROJECT_ROOT

# A server with a child in a session of its own; both leave their number in a folder of the test's.
SERVER = """
import os, pathlib, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
folder = pathlib.Path(sys.argv[1])
(folder / f"{child.pid}.pid").touch()
(folder / f"{os.getpid()}.pid").touch()
time.sleep(600)
"""

# As servers do: whoever asks it to end ends what it started.
ENDING_ITS_CHILD = SERVER.replace(
    "\nchild =",
    "\nimport signal\nsignal.signal(signal.SIGTERM, lambda *_: (child.kill(), child.wait(), sys.exit()))\nchild =",
)

RUNNER = """
import sys
from americano_assets.cli.process_group import Service, run_together
code, folder = sys.argv[1:]
run_together([Service(str(n), (sys.executable, "-c", code, folder), 1, "X", {}) for n in range(2)])
print("ended")
"""


def pids_in(folder: Path) -> list[int]:
    return [int(path.stem) for path in folder.glob("*.pid")]


def living_in(folder: Path) -> list[psutil.Process]:
    living = []
    for pid in pids_in(folder):
        with contextlib.suppress(psutil.NoSuchProcess):  # It may end between two looks.
            living.append(psutil.Process(pid))
    return living


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_every_descendant_also_where_sigint_was_ignored(ending: signal.Signals, tmp_path: Path) -> None:
    runner = subprocess.Popen(
        [sys.executable, "-c", RUNNER, SERVER, str(tmp_path)],
        env=os.environ | {"PYTHONPATH": str(PROJECT_ROOT)},
        stdout=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),  # As a shell does for `command &`.
    )
    while len(pids_in(tmp_path)) < 4:
        assert runner.poll() is None
    runner.send_signal(ending)
    output, _ = runner.communicate(timeout=60)
    told = "Ending all of them. What was still starting says that it was interrupted."
    assert (runner.returncode, output.decode().splitlines()) == (0, [told, "ended"])
    assert not [pid for pid in pids_in(tmp_path) if psutil.pid_exists(pid)]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells children of a parent's death")
def test_servers_end_where_what_runs_them_is_killed(tmp_path: Path) -> None:
    runner = subprocess.Popen(
        [sys.executable, "-c", RUNNER, ENDING_ITS_CHILD, str(tmp_path)],
        env=os.environ | {"PYTHONPATH": str(PROJECT_ROOT)},
    )
    while len(pids_in(tmp_path)) < 4:
        assert runner.poll() is None
    runner.kill()
    runner.wait()
    _, alive = psutil.wait_procs(living_in(tmp_path), 60)
    assert alive == []


def test_one_that_dies_ends_the_rest_and_is_named(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGINT)
    lives = Service("Living", (sys.executable, "-c", SERVER, str(tmp_path)), 1, "X", {})
    wait_then_die = f"import os\nwhile len(os.listdir({str(tmp_path)!r})) < 2: pass\nraise SystemExit(3)"
    dies = Service("Mortal", (sys.executable, "-c", wait_then_die), 2, "Y", {})
    with pytest.raises(AmericanoError, match=r"Mortal ended by itself \(exit code 3\)"):
        run_together([lives, dies])
    assert len(pids_in(tmp_path)) == 2
    assert not [pid for pid in pids_in(tmp_path) if psutil.pid_exists(pid)]
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0"])
def test_a_port_in_use_is_named_with_its_setting(address: str) -> None:
    with socket.socket() as taken:
        taken.bind((address, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(AmericanoError, match=rf"Port {port} for API .* set PORT"):
            require_free_ports([Service("API", (), port, "PORT", {})])
    require_free_ports([Service("API", (), port, "PORT", {})])


def test_two_services_on_one_port_are_refused() -> None:
    services = [Service("Dagster", (), 45_000, "A", {}), Service("API", (), 45_000, "PORT", {})]
    with pytest.raises(AmericanoError, match="Dagster and API are both set to port 45000: change PORT"):
        require_free_ports(services)
