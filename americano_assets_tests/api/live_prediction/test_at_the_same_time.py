"""Several writers at once, in real threads: calls for one learner, a publication, somebody who applies advice."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, timedelta

import psutil
import psycopg
import pytest

from americano_assets.api.database import PoolLimits
from americano_assets.api.live_prediction import Generator
from americano_assets.stages.s6_publication.publish_day import publish
from americano_assets.stages.s6_publication.transaction import PREDICTIONS, RECOMMENDATIONS
from americano_assets_tests.api.live_prediction.conftest import FIRST, FIRST_CUTOFF, MORNING, School
from americano_assets_tests.api.serving import serving
from americano_assets_tests.world import ClockedDeployment, published_rows, study_day, world_settings

PUBLICATION = "SELECT pg_advisory_xact_lock(hashtext('americano.publication'))"


@contextmanager
def at_once(*jobs: Callable[[], object]) -> Iterator[list[BaseException]]:
    """Each in a thread of its own; what they raised is there once the block is left."""
    raised: list[BaseException] = []

    def run(job: Callable[[], object]) -> None:
        try:
            job()
        except BaseException as error:
            raised.append(error)

    threads = [threading.Thread(target=run, args=[job]) for job in jobs]
    for thread in threads:
        thread.start()
    yield raised
    for thread in threads:
        thread.join()


def until(school: School, statement: str) -> None:
    """Ask until a row comes; each question is a look at what the server is doing, not a wait for luck."""
    while not school.world.rows(statement):
        threading.Event().wait(0.01)


WAITING = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


def test_calls_for_one_learner_and_a_publication_come_to_what_they_come_to_one_by_one(school: School) -> None:
    settings = world_settings(school.url, school.home, **school.values)
    generator = Generator(settings, school.url, statement_seconds=30, lock_seconds=30)
    night = ClockedDeployment(settings, FIRST_CUTOFF.replace(tzinfo=UTC) + timedelta(minutes=10))
    moments = [MORNING.replace(tzinfo=UTC) + timedelta(seconds=number) for number in range(3)]
    jobs: list[Callable[[], object]] = [
        *(lambda now=now, who=who: generator.generate(who, now, 7) for now in moments for who in ("asking", "quiet")),
        *(lambda: publish(night, study_day(FIRST), "nightly") for _ in range(2)),
    ]
    with at_once(*jobs) as raised:
        pass
    assert raised == []
    rows = published_rows(school.world)
    alerts = school.world.rows("SELECT to_jsonb(t)::text FROM ml.alerts t ORDER BY 1")
    assert school.world.rows(f'SELECT DISTINCT "predictedAt" FROM {PREDICTIONS} WHERE "userId" = %s', "asking") == [
        (MORNING + timedelta(seconds=2),)
    ]
    for who in ("asking", "quiet"):
        generator.generate(who, moments[-1], 7)
    publish(night, study_day(FIRST), "nightly")
    assert published_rows(school.world) == rows
    assert school.world.rows("SELECT to_jsonb(t)::text FROM ml.alerts t ORDER BY 1") == alerts


def test_learners_do_not_wait_for_each_other(school: School) -> None:
    with psycopg.connect(school.url) as other, school.serving() as service:
        other.execute("SELECT pg_advisory_xact_lock_shared(hashtext('americano.publication'))")
        other.execute("SELECT pg_advisory_xact_lock(hashtext('americano.learner'), hashtext('quiet'))")
        assert service.post("/predictions/generate", 201, user_id="asking")["predictions"]


def test_who_waits_too_long_for_a_night_is_told_to_come_back(school: School) -> None:
    settings = world_settings(school.url, school.home, **school.values)
    with psycopg.connect(school.url) as night, serving(settings, PoolLimits(acquire_seconds=0.2)) as service:
        service.now = MORNING
        night.execute(PUBLICATION)
        answer = service.ask("/predictions/generate", method="POST", json={"user_id": "asking"})
        assert (answer.status_code, answer.json()["code"]) == (503, "database_busy")
        assert answer.headers["retry-after"] == "5"
        night.rollback()
        assert service.post("/predictions/generate", 201, user_id="asking")["predictions"]


def test_applying_takes_its_locks_in_the_order_of_a_publication(school: School) -> None:
    ((advised, prediction),) = school.world.rows(
        f'SELECT "id", "predictionId" FROM {RECOMMENDATIONS} WHERE "userId" = %s LIMIT 1', "asking"
    )
    with psycopg.connect(school.url) as publication, school.serving() as service:
        publication.execute(f'SELECT FROM {PREDICTIONS} WHERE "id" = %s FOR UPDATE', [prediction])
        with at_once(lambda: service.post(f"/interventions/{advised}/apply")) as raised:
            until(school, WAITING)
            try:
                publication.execute(f'SELECT FROM {RECOMMENDATIONS} WHERE "id" = %s FOR UPDATE NOWAIT', [advised])
            except psycopg.errors.LockNotAvailable:
                pytest.fail("the recommendation is locked already: each would wait for the other")
            finally:
                publication.rollback()
    assert raised == []
    assert school.world.rows(f'SELECT "status"::text FROM {RECOMMENDATIONS} WHERE "id" = %s', advised) == [
        ("IN_PROGRESS",)
    ]


def test_a_database_that_freezes_while_predictions_are_made_is_told_as_such(school: School) -> None:
    settings = world_settings(school.url, school.home, **school.values, americano_generate_per_minute=600)
    limits = PoolLimits(acquire_seconds=60, statement_seconds=60, request_seconds=5)
    asked_for = {"user_id": "asking", "days_ahead": 7}
    waiting = "SELECT DISTINCT pid FROM pg_locks WHERE NOT granted"
    with serving(settings, limits) as service, ThreadPoolExecutor(1) as thread:
        service.now = MORNING
        while service.ask("/predictions/generate", method="POST", json=asked_for).status_code != 201:
            pass  # The first call of a process imports and compiles.
        with school.world.connection.transaction():
            school.world.execute(f"LOCK TABLE {PREDICTIONS} IN ACCESS EXCLUSIVE MODE")
            asked = thread.submit(service.ask, "/predictions/generate", method="POST", json=asked_for)
            while not (found := school.world.rows(waiting)):
                assert not asked.done()
            backend = psutil.Process(found[0][0])
            backend.suspend()
            try:
                answer = asked.result()
            finally:
                backend.resume()
            assert (answer.status_code, answer.json()["code"]) == (503, "database_slow")
        assert service.post("/predictions/generate", 201, **asked_for)["predictions"]
