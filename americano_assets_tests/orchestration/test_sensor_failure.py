"""A failed run is told: real runs on an instance, real ticks, a real HTTP server for the webhook."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from pydantic import SecretStr, ValidationError

from americano_assets.orchestration import webhook as notices
from americano_assets.stages.s1_snapshots import assets as snapshots
from americano_assets_tests.world import Nights, world_settings

SECRET = "T0K3N-of-the-channel"
TOO_EARLY = "2025-11-01"
WHY = "step night_log failed: Study day 2025-11-01 is before the first one, 2025-12-01"


class Channel:
    """A chat service that answers with the given statuses, then with 200; what it was sent is kept."""

    def __init__(self) -> None:
        self.received: list[dict[str, Any]] = []
        self.statuses: list[int] = []
        channel = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                assert self.headers["Content-Type"] == "application/json"
                channel.received.append({"path": self.path, **json.loads(body)})
                self.send_response(channel.statuses.pop(0) if channel.statuses else 200)
                self.send_header("Location", "/elsewhere")
                self.end_headers()

            def do_GET(self) -> None:  # Where a client goes that follows a redirect.
                channel.received.append({"path": self.path})
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/hooks/{SECRET}"


@pytest.fixture
def channel() -> Iterator[Channel]:
    one = Channel()
    thread = threading.Thread(target=one.server.serve_forever)
    thread.start()
    yield one
    one.server.shutdown()
    thread.join()
    one.server.server_close()


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notices.post, "__kwdefaults__", {"pause_seconds": 0})


class Watch:
    """The sensor of one deployment, ticked as the daemon does."""

    def __init__(self, url: str, home: Path, instance: dg.DagsterInstance, webhook: str | None) -> None:
        hook = None if webhook is None else SecretStr(webhook)
        self.nights = Nights(world_settings(url, home, americano_alert_webhook=hook), instance)
        self.cursor: str | None = None
        self.tick()

    def tick(self) -> None:
        sensor = self.nights.definitions.resolve_sensor_def("run_failure_sensor")
        with dg.build_sensor_context(
            instance=self.nights.instance,
            cursor=self.cursor,
            definitions=self.nights.definitions,
        ) as context:
            found = sensor.evaluate_tick(context)
        assert all(reaction.error is None for reaction in found.dagster_run_reactions or [])
        self.cursor = found.cursor

    def fail(self) -> str:
        result = self.nights.night(TOO_EARLY, on_time=False, raise_on_error=False)
        assert not result.success
        return result.run_id


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as temporary:
        yield temporary


def lines(capfd: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """The JSON lines on standard error since the last look; the channel's secret is in nothing that was written."""
    out, err = capfd.readouterr()
    assert SECRET not in out + err
    return [json.loads(line) for line in err.splitlines() if line.startswith("{")]


def test_a_failed_run_is_told_once_in_a_line_and_to_the_channel(
    database: str, tmp_path: Path, instance: dg.DagsterInstance, channel: Channel, capfd: pytest.CaptureFixture[str]
) -> None:
    watch = Watch(database, tmp_path, instance, channel.url)
    run_id = watch.fail()
    watch.tick()
    (line,) = lines(capfd)
    (message,) = channel.received
    assert line["event"] == message["event"] == "run_failed"
    assert line["run_id"] == message["run_id"] == run_id
    assert (message["job"], message["study_day"], message["environment"]) == ("nightly", TOO_EARLY, "development")
    assert message["reason"].startswith(WHY)
    assert message["text"].startswith(f"Americano (development): nightly of study day {TOO_EARLY}: {WHY}")
    watch.tick()
    assert lines(capfd) == []
    assert len(channel.received) == 1


def test_a_channel_that_fails_once_is_tried_again(
    database: str, tmp_path: Path, instance: dg.DagsterInstance, channel: Channel, capfd: pytest.CaptureFixture[str]
) -> None:
    channel.statuses = [503]
    watch = Watch(database, tmp_path, instance, channel.url)
    watch.fail()
    watch.tick()
    assert [line["event"] for line in lines(capfd)] == ["run_failed"]
    assert len(channel.received) == 2


@pytest.mark.parametrize("statuses", [[500, 500], [307, 302]])
def test_a_channel_that_does_not_take_it_is_left_alone_and_that_is_told(
    database: str,
    tmp_path: Path,
    instance: dg.DagsterInstance,
    channel: Channel,
    capfd: pytest.CaptureFixture[str],
    statuses: list[int],
) -> None:
    channel.statuses = [*statuses]
    watch = Watch(database, tmp_path, instance, channel.url)
    run_id = watch.fail()
    watch.tick()
    failed, undelivered = lines(capfd)
    assert failed["event"] == "run_failed"
    assert (
        undelivered.items()
        >= {
            "event": "alert_not_delivered",
            "run_id": run_id,
            "tries": 2,
            "reason": f"it answered {statuses[-1]}",
        }.items()
    )
    # Never sent on to where a redirect points.
    assert [one["path"] for one in channel.received] == [f"/hooks/{SECRET}"] * 2


def test_no_channel_and_one_that_is_gone_leave_the_line(
    database: str, tmp_path: Path, instance: dg.DagsterInstance, capfd: pytest.CaptureFixture[str]
) -> None:
    gone = HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    gone.server_close()
    for webhook, told in (
        (None, ["run_failed"]),
        (f"http://127.0.0.1:{gone.server_port}/{SECRET}", ["run_failed", "alert_not_delivered"]),
    ):
        watch = Watch(database, tmp_path, instance, webhook)
        watch.fail()
        watch.tick()
        found = lines(capfd)
        assert [line["event"] for line in found] == told
        assert all(line.get("reason", "").startswith((WHY, "not reached (")) for line in found)


def test_what_an_unforeseen_error_says_is_kept_to_dagster_since_it_may_quote_a_row(
    database: str,
    tmp_path: Path,
    instance: dg.DagsterInstance,
    channel: Channel,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def defect(*_: object) -> None:
        raise ValueError("no place for ann@example.org")

    monkeypatch.setattr(snapshots, "night_of", defect)
    watch = Watch(database, tmp_path, instance, channel.url)
    watch.fail()
    watch.tick()
    (line,) = lines(capfd)
    assert line["reason"].startswith("step night_log failed: ValueError. This was not foreseen")
    assert "ann@" not in json.dumps(channel.received)


def test_an_address_that_is_none_is_refused_at_start(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="http://") as error:
        world_settings("postgresql://h/d", tmp_path, americano_alert_webhook=SecretStr(f"slack:{SECRET}"))
    assert SECRET not in str(error.value)


def test_every_schedule_and_sensor_says_what_it_is_for(database: str, tmp_path: Path) -> None:
    definitions = Nights(world_settings(database, tmp_path), dg.DagsterInstance.ephemeral()).definitions
    told = [*(definitions.sensors or []), *(definitions.schedules or [])]
    assert len(told) >= 3
    for one in told:
        assert isinstance(one, dg.SensorDefinition | dg.ScheduleDefinition)
        assert len(one.description or "") > 40, one.name
