"""The restored homes, once a module: its tests share what today's code makes of one."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from americano_assets.orchestration.dagster_home import HOME_VARIABLE, URL_VARIABLE
from americano_assets.resources.postgres.embedded.server import EmbeddedServer
from americano_assets.settings import Settings
from americano_assets_tests.end_to_end.upgrade.restoring import NEW_YORK_HOME, UTC_HOME, Upgraded, restore, settings_of
from americano_assets_tests.folders import SHORT
from americano_assets_tests.world import World

# Rows that a test adds are numbered after those of the home.
_AFTER = 1_000_000


@pytest.fixture(scope="module")
def upgraded() -> Iterator[Upgraded]:
    """Learners of every split in UTC, a trained champion."""
    yield from _restored(UTC_HOME)


@pytest.fixture(scope="module")
def in_new_york() -> Iterator[Upgraded]:
    """A few learners in New York, scored by the rules."""
    yield from _restored(NEW_YORK_HOME)


def _restored(archive: str) -> Iterator[Upgraded]:
    home = Path(tempfile.mkdtemp(prefix="upgraded-", dir=SHORT))  # A socket's path must be short.
    try:
        url = restore(archive, home).url()
        with pytest.MonkeyPatch.context() as patch, psycopg.connect(url, autocommit=True) as connection:
            for name in (HOME_VARIABLE, URL_VARIABLE):  # Set by whoever opens Dagster's instance.
                patch.setenv(name, "")
            for name in Settings.model_fields:  # MLflow tells its children where the home before had its store.
                patch.delenv(name.upper(), raising=False)
            yield Upgraded(settings_of(home), World(connection, _AFTER))
    finally:
        EmbeddedServer(home).stop()
        shutil.rmtree(home, ignore_errors=True)
