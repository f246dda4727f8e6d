"""The embedded server under the accidents that befall a laptop: crashes, reboots, races, other people's process ids."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import adbc_driver_postgresql.dbapi
import psutil
import psycopg
import pytest
import sqlalchemy

from americano_assets.errors import AmericanoError
from americano_assets.installation import PROJECT_ROOT
from americano_assets.resources.postgres.embedded import identity
from americano_assets.resources.postgres.embedded.processes import has_ended, live_postmaster, live_processes
from americano_assets.resources.postgres.embedded.server import DATABASES, EmbeddedServer
from americano_assets_tests.conftest import without_durability
from americano_assets_tests.folders import SHORT

ENSURE = """
import sys
from pathlib import Path
from americano_assets.resources.postgres.embedded.server import EmbeddedServer
EmbeddedServer(Path(sys.argv[1])).ensure()
"""


@pytest.fixture
def short_home() -> Iterator[Path]:
    home = Path(tempfile.mkdtemp(prefix="am-", dir=SHORT))
    yield home
    EmbeddedServer(home).stop()
    shutil.rmtree(home)


@pytest.fixture(scope="module")
def other() -> Iterator[EmbeddedServer]:
    """A server that tests may mistreat, unlike the session's: in a closed folder whose name needs escaping.

    An earlier attempt to make it was interrupted.
    """
    closed = Path(tempfile.mkdtemp(prefix="am-", dir=SHORT))
    server = EmbeddedServer(closed / 'a "b" %41 ü')
    unfinished = server.folder / "data.new"
    unfinished.mkdir(parents=True)
    (unfinished / "PG_VERSION").write_text("18\n")
    server.ensure()
    without_durability(server)
    yield server
    server.stop()
    shutil.rmtree(closed)


def started_at(server: EmbeddedServer) -> object:
    with psycopg.connect(server.url()) as connection:
        row = connection.execute("SELECT pg_postmaster_start_time()").fetchone()
    assert row is not None
    return row[0]


def in_another_process(code: str, *arguments: str) -> "subprocess.Popen[bytes]":
    environment = os.environ | {"PYTHONPATH": str(PROJECT_ROOT)}
    return subprocess.Popen([sys.executable, "-c", code, *arguments], env=environment, start_new_session=True)


def postmaster(server: EmbeddedServer) -> psutil.Process:
    process = live_postmaster(server.data)
    assert process is not None
    return process


def test_two_processes_that_start_it_at_once_share_one_server(short_home: Path) -> None:
    processes = [in_another_process(ENSURE, str(short_home)) for _ in range(2)]
    assert [process.wait(60) for process in processes] == [0, 0]
    server = EmbeddedServer(short_home)
    with psycopg.connect(server.url("postgres")) as connection:
        names = {row[0] for row in connection.execute("SELECT datname FROM pg_database")}
        assert connection.execute("SHOW fsync").fetchone() == ("on",)
    assert set(DATABASES) <= names
    servers = [process for process in live_processes(server.data) if "-D" in process.cmdline()]
    assert len(servers) == 1


def test_a_running_server_is_left_alone(other: EmbeddedServer) -> None:
    other.ensure()
    before = started_at(other)
    EmbeddedServer(other.folder.parent).ensure()
    assert started_at(other) == before


def test_it_outlives_the_process_group_that_started_it(other: EmbeddedServer) -> None:
    other.stop()
    starter = in_another_process(ENSURE + "import os; os.killpg(0, 9)", str(other.folder.parent))
    assert starter.wait(60) == -signal.SIGKILL
    assert postmaster(other).ppid() != starter.pid
    started_at(other)


def test_a_killed_server_is_started_again_with_what_was_committed(other: EmbeddedServer) -> None:
    other.ensure()
    with psycopg.connect(other.url()) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept AS SELECT 42 AS answer")
    process = postmaster(other)
    process.kill()
    assert has_ended(process, 10)
    other.ensure()
    with psycopg.connect(other.url()) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchall() == [(42,)]


@pytest.mark.parametrize("owner", ["this test", "another server", "nobody"])
def test_a_pid_file_whose_number_is_somebody_elses_is_not_believed(
    other: EmbeddedServer, server: EmbeddedServer, owner: str
) -> None:
    other.ensure()
    pid_file, socket_lock = other.data / "postmaster.pid", other.folder / ".s.PGSQL.5432.lock"
    lines, socket_lines = pid_file.read_text().splitlines()[1:], socket_lock.read_text().splitlines()[1:]
    other.stop()
    pid = {"this test": os.getpid(), "another server": postmaster(server).pid, "nobody": 4_194_303}[owner]
    pid_file.write_text("\n".join([str(pid), *lines]) + "\n")
    socket_lock.write_text("\n".join([str(pid), *socket_lines]) + "\n")
    assert live_postmaster(other.data) is None
    other.ensure()
    assert postmaster(other).pid != pid
    assert psutil.pid_exists(os.getpid())
    started_at(server)


@pytest.mark.parametrize("content", ["", "12", "not a number\n"])
def test_a_damaged_pid_file_is_cleared(other: EmbeddedServer, content: str) -> None:
    other.stop()
    (other.data / "postmaster.pid").write_text(content)
    (other.folder / ".s.PGSQL.5432.lock").write_text(content)
    other.ensure()
    started_at(other)


def test_a_running_server_is_found_without_its_pid_file(other: EmbeddedServer) -> None:
    other.ensure()
    before = postmaster(other).pid
    content = (other.data / "postmaster.pid").read_text()
    (other.data / "postmaster.pid").write_text("")
    assert postmaster(other).pid == before
    (other.data / "postmaster.pid").write_text(content)


def test_an_interrupted_initialisation_was_begun_anew(other: EmbeddedServer) -> None:
    other.ensure()
    started_at(other)
    assert not (other.folder / "data.new").exists()


def test_stop_says_whether_it_was_running(other: EmbeddedServer, tmp_path: Path) -> None:
    other.ensure()
    assert other.stop()
    assert not other.stop()
    unused = Path("/tmp") / f"am-unused-{os.getpid()}"
    assert not EmbeddedServer(unused).stop()
    assert not unused.exists()


def test_nobody_else_can_enter_and_no_parent_is_opened(other: EmbeddedServer) -> None:
    other.ensure()
    assert other.folder.stat().st_mode & 0o777 == 0o700
    assert other.data.stat().st_mode & 0o777 == 0o700
    assert other.folder.parent.parent.stat().st_mode & 0o777 == 0o700
    with psycopg.connect(other.url()) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
        assert connection.execute("SHOW TimeZone").fetchone() == ("UTC",)


def test_sqlalchemy_and_adbc_take_the_url_whatever_port_the_caller_is_used_to(
    other: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPORT", "5599")
    other.ensure()
    with sqlalchemy.create_engine(other.url()).connect() as connection:
        assert connection.exec_driver_sql("SELECT 1").scalar() == 1
    with adbc_driver_postgresql.dbapi.connect(other.url()) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        assert cursor.fetchall() == [(1,)]


def test_a_path_too_long_for_a_socket_is_refused() -> None:
    longest = "/" + "x" * (107 - len("//postgres/.s.PGSQL.5432"))
    EmbeddedServer(Path(longest))
    with pytest.raises(AmericanoError, match="1 bytes too long"):
        EmbeddedServer(Path(longest + "x"))
    with pytest.raises(AmericanoError, match="comma"):
        EmbeddedServer(Path("/a,b"))


def test_a_home_that_cannot_be_made_is_one_sentence(short_home: Path) -> None:
    (short_home / "file").write_text("")
    with pytest.raises(AmericanoError, match=r"The home .* cannot be written .*AMERICANO_HOME"):
        EmbeddedServer(short_home / "file" / "home").ensure()


def test_the_data_of_another_version_is_left_as_it_is(short_home: Path) -> None:
    data = short_home / "postgres" / "data"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("16\n")
    with pytest.raises(AmericanoError, match="made by PostgreSQL 16"):
        EmbeddedServer(short_home).ensure()
    assert [path.name for path in data.iterdir()] == ["PG_VERSION"]


def test_a_server_that_somebody_else_keeps_under_the_same_name_is_not_stopped(other: EmbeddedServer) -> None:
    other.ensure()
    lock = other.folder / "lock"
    lock.unlink()
    try:
        assert not other.stop()
        other.ensure()
        with psycopg.connect(other.url("postgres")) as connection:
            assert connection.execute("SELECT pg_is_in_recovery()").fetchone() == (False,)
    finally:
        lock.touch(mode=0o600)


def test_a_server_that_cannot_start_says_why(other: EmbeddedServer) -> None:
    other.stop()
    configuration = other.data / "postgresql.conf"
    before = configuration.read_text()
    configuration.write_text(before + "\nno_such_setting = on\n")
    try:
        with pytest.raises(AmericanoError, match=r"did not start: .*errors"):
            other.ensure()
    finally:
        configuration.write_text(before)


def test_its_log_says_what_went_wrong_and_of_whom_not(other: EmbeddedServer) -> None:
    other.ensure()
    with psycopg.connect(other.url(), autocommit=True) as connection:
        connection.execute("CREATE TEMPORARY TABLE people (id text PRIMARY KEY)")
        connection.execute("INSERT INTO people VALUES ('who-1')")
        for statement, values in (("INSERT INTO people VALUES ('who-1')", []), ("SELECT %s::text, 1 / 0", ["who-1"])):
            with pytest.raises(psycopg.Error):
                connection.execute(statement.encode(), values)
    logged = other.log.read_text()
    assert 'duplicate key value violates unique constraint "people_pkey"' in logged
    assert "division by zero" in logged
    assert "who-1" not in logged


@pytest.mark.parametrize(("mode", "works"), [(0o755, True), (0o700, False)])
def test_root_without_user_namespaces_becomes_someone_who_can_reach_the_home(
    short_home: Path, monkeypatch: pytest.MonkeyPatch, mode: int, works: bool
) -> None:
    real = identity.Identity.obstacle

    def forbidden(self: identity.Identity, *paths: Path) -> str | None:
        return "Operation not permitted" if "--namespace" in self.options else real(self, *paths)

    monkeypatch.setattr(identity.Identity, "obstacle", forbidden)
    short_home.chmod(mode)
    server = EmbeddedServer(short_home)
    if works or os.geteuid() != 0:
        server.ensure()
        assert server.data.stat().st_uid != 0
    else:
        with pytest.raises(AmericanoError, match=f"cannot enter {short_home}, and user namespaces"):
            server.ensure()
    assert short_home.stat().st_mode & 0o777 == mode
