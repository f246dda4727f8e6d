"""The session through which a thread publishes is kept, and nothing that happens to it or around it fails a call."""

from datetime import UTC, timedelta
from typing import Any

import psycopg
import pytest

from americano_assets.api.live_prediction import Generator
from americano_assets.resources.postgres.staging import Staging
from americano_assets.stages.s6_publication import alerts, transaction
from americano_assets.stages.s6_publication.transaction import PREDICTIONS
from americano_assets_tests.api.live_prediction.conftest import MORNING, School
from americano_assets_tests.api.rows import WRITTEN
from americano_assets_tests.world import published_rows, world_settings

NOW = MORNING.replace(tzinfo=UTC)
# From so many calls on the driver has prepared each statement, and the server has settled on its plan.
PLANNED = 12


def generator_of(school: School) -> Generator:
    return Generator(
        world_settings(school.url, school.home, **school.values), school.url, statement_seconds=30, lock_seconds=30
    )


def test_a_thread_publishes_through_one_session_and_a_lost_one_costs_a_call_nothing(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = generator_of(school)
    sessions, lose = list[int](), list[bool]()

    def write_actions(staging: Staging, *arguments: Any) -> None:
        sessions.append(staging.connection.info.backend_pid)
        if lose.pop():
            school.world.execute("SELECT pg_terminate_backend(%s)", sessions[-1])
        alerts.write_actions(staging, *arguments)

    monkeypatch.setattr(transaction, "write_actions", write_actions)
    before = published_rows(school.world)
    lose[:] = [True]  # a session that was just begun is not tried again: the database is away
    with pytest.raises(psycopg.OperationalError):
        generator.generate("asking", NOW, 7)
    assert published_rows(school.world) == before
    lose[:] = [False, False]
    first, again = (generator.generate("asking", NOW, 7) for _ in range(2))
    assert first == again
    after = published_rows(school.world)
    lose[:] = [False, True]
    assert generator.generate("asking", NOW, 7) == first
    assert published_rows(school.world) == after
    assert [sessions.index(one) for one in sessions] == [0, 1, 1, 1, 4]


@pytest.mark.parametrize(
    ("troubles", "told"),
    [
        (["deadlock", "deadlock"], None),
        (["deadlock"] * 3, psycopg.errors.DeadlockDetected),
        (["deadlock", "deadlock", "loss"], psycopg.OperationalError),
    ],
)
def test_a_publication_is_tried_three_times_and_the_last_says_what_was_wrong(
    school: School, monkeypatch: pytest.MonkeyPatch, troubles: list[str], told: type[Exception] | None
) -> None:
    generator = generator_of(school)
    first = generator.generate("asking", NOW, 7)
    left = list(troubles)

    def write_actions(staging: Staging, *arguments: Any) -> None:
        trouble = left.pop(0) if left else None
        if trouble == "deadlock":  # as the server reports one
            staging.connection.execute("DO $$ BEGIN RAISE deadlock_detected; END $$")
        if trouble == "loss":
            school.world.execute("SELECT pg_terminate_backend(%s)", staging.connection.info.backend_pid)
        alerts.write_actions(staging, *arguments)

    monkeypatch.setattr(transaction, "write_actions", write_actions)
    if told is None:
        assert generator.generate("asking", NOW, 7) == first
    else:
        with pytest.raises(told):
            generator.generate("asking", NOW, 7)
    assert left == []
    assert generator.generate("asking", NOW, 7) == first


def test_plans_that_are_kept_outlive_a_migration_of_the_app(school: School) -> None:
    generator = generator_of(school)

    def asked(seconds: int) -> None:
        (made,) = generator.generate("asking", NOW + timedelta(seconds=seconds), 7).published
        assert school.world.rows(f'SELECT "predictedAt" FROM {PREDICTIONS} WHERE "id" = %s', made) == [
            (MORNING + timedelta(seconds=seconds),)
        ]

    for seconds in range(PLANNED):
        asked(seconds)
    for table in WRITTEN:
        school.world.execute(f"ALTER TABLE {table} ADD COLUMN note text DEFAULT 'as it was'")
    asked(PLANNED)
    for table, columns in WRITTEN.items():
        for column in columns:
            school.world.execute(f'ALTER TABLE {table} ALTER "{column}" DROP DEFAULT')
            school.world.execute(f'ALTER TABLE {table} ALTER "{column}" TYPE text USING "{column}"::text')
    asked(PLANNED + 1)
    for table in WRITTEN:
        school.world.execute(f"ALTER TABLE {table} DROP COLUMN note")
    asked(PLANNED + 2)
    school.world.execute(f'DELETE FROM {PREDICTIONS} WHERE "userId" <> %s', "asking")
    school.world.execute("VACUUM FULL ANALYZE")
    asked(PLANNED + 3)
