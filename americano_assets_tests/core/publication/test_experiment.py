"""The draw: a pure function of salt and unit, uniform, nested in the share, and silent about its salt."""

import math
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from americano_assets.core.base.experiment_arms import HOLDOUT, TREATED
from americano_assets.core.publication.random_assignment import (
    EPISODE,
    LEARNER,
    Experiment,
    Policy,
    Unit,
    draw,
    is_by_chance,
    is_on_time,
)

names = st.text(min_size=1, max_size=12)
units: st.SearchStrategy[Unit] = st.sampled_from([LEARNER, EPISODE])


@given(names, units, st.floats(0, 1), st.lists(st.tuples(names, names), max_size=12))
def test_an_arm_depends_on_salt_and_unit_alone(
    salt: str, unit: Unit, share: float, pairs: list[tuple[str, str]]
) -> None:
    experiment = Experiment(Policy(unit, share), salt)
    together = experiment.arms([learner for learner, _ in pairs], [objective for _, objective in pairs])
    alone = [experiment.arms([learner], [objective])[0] for learner, objective in pairs]
    assert together == alone
    assert set(together) <= {TREATED, HOLDOUT}


@given(names, names, units, st.floats(0, 1), st.floats(0, 1))
def test_a_larger_share_holds_out_the_same_and_more(
    salt: str, learner: str, unit: Unit, one: float, other: float
) -> None:
    small, large = sorted((one, other))
    arms = [Experiment(Policy(unit, share), salt).arms([learner], ["o"])[0] for share in (small, large)]
    assert arms != [HOLDOUT, TREATED]


def test_the_share_is_met_within_what_chance_allows() -> None:
    n = 20_000
    for salt in ("one", "other"):
        for unit in (LEARNER, EPISODE):
            for share in (0.02, 0.1, 0.5):
                arms = Experiment(Policy(unit, share), salt).arms(map(str, range(n)), ["o"] * n)
                five_sigma = 5 * math.sqrt(n * share * (1 - share))
                assert abs(arms.count(HOLDOUT) - n * share) < five_sigma


def test_nobody_or_everybody() -> None:
    learners, objectives = map(str, range(500)), ["o"] * 500
    assert set(Experiment(Policy(EPISODE, 0.0), "s").arms(learners, objectives)) == {TREATED}
    assert set(Experiment(Policy(EPISODE, 1.0), "s").arms(map(str, range(500)), objectives)) == {HOLDOUT}
    assert [Policy(EPISODE, share).is_random for share in (0.0, 0.1, 1.0)] == [False, True, False]


def test_a_learner_is_one_unit_or_each_of_their_objectives_is() -> None:
    objectives = [f"objective-{number}" for number in range(200)]
    whole = Experiment(Policy(LEARNER, 0.5), "salt").arms(["learner"] * 200, objectives)
    assert len(set(whole)) == 1
    each = Experiment(Policy(EPISODE, 0.5), "salt").arms(["learner"] * 200, objectives)
    assert 60 < each.count(HOLDOUT) < 140


def test_arms_of_two_salts_and_of_neighbouring_learners_have_nothing_to_do_with_each_other() -> None:
    learners = [f"learner-{number}" for number in range(10_000)]
    one, other = ([draw(salt, learner) < 0.5 for learner in learners] for salt in ("one", "other"))
    assert abs(sum(a == b for a, b in zip(one, other, strict=True)) - 5000) < 250
    assert abs(sum(a == b for a, b in pairwise(one)) - 5000) < 250


def test_parts_do_not_run_into_each_other() -> None:
    assert draw("s", "ab", "c") != draw("s", "a", "bc")


@pytest.mark.parametrize(
    ("units", "held_out", "share", "expected"),
    [
        # By hand: all of 20 on one side has a chance of 2 ** -20, more than half of one in a million; of 21 less.
        *((20, 0, 0.5, True), (20, 20, 0.5, True), (21, 0, 0.5, False), (21, 21, 0.5, False)),
        *((1000, 100, 0.1, True), (1000, 145, 0.1, True), (1000, 155, 0.1, False), (1000, 50, 0.1, False)),
        (0, 0, 0.1, True),
    ],
)
def test_a_draw_is_told_from_what_chance_does_not_give(units: int, held_out: int, share: float, expected: bool) -> None:
    assert is_by_chance(units, held_out, share) is expected


def test_the_salt_is_not_shown() -> None:
    assert "pepper" not in repr(Experiment(Policy(EPISODE, 0.1), "pepper"))


def test_only_a_night_soon_after_its_cut_off_is_on_time() -> None:
    cutoff = datetime(2026, 3, 9, 23, tzinfo=UTC)
    hours = {
        hours: is_on_time(replayed=False, cutoff=cutoff, published_at=cutoff + timedelta(hours=hours))
        for hours in (0, 6, 6.1, 24)
    }
    assert hours == {0: True, 6: True, 6.1: False, 24: False}
    assert not is_on_time(replayed=True, cutoff=cutoff, published_at=cutoff)
