"""A learner with phases A and B, from events in the app's tables to the link in its analysis run."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from americano_assets.cli import app
from americano_assets.core.effects.single_case import BASELINE, INTERVENTION
from americano_assets.errors import AmericanoError
from americano_assets.resources.mlflow.session import session
from americano_assets.resources.postgres.embedded.server import MLFLOW_DATABASE, EmbeddedServer
from americano_assets.stages.maintenance.erasure.forgetting import forget
from americano_assets.stages.s8_reduction.single_case import LearnerPhases, analyse
from americano_assets_tests.world import ClockedDeployment, World, at, read_world, world_settings

FIRST = at("2026-01-05 09:00")  # in the study day that opened on the 4th
LABELS = ["A1"] * 5 + ["B1"] * 5 + ["A2"] * 5 + ["B2"] * 5


@pytest.fixture
def world(database: str) -> Iterator[World]:
    with psycopg.connect(database, autocommit=True) as connection:
        world = World(connection)
        world.learner("ann")
        world.learner("bob")
        world.course("anatomy", "ann")
        for objective in ("heart", "lung"):
            world.objective(objective, "anatomy")
        for number, label in enumerate(LABELS):
            when = FIRST + timedelta(days=number)
            world.event("ann", "SESSION_STARTED", when, {}, experimentPhase=label)
            # In the baseline both are struggles but on the third day of each phase; in the intervention neither is.
            helped = label.startswith("B")
            world.answer("ann", "heart", when, 0.9 if helped else 0.3)
            world.answer("ann", "lung", when, 0.8 if helped or number % 5 == 2 else 0.2)
        yield world


@pytest.fixture
def deployment(world: World, database: str, server: EmbeddedServer, tmp_path: Path) -> ClockedDeployment:
    settings = world_settings(
        database,
        tmp_path,
        americano_start_day=FIRST.date() - timedelta(days=2),
        mlflow_tracking_uri=SecretStr(server.url(MLFLOW_DATABASE)),
    )
    return ClockedDeployment(settings, datetime.fromisoformat("2026-02-02 12:00+00:00"))


def analysed(deployment: ClockedDeployment, learner: str = "ann", run: str | None = None) -> LearnerPhases:
    read_world(deployment, deployment.first_day.isoformat(), "2026-02-01")
    return analyse(deployment, learner, analysis_run=run)


def analysis_run(world: World, name: str) -> str:
    return world.insert("analysis_runs", id=name, protocolId="p", status="RUNNING", resultsSummary={"kept": 1})


def test_phases_are_compared_by_study_day(deployment: ClockedDeployment) -> None:
    found = analysed(deployment)
    assert [one.kind for one in found.occasions] == [BASELINE] * 5 + [INTERVENTION] * 5 + [BASELINE] * 5 + [
        INTERVENTION
    ] * 5
    assert found.occasions[0].day == FIRST.date() - timedelta(days=1)
    assert [one.struggle for one in found.occasions[:5]] == [1, 1, 0.5, 1, 1]
    assert found.struggle.mean_baseline == pytest.approx(0.9)
    assert found.struggle.mean_intervention == 0
    # 20 days, four phases of at least 3: 8 are free, (11 over 3) ways, and no other separates the days as well.
    assert found.struggle.ways == 165
    assert found.struggle.p_lower == found.struggle.p_two_sided == pytest.approx(1 / 165)
    assert found.score.estimate == pytest.approx(0.85 - (0.25 * 8 + 0.55 * 2) / 10)
    assert (found.mixed_days, found.idle_days, found.unknown_labels) == (0, 0, {})


def test_days_that_cannot_be_told_are_left_out_and_counted(world: World, deployment: ClockedDeployment) -> None:
    world.event("ann", "SESSION_ENDED", FIRST + timedelta(hours=2), {}, experimentPhase="B1")
    world.event("ann", "SESSION_ENDED", FIRST + timedelta(days=21), {}, experimentPhase="B2")
    world.event("ann", "SESSION_ENDED", FIRST + timedelta(days=22), {}, experimentPhase="washout")
    # Two reviews are too little to tell a struggle by.
    world.reviews("ann", "heart", FIRST + timedelta(days=21), "AA")
    found = analysed(deployment)
    assert len(found.occasions) == 19
    assert (found.mixed_days, found.idle_days, found.unknown_labels) == (1, 1, {"washout": 1})


def test_the_run_and_the_apps_row_point_at_each_other(world: World, deployment: ClockedDeployment) -> None:
    mine, other = analysis_run(world, "mine"), analysis_run(world, "other")
    found = analysed(deployment, run=mine)
    assert dict(world.rows('SELECT id, "mlflowRunId" FROM analysis_runs')) == {mine: found.mlflow_run, other: None}
    assert world.rows('SELECT status, "resultsSummary" FROM analysis_runs WHERE id = %s', mine) == [
        ("RUNNING", {"kept": 1})
    ]
    with session(deployment.settings) as mlflow:
        run = mlflow.get_run(found.mlflow_run)
    assert run.info.status == "FINISHED"
    assert run.data.tags["analysis_run_id"] == mine
    assert run.data.metrics["struggle_p_two_sided"] == pytest.approx(1 / 165)
    # It names nobody.
    assert "ann" not in str(run.data.params | run.data.metrics | run.data.tags).split()


def test_the_run_goes_with_its_learner(deployment: ClockedDeployment, server: EmbeddedServer) -> None:
    mine, again = (analysed(deployment).mlflow_run for _ in range(2))
    assert mine
    assert again
    with session(deployment.settings) as mlflow:
        mlflow.MlflowClient().delete_run(again)  # As a call that was killed leaves it.
    assert forget(deployment, "ann").rows["ml.single_cases"] == 2
    with psycopg.connect(server.url(MLFLOW_DATABASE)) as connection:
        for table in ("runs", "metrics", "latest_metrics", "params", "tags"):
            rows = f"SELECT count(*) FROM {table} WHERE run_uuid = ANY (%s)"
            assert connection.execute(rows.encode(), [[mine, again]]).fetchone() == (0,), table


def test_a_row_that_may_not_be_changed_is_an_error_that_says_so(world: World, deployment: ClockedDeployment) -> None:
    mine = analysis_run(world, "mine")
    world.execute("CREATE RULE refused AS ON UPDATE TO analysis_runs DO INSTEAD NOTHING")
    with pytest.raises(AmericanoError, match="row-level security"):
        analysed(deployment, run=mine)


def test_what_is_not_there_is_told_before_any_work(world: World, deployment: ClockedDeployment) -> None:
    with pytest.raises(AmericanoError, match="no row with the id «nowhere»"):
        analysed(deployment, run="nowhere")
    with pytest.raises(AmericanoError, match="nobody's id"):
        analysed(deployment, "carl")
    with pytest.raises(AmericanoError, match="carries an experiment phase"):
        analysed(deployment, "bob")
    world.execute("UPDATE users SET \"behavioralAnalysisEnabled\" = false WHERE id = 'ann'")
    with pytest.raises(AmericanoError, match="opted out"):
        analysed(deployment)


def test_the_command_tells_it(deployment: ClockedDeployment, monkeypatch: pytest.MonkeyPatch, world: World) -> None:
    read_world(deployment, deployment.first_day.isoformat(), "2026-02-01")
    monkeypatch.setattr("americano_assets.settings.load_settings", lambda: deployment.settings)
    told = CliRunner().invoke(app, ["single-case", "ann", "--analysis-run", analysis_run(world, "mine")])
    assert told.exit_code == 0, told.output
    assert "20 (baseline 5, intervention 5, baseline 5, intervention 5)" in told.output
    assert "baseline 0.900, intervention 0.000, difference -0.900, p = 0.0061" in told.output
    assert "linked with analysis run mine" in told.output
