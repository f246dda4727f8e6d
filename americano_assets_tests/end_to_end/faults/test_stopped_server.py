"""PostgreSQL is stopped for real, and started again: under a night, and under the HTTP service."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, SupportsIndex

import psycopg
import pytest

from americano_assets.orchestration.run_failures import why_failed
from americano_assets.resources.postgres.connection import bootstrap, connect
from americano_assets.resources.postgres.embedded.server import EmbeddedServer
from americano_assets.resources.postgres.migrate import migrate
from americano_assets.stages.common import metadata
from americano_assets.stages.s1_snapshots import assets as snapshots
from americano_assets.stages.s3_training import assets as training
from americano_assets.stages.s4_predictions import assets as predictions
from americano_assets.stages.s6_publication import assets as publication
from americano_assets.stages.s6_publication import transaction
from americano_assets.stages.s6_publication.publish_day import publish
from americano_assets.stages.s7_outcomes import assets as outcomes
from americano_assets.stages.s8_reduction import assets as reduction
from americano_assets_tests.api.serving import serving, settings_for
from americano_assets_tests.end_to_end.faults.conftest import Left, School
from americano_assets_tests.end_to_end.faults.driver import start
from americano_assets_tests.world import World

pytestmark = pytest.mark.long

# A function that a step of the night calls, and the step.
STAGES: dict[str, tuple[Any, str]] = {
    "night_log": (snapshots, "snapshot_log"),
    "training_set": (training, "store_training_set"),
    "scored_predictions_publishable": (predictions, "problems_of_day"),
    "publish": (transaction, "record_day"),
    "ml__episodes": (outcomes, "record_outcomes"),
    "ml__struggle_reduction": (reduction, "measure_reduction"),
}
WORD: dict[str, Any] = {"user_id": "stuck", "actual_struggle": True, "feedback_type": "HELPFUL"}


@pytest.fixture
def on_fragile(fragile: EmbeddedServer, tmp_path: Path) -> Iterator[School]:
    """The school of the other faults, on the server that may be stopped."""
    url = fragile.url("school")
    with psycopg.connect(fragile.url("postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE school")
    with connect(url, autocommit=True) as connection:
        bootstrap(connection)
        migrate(connection)
        start(url, World(connection), tmp_path)
        yield School(url, tmp_path, World(connection))
    fragile.ensure()
    with psycopg.connect(fragile.url("postgres"), autocommit=True) as connection:
        connection.execute("DROP DATABASE school WITH (FORCE)")


def again(school: School) -> School:
    """The school through a new connection: the old one is gone with the server."""
    school.world.connection.close()
    return School(school.url, school.home, World(connect(school.url, autocommit=True)))


class ComesBack(tuple[float, ...]):
    """No waiting between tries; the server is started before the last but one, so that a try finds none."""

    server: EmbeddedServer

    def __getitem__(self, attempt: SupportsIndex | slice) -> Any:
        if attempt == 1:
            self.server.ensure()
        return 0


def stop_once(server: EmbeddedServer, function: Callable[..., Any], stopped: list[str], stage: str) -> Any:
    """The function, before whose first call the server is stopped."""

    def call(*arguments: Any, **options: Any) -> Any:
        if stage not in stopped:
            stopped.append(stage)
            assert server.stop()
        return function(*arguments, **options)

    return call


def test_a_server_that_is_stopped_in_every_stage_and_comes_back_costs_a_night_nothing(
    on_fragile: School, undisturbed: Left, fragile: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = ComesBack((0, 0, 0))
    waits.server = fragile
    monkeypatch.setattr(metadata, "RETRY_SECONDS", waits)
    stopped: list[str] = []
    for stage, (module, name) in STAGES.items():
        monkeypatch.setattr(module, name, stop_once(fragile, getattr(module, name), stopped, stage))
    result = on_fragile.night(raise_on_error=False)
    assert result.success, why_failed(result.all_events)
    assert stopped == [*STAGES]
    tried_again = [event.step_key for event in result.all_events if event.event_type_value == "STEP_RESTARTED"]
    assert set(STAGES) <= set(tried_again)
    assert again(on_fragile).left() == undisturbed


def test_a_server_that_stays_away_ends_the_night_in_words_and_the_next_night_heals(
    on_fragile: School, undisturbed: Left, fragile: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metadata, "RETRY_SECONDS", (0, 0, 0))
    with monkeypatch.context() as patch:
        patch.setattr(publication, "publish", stop_once(fragile, publish, [], "publish"))
        result = on_fragile.night(raise_on_error=False)
    assert not result.success
    assert why_failed(result.all_events).startswith("step publish failed: No PostgreSQL at ")
    fragile.ensure()
    school = again(on_fragile)
    assert school.left()["struggle_predictions"] == []
    assert school.night().success
    assert school.left() == undisturbed


def test_the_service_says_so_and_answers_again_with_the_first_request_after(
    on_fragile: School, fragile: EmbeddedServer, tmp_path: Path
) -> None:
    on_fragile.night()
    ((prediction,),) = on_fragile.world.rows("""SELECT "id" FROM struggle_predictions WHERE "userId" = 'stuck'""")
    feedback = f"/predictions/{prediction}/feedback"
    with serving(settings_for(on_fragile.url, tmp_path)) as service:
        before = service.get("/predictions", user_id="stuck")
        assert before["total_count"] == 1
        fragile.stop()
        for answer in (
            service.ask("/predictions", {"user_id": "stuck"}),
            service.ask(feedback, method="POST", json=WORD),
        ):
            assert (answer.status_code, answer.json()["code"]) == (503, "database_unreachable")
        assert service.ask("/health").status_code == 200
        fragile.ensure()
        assert service.get("/predictions", user_id="stuck") == before
        assert again(on_fragile).world.rows("SELECT count(*) FROM ml.prediction_feedback") == [(0,)]
        service.post(feedback, **WORD)
        assert again(on_fragile).world.rows("SELECT count(*) FROM ml.prediction_feedback") == [(1,)]
