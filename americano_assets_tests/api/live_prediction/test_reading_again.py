"""What a reading of one learner's rows outlives, and what reaches the caller where it cannot."""

from datetime import UTC

import pytest

from americano_assets.api.live_prediction import Generator
from americano_assets.stages.s1_snapshots.postgres_reader import ExtractionError
from americano_assets_tests.api.live_prediction.conftest import MORNING, School
from americano_assets_tests.world import world_settings

NOW = MORNING.replace(tzinfo=UTC)
_BACKENDS = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend'"


@pytest.fixture
def generator(school: School) -> Generator:
    settings = world_settings(school.url, school.home, **school.values)
    return Generator(settings, school.url, statement_seconds=30, lock_seconds=30)


def test_the_connection_that_is_kept_may_have_died(school: School, generator: Generator) -> None:
    before = set(school.world.rows(_BACKENDS))
    first = generator.generate("asking", NOW, 7)
    # The one that reads; the one that published is closed, which the server may not have come to yet.
    opened = set(school.world.rows(_BACKENDS)) - before
    ended = [pid for (pid,) in opened if school.world.rows("SELECT pg_terminate_backend(%s, 10000)", pid) == [(True,)]]
    assert ended
    assert generator.generate("asking", NOW, 7) == first


@pytest.mark.parametrize("table", ["reviews", "exams", "objective_prerequisites"])
def test_a_table_that_cannot_be_read_is_told_and_the_next_call_reads_again(
    school: School, generator: Generator, table: str
) -> None:
    first = generator.generate("asking", NOW, 7)
    school.world.execute(f"ALTER TABLE {table} RENAME TO away")
    for _ in range(2):
        with pytest.raises(ExtractionError, match=f'relation "{table}" does not exist'):
            generator.generate("asking", NOW, 7)
    school.world.execute(f"ALTER TABLE away RENAME TO {table}")
    assert generator.generate("asking", NOW, 7) == first
