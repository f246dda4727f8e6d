"""The morning's digest: counts to a real HTTP server, nobody's name, id or note."""

import json
from datetime import UTC
from pathlib import Path

import dagster as dg
import psycopg
import pytest
from pydantic import SecretStr

from americano_assets.orchestration.digest import DIGEST
from americano_assets.resources.postgres.connection import prepare
from americano_assets.settings import Settings
from americano_assets_tests.api.morning_list.conftest import ANATOMY, BIOLOGY, School
from americano_assets_tests.api.rows import NOW, Rows
from americano_assets_tests.orchestration.test_sensor_failure import SECRET, Channel, _no_pause, channel  # noqa: F401
from americano_assets_tests.world import Nights, world_settings


@pytest.fixture
def school(database: str, tmp_path: Path) -> School:
    prepare(world_settings(database, tmp_path))
    made = School(Rows(psycopg.connect(database, autocommit=True)))
    made.rows.learner("owner")
    made.rows.published()
    made.course(ANATOMY, "Anatomy & <@channel>")
    made.course(BIOLOGY, "Biology")
    return made


def send(settings: Settings) -> dg.ExecuteInProcessResult:
    with dg.DagsterInstance.ephemeral() as instance:
        nights = Nights(settings, instance)
        nights.deployment.clock = NOW.replace(tzinfo=UTC)
        return nights.definitions.resolve_job_def(DIGEST.name).execute_in_process(
            instance=instance, raise_on_error=False
        )


def hooked(database: str, home: Path, channel: Channel, **values: object) -> Settings:  # noqa: F811
    return world_settings(database, home, americano_digest_webhook=SecretStr(channel.url), **values)


def test_it_counts_by_course_and_names_nobody(
    school: School,
    database: str,
    tmp_path: Path,
    channel: Channel,  # noqa: F811
) -> None:
    for number in range(3):
        school.warned(f"learner-{number}", 0.9)
    school.warned("learner-0", 0.8, BIOLOGY)
    school.warned("held-out", 0.9, BIOLOGY, arm="holdout")
    school.rows.learner("opted-out", behavioralAnalysisEnabled=False)
    school.warned("opted-out", 0.9, BIOLOGY)
    school.rows.execute("UPDATE users SET name = 'A name of somebody'")
    school.rows.insert(
        "ml.list_actions", course_id=ANATOMY, user_id="learner-1", action="note", note="A note.", taken_at=NOW
    )
    settings = hooked(database, tmp_path, channel, americano_list_capacity=2, americano_name_column="name")
    assert send(settings).success
    (received,) = channel.received
    assert received["text"].splitlines() == [
        "Americano (development): 3 learners on this morning's list.",
        "Anatomy &amp; &lt;@\u200bchannel&gt;: 2 of 3",
        "Biology: 1",
    ]
    assert (received["event"], received["learners"], received["study_day"]) == ("morning_list", 3, "2026-11-22")
    for nobody in ("learner-", "held-out", "opted-out", "A name", "A note"):
        assert nobody not in json.dumps(received)


def test_it_says_that_nights_are_missing(
    school: School,
    database: str,
    tmp_path: Path,
    channel: Channel,  # noqa: F811
) -> None:
    school.rows.execute("UPDATE ml.study_days SET study_day = '2026-11-20'")
    assert send(hooked(database, tmp_path, channel)).success
    school.rows.execute("DELETE FROM ml.study_days")
    assert send(hooked(database, tmp_path, channel)).success
    missing = "by the night of study day 2026-11-20; 2 since then missing"
    assert [one["text"] for one in channel.received] == [
        f"Americano (development): 0 learners on this morning's list, {missing}.",
        "Americano (development): no night has published anything yet.",
    ]


def test_one_that_nobody_takes_fails_without_the_address(
    school: School,
    database: str,
    tmp_path: Path,
    channel: Channel,  # noqa: F811
    capfd: pytest.CaptureFixture[str],
) -> None:
    channel.statuses += [500, 500]
    settings = hooked(database, tmp_path, channel)
    result = send(settings)
    assert not result.success
    (failure,) = [event for event in result.all_events if event.is_step_failure]
    assert "AMERICANO_DIGEST_WEBHOOK did not take the digest in 2 tries: it answered 500" in str(failure)
    assert SECRET not in str(failure) + "".join(capfd.readouterr())


def test_without_an_address_nothing_is_sent_and_nothing_is_scheduled(
    school: School, database: str, tmp_path: Path
) -> None:
    settings = world_settings(database, tmp_path)
    assert send(settings).success
    with dg.DagsterInstance.ephemeral() as instance:
        schedule = Nights(settings, instance).definitions.resolve_schedule_def("morning_digest_schedule")
    assert schedule.default_status is dg.DefaultScheduleStatus.STOPPED


def test_it_is_sent_at_seven_local(database: str, tmp_path: Path) -> None:
    settings = world_settings(
        database, tmp_path, americano_digest_webhook=SecretStr("https://x.example"), americano_timezone="Europe/Berlin"
    )
    with dg.DagsterInstance.ephemeral() as instance:
        schedule = Nights(settings, instance).definitions.resolve_schedule_def("morning_digest_schedule")
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("0 7 * * *", "Europe/Berlin")
