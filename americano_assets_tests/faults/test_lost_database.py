"""PostgreSQL goes away in the middle of a night: tried again a few times, later each time, and nothing is half done."""

import psycopg
import pytest

from americano_assets.assets import common, interventions
from americano_assets.resources import ledger, publication
from americano_assets.run_failures import why_failed
from americano_assets_tests.faults.conftest import Left, School


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(common, "RETRY_SECONDS", (0, 0, 0))


def lose_while_publishing(school: School, monkeypatch: pytest.MonkeyPatch, times: int) -> list[str]:
    """Have the server end the session of a publication that has written its rows, that many times."""
    real, lost = ledger.record_day, list[str]()

    def record_day(connection: psycopg.Connection[object], *arguments: object, **options: object) -> None:
        if len(lost) < times:
            lost.append("lost")
            school.world.execute("SELECT pg_terminate_backend(%s)", connection.info.backend_pid)
        real(connection, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(publication, "record_day", record_day)
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
    assert len(lost) == 1 + len(common.RETRY_SECONDS)
    assert why_failed(result.all_events).startswith("step publish failed: The database went away during the work")
    assert school.left()["struggle_predictions"] == school.left()["study_days"] == []
    monkeypatch.undo()
    assert school.night().success
    assert school.left() == undisturbed


def test_what_is_wrong_for_good_is_not_tried_again(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    tries = []

    def defect(*_: object) -> None:
        tries.append(1)
        raise ValueError("a defect")

    monkeypatch.setattr(interventions, "publish", defect)
    assert not school.night(raise_on_error=False).success
    assert len(tries) == 1
