"""PostgreSQL goes away in the middle of a night: tried again a few times, later each time, and nothing is half done."""

import select
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from americano_assets.errors import AmericanoError
from americano_assets.orchestration.run_failures import why_failed
from americano_assets.resources.parquet_store.atomic_files import held_alone, held_together
from americano_assets.stages.common import metadata
from americano_assets.stages.common.deployment import Deployment
from americano_assets.stages.maintenance.prune import prune
from americano_assets.stages.s6_publication import assets as publication
from americano_assets.stages.s6_publication import episode_ledger, transaction
from americano_assets_tests.end_to_end.faults.conftest import Left, School
from americano_assets_tests.end_to_end.faults.driver import FIRST
from americano_assets_tests.world import at


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "RETRY_SECONDS", (0, 0, 0))


def lose_while_publishing(school: School, monkeypatch: pytest.MonkeyPatch, times: int) -> list[str]:
    """Have the server end the session of a publication that has written its rows, that many times."""
    real, lost = episode_ledger.record_day, list[str]()

    def record_day(connection: psycopg.Connection[object], *arguments: object, **options: object) -> None:
        if len(lost) < times:
            lost.append("lost")
            school.world.execute("SELECT pg_terminate_backend(%s)", connection.info.backend_pid)
        real(connection, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(transaction, "record_day", record_day)
    return lost


def test_a_publication_whose_database_comes_back_is_tried_again_and_doubles_nothing(
    school: School, undisturbed: Left, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = lose_while_publishing(school, monkeypatch, times=2)
    assert school.night().success
    assert len(lost) == 2
    assert school.left() == undisturbed


def test_tries_are_bounded_and_the_message_says_what_happened(
    school: School, undisturbed: Left, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = lose_while_publishing(school, monkeypatch, times=100)
    result = school.night(raise_on_error=False)
    assert not result.success
    assert len(lost) == 1 + len(metadata.RETRY_SECONDS)
    assert why_failed(result.all_events).startswith("step publish failed: The database went away during the work")
    assert school.left()["struggle_predictions"] == school.left()["study_days"] == []
    monkeypatch.undo()
    assert school.night().success
    assert school.left() == undisturbed


def test_nobody_takes_files_away_from_a_step_at_work(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = []

    def meanwhile(deployment: Deployment, *_: object) -> None:
        try:
            prune(deployment, 30)
        except AmericanoError as error:
            refused.append(str(error))

    monkeypatch.setattr(publication, "publish", meanwhile)
    school.night(raise_on_error=False)
    assert len(refused) == 1
    assert "or a step of a night, is at work in" in refused[0]
    with held_alone(school.home / "data"):
        pass  # It is over with the step.


def test_a_step_waits_for_whoever_takes_files_away(tmp_path: Path) -> None:
    order, begun = [], threading.Event()

    def step() -> None:
        begun.set()
        with held_together(tmp_path):
            order.append("step")

    thread = threading.Thread(target=step)
    with held_alone(tmp_path):
        thread.start()
        begun.wait()
        order.append("forget")
    thread.join()
    assert order == ["forget", "step"]


def test_what_is_wrong_for_good_is_not_tried_again(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    tries = []

    def defect(*_: object) -> None:
        tries.append(1)
        raise ValueError("a defect")

    monkeypatch.setattr(publication, "publish", defect)
    assert not school.night(raise_on_error=False).success
    assert len(tries) == 1


def test_a_connection_cut_while_a_table_streams_is_opened_again(school: School, undisturbed: Left) -> None:
    school.world.execute(
        'INSERT INTO behavioral_events (id, "userId", "eventType", "eventData", timestamp) '
        "SELECT 'viewed-' || n, (SELECT min(id) FROM users), 'GRAPH_VIEWED', '{}', %s FROM generate_series(1, 9000) n",
        at(f"{FIRST} 23:30"),
    )
    with cut_once(school.url, after=400_000) as (url, cuts):
        assert School(url, school.home, school.world).night().success
    assert cuts == ["cut"]
    assert school.left() == undisturbed


@contextmanager
def cut_once(url: str, after: int) -> Iterator[tuple[str, list[str]]]:
    """A way to the database that breaks the first connection which has brought so many bytes back."""
    given = psycopg.conninfo.conninfo_to_dict(url)
    socket_path, cuts = f"{given['host']}/.s.PGSQL.{given.get('port', 5432)}", list[str]()

    class Through(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.socket(socket.AF_UNIX) as server:
                server.connect(socket_path)
                back = 0
                while True:
                    ready, _, _ = select.select([self.request, server], [], [])
                    for one in ready:
                        data = one.recv(65536)
                        back += len(data) if one is server else 0
                        if not data:
                            return
                        if back > after and not cuts:
                            cuts.append("cut")
                            return
                        (self.request if one is server else server).sendall(data)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Through) as proxy:
        proxy.daemon_threads = True
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        through = given | {"host": "127.0.0.1", "port": proxy.server_address[1]}
        user, name = through["user"], through["dbname"]
        yield f"postgresql://{user}@127.0.0.1:{through['port']}/{name}", cuts
        proxy.shutdown()
