"""PostgreSQL is killed under a night whose runs Dagster records on the same server, as a deployment's nights are."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from pydantic import SecretStr

from americano_assets.core.study_days.study_day import cutoff
from americano_assets.definitions import build_defs
from americano_assets.errors import AmericanoError
from americano_assets.orchestration import retrying_storage
from americano_assets.orchestration.local_runner import Runner
from americano_assets.resources.postgres.embedded.server import DAGSTER_DATABASE, EmbeddedServer
from americano_assets.stages.common import metadata
from americano_assets.stages.s1_snapshots import assets as snapshots
from americano_assets.stages.s1_snapshots import snapshots as snapshotting
from americano_assets.stages.s3_training import assets as training
from americano_assets_tests.end_to_end.faults.conftest import Left, School
from americano_assets_tests.end_to_end.faults.driver import FIRST, NOWHERE
from americano_assets_tests.end_to_end.faults.test_stopped_server import again, on_fragile
from americano_assets_tests.world import ClockedDeployment, study_day, world_settings

pytestmark = pytest.mark.long
__all__ = ["on_fragile"]

DAY = study_day(FIRST)
AWAY_SECONDS = 2


@pytest.fixture
def runner(on_fragile: School, fragile: EmbeddedServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Any]]:
    """The night, as the command line runs it."""
    for name in ("DAGSTER_HOME", "AMERICANO_DAGSTER_URL"):
        monkeypatch.setenv(name, "")
    settings = world_settings(
        on_fragile.url,
        on_fragile.home,
        model_type="rule_based",
        mlflow_tracking_uri=SecretStr(NOWHERE),
        americano_dagster_url=SecretStr(fragile.url(DAGSTER_DATABASE)),
    )

    def night() -> None:
        clock = cutoff(DAY, settings.zone) + timedelta(minutes=10)
        with Runner(settings, build_defs, ClockedDeployment(settings, clock)) as made:
            made.night(DAY, "nightly", lambda _: None)

    yield night
    fragile.ensure()
    with psycopg.connect(fragile.url("postgres"), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {DAGSTER_DATABASE} WITH (FORCE)".encode())
        connection.execute(f"CREATE DATABASE {DAGSTER_DATABASE}".encode())


def kill(server: EmbeddedServer) -> None:
    os.kill(int((server.data / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)


def killed_once(server: EmbeddedServer, function: Callable[..., Any], killed: list[str], *, comes_back: bool) -> Any:
    """The function, in whose first call the server is killed."""

    def call(*arguments: Any, **options: Any) -> Any:
        result = function(*arguments, **options)
        if function.__name__ not in killed:
            killed.append(function.__name__)
            kill(server)
            if comes_back:
                threading.Timer(AWAY_SECONDS, server.ensure).start()
        return result

    return call


def test_a_server_that_comes_back_costs_the_night_nothing(
    runner: Callable[[], Any],
    on_fragile: School,
    undisturbed: Left,
    fragile: EmbeddedServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    killed: list[str] = []
    monkeypatch.setattr(metadata, "RETRY_SECONDS", (1, 4, 10))
    monkeypatch.setattr(retrying_storage, "_WAITS", (0, 1, 4, 10))
    for module, name in ((snapshots, "snapshot_log"), (training, "store_training_set")):
        wrapped = killed_once(fragile, getattr(module, name), killed, comes_back=True)
        monkeypatch.setattr(module, name, wrapped)
    runner()
    assert killed == ["snapshot_log", "store_training_set"]
    assert again(on_fragile).left() == undisturbed


def test_one_that_stays_away_ends_it_in_one_sentence_and_the_next_night_heals(
    runner: Callable[[], Any],
    on_fragile: School,
    undisturbed: Left,
    fragile: EmbeddedServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(metadata, "RETRY_SECONDS", (0, 0, 0))
    monkeypatch.setattr(retrying_storage, "_WAITS", (0, 0, 0))
    with monkeypatch.context() as patch:
        lost = killed_once(fragile, snapshotting.snapshot_state, [], comes_back=False)
        patch.setattr(snapshots, "snapshot_state", lost)
        with pytest.raises(AmericanoError, match=r"^[^\n]*Dagster's database went away[^\n]*run it again[^\n]*$"):
            runner()
    fragile.ensure()
    runner()
    assert again(on_fragile).left() == undisturbed
