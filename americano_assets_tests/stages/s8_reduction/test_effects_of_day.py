"""Effects of a study day on a real database: what is read, what is written, what a rerun and an old day do."""

from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import psycopg
import pytest
from psycopg import sql

from americano_assets.core.effects.effects import (
    EXPERIMENT,
    INTENTION_TO_TREAT,
    OBSERVATIONAL,
    REHEARSAL,
    Effect,
    effects,
)
from americano_assets.core.publication.random_assignment import EPISODE, LEARNER, Policy
from americano_assets.core.study_days.cutoff import naive
from americano_assets.core.study_days.study_day import cutoff
from americano_assets.loading.demo.scenarios.planted_ledgers import POLICY, Planted, planted
from americano_assets.stages.common.deployment import Deployment
from americano_assets.stages.s8_reduction import effects as module
from americano_assets.stages.s8_reduction.effects import measure_effects
from americano_assets_tests.stages.s8_reduction.ledgers import write_ledger
from americano_assets_tests.world import World, world_settings

DAY, LATER = date(2026, 5, 1), date(2026, 5, 2)


@pytest.fixture(scope="module")
def truth() -> Planted:
    return planted(5, learners=300, weeks=8, effect=-0.1)


@pytest.fixture
def deployment(database: str, tmp_path: Path) -> Deployment:
    return Deployment(world_settings(database, tmp_path))


@pytest.fixture
def world(database: str) -> Iterator[World]:
    with psycopg.connect(database, autocommit=True) as connection:
        yield World(connection)


def stored(world: World, **wanted: Any) -> list[tuple[Any, ...]]:
    where = sql.SQL(" AND ").join(sql.SQL("{} = %s").format(sql.Identifier(name)) for name in wanted)
    statement = sql.SQL("SELECT estimate, low, high, n_treated, n_holdout, reason FROM ml.effects WHERE {}").format(
        where
    )
    return world.connection.execute(statement, list(wanted.values())).fetchall()


PAIR = ["user_id", "learning_objective_id"]
PRIMARY = {"scope": "all", "period": "all", "estimand": INTENTION_TO_TREAT}


def test_an_empty_ledger_says_why_there_is_nothing(deployment: Deployment, world: World) -> None:
    measure_effects(deployment, DAY)
    ((estimate, *_, reason),) = stored(world, evidence=EXPERIMENT, **PRIMARY)
    assert estimate is None
    assert reason.startswith("Insufficient data: 0 learners treated and 0 held out")
    assert stored(world, evidence=REHEARSAL, **PRIMARY) == []


