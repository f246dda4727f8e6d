"""A demo without a word loads a sample, says so, and is enlarged only by starting over."""

from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest
from dotenv import dotenv_values

from americano_assets.errors import AmericanoError
from americano_assets.installation import HOME_SETTINGS_FILE
from americano_assets.loading.demo import flow
from americano_assets.loading.demo.extent import REPLAY_WEEKS, replay_weeks, whom
from americano_assets.loading.demo.flow import load_students
from americano_assets.loading.demo.oulad.load import students
from americano_assets.settings import Settings


def _load(settings: Settings, learners: int | None = None, *, everyone: bool = False) -> None:
    load_students(settings, learners, lambda table, rows: None, everyone=everyone)


def test_a_sample_is_loaded_and_kept_until_somebody_starts_over(
    settings: Settings, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flow, "SAMPLE_LEARNERS", 40)
    _load(settings)
    monkeypatch.setattr(flow, "SAMPLE_LEARNERS", 50)
    _load(settings)  # As many as there are.
    with pytest.raises(AmericanoError, match=r"holds 40 learners of oulad, not 28785.*--fresh"):
        _load(settings, everyone=True)
    begins = date.fromisoformat(
        dotenv_values(settings.americano_home / HOME_SETTINGS_FILE)["AMERICANO_START_DAY"] or ""
    )
    assert datetime.now(UTC).date() - begins <= timedelta(weeks=78, days=1)
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT learners FROM ml.demo_load").fetchone() == (40,)
        assert list(replay_weeks(connection)) == [2], "a horizon ago, so that all outcomes are known"
        told = whom(connection) or ""
    assert told.startswith(f"40 of the {students():,} students")
    assert "demo --all --fresh" in told


@pytest.mark.parametrize(
    ("cohort", "learners", "begins"), [("oulad", 28_785, "All 28,785 students"), ("simulated", 40, "40 simulated")]
)
def test_everyone_gets_all_weeks(database: str, cohort: str, learners: int, begins: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute("INSERT INTO ml.demo_load VALUES (true, %s, 0, %s, now())", [cohort, learners])
        assert len(replay_weeks(connection)) == REPLAY_WEEKS
        told = whom(connection) or ""
    assert told.startswith(begins)
    assert "--all" not in told
