"""What the publication of one learner's predictions outlives, and what is told where it cannot."""

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


def generator_of(school: School) -> Generator:
    return Generator(
        world_settings(school.url, school.home, **school.values), school.url, statement_seconds=30, lock_seconds=30
    )


@pytest.mark.parametrize(
    ("troubles", "told"),
    [
        (["deadlock", "deadlock"], None),
        (["deadlock"] * 3, psycopg.errors.DeadlockDetected),
        (["deadlock", "deadlock", "loss"], psycopg.OperationalError),
        (["loss"], psycopg.OperationalError),  # the database is away: the caller asks again
    ],
)
def test_a_publication_is_tried_three_times_and_the_last_says_what_was_wrong(
    school: School, monkeypatch: pytest.MonkeyPatch, troubles: list[str], told: type[Exception] | None
) -> None:
    generator = generator_of(school)
    first = generator.generate("asking", NOW, 7)
    before = published_rows(school.world)
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
    assert published_rows(school.world) == before
    assert generator.generate("asking", NOW, 7) == first


def test_publishing_goes_on_after_a_migration_of_the_app(school: School) -> None:
    generator = generator_of(school)

    def asked(seconds: int) -> None:
        (made,) = generator.generate("asking", NOW + timedelta(seconds=seconds), 7).published
        assert school.world.rows(f'SELECT "predictedAt" FROM {PREDICTIONS} WHERE "id" = %s', made) == [
            (MORNING + timedelta(seconds=seconds),)
        ]

    asked(0)
    for table in WRITTEN:
        school.world.execute(f"ALTER TABLE {table} ADD COLUMN note text DEFAULT 'as it was'")
    asked(1)
    for table, columns in WRITTEN.items():
        for column in columns:
            school.world.execute(f'ALTER TABLE {table} ALTER "{column}" DROP DEFAULT')
            school.world.execute(f'ALTER TABLE {table} ALTER "{column}" TYPE text USING "{column}"::text')
    asked(2)
    for table in WRITTEN:
        school.world.execute(f"ALTER TABLE {table} DROP COLUMN note")
    asked(3)
    school.world.execute(f'DELETE FROM {PREDICTIONS} WHERE "userId" <> %s', "asking")
    school.world.execute("VACUUM FULL ANALYZE")
    asked(4)
