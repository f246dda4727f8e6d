"""The experiment of a deployment: its salt, and the proof that nothing reached the holdout."""

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import psycopg

from americano_assets.core.publication.random_assignment import Experiment, Policy, is_by_chance
from americano_assets.errors import AmericanoError
from americano_assets.stages.s6_publication.sql import query

_SALT_BYTES = 16
_SALT = "SELECT salt FROM ml.experiment"


def experiment_of(connection: psycopg.Connection[Any], policy: Policy) -> Experiment:
    """The deployment's experiment; its salt is made once and never changes, whatever the policy."""
    row = connection.execute(_SALT).fetchone()
    if row is None:
        connection.execute(
            "INSERT INTO ml.experiment (salt, created_at) VALUES (%s, %s) ON CONFLICT DO NOTHING",
            [secrets.token_hex(_SALT_BYTES), datetime.now(UTC).replace(tzinfo=None)],
        )
        row = connection.execute(_SALT).fetchone()
    if row is None:
        raise AmericanoError("ml.experiment has no row: restore it from a backup, its salt decides every arm.")
    return Experiment(policy, row[0])


def contamination(connection: psycopg.Connection[Any]) -> dict[str, int]:
    """Rows that reached holdout episodes, by table: interventions whoever wrote them. Zero where all is well."""
    rows: Sequence[tuple[str, int]] = connection.execute(query("contamination")).fetchall()
    return dict(rows)


def draw_problems(connection: psycopg.Connection[Any]) -> list[str]:
    """What is wrong with the arms that were drawn so far, in words; empty where they are what chance gives."""
    problems = []
    for unit, share, units, held_out, in_both in connection.execute(query("holdout_draws")):
        drawn = f"drawn by {unit} with a share of {share:g}"
        if in_both:
            problems.append(f"{in_both} of {units} units {drawn} have episodes in both arms")
        if not is_by_chance(units, held_out, share):
            problems.append(f"{held_out} of {units} units {drawn} are held out, which chance does not give")
    return problems


def require_untouched_holdout(connection: psycopg.Connection[Any], learner: str | None = None) -> None:
    """Refuse a transaction in which a row of ours would reach a holdout episode; of one learner where one is given.

    Raises:
        AmericanoError: One would.
    """
    row = connection.execute(query("holdout_breaches"), {"learner": learner}).fetchone()
    if row is not None and row[0]:
        raise AmericanoError(
            f"{row[0]} interventions of intervention_recommendations belong to holdout episodes of ml.assignments: "
            "nothing is published. Remove what wrote them; a holdout episode gets none by any path."
        )
