"""Events taken along: whose, of which days, and what the command says; and days that late events change."""

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from americano_assets import cli
from americano_assets.errors import AmericanoError
from americano_assets.stages.s1_snapshots.snapshots import snapshot_log
from americano_assets.stages.s9_report.event_export import export_events
from americano_assets_tests.world import ClockedDeployment, World, at, read_world, study_day

FIRST, LAST = study_day("2026-03-07"), study_day("2026-03-09")


@pytest.fixture
def read(school: World, deployment: ClockedDeployment) -> World:
    """Two learners with an event on the first day and the last; one opted out, one left analytics."""
    for learner in ("ann", "bob"):
        school.learner(learner)
    school.learner("quiet", behavioralAnalysisEnabled=False)
    school.learner("private", includeInAnalytics=False)
    for learner in ("ann", "bob", "quiet", "private"):
        for when in ("2026-03-08 09:00", "2026-03-10 09:00"):
            school.event(learner, "SEARCH_PERFORMED", at(when), {"query": "my own words"})
    read_world(deployment, str(FIRST), str(LAST), plans=False)
    return school


@pytest.fixture
def environment(read: World, deployment: ClockedDeployment, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command line sees this deployment."""
    settings = deployment.settings
    assert settings.database_url is not None
    monkeypatch.setenv("DATABASE_URL", settings.database_url.get_secret_value())
    monkeypatch.setenv("AMERICANO_HOME", str(settings.americano_home))
    monkeypatch.setenv("AMERICANO_START_DAY", str(settings.americano_start_day))


def test_all_who_allow_it_and_no_free_text(read: World, deployment: ClockedDeployment) -> None:
    done = export_events(deployment, deployment.settings.americano_home / "e.parquet")
    rows = pq.read_table(done.path)
    assert rows["learner_id"].to_pylist() == ["ann", "bob", "ann", "bob"]
    assert (done.rows, done.learners, done.first, done.last) == (4, 2, FIRST, LAST)
    assert "my own words" not in str(rows.to_pylist())


def test_the_last_days_and_one_learner(read: World, deployment: ClockedDeployment) -> None:
    target = deployment.settings.americano_home / "e.parquet"
    assert export_events(deployment, target, days=1).rows == 2
    assert export_events(deployment, target, days=900).rows == 4
    # One's own events are no aggregate; who opted out of analysis was never read.
    assert export_events(deployment, target, learner="private").rows == 2
    for nobody in ("quiet", "stranger"):
        with pytest.raises(AmericanoError, match="no such account, or it opted out"):
            export_events(deployment, target, learner=nobody)


def test_before_the_first_reading_it_says_what_to_do(school: World, deployment: ClockedDeployment) -> None:
    with pytest.raises(AmericanoError, match=r"run `americano nightly`, or `americano backfill"):
        export_events(deployment, deployment.settings.americano_home / "e.parquet")


def test_the_command_says_where_and_how_many(environment: None, deployment: ClockedDeployment) -> None:
    home = deployment.settings.americano_home
    done = CliRunner().invoke(cli.app, ["export-events", "--sync-duckdb"])
    assert done.exit_code == 0, done.output
    assert f"{home}/exports/events.parquet: 4 events of 2 learners, study days {FIRST} to {LAST}\n" in done.output
    assert f"{home}/analytics.duckdb: 4 events" in done.output
    done = CliRunner().invoke(cli.app, ["export-events", "--user-id", "owner", "--output", f"{home}/owner.parquet"])
    assert done.exit_code == 0
    assert (
        done.output == f"No event in study days {FIRST} to {LAST}. {home}/owner.parquet has the columns and no row.\n"
    )
    assert pq.read_table(home / "owner.parquet").num_rows == 0


def test_the_other_commands_on_a_store_that_has_nothing(environment: None) -> None:
    for arguments, told in (
        (["quarantine"], "Nothing was set aside.\n"),
        (["dataset", "list"], "No dataset version yet: `americano nightly` makes the first.\n"),
    ):
        done = CliRunner().invoke(cli.app, arguments)
        assert (done.exit_code, done.output) == (0, told)


def test_a_late_event_changes_its_day_and_no_other(read: World, deployment: ClockedDeployment) -> None:
    days = [FIRST, study_day("2026-03-08"), LAST]
    before = deployment.store.current_days("behavioral_events", days)
    assert snapshot_log(deployment, "behavioral_events", days)[0] == before
    read.event("ann", "SESSION_STARTED", at("2026-03-09 08:00"), {})
    after, _ = snapshot_log(deployment, "behavioral_events", days)
    assert {day for day in days if after[day].content != before[day].content} == {study_day("2026-03-08")}
    assert deployment.store.current_days("behavioral_events", days) == after