def test_a_planted_effect_comes_out_of_the_ledger_and_a_rerun_changes_nothing(
    deployment: Deployment, world: World, truth: Planted, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_ledger(world, truth.ledger)
    measure_effects(deployment, DAY)
    ((estimate, low, high, treated, holdout, reason),) = stored(world, evidence=EXPERIMENT, **PRIMARY)
    assert low < -0.1 < high
    assert (treated + holdout, reason) == (len(truth.ledger), None)
    assert abs(estimate + 0.1) < 0.08
    before = world.rows("SELECT to_jsonb(e)::text FROM ml.effects e ORDER BY 1")
    monkeypatch.setattr(module, "_FETCHED", 7)
    measure_effects(deployment, DAY)
    assert world.rows("SELECT to_jsonb(e)::text FROM ml.effects e ORDER BY 1") == before
    assert len(stored(world, evidence=EXPERIMENT, scope="type", period="all")) == 6
    assert stored(world, evidence=OBSERVATIONAL) == []


def test_what_closes_after_the_cut_off_is_not_known_yet(deployment: Deployment, world: World, truth: Planted) -> None:
    write_ledger(world, truth.ledger)
    day = date(2026, 3, 22)
    measure_effects(deployment, day)
    ((*_, treated, holdout, _),) = stored(world, evidence=EXPERIMENT, **PRIMARY)
    at: datetime = naive(cutoff(day, deployment.zone))
    assert 0 < treated + holdout == (truth.ledger["outcome_at"] <= at).sum() < len(truth.ledger)


def test_replays_are_a_rehearsal_never_the_effect(deployment: Deployment, world: World, truth: Planted) -> None:
    write_ledger(world, truth.ledger.assign(live=False))
    measure_effects(deployment, DAY)
    ((estimate, *_),) = stored(world, evidence=EXPERIMENT, **PRIMARY)
    assert estimate is None
    ((rehearsed, *_),) = stored(world, evidence=REHEARSAL, **PRIMARY)
    assert rehearsed is not None


def test_who_left_or_opted_out_and_who_was_not_drawn_is_in_no_effect(
    deployment: Deployment, world: World, truth: Planted
) -> None:
    write_ledger(world, truth.ledger)
    world.execute("""UPDATE users SET "includeInAnalytics" = false WHERE "id" < 'learner-00050'""")
    world.execute("""UPDATE users SET "behavioralAnalysisEnabled" = false WHERE "id" > 'learner-00250'""")
    measure_effects(deployment, DAY)
    kept = truth.ledger["user_id"].between("learner-00050", "learner-00250")
    ((*_, treated, holdout, _),) = stored(world, evidence=EXPERIMENT, **PRIMARY)
    assert treated + holdout == kept.sum()


@pytest.mark.parametrize(
    ("policy", "unit"), [(POLICY, PAIR), (Policy(LEARNER, 0.3), PAIR[:1]), (Policy(EPISODE, 0.0), PAIR[:1])]
)
def test_of_too_many_episodes_effects_are_of_a_share_of_what_chance_drew_and_say_so(
    deployment: Deployment, world: World, monkeypatch: pytest.MonkeyPatch, policy: Policy, unit: list[str]
) -> None:
    """Where it drew for no arm whole learners are left, since their history counts."""
    own = "SELECT to_jsonb(e)::text FROM ml.effects e WHERE scope = 'learner' ORDER BY 1"
    ledger = planted(5, learners=200, weeks=8, effect=-0.1, policy=policy).ledger
    write_ledger(world, ledger)
    monkeypatch.setattr("americano_assets.core.effects.effects.MIN_OBJECTIVES", 1)
    monkeypatch.setattr(module, "MOST_EPISODES", len(ledger))
    measure_effects(deployment, DAY)
    of_everybody = world.rows(own)
    assert bool(of_everybody) == (policy == POLICY)
    assert world.rows("SELECT count(*) FROM ml.effects WHERE details ? 'drawn_share'") == [(0,)]
    monkeypatch.setattr(module, "MOST_EPISODES", len(ledger) // 3)
    looked_at: list[pd.DataFrame] = []

    def noted(rows: pd.DataFrame, at: datetime) -> list[Effect]:
        looked_at.append(rows)
        return effects(rows, at)

    monkeypatch.setattr(module, "effects", noted)
    measure_effects(deployment, DAY)
    shares = world.rows("SELECT DISTINCT (details ->> 'drawn_share')::float FROM ml.effects WHERE scope <> 'learner'")
    assert shares == [(pytest.approx(1 / 3, abs=0.001),)]
    (drawn,) = looked_at
    assert 0.2 < len(drawn) / len(ledger) < 0.5
    of_all, of_drawn = (rows.groupby(unit).size() for rows in (ledger, drawn))
    assert of_drawn.equals(of_all[of_drawn.index])
    # A learner's own effect is of all their episodes, drawn or not.
    assert world.rows(own) == of_everybody


def test_two_designs_are_never_mixed(deployment: Deployment, world: World, truth: Planted) -> None:
    ledger = truth.ledger.copy()
    older = ledger["flagged_at"] < ledger["flagged_at"].median()
    ledger.loc[older, "holdout_share"] = POLICY.share / 2
    write_ledger(world, ledger)
    measure_effects(deployment, DAY)
    ((*_, treated, holdout, _),) = stored(world, evidence=EXPERIMENT, **PRIMARY)
    assert treated + holdout == (~older).sum()


def test_without_a_holdout_the_estimate_is_called_observational(deployment: Deployment, world: World) -> None:
    made = planted(1, learners=400, weeks=8, effect=-0.08, policy=Policy(EPISODE, 0.0), indication=1.0)
    write_ledger(world, made.ledger)
    measure_effects(deployment, DAY)
    ((estimate, low, high, *_),) = stored(world, evidence=OBSERVATIONAL, **PRIMARY)
    assert low < estimate < high
    ((details,),) = world.rows("SELECT details FROM ml.effects WHERE evidence = 'observational'")
    assert details["overlap"] > 0.5
    assert details["placebo_interval"][0] < 0 < details["placebo_interval"][1]
    ((experiment, *_),) = stored(world, evidence=EXPERIMENT, **PRIMARY)
    assert experiment is None
