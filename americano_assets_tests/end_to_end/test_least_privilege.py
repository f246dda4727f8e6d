"""A role with the documented grants runs the chain and the API, and can do nothing else."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import dagster as dg
import psycopg
import pytest

from americano_assets.contract.grants import grants
from americano_assets.errors import AmericanoError
from americano_assets.installation import PROJECT_ROOT
from americano_assets.resources.postgres.connection import bootstrap
from americano_assets.stages.maintenance.archive import archive, restore
from americano_assets.stages.s3_training.analysis_runs import link_run, require_run
from americano_assets.stages.s6_publication.transaction import PREDICTIONS
from americano_assets.stages.s7_outcomes.early_outcomes import finished_missions
from americano_assets_tests.api.serving import serving
from americano_assets_tests.end_to_end.story import FIRST, FIRST_CUTOFF, JUDGED, school
from americano_assets_tests.world import Nights, World, at, published_rows, world_settings

LONG_AFTER = at("2030-01-01 00:00")
_DOCS = PROJECT_ROOT / "docs" / "production.md"


def _as_role(url: str, role: str) -> str:
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{role}@{host}"))


@contextmanager
def _role_with_grants(owner: psycopg.Connection[Any], url: str) -> Iterator[tuple[str, str]]:
    """Name and URL of a role that may do what docs/production.md grants; gone behind it."""
    role = f"pipeline_{os.getpid()}"
    bootstrap(owner)
    owner.execute(f'CREATE ROLE "{role}" LOGIN'.encode())
    try:
        owner.execute(grants(role).encode())
        yield role, _as_role(url, role)
    finally:
        owner.execute(f'DROP OWNED BY "{role}" CASCADE; DROP ROLE "{role}"'.encode())


def test_row_level_security_keeps_analysis_runs_until_the_documented_policy_is_there(empty_database: str) -> None:
    (policy,) = re.findall(r"`(CREATE POLICY pipeline ON analysis_runs[^`]*)`", _DOCS.read_text().replace("\n", " "))
    with (
        psycopg.connect(empty_database, autocommit=True) as owner,
        _role_with_grants(owner, empty_database) as (role, url),
        psycopg.connect(url, autocommit=True) as narrow,
    ):
        world = World(owner)
        world.insert("analysis_runs", id="mine", protocolId="p", status="RUNNING", resultsSummary={})
        world.execute("ALTER TABLE analysis_runs ENABLE ROW LEVEL SECURITY")
        with pytest.raises(AmericanoError, match="no row with the id «mine» that this database role can see"):
            require_run(narrow, "mine")
        world.execute(f'CREATE POLICY seen ON analysis_runs FOR SELECT TO "{role}" USING (true)')
        require_run(narrow, "mine")
        with pytest.raises(AmericanoError, match="row-level security lets this database role read it only"):
            link_run(narrow, "mine", "run-1")
        world.execute(policy.replace("americano_pipeline", f'"{role}"'))
        link_run(narrow, "mine", "run-1")
        assert world.rows('SELECT "mlflowRunId" FROM analysis_runs') == [("run-1",)]


def test_an_analysis_run_of_a_view_is_linked_where_postgresql_can_update_it_and_refused_before_where_not(
    empty_database: str,
) -> None:
    with psycopg.connect(empty_database, autocommit=True) as owner:
        bootstrap(owner)
        world = World(owner)
        world.insert("analysis_runs", id="mine", protocolId="p", status="RUNNING", resultsSummary={})
        world.execute("ALTER TABLE analysis_runs RENAME TO runs")
        world.execute('CREATE VIEW analysis_runs AS SELECT "id", "mlflowRunId" FROM runs')
        require_run(owner, "mine")
        link_run(owner, "mine", "run-1")
        assert world.rows('SELECT "mlflowRunId" FROM runs') == [("run-1",)]
        world.execute("DROP VIEW analysis_runs")
        world.execute('CREATE VIEW analysis_runs AS SELECT "id", NULL AS "mlflowRunId" FROM runs')
        with pytest.raises(AmericanoError, match='a view whose "mlflowRunId" PostgreSQL cannot update'):
            require_run(owner, "mine")


def test_the_documented_grants_are_those_of_the_contract() -> None:
    (block,) = re.findall(r"```sql\n(CREATE SCHEMA.*?)```", _DOCS.read_text(), re.DOTALL)
    assert block == grants()


def test_a_role_with_them_runs_a_night_and_serves_and_can_do_no_more(empty_database: str, tmp_path: Path) -> None:
    with (
        psycopg.connect(empty_database, autocommit=True) as owner,
        _role_with_grants(owner, empty_database) as (_, url),
    ):
        world = World(owner)
        school(world)
        world.mission("idle", datetime(2026, 3, 20, 9), [])  # noqa: DTZ001
        settings = world_settings(url, tmp_path / "home", model_type="rule_based")
        with dg.DagsterInstance.ephemeral() as instance:
            nights = Nights(settings, instance)
            nights.deployment.clock = datetime(2026, 3, 9, 20, tzinfo=UTC)
            assert nights.history("2026-02-20", FIRST).success
            assert nights.night(FIRST).success
            assert nights.night(JUDGED).success
        assert all(published_rows(world).values())
        (prediction,) = world.rows('SELECT "id" FROM struggle_predictions ORDER BY "id" LIMIT 1')[0]
        advised = world.rows(
            'SELECT "id" FROM intervention_recommendations WHERE "userId" = %s ORDER BY "id" LIMIT 1', "idle"
        )
        with serving(settings) as service:
            service.now = datetime(2026, 3, 10, 9)  # noqa: DTZ001
            service.get("/predictions", user_id="idle")
            service.post("/predictions/generate", 201, user_id="idle")
            service.post(f"/predictions/{prediction}/feedback", actual_struggle=True, feedback_type="HELPFUL")
            service.post(f"/interventions/{advised[0][0]}/apply")
            assert service.get("/health/ready")["database"] == "up"
        with psycopg.connect(url, autocommit=True) as narrow:
            owner.execute('UPDATE struggle_predictions SET "actualOutcomeRecordedAt" = now()')
            assert finished_missions(narrow, FIRST_CUTOFF, FIRST_CUTOFF).newest is None
            before = published_rows(world)
            assert archive(narrow, LONG_AFTER, LONG_AFTER).predictions == len(before[PREDICTIONS])
            restore(narrow)
            assert published_rows(world) == before
            for forbidden in (
                'SELECT "email" FROM users',
                'SELECT "userAnswer" FROM validation_responses',
                "UPDATE missions SET \"status\" = 'COMPLETED'",
                "DELETE FROM users",
                "CREATE TABLE public.ours (a int)",
            ):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    narrow.execute(forbidden.encode())
